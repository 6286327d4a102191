//! CPython's C API as this library uses it.
//!
//! | file | contents |
//! |---|---|
//! | `ffi` | declarations, and a table of functions for each Python |
//! | `gil` | the GIL token, references to objects, the error indicator |
//! | `buffer` | the buffer protocol: memory exported to Python, and memory acquired from it |
//! | `arena` | the allocator for Python's larger blocks |
//! | `version` | versions, and which of them are supported |
//! | `host` | the Python that runs this process, and its description of itself |
//! | `discovery` | where a libpython is found |
//! | `free_threading` | builds without a GIL |
//!
//! `runtime` uses it. It uses `exit`, since calls into Python may be abandoned, and `loading`.

pub(crate) mod arena;
pub(crate) mod buffer;
pub(crate) mod discovery;
pub(crate) mod ffi;
pub(crate) mod free_threading;
pub(crate) mod gil;
pub(crate) mod host;
pub(crate) mod version;
