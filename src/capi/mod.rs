//! The C ABI: the only place with `extern "C"`, raw pointers from outside, and exported names.
//!
//! An export is one call of the guard in `abi/guard.rs`: it turns C's arguments into Rust's, calls the core, and turns
//! the outcome back. No panic leaves it. (Those that only hand out a static string or the thread's last message
//! have nothing that could fail, and no guard.)

// A comment here becomes the header's: what the caller owes stands with the parameters, in C's words.
#![allow(clippy::missing_safety_doc)]

mod abi;
mod compat;
mod control;
mod cpu;
mod functions;
mod interp;
mod library;
mod multiples;
mod primes;
mod sums;
mod threads;

pub use abi::last_error::ungil_last_error;
pub use abi::status::*;
pub use compat::{compPi_ctypes, num_primes, test};
pub use control::{
    ungil_control_cancel, ungil_control_free, ungil_control_new, ungil_control_progress,
    ungil_control_set_deadline_ms,
};
pub use cpu::{ungil_cpu_active, ungil_cpu_detected};
pub use functions::{
    UngilIntegrand, UngilLoopBody, UngilMapF64, UngilMapI64, ungil_integrate, ungil_map_f64, ungil_map_i64,
    ungil_parallel_for,
};
pub use interp::{
    UngilBuffer, UngilRelease, UngilReply, ungil_interp_call, ungil_interp_count, ungil_interp_end_release,
    ungil_interp_eval, ungil_interp_exec, ungil_interp_free, ungil_interp_interrupt, ungil_interp_new,
    ungil_reply_free,
};
pub use library::{ungil_abi_version, ungil_version};
pub use multiples::ungil_sum_multiples;
pub use primes::{
    ungil_count_primes_i32, ungil_count_primes_i64, ungil_count_primes_u64, ungil_is_prime_i64,
    ungil_is_prime_u64,
};
pub use sums::{ungil_pi, ungil_sum_f64, ungil_test};
pub use threads::{ungil_num_threads, ungil_num_threads_setting, ungil_set_num_threads};
