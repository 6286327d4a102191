//! Numbers with a small divisor: the `n` that some `d` with `2 <= d < floor(sqrt(n))` divides.
//!
//! These are the composite numbers, but for those whose least prime factor `p` is `floor(sqrt(n))` itself:
//! `p^2`, `p*(p+2)` for twin primes, 6 and 8. (`floor(sqrt(n)) = p` leaves only `p^2`, `p*(p+1)` and
//! `p*(p+2)` as multiples of `p`, and a factor of `p+1` or `p+2` below `p` would be a smaller one.)

mod scalar;

/// How many of the numbers have a divisor `d` with `2 <= d < floor(sqrt(n))`; negative numbers have none.
pub fn count_with_small_divisor(numbers: &[i32]) -> u64 {
    scalar::count_with_small_divisor_i32_scalar(numbers)
}

#[cfg(test)]
mod tests;
