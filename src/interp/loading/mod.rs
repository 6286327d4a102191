//! Loading copies of libraries for one interpreter.
//!
//! | file | contents |
//! |---|---|
//! | `loader` | `dlopen` for one interpreter: its private libraries |
//! | `closure` | which of the libraries that a library needs are private |
//! | `library_cache` | what was read from library files, and which file each copy was made from |
//! | [`memfile`] | the file that a copy is loaded from |
//! | [`dl`] | a loaded library and its symbols |
//! | `reentrant` | the lock that is held while a library is loaded |
//!
//! Uses `elf`, and the hook of `exit`. `interpose`, `cpython` and `runtime` may use it.

pub(crate) mod closure;
pub mod dl;
pub(crate) mod library_cache;
pub(crate) mod loader;
pub mod memfile;
pub(crate) mod reentrant;
