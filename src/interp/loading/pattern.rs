//! The patterns by which users and tables name libraries, as in a shell: `*`, `?` and sets such as `[a-z]` and `[!0-9]`.

/// Whether a pattern matches the whole of a name. `*` and `?` match a slash, too.
pub(crate) fn matches(pattern: &[u8], name: &[u8]) -> bool {
    let (mut at, mut rest) = (pattern, name);
    // Where the last `*` of the pattern is, and what of the name follows the part that it takes.
    let mut star: Option<(&[u8], &[u8])> = None;
    loop {
        match step(at, rest) {
            Step::Matched(next, left) => (at, rest) = (next, left),
            Step::Star(next) => {
                star = Some((next, rest));
                at = next;
            }
            Step::End => return true,
            Step::Failed => match star {
                Some((next, [_, left @ ..])) => {
                    star = Some((next, left));
                    (at, rest) = (next, left);
                }
                _ => return false,
            },
        }
    }
}

enum Step<'p, 'n> {
    /// What is left of the pattern, and of the name.
    Matched(&'p [u8], &'n [u8]),
    /// What follows a `*`.
    Star(&'p [u8]),
    /// Both have ended.
    End,
    Failed,
}

fn step<'p, 'n>(pattern: &'p [u8], name: &'n [u8]) -> Step<'p, 'n> {
    match (pattern, name) {
        ([], []) => Step::End,
        ([b'*', next @ ..], _) => Step::Star(next),
        ([b'?', next @ ..], [_, left @ ..]) => Step::Matched(next, left),
        ([b'[', set @ ..], [byte, left @ ..]) if has_end(set) => match in_set(set, *byte) {
            Some(next) => Step::Matched(next, left),
            None => Step::Failed,
        },
        ([wanted, next @ ..], [byte, left @ ..]) if wanted == byte => Step::Matched(next, left),
        _ => Step::Failed,
    }
}

/// How many bytes a set has. A `]` that comes first is in it.
fn set_len(set: &[u8]) -> Option<usize> {
    let first = usize::from(set.first() == Some(&b'!'));
    let end = set.iter().skip(first + 1).position(|&byte| byte == b']')?;
    Some(first + 1 + end)
}

fn has_end(set: &[u8]) -> bool {
    set_len(set).is_some()
}

/// What follows the set, if the byte is in it.
fn in_set(set: &[u8], byte: u8) -> Option<&[u8]> {
    let (items, rest) = set.split_at(set_len(set)?);
    let (is_inverted, mut items) = match items {
        [b'!', items @ ..] => (true, items),
        items => (false, items),
    };
    let mut is_in = false;
    while let [first, more @ ..] = items {
        let (last, next) = match more {
            [b'-', last, next @ ..] => (last, next),
            _ => (first, more),
        };
        is_in |= (*first..=*last).contains(&byte);
        items = next;
    }
    (is_in != is_inverted).then(|| &rest[1..])
}

#[cfg(test)]
mod tests {
    use super::matches;

    #[test]
    fn patterns_match_whole_names() {
        for (pattern, name, expected) in [
            ("libhdf5*", "libhdf5_hl.so.310", true),
            ("libhdf5*", "libhdf4.so", false),
            ("libhdf5", "libhdf5.so", false),
            ("*/torch/lib/*", "/venv/torch/lib/libtorch.so", true),
            ("*a*b", "aab", true),
            ("*a*b", "aba", false),
            ("**", "", true),
            ("", "", true),
            ("", "a", false),
            ("a?c", "abc", true),
            ("a?c", "ac", false),
            ("lib[st]atlas.so", "libtatlas.so", true),
            ("lib[a-c].so", "libd.so", false),
            ("lib[!a-c].so", "libd.so", true),
            ("[]].so", "].so", true),
            ("[!]].so", "].so", false),
            ("[ab", "[ab", true),
            ("a[", "a[", true),
            ("[", "", false),
        ] {
            assert_eq!(matches(pattern.as_bytes(), name.as_bytes()), expected, "{pattern} {name}");
        }
    }
}
