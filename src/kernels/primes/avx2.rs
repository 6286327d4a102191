//! The scalar kernel, compiled for more features: MULX takes a product with less moving around. Vectors of four lanes
//! would need ten multiplications for a product of 64-bit numbers.

/// # Safety
/// The CPU has AVX2, BMI1, BMI2, LZCNT and POPCNT.
#[target_feature(enable = "bmi1,bmi2,lzcnt,popcnt")]
pub(super) unsafe fn is_prime_u64_avx2(numbers: &[u64], out: &mut [u8]) {
    super::scalar::is_prime_u64_scalar(numbers, out);
}
