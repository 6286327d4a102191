//! Loading copies of libraries for one interpreter.
//!
//! | file | contents |
//! |---|---|
//! | `privacy` | the decision which libraries are private |
//! | `loader` | `dlopen` for one interpreter: loads copies of private libraries |
//! | `library_info` | what is read from a library's file: whether it uses Python, what it needs |
//! | `library_cache` | this information for all files, and which file each copy was made from |
//! | [`memfile`] | the file that a copy is loaded from |
//! | `finalizers` | what private libraries have called when the process exits |
//! | [`dl`] | a loaded library and its symbols |
//! | `reentrant` | the lock that is held while a library is loaded |
//!
//! Uses `elf`, and the hook of `exit`. `interpose`, `cpython` and `runtime` may use it.

pub mod dl;
pub(crate) mod finalizers;
pub(crate) mod library_cache;
pub(crate) mod library_info;
pub(crate) mod loader;
pub mod memfile;
pub(crate) mod privacy;
pub(crate) mod reentrant;
