//! Shared objects as bytes: reading one, and renaming the symbols of a copy. No loader, no Python.

pub mod image;
pub mod rewrite;
#[cfg(test)]
pub(crate) mod small_object;
