//! The end of the process: the flag and the hook that stop interpreters before the process's libraries are finalised,
//! and the way out for threads that would wait for a stopped interpreter.
//!
//! | file | contents |
//! |---|---|
//! | `at_exit` | whether the process is exiting; the hook that runs the shutdown |
//! | [`abandon`] | calls into Python that can be abandoned |
//! | `call_site` | the registers that an abandoned call restores |
//! | `life` | which interpreters are dead, and why |
//! | `overflow` | the signal handler that notices a stack overflow |
//! | `guarded_stack` | the stacks of threads with requests, and of servers, for that |
//! | `wake_signal` | the signal that wakes sleeping threads |
//!
//! Uses only `sys` and `interp::error`. `loading`, `interpose`, `cpython`, `runtime` and `capi` may use it. What is
//! stopped, and for how long the exit waits, is decided above, in `runtime/shutdown.rs`, which registers itself here.

pub mod abandon;
pub(crate) mod at_exit;
mod call_site;
pub(crate) mod guarded_stack;
pub(crate) mod life;
pub(crate) mod overflow;
pub(crate) mod wake_signal;
