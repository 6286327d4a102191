//! Runs one call on several threads: its range is cut into chunks, and each thread takes the next chunk until none
//! remains. The caller is one of the threads. The others are workers, which wait between calls.
//!
//! | module | contents |
//! |---|---|
//! | `call` | [`Call`], which operations use |
//! | `ordered` | sums that are added in a fixed order |
//! | `chunks` | cutting a range into chunks, whose lengths follow from the [`Grain`] and from how long the last one took |
//! | `failure` | the error that a call reports |
//! | `job` | the work that a caller and its workers share |
//! | `mailbox` | hands a job to one worker |
//! | `idle` | the set of idle workers |
//! | `workers` | submits a job to workers, and retracts it from those that have not accepted it |
//! | `threads` | the process's pool, and the start of its threads |
//!
//! `README.md` in this directory describes the protocol. The pool uses `control`, `error` and `sys`, and knows neither
//! C nor any kernel.

mod call;
mod chunks;
mod failure;
mod idle;
mod job;
mod mailbox;
mod ordered;
mod threads;
mod workers;

pub use call::Call;
pub use chunks::Grain;

#[cfg(all(test, loom))]
mod model;
#[cfg(all(test, not(loom)))]
mod tests;
