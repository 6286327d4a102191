use std::arch::aarch64::*;
use std::arch::asm;

use super::generic::{self, F64x8, LANES};
use super::group::{GROUP, Group};
use crate::cpu::Neon;

/// Four vectors of two lanes, in order, and the witness that the CPU has NEON.
#[derive(Clone, Copy)]
struct Quad {
    vectors: [float64x2_t; 4],
    isa: Neon,
}

/// Methods that are one intrinsic of NEON, for each vector.
macro_rules! lanewise {
    ($($name:ident: $intrinsic:ident;)*) => {$(
        #[inline(always)]
        fn $name(self, other: Self) -> Self {
            let ([a, b, c, d], [e, f, g, h]) = (self.vectors, other.vectors);
            // SAFETY: `self.isa` is a witness that the CPU has NEON.
            let vectors = unsafe { [$intrinsic(a, e), $intrinsic(b, f), $intrinsic(c, g), $intrinsic(d, h)] };
            Self { vectors, ..self }
        }
    )*};
}

impl F64x8 for Quad {
    type Isa = Neon;

    const INTERLEAVE: usize = 2;

    lanewise! {
        add: vaddq_f64;
        mul: vmulq_f64;
        div: vdivq_f64;
    }

    #[inline(always)]
    fn isa(self) -> Neon {
        self.isa
    }

    #[inline(always)]
    fn from_array(isa: Neon, values: [f64; LANES]) -> Self {
        let at = |lane: usize| values[lane..lane + 2].as_ptr();
        // SAFETY: each slice is a vector long; `isa` is a witness that the CPU has NEON.
        let vectors = unsafe { [vld1q_f64(at(0)), vld1q_f64(at(2)), vld1q_f64(at(4)), vld1q_f64(at(6))] };
        Self { vectors, isa }
    }

    #[inline(always)]
    fn to_array(self) -> [f64; LANES] {
        let mut values = [0.0; LANES];
        for (pair, vector) in values.as_chunks_mut::<2>().0.iter_mut().zip(self.vectors) {
            // SAFETY: the pair is a vector long; `self.isa` is a witness that the CPU has NEON.
            unsafe { vst1q_f64(pair.as_mut_ptr(), vector) };
        }
        values
    }

    #[inline(always)]
    fn splat(isa: Neon, value: f64) -> Self {
        // SAFETY: `isa` is a witness that the CPU has NEON.
        Self { vectors: [unsafe { vdupq_n_f64(value) }; 4], isa }
    }

    /// Nothing: where the order matters, it is that of `horner`.
    #[inline(always)]
    fn pin(self) -> Self {
        self
    }

    #[inline(always)]
    fn mul_add(self, factor: Self, addend: Self) -> Self {
        let ([a, b, c, d], [e, f, g, h], [i, j, k, l]) = (self.vectors, factor.vectors, addend.vectors);
        // SAFETY: `self.isa` is a witness that the CPU has NEON.
        let vectors =
            unsafe { [vfmaq_f64(i, a, e), vfmaq_f64(j, b, f), vfmaq_f64(k, c, g), vfmaq_f64(l, d, h)] };
        Self { vectors, ..self }
    }

    #[inline(always)]
    fn evaluate<const N: usize>(isa: Neon, group: &Group, t: [Self; N]) -> [Self; N] {
        let (mut p, mut q) = ([Self::splat(isa, group.numerator[GROUP - 1]); N], t);
        for q in &mut q {
            *q = q.add(Self::splat(isa, group.denominator[GROUP - 1])); // the leading coefficient is 1
        }
        // Several degrees at a time: a step leaves its results in other registers, which a loop would copy back.
        let (degrees, rest) = group.fours.as_chunks::<7>();
        assert!(rest.is_empty());
        for degrees in degrees {
            for [numerator, denominator] in degrees {
                for round in 0..N {
                    p[round] = p[round].horner(t[round], numerator);
                    q[round] = q[round].horner(t[round], denominator);
                }
            }
        }
        for round in 0..N {
            p[round] = p[round].div(q[round]);
        }
        p
    }
}

impl Quad {
    /// `self * factor + coefficient`, rounded once. Fused multiply-add overwrites the addend: four are loaded by two
    /// instructions, where a compiler would load one and copy it.
    #[inline(always)]
    fn horner(self, factor: Self, coefficient: &[f64; 4]) -> Self {
        let _: Neon = self.isa;
        let ([a, b, c, d], [e, f, g, h]) = (self.vectors, factor.vectors);
        let (i, j, k, l): (float64x2_t, float64x2_t, float64x2_t, float64x2_t);
        // SAFETY: the instructions read the four doubles, write the outputs, which share no register with inputs, and
        // are those of NEON, of which `self.isa` is a witness.
        unsafe {
            asm!(
                "ldp {i:q}, {j:q}, [{coefficient}]",
                "ldp {k:q}, {l:q}, [{coefficient}]",
                "fmla {i:v}.2d, {a:v}.2d, {e:v}.2d",
                "fmla {j:v}.2d, {b:v}.2d, {f:v}.2d",
                "fmla {k:v}.2d, {c:v}.2d, {g:v}.2d",
                "fmla {l:v}.2d, {d:v}.2d, {h:v}.2d",
                coefficient = in(reg) coefficient.as_ptr(),
                a = in(vreg) a, b = in(vreg) b, c = in(vreg) c, d = in(vreg) d,
                e = in(vreg) e, f = in(vreg) f, g = in(vreg) g, h = in(vreg) h,
                i = out(vreg) i, j = out(vreg) j, k = out(vreg) k, l = out(vreg) l,
                options(readonly, nostack, preserves_flags)
            );
        }
        Self { vectors: [i, j, k, l], ..self }
    }
}

#[target_feature(enable = "neon")]
pub(super) fn sum_groups_f64_neon(isa: Neon, group: &Group, first: u64, rounds: u64) -> [f64; LANES] {
    generic::sum_groups::<Quad>(isa, group, first, rounds)
}
