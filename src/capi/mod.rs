//! The C ABI: the only place with `extern "C"`, raw pointers from outside, and exported names.
//!
//! Every export is one call of [`guard::guarded`]: it turns C's arguments into Rust's, calls the core, and
//! turns the outcome back. No panic leaves it.

// A comment here becomes the header's: what the caller owes stands with the parameters, in C's words.
#![allow(clippy::missing_safety_doc)]

mod compat;
mod guard;
mod last_error;
mod library;
mod slice;
mod threads;

pub use compat::{compPi_ctypes, num_primes, test};
pub use last_error::ungil_last_error;
pub use library::{ungil_abi_version, ungil_version};
