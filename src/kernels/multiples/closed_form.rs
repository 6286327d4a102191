use crate::error::Error;

/// The sum of the multiples of `k` in `[from, to)`, as an arithmetic series; 0 if `from >= to`. The sign of `k`
/// does not matter.
///
/// # Errors
/// `Invalid` if `k` is 0, `Overflow` if the sum is not an `i64`. Cost: O(1).
pub fn sum_multiples(from: i64, to: i64, k: i64) -> Result<i64, Error> {
    if k == 0 {
        return Err(Error::Invalid { parameter: "k", expected: "other than 0" });
    }
    if from >= to {
        return Ok(0);
    }
    let (from, to, k) = (i128::from(from), i128::from(to), i128::from(k).abs());
    let first = -((-from).div_euclid(k)); // the multiples are k * first ..= k * last
    let last = (to - 1).div_euclid(k);
    // No overflow: (first + last) * (last - first + 1) is about last^2 - first^2, at most 2^126.
    let series = if first > last { 0 } else { half_product(first + last, last - first + 1) };
    let sum = series.checked_mul(k).and_then(|sum| i64::try_from(sum).ok());
    sum.ok_or(Error::Overflow { result: "a signed 64-bit integer" })
}

/// `a * b / 2` for a pair of which one is even.
fn half_product(a: i128, b: i128) -> i128 {
    if a % 2 == 0 { a / 2 * b } else { b / 2 * a }
}

#[cfg(test)]
mod tests {
    use super::{Error, sum_multiples};

    const OVERFLOW: Result<i64, Error> = Err(Error::Overflow { result: "a signed 64-bit integer" });

    #[test]
    #[cfg_attr(miri, ignore = "it takes minutes")]
    fn agrees_with_a_loop() {
        for k in (-7..=7_i64).filter(|&k| k != 0) {
            for from in -40..40 {
                for to in -45..45 {
                    let expected = (from..to).filter(|i| i % k == 0).sum();
                    assert_eq!(sum_multiples(from, to, k), Ok(expected), "{from} {to} {k}");
                }
            }
        }
    }

    #[test]
    fn the_ends_of_the_type() {
        assert_eq!(sum_multiples(i64::MIN, i64::MAX, 1), OVERFLOW); // 1 - 2^64
        assert_eq!(sum_multiples(i64::MIN + 1, i64::MAX, 1), Ok(-i64::MAX));
        assert_eq!(sum_multiples(i64::MIN, i64::MIN + 1, -1), Ok(i64::MIN));
        assert_eq!(sum_multiples(0, i64::MAX, 1), OVERFLOW);
        assert_eq!(sum_multiples(i64::MIN, 0, 3), OVERFLOW);
        assert_eq!(sum_multiples(i64::MIN, i64::MAX, i64::MIN), Ok(i64::MIN));
        assert_eq!(sum_multiples(i64::MAX - 1, i64::MAX, i64::MAX - 1), Ok(i64::MAX - 1));
        assert_eq!(sum_multiples(i64::MAX, i64::MIN, 1), Ok(0));
        let root = 1 << 32; // 0 + 1 + ... + (2^32 - 1) = 2^31 * (2^32 - 1), just below 2^63
        assert_eq!(sum_multiples(0, root, 1), Ok((root / 2) * (root - 1)));
        assert_eq!(sum_multiples(0, root + 1, 1), OVERFLOW);
        assert!(matches!(sum_multiples(0, 10, 0), Err(Error::Invalid { parameter: "k", .. })));
    }
}
