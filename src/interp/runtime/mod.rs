//! One running copy of Python: its start, its requests, its reuse.
//!
//! | file | contents |
//! |---|---|
//! | `step` | the steps of a start, which errors name |
//! | `loaded_copy` | finds a libpython, renames its symbols, and loads the copy |
//! | `initialize` | initialises the Python of a loaded copy: by named options, or by global variables |
//! | `start` | a new interpreter: loads, initialises and prepares a copy, on a thread of its own |
//! | `bootstrap` | the code that runs first in a copy, in `bootstrap/`, and its functions |
//! | [`interpreter`] | a started interpreter, and the requests that threads make |
//! | `in_progress` | the requests that are in progress, for interrupts |
//! | `main_thread` | which request runs on Python's main thread |
//! | `service` | the interpreter's own thread, which releases buffers and delivers interrupts |
//! | [`reply`] | the answer to a request |
//! | `returned_views` | buffers of replies that are not in use any more |
//! | [`checkout`] | interpreters are checked out, checked in and reused |
//! | [`options`] | the options of an interpreter |
//! | `shutdown` | stops all interpreters when the process exits: how, and how long the exit waits |
//! | `death` | stops one interpreter that is dead |
//! | `last_words` | what an interpreter notes and writes when it dies |
//! | `environment` | a snapshot of the process's environment |
//!
//! It is at the top of `interp`: `capi` uses it, and it may use all other folders of `interp`.

pub(crate) mod bootstrap;
pub mod checkout;
pub(crate) mod death;
pub(crate) mod environment;
pub(crate) mod in_progress;
pub(crate) mod initialize;
pub mod interpreter;
pub(crate) mod last_words;
pub(crate) mod loaded_copy;
pub(crate) mod main_thread;
pub mod options;
pub mod own_number;
pub mod reply;
pub(crate) mod returned_views;
pub(crate) mod service;
pub(crate) mod shutdown;
pub mod start;
pub(crate) mod step;
