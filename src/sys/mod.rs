//! The operating system: processes and forks, threads, signals, processors, the environment.
//!
//! | module | contents |
//! |---|---|
//! | `sync` | synchronisation types (std's, or loom's in models), and the policy for poisoned mutexes |
//! | `atomic_ref` | references that are published to all threads without a lock |
//! | `parker` | a thread that waits until it is woken, a time has come, or a signal interrupts it |
//! | `process` | process identity that survives the reuse of PIDs |
//! | `fork` | `ForkLocal`: values that the child of a fork makes anew |
//! | `fork_lock` | sections that no fork falls into |
//! | `fork_watch` | whether the process forked meanwhile |
//! | `foreign` | calls to functions that may unwind or never return |
//! | `thread_id` | the number that the kernel has for a thread |
//! | `unwind` | guards and ends where unwinding is not possible |
//! | `signals` | starting threads with signals blocked |
//! | `errno` | the calling thread's `errno` |
//! | `memory` | memory at an address that may be bad |
//! | `affinity` | how many processors the process may use; the affinity of a thread |
//! | [`settings`] | environment variables, read once; the number of threads |
//!
//! It uses nothing else of the crate, and everything else may use it.

pub(crate) mod affinity;
pub(crate) mod atomic_ref;
#[cfg(supports_interpreters)]
pub(crate) mod errno;
pub(crate) mod foreign;
pub(crate) mod fork;
#[cfg(supports_interpreters)]
pub(crate) mod fork_lock;
#[cfg(supports_interpreters)]
pub(crate) mod fork_watch;
#[cfg(supports_interpreters)]
pub(crate) mod memory;
pub(crate) mod parker;
pub(crate) mod process;
pub mod settings;
pub(crate) mod signals;
pub(crate) mod sync;
#[cfg(supports_interpreters)]
pub(crate) mod thread_id;
pub(crate) mod unwind;
