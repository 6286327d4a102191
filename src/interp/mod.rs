//! Isolated interpreters: private copies of the Python library in one process.
//!
//! | module | what |
//! |---|---|
//! | [`elf`] | reads a shared object, and trusts nothing in it |
//! | [`relink`] | gives the copy's Python symbols names of its own |

pub mod elf;
pub mod relink;
