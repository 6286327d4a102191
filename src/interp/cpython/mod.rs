//! CPython's C API: its declarations, the GIL token and references, exported buffers, and the host's own Python.

pub(crate) mod arena;
pub(crate) mod buffer;
pub(crate) mod ffi;
pub(crate) mod gil;
pub(crate) mod host;
