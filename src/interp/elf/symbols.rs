//! Symbol names: which are Python's, and the prefix that tells one copy's from all others'.

use std::collections::HashSet;

use object::LittleEndian as LE;
use object::elf::SHN_UNDEF;

use super::image::Image;
use super::malformed::Malformed;

/// The prefix of one interpreter's symbols, as `objcopy --prefix-symbols` would add it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SymbolPrefix(String);

impl SymbolPrefix {
    /// The prefix of the copy with this number.
    pub fn new(number: usize) -> Self {
        Self(format!("ungil{number}_"))
    }

    /// The name that the symbol `name` has in the interpreter's copies.
    pub fn mangle(&self, name: &str) -> String {
        format!("{}{name}", self.0)
    }

    /// As `mangle`, for names that need not be UTF-8.
    pub(crate) fn mangle_bytes(&self, name: &[u8]) -> Vec<u8> {
        [self.0.as_bytes(), name].concat()
    }

    /// A text, such as an error message, without this prefix.
    pub fn demangle(&self, text: &str) -> String {
        text.replace(&self.0, "")
    }
}

/// Whether a symbol has a name like CPython's. (Every symbol that libpython exports has such a name, except for the
/// constant `PY_TIMEOUT_MAX` in some versions. But other libraries define symbols with such names too.)
pub(crate) fn is_python_symbol(name: &[u8]) -> bool {
    name.starts_with(b"Py") || name.starts_with(b"_Py")
}

/// The symbols with names like Python's that a libpython exports.
#[derive(Debug, Default)]
pub struct PythonSymbols(HashSet<Vec<u8>>);

impl PythonSymbols {
    /// Those of this libpython.
    pub fn exported_by(image: &Image) -> Result<Self, Malformed> {
        Ok(Self(python_names(image, true)?.into_iter().map(<[u8]>::to_vec).collect()))
    }

    /// Whether a symbol of this name is among them.
    pub fn contains(&self, name: &[u8]) -> bool {
        self.0.contains(name)
    }
}

/// The names like Python's of the symbols that a library needs.
pub fn needed_python_names(image: &Image) -> Result<Vec<&[u8]>, Malformed> {
    python_names(image, false)
}

/// The names like Python's of the symbols that a library defines, or of those that it needs.
fn python_names(image: &Image, are_defined: bool) -> Result<Vec<&[u8]>, Malformed> {
    let (mut names, mut len) = (Vec::new(), 0);
    for symbol in image.symbols() {
        let name = image.string(u64::from(symbol.st_name.get(LE)))?;
        // All count, as the time to find a name's end does.
        len += name.len();
        if (symbol.st_shndx.get(LE) != SHN_UNDEF) == are_defined && is_python_symbol(name) {
            names.push(name);
        }
        if len > image.max_names_len() {
            return Err(Malformed("the names are too long"));
        }
    }
    Ok(names)
}

/// The names of all symbols that a library needs.
pub(crate) fn needed_names(image: &Image) -> impl Iterator<Item = Result<&[u8], Malformed>> {
    let needed = image.symbols().iter().filter(|symbol| symbol.st_shndx.get(LE) == SHN_UNDEF);
    needed.map(|symbol| image.string(u64::from(symbol.st_name.get(LE))))
}

#[cfg(test)]
mod tests {
    use object::elf::{DT_HASH, DT_STRTAB, DT_SYMTAB};

    use super::*;
    use crate::interp::elf::needing::library_needing;

    #[test]
    #[cfg_attr(miri, ignore = "it takes minutes")]
    fn a_long_name_that_many_symbols_share_is_an_error() {
        const COUNT: u32 = 2000;
        let name = vec![b'a'; 100_000];
        let symbol = [1u32, 0, 0, 0, 0, 0].map(u32::to_le_bytes).concat();
        let symbols = symbol.repeat(COUNT as usize);
        let mut image = Image::parse(&library_needing(&[name.clone(), symbols])).unwrap();
        let at = image.dyn_value(DT_STRTAB).unwrap() + 1 + name.len() as u64 + 1;
        let mut entries = image.dyn_entries_mut().iter_mut();
        entries.find(|entry| entry.d_tag.get(LE) == DT_SYMTAB).unwrap().d_val.set(LE, at);
        let hash = image.dyn_value(DT_HASH).unwrap() as usize;
        image.bytes[hash + 4..][..4].copy_from_slice(&COUNT.to_le_bytes());
        let image = Image::parse(&image.bytes).unwrap();
        assert_eq!(image.symbols().len(), COUNT as usize);
        assert_eq!(needed_python_names(&image), Err(Malformed("the names are too long")));
    }
}
