//! The end of the process: the flag and the hook that stop interpreters before the process's libraries are finalised,
//! and the way out for threads that would wait for a stopped interpreter.
//!
//! Uses only `sys` and `interp::error`. `loading`, `interpose`, `cpython`, `runtime` and `capi` may use it. What is
//! stopped, and how, is registered from above (`runtime/shutdown.rs`).

pub mod abandon;
pub(crate) mod at_exit;
pub(crate) mod wake_signal;
