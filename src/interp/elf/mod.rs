//! Shared objects as bytes: reading one, and renaming the symbols of a copy. Nothing here loads a library or knows of
//! Python objects.
//!
//! | file | contents |
//! |---|---|
//! | [`image`] | parsing: segments, dynamic section, symbols, strings |
//! | `buffer` | the bytes of a shared object |
//! | [`malformed`] | what may be wrong with a file |
//! | [`symbols`] | symbol prefixes, and which symbols are Python's |
//! | [`version_files`] | the files that the versions of symbols are expected in |
//! | [`rewrite`] | the copies: of libpython, and of other libraries |
//! | `reading` | reading files, or their tables alone |
//! | `needing` | a shared object that only needs others |
//! | `loader_parts` | which parts of a file the dynamic loader needs |
//! | `own_relocations` | relocations by the symbols of a libpython need no look-up |
//! | `hidden_functions` | hides what the dynamic loader calls when it has loaded a library, and when the process exits |
//! | `string_table`, `appended_segment` | the new tables of a copy |
//!
//! Uses no other module of this crate. `loading`, `interpose` and `runtime` may use it.

/// The largest page that a machine may have, and so a multiple of all others.
pub(crate) const LARGEST_PAGE: usize = 1 << 16;

pub(crate) mod appended_segment;
pub mod buffer;
pub(crate) mod hidden_functions;
pub mod image;
mod loader_parts;
pub mod malformed;
pub(crate) mod needing;
mod own_relocations;
pub(crate) mod reading;
pub mod rewrite;
#[cfg(test)]
pub(crate) mod small_object;
pub(crate) mod string_table;
pub mod symbols;
pub mod version_files;
