//! ungil: past Python's global interpreter lock (GIL) by plain `ctypes`.
//!
//! Python's `ctypes` releases the GIL while it calls a C function, so Python threads that spend their time
//! in this library run on all cores. The library is used through its C ABI (`include/ungil.h`); the Rust
//! modules below are what stands behind it.
//!
//! | module | what |
//! |---|---|
//! | [`kernels`] | the algorithms: one thread, no C |
//! | [`pool`] | one call on several threads |
//! | [`interp`] | private copies of the Python library |
//! | [`control`] | progress, cancellation and deadline of a call |
//! | [`cpu`] | the CPU level that kernels run at |
//! | [`sys`] | the operating system's side: synchronisation, forks, signals, settings |
//! | [`error`] | what can go wrong, in the library's own terms |
//! | [`capi`] | the C ABI: the only place with raw pointers from outside |
//!
//! Dependencies point one way: `capi -> interp, pool -> control, kernels -> cpu -> sys`.

pub mod capi;
pub mod control;
pub mod cpu;
pub mod error;
pub mod interp;
pub mod kernels;
pub mod pool;
#[cfg(test)]
mod skips;
pub mod sys;
