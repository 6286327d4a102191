//! Numbers one by one, in groups of which the products overlap.

use super::pipeline::{self, SCALAR_GROUPS};
use crate::cpu::Scalar;
use crate::kernels::arith::mont64::Mont64;

// Not inlined, as a compiler that may use vectors would make slow ones of them.
#[inline(never)]
pub(super) fn is_prime_u64_scalar(numbers: &[u64], out: &mut [u8]) {
    pipeline::is_prime::<u64, Mont64, Mont64, 0, SCALAR_GROUPS, SCALAR_GROUPS>(Scalar, numbers, out);
}
