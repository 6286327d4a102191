//! Eight numbers a vector, in two sizes of residues.

use super::pipeline;
use crate::cpu::Avx512;
use crate::kernels::arith::mont52::{self, Mont52};
use crate::kernels::arith::mont104::Mont104;
use crate::kernels::arith::u64x8::U64x8;

#[target_feature(enable = "avx512f,avx512bw,avx512cd,avx512dq,avx512vl,avx512ifma,bmi1,bmi2,lzcnt,popcnt")]
pub(super) fn is_prime_u64_avx512(isa: Avx512, numbers: &[u64], out: &mut [u8]) {
    pipeline::is_prime::<U64x8, Mont52, Mont104, { mont52::BITS }, 4, 2>(isa, numbers, out);
}
