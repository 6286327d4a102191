//! Methods of vectors that are one intrinsic.

/// Methods of a vector type with the fields `lanes`, a register of AVX-512, and `isa`, the witness
/// [`Avx512`](crate::cpu::Avx512). Each is an intrinsic of AVX-512 F that takes two such registers.
macro_rules! lanewise_avx512 {
    ($($name:ident: $intrinsic:ident;)*) => {$(
        #[inline(always)]
        fn $name(self, other: Self) -> Self {
            let _: crate::cpu::Avx512 = self.isa;
            // SAFETY: `self.isa` is a witness that the CPU has AVX-512 F.
            Self { lanes: unsafe { $intrinsic(self.lanes, other.lanes) }, ..self }
        }
    )*};
}

pub(in crate::kernels) use lanewise_avx512;
