pub(super) fn count_with_small_divisor_i32_scalar(numbers: &[i32]) -> u64 {
    numbers.iter().filter(|&&n| has_small_divisor(n)).count() as u64
}

/// Trial division by 2, 3 and the numbers next to a multiple of 6, among which are all primes.
fn has_small_divisor(n: i32) -> bool {
    let Ok(n) = u32::try_from(n) else { return false };
    let end = n.isqrt();
    let divides = |d: u32| d < end && n % d == 0;
    divides(2) || divides(3) || (6..=end + 1).step_by(6).any(|six| divides(six - 1) || divides(six + 1))
}
