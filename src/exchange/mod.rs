//! What moves between threads, interpreters and C, without the lock of any Python.
//!
//! | module | contents |
//! |---|---|
//! | [`queue`] | queues of messages |
//! | [`message`] | bytes, and memory that is lent |
//! | [`counter`] | integers to change and to wait for: counters, events, locks |
//! | [`barrier`] | barriers |
//! | `shared` | a state behind a lock, of one process |
//! | [`wait`] | how a thread waits, and what stops it |
//! | [`foreign_buffer`], [`release`] | memory that is lent, and release callbacks |
//!
//! `README.md` in this directory describes the protocol. It uses `control`, `error` and `sys`, and knows neither C nor
//! Python.

pub mod barrier;
pub mod counter;
pub mod foreign_buffer;
pub mod message;
pub mod queue;
pub mod release;
mod shared;
pub mod wait;

#[cfg(all(test, loom))]
mod model;
#[cfg(all(test, not(loom)))]
mod tests;
