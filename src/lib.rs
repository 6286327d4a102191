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
//! | [`settings`] | what the environment says, read once; the number of threads |
//! | [`error`] | what can go wrong, in the library's own terms |
//! | [`capi`] | the C ABI: the only place with raw pointers from outside |
//!
//! Dependencies point one way: `capi -> interp, pool -> control, kernels -> cpu -> settings`.

pub mod capi;
pub mod control;
pub mod cpu;
pub mod error;
pub mod interp;
pub mod kernels;
mod outside;
mod per_process;
pub mod pool;
mod process;
pub mod settings;
mod signals;
#[cfg(test)]
mod skips;
mod sync;
