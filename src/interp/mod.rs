//! Isolated interpreters: private copies of the Python library in one process.
//!
//! | module | what |
//! |---|---|
//! | [`elf`] | reads a shared object, and trusts nothing in it |
//! | [`relink`] | gives the copy's Python symbols names of its own |
//! | [`private_file`] | a place for the copy that only this process sees |
//! | [`library`] | a library that was loaded, and its symbols |
//! | `needed` | the libraries that lie beside an extension module |
//! | `python` | the functions of Python's C API that a copy is driven by |
//! | [`interpreter`] | a copy that runs; `bootstrap.py` is what runs first in it |

pub mod elf;
pub mod interpreter;
pub mod library;
mod needed;
pub mod private_file;
mod python;
pub mod relink;

#[cfg(test)]
mod tests;
