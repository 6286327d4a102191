//! The operating system's side: what a process, its threads and its environment ask of the library.
//!
//! | module | contents |
//! |---|---|
//! | `sync` | synchronisation types, the standard library's or loom's |
//! | `fork` | `ForkLocal`: values that the child of a fork makes anew |
//! | `process` | process identity that a recycled PID cannot fake |
//! | `foreign` | calls to functions that may unwind or never return |
//! | `signals` | threads that start with all signals blocked |
//! | `affinity` | how many processors the process may use |
//! | [`settings`] | environment variables, read once; the number of threads |
//!
//! Uses nothing else of the crate; everything else may use it.

pub(crate) mod affinity;
pub(crate) mod foreign;
pub(crate) mod fork;
pub(crate) mod process;
pub mod settings;
pub(crate) mod signals;
pub(crate) mod sync;
