//! The scalar kernel, compiled for MULX: for 64-bit numbers, vectors of 32-bit multiplications would take longer. AVX2
//! itself is not enabled for the same reason: a compiler that may use it makes such vectors of the groups of numbers.

use super::scalar;
use crate::cpu::Avx2;

#[target_feature(enable = "bmi1,bmi2,lzcnt,popcnt")]
pub(super) fn is_prime_u64_avx2(_: Avx2, numbers: &[u64], out: &mut [u8]) {
    scalar::is_prime_u64_scalar(numbers, out);
}
