//! Sums of the multiples of three in a range.

mod scalar;

/// The sum of the `i` in `[from, to)` with `i % 3 == 0`, modulo 2^32; 0 if `from >= to`.
///
/// It visits the whole range, so that its time is linear in `to - from`: its use is to be a load.
pub fn sum_multiples_of_3(from: i32, to: i32) -> i32 {
    scalar::sum_multiples_of_3_i32_scalar(from, to)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Closed form: 3 * (sum of the k with from <= 3k < to), in 128 bits, then reduced.
    fn reference(from: i32, to: i32) -> i32 {
        let first = (i128::from(from) + 2).div_euclid(3);
        let last = (i128::from(to) - 1).div_euclid(3);
        if to <= from || last < first {
            return 0;
        }
        (3 * (first + last) * (last - first + 1) / 2) as i32
    }

    #[test]
    fn agrees_with_the_closed_form_on_every_small_range() {
        for from in -70..70 {
            for to in -70..140 {
                assert_eq!(sum_multiples_of_3(from, to), reference(from, to), "[{from}, {to})");
            }
        }
    }

    #[test]
    fn agrees_with_the_closed_form_at_the_ends_of_the_type() {
        for shift in 0..70 {
            for length in [0, 1, 2, 3, 15, 16, 17, 1023, 1024, 1025] {
                let (low, high) = (i32::MIN + shift, i32::MAX - shift);
                assert_eq!(sum_multiples_of_3(low, low + length), reference(low, low + length));
                assert_eq!(sum_multiples_of_3(high - length, high), reference(high - length, high));
            }
        }
    }

    #[test]
    fn whole_domain() {
        assert_eq!(sum_multiples_of_3(i32::MIN, i32::MAX), reference(i32::MIN, i32::MAX));
        assert_eq!(sum_multiples_of_3(0, 1_000_000_000), 1_350_552_661);
        assert_eq!(sum_multiples_of_3(i32::MAX, i32::MIN), 0);
    }
}
