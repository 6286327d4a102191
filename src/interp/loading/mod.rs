//! Loading copies of libraries: which ones are private, where a copy is kept, and `dlopen`.

pub(crate) mod closure;
pub mod dl;
pub(crate) mod loader;
pub mod memfile;
pub(crate) mod reentrant;
