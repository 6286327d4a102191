//! What moves between threads, interpreters and C, without the lock of any Python.
//!
//! | module | contents |
//! |---|---|
//! | [`queue`] | queues of messages |
//! | [`message`] | bytes, and memory that is lent |
//! | [`inbox`] | a queue of calls, the servers that run them, and the calls that have ended |
//! | [`call`] | one call: its states, and those who wait for its end |
//! | [`server`] | the loop of a server, which runs calls in an interpreter |
//! | [`request`] | what a call asks: bytes, memory that is lent, a function that many calls share |
//! | `table` | objects that C knows by 64-bit numbers |
//! | [`counter`] | integers to change and to wait for: counters, events, locks |
//! | [`barrier`] | barriers |
//! | `shared` | a state behind a lock, of one process |
//! | `spin` | looking for a change before sleeping |
//! | [`wait`] | how a thread waits, and what stops it |
//! | [`foreign_buffer`], [`release`] | memory that is lent, and release callbacks |
//!
//! `README.md` in this directory describes the protocol. It uses `control`, `error` and `sys`, and knows neither C nor
//! Python; but `server` uses `interp`.

pub mod barrier;
pub mod call;
pub mod counter;
pub mod foreign_buffer;
pub mod inbox;
pub mod message;
pub mod queue;
pub mod release;
pub mod request;
pub mod server;
mod shared;
mod spin;
pub(crate) mod table;
pub mod wait;

#[cfg(all(test, loom))]
mod model;
#[cfg(all(test, not(loom)))]
mod tests;
