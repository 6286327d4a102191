//! How calls from C arrive and return: the panic guard, status values, handles, arrays, and the last error's message.
//! Only the exports in the directory above use it.

pub(crate) mod array;
pub(crate) mod error;
pub(crate) mod guard;
pub(crate) mod handle;
pub(crate) mod last_error;
pub(crate) mod status;
