//! The library's operations: a kernel, run on several threads by the pool, with a control.
//!
//! | module | contents |
//! |---|---|
//! | [`options`] | how a call runs: its threads and its control |
//! | [`threads`] | the number of threads of a call |
//! | [`arrays`] | what an operation needs of an array |
//! | [`multiples`], [`pi`], [`sum`], [`primes`], [`small_divisors`] | the kernels' families |
//! | [`functions`] | functions of the caller over ranges and arrays |
//! | [`compat`] | the operations of ctypes tutorials, which take neither threads nor a control |
//!
//! An operation chooses the grain, that is how much work a thread takes at a time, and converts number types. It knows
//! nothing of C. The exports in `capi` use this module; it uses the kernels, the pool and controls.

pub mod arrays;
pub mod compat;
pub mod functions;
pub mod multiples;
pub mod options;
pub mod pi;
pub mod primes;
pub mod small_divisors;
pub mod sum;
pub mod threads;

#[cfg(all(test, not(loom)))]
mod tests;
