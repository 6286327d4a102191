//! Numbers one by one, in groups of which the products overlap.

use super::pipeline::{self, SCALAR_GROUPS};
use crate::cpu::Scalar;
use crate::kernels::arith::mont64::Mont64;

#[inline(always)]
pub(super) fn is_prime_u64_scalar(numbers: &[u64], out: &mut [u8]) {
    pipeline::is_prime::<u64, Mont64, Mont64, 0, SCALAR_GROUPS, SCALAR_GROUPS>(Scalar, numbers, out);
}
