//! Symbol names: which are Python's, and the prefix that tells one copy's from all others'.

use object::LittleEndian as LE;
use object::elf::SHN_UNDEF;

use super::image::{Image, Malformed};

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

/// Whether a symbol is CPython's. (Every symbol that libpython exports has such a name, except for the constant
/// `PY_TIMEOUT_MAX` in some versions.)
pub(crate) fn is_python_symbol(name: &[u8]) -> bool {
    name.starts_with(b"Py") || name.starts_with(b"_Py")
}

/// Whether a library defines a symbol of this name.
pub fn defines(image: &Image, name: &[u8]) -> Result<bool, Malformed> {
    any_symbol(image, |is_defined, other| is_defined && other == name)
}

/// Whether a library needs Python's symbols, and so a copy of its own in each interpreter.
pub fn uses_python(image: &Image) -> Result<bool, Malformed> {
    any_symbol(image, |is_defined, name| !is_defined && is_python_symbol(name))
}

/// Whether the predicate holds for any symbol, given whether it is defined here, and its name.
fn any_symbol(image: &Image, predicate: impl Fn(bool, &[u8]) -> bool) -> Result<bool, Malformed> {
    for symbol in image.symbols() {
        let name = image.string(u64::from(symbol.st_name.get(LE)))?;
        if predicate(symbol.st_shndx.get(LE) != SHN_UNDEF, name) {
            return Ok(true);
        }
    }
    Ok(false)
}
