use std::arch::aarch64::{int32x4_t, vaddq_s32, vld1q_s32, vst1q_s32};

use super::generic::{self, I32Vector};
use crate::cpu::Neon;

#[derive(Clone, Copy)]
struct I32x4 {
    lanes: int32x4_t,
    _isa: Neon,
}

impl I32Vector for I32x4 {
    type Isa = Neon;

    const WIDTH: usize = 4;

    #[inline(always)]
    fn load(isa: Neon, values: &[i32]) -> Self {
        // SAFETY: the slice has as many values as the vector; `isa` is a witness that the CPU has NEON.
        Self { lanes: unsafe { vld1q_s32(values[..Self::WIDTH].as_ptr()) }, _isa: isa }
    }

    #[inline(always)]
    fn add(self, other: Self) -> Self {
        // SAFETY: `self` carries a witness that the CPU has NEON.
        Self { lanes: unsafe { vaddq_s32(self.lanes, other.lanes) }, ..self }
    }

    #[inline(always)]
    fn store(self, values: &mut [i32]) {
        // SAFETY: the slice has as many values as the vector; `self` carries a witness that the CPU has NEON.
        unsafe { vst1q_s32(values[..Self::WIDTH].as_mut_ptr(), self.lanes) }
    }
}

#[target_feature(enable = "neon")]
pub(super) fn sum_multiples_of_3_i32_neon(isa: Neon, from: i32, to: i32) -> i32 {
    generic::sum_multiples_of_3::<I32x4>(isa, from, to)
}
