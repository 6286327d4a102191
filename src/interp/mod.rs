//! Isolated interpreters: private copies of libpython in one process. `README.md` explains how they work.
//!
//! | module | contents |
//! |---|---|
//! | [`runtime`] | one running copy: its start, its requests, its reuse |
//! | `cpython` | CPython's C API: declarations, the GIL token, the buffer protocol, the host's Python |
//! | `interpose` | functions that copies call in place of the C library's and of Python's own |
//! | [`loading`] | which libraries are private (`privacy`), and how copies are loaded |
//! | [`exit`] | the exit of the process |
//! | [`elf`] | shared objects as bytes: reading them, and renaming symbols |
//! | [`error`] | errors |
//!
//! Dependencies point one way: `runtime -> cpython, interpose -> loading -> exit, elf`, and the last row is below all others.
//! `capi` uses this module; it uses `exchange` and `sys`.
//!
//! On systems without ELF or glibc, `unsupported.rs` takes the place of `runtime` and `exit`: no interpreter can be
//! started there, and the error says so.

pub mod error;

#[cfg(not(supports_interpreters))]
mod unsupported;
#[cfg(not(supports_interpreters))]
pub use unsupported::{exit, runtime};

#[cfg(supports_interpreters)]
pub(crate) mod cpython;
#[cfg(supports_interpreters)]
pub mod elf;
#[cfg(supports_interpreters)]
pub mod exit;
#[cfg(supports_interpreters)]
pub(crate) mod interpose;
#[cfg(supports_interpreters)]
pub mod loading;
#[cfg(supports_interpreters)]
pub mod runtime;

#[cfg(all(test, supports_interpreters))]
mod tests;
