//! Loading copies of libraries for one interpreter.
//!
//! | file | contents |
//! |---|---|
//! | `privacy` | the decision which libraries are private |
//! | `shared_runtimes`, `unlocked_libraries`, `pattern` | the tables of runtimes that are shared, and of the system's libraries that are not; patterns of names |
//! | `loader` | `dlopen` for one interpreter: loads copies of private libraries |
//! | `global_scope` | what an interpreter loads with RTLD_GLOBAL |
//! | `graph` | a library and all that it needs |
//! | `graph_files` | the files of a graph's copies, while these are loaded |
//! | `search`, `process_paths`, `ld_cache` | where the dynamic loader finds a library |
//! | `lookup` | `dlsym` for one interpreter |
//! | `report` | what an interpreter has loaded, for people |
//! | `library_info` | what is read from a library's file: whether it uses Python, what it needs |
//! | `library_cache` | this information for all files, and which file each copy was made from |
//! | [`memfile`] | the file that a copy is loaded from |
//! | `initializers` | what copies have called when they are loaded |
//! | `finalizers` | what private libraries have called when the process exits |
//! | `shared_pages` | copies show the original's pages where these are the same |
//! | `private_pages` | the pages of a copy that do not show its file any more |
//! | [`dl`] | a loaded library and its symbols |
//! | `forks` | forks while a library is loaded |
//! | `reentrant` | the lock that is held while a library is loaded |
//!
//! Uses `elf`, and the hook of `exit`. `interpose`, `cpython` and `runtime` may use it.

pub mod dl;
pub(crate) mod finalizers;
mod forks;
mod global_scope;
mod graph;
pub(crate) mod graph_files;
pub(crate) mod initializers;
mod ld_cache;
pub(crate) mod library_cache;
pub(crate) mod library_info;
pub(crate) mod loader;
mod lookup;
pub mod memfile;
pub(crate) mod pattern;
pub(crate) mod privacy;
pub(crate) mod private_pages;
mod process_paths;
pub(crate) mod reentrant;
mod report;
mod search;
pub(crate) mod shared_pages;
mod shared_runtimes;
mod unlocked_libraries;
