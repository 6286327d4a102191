//! How calls from C arrive: the panic guard, status values, handles, arrays, and the last error's message.

pub(crate) mod array;
pub(crate) mod guard;
pub(crate) mod handle;
pub(crate) mod last_error;
pub(crate) mod status;
