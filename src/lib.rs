//! ungil gets around Python's global interpreter lock (GIL) without an extension module: C functions that Python calls by
//! `ctypes`, which releases the GIL; native kernels on several threads; and isolated Python interpreters in one process.
//!
//! The interface is the C ABI in `include/ungil.h`. The modules behind it:
//!
//! | module | contents |
//! |---|---|
//! | [`capi`] | the C interface: exports, status values, handles, arrays of the caller |
//! | [`ops`] | the operations: kernels, run by the pool, with a control |
//! | [`exchange`] | calls of interpreters that go through queues |
//! | [`interp`] | isolated interpreters: private copies of the Python library |
//! | [`exchange`] | queues, counters and barriers between threads, interpreters and C; memory that is lent |
//! | [`pool`] | worker threads, which share the chunks of a call |
//! | [`control`] | controls: progress, cancellation and deadline of a call |
//! | [`kernels`] | the algorithms, each for several CPU levels |
//! | [`cpu`] | CPU levels: detection, and the level in use |
//! | [`sys`] | the operating system: synchronisation, forks, signals, processors, settings |
//! | [`error`] | the errors of the core |
//!
//! The layers, from top to bottom: `capi`; `ops` and `interp`; `exchange` and `pool`; `control` and `kernels`; `cpu`; `sys`.
//! A layer uses only layers below it. Only `capi` exports C functions, and only `interp` knows Python.
//!
//! The public Rust modules are for the project's own benchmarks and fuzzing. They are not a stable interface.

pub mod capi;
pub(crate) mod control;
pub mod cpu;
pub mod error;
pub mod exchange;
pub mod interp;
pub mod kernels;
pub(crate) mod ops;
pub(crate) mod pool;
#[cfg(test)]
mod skips;
pub(crate) mod sys;
