//! A loaded library, and its symbols.

use std::ffi::{CStr, CString, OsStr, c_char, c_int, c_void};
use std::fmt;
use std::mem::MaybeUninit;
use std::ops::Range;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::ptr::{self, NonNull};

use crate::sys::fork_lock::without_forks;

unsafe extern "C" {
    /// As dlsym, for one version of a symbol.
    pub(crate) fn dlvsym(handle: *mut c_void, name: *const c_char, version: *const c_char) -> *mut c_void;
}

/// A loaded library. It is never unloaded: any thread may be running its code.
#[derive(Debug, Clone, Copy)]
pub struct Library(NonNull<c_void>);

// SAFETY: dlopen's handles are valid on every thread, and this one is never closed.
unsafe impl Send for Library {}
// SAFETY: all that is done with a shared handle is dlsym and dlvsym, which any threads may call at once.
unsafe impl Sync for Library {}

/// The start of the loader's entry for a library (glibc's `struct link_map`, link.h).
#[repr(C)]
pub(super) struct LinkMap {
    /// What is added to the addresses in its file.
    pub(super) base: usize,
    name: *const c_char,
    /// Its dynamic section.
    pub(super) dynamic: *const DynamicEntry,
}

/// An entry of a dynamic section.
#[repr(C)]
pub(super) struct DynamicEntry {
    pub(super) tag: i64,
    pub(super) value: u64,
}

/// Why a library could not be loaded: the message of dlerror.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotLoaded(pub String);

impl fmt::Display for NotLoaded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for NotLoaded {}

impl Library {
    /// Loads a library and all that it needs. `flags` are those of dlopen.
    ///
    /// # Safety
    /// The library's initialisers run; they must be sound.
    pub unsafe fn open(path: &Path, flags: c_int) -> Result<Self, NotLoaded> {
        let path = CString::new(path.as_os_str().as_bytes())
            .map_err(|_| NotLoaded("the path contains a NUL".to_owned()))?;
        // SAFETY: `path` is a C string. That the initialisers are sound is this function's contract.
        let handle = without_forks(|| unsafe { libc::dlopen(path.as_ptr(), flags) });
        NonNull::new(handle).map(Self).ok_or_else(|| NotLoaded(last_error()))
    }

    /// The program with all global symbols: what dlopen(NULL) returns.
    pub(super) fn of_process() -> Option<Self> {
        // SAFETY: NULL stands for the program itself, which is loaded already.
        NonNull::new(unsafe { libc::dlopen(ptr::null(), libc::RTLD_LAZY | libc::RTLD_NOLOAD) }).map(Self)
    }

    /// The library that the process has loaded by this path or name.
    pub(super) fn loaded_by(path: &Path) -> Option<Self> {
        // SAFETY: with RTLD_NOLOAD, no library is loaded, and so no initialiser runs.
        unsafe { Self::open(path, libc::RTLD_NOW | libc::RTLD_NOLOAD) }.ok()
    }

    /// The C library, unless it has another name.
    pub(super) fn of_c_library() -> Option<Self> {
        Self::loaded_by(Path::new("libc.so.6"))
    }

    /// The handle that dlopen returned.
    pub fn handle(self) -> *mut c_void {
        self.0.as_ptr()
    }

    /// The loader's entry for it.
    pub(super) fn map(&self) -> Option<&LinkMap> {
        let mut map: *const LinkMap = ptr::null();
        // SAFETY: the handle is valid, as no library is unloaded. The call writes a pointer, on success to the loader's
        // own entry for the library, which is there as long as the library.
        unsafe {
            let status = libc::dlinfo(self.handle(), libc::RTLD_DI_LINKMAP, (&raw mut map).cast());
            map.as_ref().filter(|_| status == 0)
        }
    }

    /// The path that the dynamic loader knows it by.
    pub(super) fn path(self) -> Option<PathBuf> {
        // SAFETY: the entry's name is a C string, which stays as long as the library.
        let name = unsafe { CStr::from_ptr(self.map()?.name) };
        Some(PathBuf::from(OsStr::from_bytes(name.to_bytes())))
    }

    /// The address of a symbol, if the library, or one that it needs, defines it.
    pub fn symbol(&self, name: &str) -> Option<NonNull<c_void>> {
        let name = CString::new(name).ok()?;
        // SAFETY: the handle is valid, as no library is unloaded, and the name is a C string.
        NonNull::new(unsafe { libc::dlsym(self.0.as_ptr(), name.as_ptr()) })
    }

    /// As `symbol`, of this version if one is given.
    pub(crate) fn symbol_of(&self, name: &str, version: Option<&CStr>) -> Option<NonNull<c_void>> {
        let Some(version) = version else { return self.symbol(name) };
        let name = CString::new(name).ok()?;
        // SAFETY: the handle is valid, as no library is unloaded, and both texts are C strings.
        NonNull::new(unsafe { dlvsym(self.0.as_ptr(), name.as_ptr(), version.as_ptr()) })
    }
}

/// The file that the code or the variable at this address was loaded from.
pub(crate) fn path_at(address: *const c_void) -> Option<PathBuf> {
    let mut info = MaybeUninit::<libc::Dl_info>::uninit();
    // SAFETY: dladdr takes any address. A result other than 0 says that it has written the structure, with a C string
    // as the file name.
    let name = unsafe {
        if libc::dladdr(address, info.as_mut_ptr()) == 0 {
            return None;
        }
        CStr::from_ptr(info.assume_init().dli_fname)
    };
    Some(PathBuf::from(OsStr::from_bytes(name.to_bytes())))
}

/// The addresses of the library that has this one; empty if there is none.
pub(crate) fn range_at(address: usize) -> Range<usize> {
    struct Search {
        address: usize,
        found: Range<usize>,
    }
    unsafe extern "C" fn look_at(
        info: *mut libc::dl_phdr_info,
        _size: libc::size_t,
        search: *mut c_void,
    ) -> c_int {
        // SAFETY: the C library passes a valid description, with as many headers as it says, and the pointer to `search`
        // below, which nothing else uses meanwhile.
        let (info, headers, search) = unsafe {
            let headers = std::slice::from_raw_parts((*info).dlpi_phdr, (*info).dlpi_phnum.into());
            (&*info, headers, &mut *search.cast::<Search>())
        };
        let loaded = headers.iter().filter(|header| header.p_type == libc::PT_LOAD);
        let base = info.dlpi_addr as usize;
        let ranges = loaded.map(|header| {
            let start = base + header.p_vaddr as usize;
            start..start + header.p_memsz as usize
        });
        let whole = ranges.reduce(|one, other| one.start.min(other.start)..one.end.max(other.end));
        search.found = whole.filter(|range| range.contains(&search.address)).unwrap_or(0..0);
        (!search.found.is_empty()).into()
    }
    let mut search = Search { address, found: 0..0 };
    // SAFETY: the function only reads what it is given, and `search` outlives the call.
    without_forks(|| unsafe { libc::dl_iterate_phdr(Some(look_at), (&raw mut search).cast()) });
    search.found
}

/// Whether the process's own Python, if there is one, exports a symbol of this name.
pub(crate) fn is_exported_by_host(name: &[u8]) -> bool {
    let Ok(name) = CString::new(name) else { return false };
    // SAFETY: the names are C strings, and the default scope may always be searched.
    let file_of = |name: &CStr| path_at(unsafe { libc::dlsym(libc::RTLD_DEFAULT, name.as_ptr()) });
    let file = file_of(&name);
    file.is_some() && file == file_of(c"Py_GetVersion")
}

/// The file that this library was loaded from.
pub(crate) fn own_path() -> Option<PathBuf> {
    path_at(own_path as *const c_void)
}

/// The message of this thread's last failure.
fn last_error() -> String {
    // SAFETY: dlerror returns NULL, or a C string that is valid until this thread's next call of dlerror or dlopen; it
    // is copied before.
    let text = unsafe { libc::dlerror().as_ref().map(|text| CStr::from_ptr(text)) };
    text.map_or_else(|| "unknown error".to_owned(), |text| text.to_string_lossy().into_owned())
}

#[cfg(test)]
mod tests {
    use super::Library;
    use std::path::Path;

    #[test]
    #[cfg_attr(miri, ignore = "Miri does not know what it calls")]
    fn a_file_that_is_not_a_library_is_an_error() {
        for path in ["/nowhere/library.so", "/proc/self/status", "/"] {
            // SAFETY: none of these can be loaded, so no initialiser runs.
            let error = unsafe { Library::open(Path::new(path), libc::RTLD_NOW) }.unwrap_err();
            assert!(error.to_string().contains(path), "{error}");
        }
    }
}
