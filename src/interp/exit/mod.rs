//! The end of the process: stopping interpreters before the process's libraries are finalised.

pub mod abandon;
pub(crate) mod alarm;
pub mod at_exit;
