//! Isolated interpreters: private copies of the Python library in one process.
//!
//! | module | what |
//! |---|---|
//! | [`elf`] | reads a shared object, and trusts nothing in it |
//! | [`relink`] | gives the copy's Python symbols names of its own |
//! | [`private_file`] | a place for the copy that only this process sees |
//! | [`library`] | a library that was loaded, and its symbols |
//! | `needed` | the libraries that lie beside a library |
//! | `loader` | which libraries are an interpreter's own, and which all share |
//! | `substitutes`, `gates` | what copies call in place of the C library's loader |
//! | `environment` | a copy of the process's variables |
//! | `variables` | the environment's variables, as copies set them |
//! | `python`, `held` | Python's C API, and its objects in safe hands |
//! | `host` | the Python that the process itself runs |
//! | [`options`] | how an interpreter is to be |
//! | `start`, `arenas` | finds, loads and starts a copy |
//! | [`loan`], [`reply`], `lend` | memory that goes in and out without a copy |
//! | [`release`] | the functions that are told when it is not in use any more |
//! | [`interpreter`], `running` | a copy that runs; `bootstrap.py` is what runs first in it |
//! | `abandon` | a way back for threads that would wait for ever at the process's end |
//! | `alarm` | the signal that wakes threads which sleep at the process's end |
//! | [`at_exit`] | stops interpreters before the process's libraries end |
//! | [`lease`] | interpreters that were given back are lent again |
//! | [`trouble`] | what can go wrong |
//!
//! Where a system has no ELF or no glibc, all this is left out, and each call says so (`unsupported.rs`).

pub mod loan;
pub mod release;
pub mod trouble;

#[cfg(not(supports_interpreters))]
mod unsupported;
#[cfg(not(supports_interpreters))]
pub use unsupported::{abandon, interpreter, lease, reply};

#[cfg(supports_interpreters)]
pub mod abandon;
#[cfg(supports_interpreters)]
mod alarm;
#[cfg(supports_interpreters)]
mod arenas;
#[cfg(supports_interpreters)]
pub mod at_exit;
#[cfg(supports_interpreters)]
pub mod elf;
#[cfg(supports_interpreters)]
mod environment;
#[cfg(supports_interpreters)]
mod gates;
#[cfg(supports_interpreters)]
mod held;
#[cfg(supports_interpreters)]
mod host;
#[cfg(supports_interpreters)]
pub mod interpreter;
#[cfg(supports_interpreters)]
pub mod lease;
#[cfg(supports_interpreters)]
mod lend;
#[cfg(supports_interpreters)]
pub mod library;
#[cfg(supports_interpreters)]
mod loader;
#[cfg(supports_interpreters)]
mod needed;
#[cfg(supports_interpreters)]
pub mod options;
#[cfg(supports_interpreters)]
pub mod private_file;
#[cfg(supports_interpreters)]
mod python;
#[cfg(supports_interpreters)]
mod reentrant;
#[cfg(supports_interpreters)]
pub mod relink;
#[cfg(supports_interpreters)]
pub mod reply;
#[cfg(supports_interpreters)]
mod running;
#[cfg(supports_interpreters)]
mod start;
#[cfg(supports_interpreters)]
mod substitutes;
#[cfg(supports_interpreters)]
mod variables;

fn lock<T>(mutex: &std::sync::Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

#[cfg(all(test, supports_interpreters))]
mod small_object;
#[cfg(all(test, supports_interpreters))]
mod tests;
