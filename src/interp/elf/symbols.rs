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
        if (symbol.st_shndx.get(LE) != SHN_UNDEF) == are_defined && is_python_symbol(name) {
            len += name.len();
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
