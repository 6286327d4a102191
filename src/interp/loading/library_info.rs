//! What has to be known about a library to decide whether it is private, and to load a copy of it.

use object::elf::{DT_AUXILIARY, DT_FILTER, DT_NEEDED, DT_RPATH, DT_RUNPATH, DT_SONAME, DynamicTag};

use crate::interp::elf::image::Image;
use crate::interp::elf::malformed::Malformed;
use crate::interp::elf::symbols::needed_python_names;

/// What was read from a library's file.
#[derive(Debug, Default)]
pub(crate) struct LibraryInfo {
    /// The names like Python's of the symbols that it needs, each followed by a NUL.
    pub(crate) python_names: Vec<u8>,
    pub(crate) soname: Option<Vec<u8>>,
    /// The names of the libraries that it needs, and of those that it is a filter for.
    pub(crate) needed: Vec<Vec<u8>>,
    /// Search paths: lists of directories, separated by colons.
    pub(crate) rpath: Option<Vec<u8>>,
    pub(crate) runpath: Option<Vec<u8>>,
}

impl LibraryInfo {
    pub(crate) fn of(image: &Image) -> Result<Self, Malformed> {
        let strings = |tag: DynamicTag| {
            let strings = image.dyn_values(tag).map(|offset| image.string(offset).map(<[u8]>::to_vec));
            strings.collect::<Result<Vec<_>, _>>()
        };
        let last = |tag| Ok(strings(tag)?.pop());
        let needed = [DT_FILTER, DT_AUXILIARY, DT_NEEDED].into_iter().map(strings);
        let needed = needed.collect::<Result<Vec<_>, _>>()?.concat();
        let python_names = needed_python_names(image)?.into_iter().flat_map(|name| [name, b"\0"]);
        Ok(Self {
            python_names: python_names.collect::<Vec<_>>().concat(),
            soname: last(DT_SONAME)?,
            needed,
            rpath: last(DT_RPATH)?,
            runpath: last(DT_RUNPATH)?,
        })
    }

    /// Whether it needs a symbol of Python's: one that `is_python` picks.
    pub(crate) fn uses_python(&self, is_python: impl Fn(&[u8]) -> bool) -> bool {
        let names = self.python_names.split(|&byte| byte == 0);
        names.filter(|name| !name.is_empty()).any(is_python)
    }
}
