//! The scalar kernel, compiled for MULX: vectors of 32-bit multiplications would take longer for 64-bit numbers. For
//! the same reason AVX2 itself is not enabled: a compiler that may use it makes such vectors of numbers side by side.

/// # Safety
/// The CPU has BMI1, BMI2, LZCNT and POPCNT.
#[target_feature(enable = "bmi1,bmi2,lzcnt,popcnt")]
pub(super) unsafe fn is_prime_u64_avx2(numbers: &[u64], out: &mut [u8]) {
    super::scalar::is_prime_u64_scalar(numbers, out);
}
