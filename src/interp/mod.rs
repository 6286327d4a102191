//! Isolated interpreters: private copies of libpython in one process.
//!
//! | room | contents |
//! |---|---|
//! | [`elf`] | shared objects as bytes: reading, and renaming symbols |
//! | [`loading`] | which libraries are private, and how copies are loaded |
//! | `interpose` | the functions that copies call in place of the C library's |
//! | `cpython` | CPython's C API: declarations, the GIL token, exported buffers, the host's Python |
//! | [`runtime`] | one running copy: start, requests, reuse |
//! | [`exit`] | the end of the process |
//! | [`foreign_buffer`], [`release`] | memory of the caller's, and the callbacks that release it |
//! | [`error`] | what can go wrong |
//!
//! Where a system has no ELF or no glibc, all this is left out, and each call says so (`unsupported.rs`).

pub mod error;
pub mod foreign_buffer;
pub mod release;

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
