//! The algorithms. A family is a folder: its `mod.rs` holds the one point of dispatch, the files beside it an
//! implementation each for a CPU level, in a function `<op>_<dtype>_<isa>`. Where levels differ in nothing but the
//! vectors, the algorithm stands once in `lanes.rs`. One test runner puts the same cases to every level.
//!
//! Kernels run on the calling thread, know nothing of C, and never fail.

pub mod divisors;
pub mod midpoints;
pub mod multiples;
pub mod pi;
pub mod primes;
pub mod sum;

#[cfg(test)]
mod random;
