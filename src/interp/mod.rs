//! Isolated interpreters: private copies of the Python library in one process.
//!
//! | module | what |
//! |---|---|
//! | [`elf`] | reads a shared object, and trusts nothing in it |
//! | [`relink`] | gives the copy's Python symbols names of its own |
//! | [`private_file`] | a place for the copy that only this process sees |
//! | [`library`] | a library that was loaded, and its symbols |

pub mod elf;
pub mod library;
pub mod private_file;
pub mod relink;
