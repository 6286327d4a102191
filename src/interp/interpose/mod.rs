//! The functions that copies call in place of the C library's.

pub(crate) mod environ;
pub(crate) mod substitutes;
pub(crate) mod trampolines;
