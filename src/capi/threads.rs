//! How many threads a call may use.

use crate::environment;

/// A mistyped number must not start threads by the thousand.
const MOST: usize = 256;

/// The number in `UNGIL_NUM_THREADS`, read at each call; 1 if it is not set or not a positive number.
pub(super) fn requested() -> usize {
    parse(environment::variable("UNGIL_NUM_THREADS").as_deref())
}

fn parse(text: Option<&str>) -> usize {
    text.and_then(|text| text.trim().parse().ok()).unwrap_or(1).clamp(1, MOST)
}

#[cfg(test)]
mod tests {
    use super::{MOST, parse};

    #[test]
    fn positive_numbers_only() {
        for (text, expected) in [("1", 1), ("4", 4), (" 7 ", 7), ("100000", MOST)] {
            assert_eq!(parse(Some(text)), expected);
        }
        for text in ["", "0", "-1", "many", "1.5", "99999999999999999999"] {
            assert_eq!(parse(Some(text)), 1, "{text}");
        }
        assert_eq!(parse(None), 1);
    }
}
