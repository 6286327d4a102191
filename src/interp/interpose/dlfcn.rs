//! Loading libraries and looking up symbols, on behalf of one copy: it gets its own copies of libraries, and finds
//! Python's symbols in its own libpython, not in the process's.

use std::arch::naked_asm;
use std::cell::{Cell, RefCell};
use std::ffi::{CStr, CString, OsStr, c_char, c_int, c_void};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::ptr;

use super::copies;
use crate::interp::exit::abandon::protect_frames;
use crate::interp::exit::at_exit;
use crate::interp::loading::library_cache::original_path;
use crate::interp::loading::loader::Opened;
use crate::sys::foreign::call_foreign;
use crate::sys::fork_lock::without_forks;

thread_local! {
    /// What dlerror reports next on this thread, if the failure was not the C library's.
    static FAILURE: RefCell<Option<CString>> = const { RefCell::new(None) };
    /// Whether there was such a failure while this thread was ending, after `FAILURE` was destroyed.
    static LATE_FAILURE: Cell<bool> = const { Cell::new(false) };
}

/// What dlerror is to report next on this thread, in place of an older failure of the C library's.
fn set_failure(failure: Option<String>) {
    // SAFETY: dlerror has no preconditions.
    unsafe { libc::dlerror() };
    let is_failure = failure.is_some();
    let failure = failure.and_then(|text| CString::new(text.replace('\0', "\\0")).ok());
    let kept = FAILURE.try_with(|kept| kept.replace(failure));
    LATE_FAILURE.set(is_failure && kept.is_err());
}

/// Loads a library for copy `number`. A library that is named without its directory is searched for where the caller's
/// file says: so this passes on the address that it returns to.
///
/// # Safety
/// The contract of dlopen: `path` is NULL or a C string.
#[unsafe(naked)]
pub(super) unsafe extern "C" fn dlopen(path: *const c_char, flags: c_int, number: usize) -> *mut c_void {
    #[cfg(target_arch = "x86_64")]
    naked_asm!("mov rcx, [rsp]", "jmp {dlopen}", dlopen = sym dlopen_for);
    #[cfg(target_arch = "aarch64")]
    naked_asm!("mov x3, x30", "b {dlopen}", dlopen = sym dlopen_for);
}

/// # Safety
/// The contract of dlopen: `path` is NULL or a C string.
unsafe extern "C" fn dlopen_for(
    path: *const c_char,
    flags: c_int,
    number: usize,
    caller: *const c_void,
) -> *mut c_void {
    set_failure(None);
    // The library's initialisers run, and may call Python.
    // SAFETY: by this function's contract, `path` is NULL or a C string.
    protect_frames(|| unsafe { open(number, path, flags, caller) })
}

/// # Safety
/// The contract of dlopen: `path` is NULL or a C string.
unsafe fn open(number: usize, path: *const c_char, flags: c_int, caller: *const c_void) -> *mut c_void {
    let Some(loader) = copies::loader(number).filter(|_| !path.is_null()) else {
        // SAFETY: by this function's contract, `path` is NULL or a C string.
        return without_forks(|| call_foreign(|| unsafe { libc::dlopen(path, flags) }));
    };
    // SAFETY: `path` is not NULL, and so, by this function's contract, a C string.
    let path = unsafe { CStr::from_ptr(path) };
    match loader.open(Path::new(OsStr::from_bytes(path.to_bytes())), flags, caller) {
        Ok(Opened::Copy(library)) => library.handle(),
        Ok(Opened::Null) => ptr::null_mut(),
        Ok(Opened::Shared) => open_shared(path, flags),
        Ok(Opened::SharedFile(file)) => open_shared(&file, flags),
        Err(message) => {
            set_failure(Some(message));
            ptr::null_mut()
        }
    }
}

/// Loads a shared library.
fn open_shared(path: &CStr, flags: c_int) -> *mut c_void {
    // SAFETY: the path is a C string. The code in the interpreter asks for the library's initialisers: it calls dlopen, for
    // which this function stands in.
    let open = |flags| without_forks(|| call_foreign(|| unsafe { libc::dlopen(path.as_ptr(), flags) }));
    let loaded = open(flags | libc::RTLD_NOLOAD);
    if !loaded.is_null() || flags & libc::RTLD_NOLOAD != 0 {
        return loaded;
    }
    let library = open(flags);
    if !library.is_null() {
        at_exit::register_hook();
    }
    library
}

/// The result of a lookup in the copy. Without an answer, the C library is to look the symbol up. (`symbol_lookup`
/// takes it from two registers.)
#[repr(C)]
pub(super) struct Lookup {
    is_answer: usize,
    address: *mut c_void,
}

/// Looks a symbol up for copy `number`.
///
/// # Safety
/// The contract of dlsym: `name` is a C string.
pub(super) unsafe fn lookup(
    number: usize,
    handle: *mut c_void,
    name: *const c_char,
    version: Option<&CStr>,
) -> Lookup {
    set_failure(None);
    // SAFETY: by this function's contract, `name` is a C string.
    let name = unsafe { CStr::from_ptr(name) };
    let own = copies::loader(number).and_then(|loader| loader.symbol(handle, name, version));
    let is_answer = own.is_some().into();
    let address = match own {
        Some(Ok(address)) => address.as_ptr(),
        Some(Err(message)) => {
            set_failure(Some(message));
            ptr::null_mut()
        }
        None => ptr::null_mut(),
    };
    Lookup { is_answer, address }
}

/// What dlerror reports if no text can be kept.
const LATE: &CStr = c"not found, by a thread that is ending";

pub(super) unsafe extern "C" fn dlerror() -> *mut c_char {
    thread_local! {
        /// The text that was returned last: it stays until the next call.
        static RETURNED: RefCell<Option<CString>> = const { RefCell::new(None) };
    }
    let failure = FAILURE.try_with(RefCell::take).ok().flatten();
    let text = failure.map(|failure| {
        RETURNED.try_with(|returned| returned.borrow_mut().insert(failure).as_ptr().cast_mut()).ok()
    });
    let is_late = LATE_FAILURE.take();
    match text {
        Some(Some(text)) => text,
        Some(None) => LATE.as_ptr().cast_mut(),
        None if is_late => LATE.as_ptr().cast_mut(),
        // SAFETY: dlerror has no preconditions.
        None => unsafe { libc::dlerror() },
    }
}

/// As the C library's, but reports the paths that libraries were copied from.
pub(super) unsafe extern "C" fn dladdr(address: *const c_void, info: *mut libc::Dl_info) -> c_int {
    // SAFETY: both arguments are the caller's, under the contract of dladdr.
    let found = unsafe { libc::dladdr(address, info) };
    if found != 0 {
        // SAFETY: a result other than 0 says that the structure was written, and its file name is a C string then. What
        // replaces it is never freed.
        unsafe {
            if let Some(original) = original_path(CStr::from_ptr((*info).dli_fname)) {
                (*info).dli_fname = original.as_ptr();
            }
        }
    }
    found
}
