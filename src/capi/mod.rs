//! The C interface: the only module that exports names.
//!
//! Each file is a chapter of the header `include/ungil.h`, which is generated from the comments here. An export converts
//! its arguments, calls one function of [`crate::ops`] or [`crate::interp`], and converts the result. It runs under the
//! guard in `abi/guard.rs`, so no panic leaves it. (Exports that only return a static string or the thread's last message
//! cannot fail, and have no guard.) `abi` holds what the exports share. Nothing else in the library uses this module.

// The comments become the header's: they state the caller's duties with each parameter, in C's words.
#![allow(clippy::missing_safety_doc)]

mod abi;
mod compat;
mod control;
mod cpu;
mod exchange;
mod functions;
mod interp;
mod library;
mod multiples;
mod pi;
mod primes;
mod requests;
mod small_divisors;
mod sum;
mod threads;

pub use abi::last_error::ungil_last_error;
pub use abi::status::*;
pub use compat::{compPi_ctypes, num_primes, test};
pub use control::{
    ungil_control_cancel, ungil_control_free, ungil_control_new, ungil_control_progress,
    ungil_control_set_deadline_ms,
};
pub use cpu::{ungil_cpu_active, ungil_cpu_detected};
pub use exchange::barriers::{
    UNGIL_BARRIER_BREAK, UNGIL_BARRIER_HOLD, UngilArrival, ungil_barrier_abort, ungil_barrier_leave,
    ungil_barrier_new, ungil_barrier_release, ungil_barrier_reset, ungil_barrier_status, ungil_barrier_stay,
    ungil_barrier_wait,
};
pub use exchange::calls::{
    UNGIL_CALL_CANCELLED, UNGIL_CALL_DONE, UNGIL_CALL_QUEUED, UNGIL_CALL_RUNNING, ungil_call_cancel,
    ungil_call_free, ungil_call_state, ungil_call_wait, ungil_call_watch, ungil_function_free,
    ungil_function_new,
};
pub use exchange::counters::{
    ungil_counter_add, ungil_counter_compare_exchange, ungil_counter_exchange, ungil_counter_new,
    ungil_counter_value, ungil_counter_wait,
};
pub use exchange::inboxes::{
    UngilInboxCounts, ungil_inbox_await_call, ungil_inbox_cancel_queued, ungil_inbox_close,
    ungil_inbox_completed, ungil_inbox_counts, ungil_inbox_free, ungil_inbox_give_up, ungil_inbox_new,
    ungil_inbox_serve, ungil_inbox_stop, ungil_inbox_submit,
};
pub use exchange::objects::{ungil_exchange_free, ungil_exchange_id, ungil_exchange_share};
pub use exchange::queues::{
    UngilMessage, ungil_message_free, ungil_queue_close, ungil_queue_get, ungil_queue_join,
    ungil_queue_length, ungil_queue_new, ungil_queue_put, ungil_queue_put_back, ungil_queue_task_done,
    ungil_queue_try_get, ungil_queue_try_put,
};
pub use functions::{
    UngilIntegrand, UngilLoopBody, UngilMapF64, UngilMapI64, ungil_integrate, ungil_map_f64, ungil_map_i64,
    ungil_parallel_for,
};
pub use interp::{
    ungil_interp_count, ungil_interp_eval, ungil_interp_exec, ungil_interp_free, ungil_interp_interrupt,
    ungil_interp_libraries, ungil_interp_new,
};
pub use library::{ungil_abi_version, ungil_version};
pub use multiples::{ungil_sum_multiples, ungil_test};
pub use pi::ungil_pi;
pub use primes::{
    ungil_count_primes_i32, ungil_count_primes_i64, ungil_count_primes_u64, ungil_is_prime_i64,
    ungil_is_prime_u64,
};
pub use requests::{
    UngilBuffer, UngilRelease, UngilReply, ungil_interp_call, ungil_interp_end_release, ungil_reply_free,
};
pub use small_divisors::ungil_num_primes_i32;
pub use sum::ungil_sum_f64;
pub use threads::{ungil_num_threads, ungil_num_threads_setting, ungil_set_num_threads};
