//! Sums of arrays of doubles, by [`CompensatedSum`]: exact but for rounding errors of second order.
//!
//! Numbers go to [`LANES`] sums in turn, which are added in a fixed order, so all levels give the same bits.

mod generic;
mod scalar;

#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;
#[cfg(target_arch = "aarch64")]
mod neon;

pub use generic::LANES;

use std::ops::Add;

use crate::cpu::{Isa, Level};
use crate::kernels::arith::CompensatedSum;
use generic::LaneSums;

/// The sum of an array that comes in parts. All parts but the last have a multiple of [`LANES`] numbers; where the
/// array is cut does not change the bits of the result.
pub struct Accumulator {
    isa: Isa,
    sums: LaneSums,
}

impl Accumulator {
    /// An empty sum, to be computed at the level in use.
    pub fn new() -> Self {
        Self { isa: Isa::active(), sums: LaneSums::ZERO }
    }

    /// An empty sum, to be computed at a level, or at the machine's if that is lower.
    pub fn at(level: Level) -> Self {
        Self { isa: Isa::at(level), sums: LaneSums::ZERO }
    }

    /// Adds a part. Cost: 6 additions per number, in vectors; an array that is not in the cache takes longer to load.
    pub fn push(&mut self, numbers: &[f64]) {
        let (rows, rest) = numbers.as_chunks::<LANES>();
        match self.isa {
            // SAFETY: `isa` is a witness that the CPU has AVX-512 F.
            #[cfg(target_arch = "x86_64")]
            Isa::Avx512(isa) => unsafe { avx512::push_f64_avx512(isa, &mut self.sums, rows) },
            // SAFETY: `isa` is a witness that the CPU has AVX2.
            #[cfg(target_arch = "x86_64")]
            Isa::Avx2(isa) => unsafe { avx2::push_f64_avx2(isa, &mut self.sums, rows) },
            // SAFETY: `isa` is a witness that the CPU has NEON.
            #[cfg(target_arch = "aarch64")]
            Isa::Neon(isa) => unsafe { neon::push_f64_neon(isa, &mut self.sums, rows) },
            _ => scalar::push_f64_scalar(&mut self.sums, rows),
        }
        if !rest.is_empty() {
            let mut row = [0.0; LANES];
            row[..rest.len()].copy_from_slice(rest);
            scalar::push_f64_scalar(&mut self.sums, &[row]);
        }
    }

    /// The sum of all parts.
    pub fn finish(self) -> CompensatedSum {
        self.sums.into_sums().fold(CompensatedSum::default(), Add::add)
    }
}

impl Default for Accumulator {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests;
