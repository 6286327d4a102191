//! Arithmetic that several kernels share. Each module has one concept; none depends on a family of kernels.
//!
//! | module | concept |
//! |---|---|
//! | `buffer` | memory for lists of numbers |
//! | `divisor` | divisibility by a fixed number without a division |
//! | `inverse` | inverses modulo a power of two |
//! | `montgomery` | residues in Montgomery form, whatever their size; `mont64`, `mont64_avx2`, `mont52` and `mont104` implement it |
//! | `u64_vector` | vectors of 64-bit numbers, whatever their width; `u64x8` is the AVX-512 one, `u64x8_avx2` two of AVX2 |
//! | `lanewise` | methods of vectors that are one intrinsic |
//! | `euler` | the Euler test to base 2; `euler_avx2` has it in doubles, and `euler_neon` in lanes of 32 bits |
//! | `pseudoprimes` | the numbers below 2^32 on which that test errs |
//! | `u32x8_avx2`, `u32x4_neon` | lists of 32-bit numbers in vectors |
//! | `two_sum` | sums of doubles whose rounding errors are summed, too |
//! | `random` | random numbers for tests |

pub(in crate::kernels) mod divisor;
pub(in crate::kernels) mod euler;
pub(in crate::kernels) mod inverse;
pub(in crate::kernels) mod mont64;
pub(in crate::kernels) mod montgomery;
pub(in crate::kernels) mod pseudoprimes;
pub(in crate::kernels) mod two_sum;
pub(in crate::kernels) mod u64_vector;

#[cfg(target_arch = "x86_64")]
pub(in crate::kernels) mod euler_avx2;
#[cfg(target_arch = "aarch64")]
pub(in crate::kernels) mod euler_neon;
#[cfg(target_arch = "x86_64")]
pub(in crate::kernels) mod lanewise;
#[cfg(target_arch = "x86_64")]
pub(in crate::kernels) mod mont104;
#[cfg(target_arch = "x86_64")]
pub(in crate::kernels) mod mont52;
#[cfg(target_arch = "x86_64")]
pub(in crate::kernels) mod mont64_avx2;
#[cfg(target_arch = "aarch64")]
pub(in crate::kernels) mod u32x4_neon;
#[cfg(target_arch = "x86_64")]
pub(in crate::kernels) mod u32x8_avx2;
#[cfg(target_arch = "x86_64")]
pub(in crate::kernels) mod u64x8;
#[cfg(target_arch = "x86_64")]
pub(in crate::kernels) mod u64x8_avx2;

pub(in crate::kernels) mod buffer;
#[cfg(test)]
pub(in crate::kernels) mod random;

pub use two_sum::CompensatedSum;

#[cfg(test)]
mod tests;
