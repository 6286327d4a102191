//! How many threads a call may use.

use std::env;

/// A mistyped number must not start threads by the thousand.
const MOST: usize = 256;

/// The number in `UNGIL_NUM_THREADS`, read at each call; 1 if it is not set or not a positive number.
pub(super) fn requested() -> usize {
    let number = env::var("UNGIL_NUM_THREADS").ok().and_then(|text| text.trim().parse().ok());
    number.unwrap_or(1).clamp(1, MOST)
}
