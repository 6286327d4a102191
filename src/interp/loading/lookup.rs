//! Which symbols `dlsym` finds in the interpreter, and which the C library is to look up.

use std::ffi::{CStr, c_void};
use std::ptr::NonNull;

use super::dl::Library;
use super::loader::Loader;
use crate::interp::elf::symbols::is_python_symbol;

impl Loader {
    /// The address of a symbol of Python's, or of a function that is interposed in libraries, as code of this
    /// interpreter is to find it. `None` if the C library's dlsym is to look the symbol up.
    pub(crate) fn symbol(
        &self,
        handle: *mut c_void,
        name: &CStr,
        version: Option<&CStr>,
    ) -> Option<Result<NonNull<c_void>, String>> {
        if (self.is_interposed)(name.to_bytes(), &|_| false) {
            let is_c_library = is_whole_process(handle) || is(handle, Library::of_c_library());
            let function = || self.python.symbol(&self.prefix.mangle(name.to_str().ok()?));
            return is_c_library.then(function).flatten().map(Ok);
        }
        let is_python = is_python_symbol(name.to_bytes()) && !name.to_bytes().starts_with(b"PyInit_");
        if !is_python {
            let global = || self.global_symbol(name, version).map(Ok);
            return is_whole_process(handle).then(global).flatten();
        }
        let name = name.to_str().ok()?;
        let own = self.python.symbol_of(&self.prefix.mangle(name), version);
        // A library may have symbols with such names too. In the whole process, they would be another Python's.
        own.map(Ok).or_else(|| is_whole_process(handle).then(|| Err(format!("undefined symbol: {name}"))))
    }
}

/// Whether the handle stands for all global symbols: the one that dlopen(NULL) returns, too.
fn is_whole_process(handle: *mut c_void) -> bool {
    handle == libc::RTLD_DEFAULT || is(handle, Library::of_process())
}

fn is(handle: *mut c_void, library: Option<Library>) -> bool {
    library.is_some_and(|library| library.handle() == handle)
}
