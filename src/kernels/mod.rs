//! The algorithms. A family is a folder: its `mod.rs` holds the one point of dispatch, the naive reference
//! and the tests; the files beside it hold one implementation each, named `<op>_<dtype>_<isa>`.
//!
//! Kernels run on the calling thread, know nothing of C, and never fail.

pub mod divisors;
pub mod multiples;
pub mod pi;
