//! One running copy: its start, its requests, its reuse.

pub mod checkout;
pub(crate) mod environment;
pub mod interpreter;
pub mod options;
pub mod reply;
pub(crate) mod running;
pub(crate) mod shutdown;
pub(crate) mod start;
