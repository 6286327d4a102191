//! The algorithms, by family. [`arith`] has the arithmetic that several families share; no family uses another.
//!
//! A family's `mod.rs` has its public functions and the one point where it dispatches on the CPU level. The
//! implementations for the levels are in a file each, as functions `<op>_<dtype>_<isa>`; those that need CPU features
//! take the [witness](crate::cpu::Isa) that the CPU has them. An algorithm that differs between levels in nothing but
//! its vectors is written once, for any vector type. The tests run the same cases at every level.
//!
//! Kernels run on the calling thread and know nothing of C. The module may use `cpu` and `error`, nothing else.

pub mod arith;
pub mod midpoints;
pub mod multiples;
pub mod pi;
pub mod primes;
pub mod small_divisors;
pub mod sum;
