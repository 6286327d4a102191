//! CPython's C API as this library uses it.
//!
//! | file | contents |
//! |---|---|
//! | `ffi` | declarations, and tables of functions for each Python |
//! | `gil` | the GIL token, references to objects, the error indicator |
//! | `attach` | how a thread enters a Python, and leaves it |
//! | `main_thread` | the thread that Python takes for its main thread |
//! | `holder` | whether a thread holds the GIL |
//! | `buffer` | the buffer protocol: memory exported to Python, and memory acquired from it |
//! | `arena` | the allocator for Python's larger blocks |
//! | `version` | versions, and the oldest that is supported |
//! | `self_test` | tries what is used of the API |
//! | `host` | the Python that runs this process, and its description of itself |
//! | `discovery` | where a libpython is found |
//! | `free_threading` | builds without a GIL |
//!
//! `runtime` uses it. It uses `exit`, since calls into Python may be abandoned, and `loading`.

pub(crate) mod arena;
pub(crate) mod attach;
pub(crate) mod buffer;
pub(crate) mod discovery;
pub(crate) mod ffi;
pub(crate) mod free_threading;
pub(crate) mod gil;
pub(crate) mod holder;
pub(crate) mod host;
pub(crate) mod main_thread;
pub(crate) mod self_test;
pub(crate) mod version;
