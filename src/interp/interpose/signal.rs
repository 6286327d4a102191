//! Signals. An interpreter believes itself a process: what its Python and its private libraries set is recorded for it
//! alone, and a signal that they send to their own process reaches their own handlers. The process's handlers are the
//! host's.
//!
//! | file | contents |
//! |---|---|
//! | `child` | whether this is a child that a copy has forked |
//! | `records` | what each copy has set |
//! | `actions` | `sigaction`, `signal`, `siginterrupt`, `sigaltstack` |
//! | `delivery` | `raise`, `kill`, `pthread_kill`, `pause`, and interrupts |
//! | `timers` | `setitimer`, `getitimer`, `alarm` |
//! | `children` | SIGCHLD |
//! | `mask` | `pthread_sigmask` |
//!
//! In a child that a copy has forked, all of them are the C library's: that process is its own.

pub(super) mod actions;
pub(super) mod child;
mod children;
pub(crate) mod delivery;
pub(crate) mod mask;
pub(super) mod records;
pub(super) mod timers;
