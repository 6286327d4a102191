//! What copies call in place of the C library's functions of the same names.
//!
//! A copy of libpython, and all that is loaded for it, reaches the loader through these, so that it gets the
//! interpreter's own copies of libraries, and finds Python's symbols in its own libpython, not in the process's.
//! Signal handlers are the process's: a copy of libpython cannot set them.

use std::cell::{Cell, RefCell};
use std::ffi::{CStr, CString, OsStr, c_char, c_int, c_void};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::ptr;
use std::sync::atomic::{AtomicPtr, AtomicU32, AtomicU64, Ordering};

use crate::interp::elf::rewrite::Substitute;
use crate::interp::exit::abandon::with_barrier;
use crate::interp::exit::at_exit;
use crate::interp::interpose::environ;
use crate::interp::interpose::trampolines;
use crate::interp::loading::loader::{Loader, original_path};
use crate::sys::foreign::{call_foreign, park_forever};
use crate::sys::process;

/// The most copies of libpython in a process. (pthreads has 1024 keys for a process, and each copy takes one.)
pub(crate) const MOST: usize = 1024;

/// The loaders of the copies, by their numbers.
static LOADERS: [AtomicPtr<Loader>; MOST] = [const { AtomicPtr::new(ptr::null_mut()) }; MOST];

/// The process that the latest copy was loaded in, and its PID.
static PROCESS: AtomicU64 = AtomicU64::new(0);
static PID: AtomicU32 = AtomicU32::new(0);

thread_local! {
    /// What dlerror tells next on this thread, if the failure was not the C library's.
    static FAILURE: RefCell<Option<CString>> = const { RefCell::new(None) };
    /// Whether there was such a failure when this thread was ending, and what has a destructor was gone.
    static LATE_FAILURE: Cell<bool> = const { Cell::new(false) };
    /// Told when the start of a copy, which this thread is at, wants to end the process.
    static STARTING: RefCell<Option<Box<dyn FnOnce()>>> = const { RefCell::new(None) };
}

/// Calls of copy `number` go to this loader from now on.
pub(crate) fn serve(number: usize, loader: &'static Loader) {
    PROCESS.store(process::token(), Ordering::Relaxed);
    PID.store(std::process::id(), Ordering::Relaxed);
    LOADERS[number].store(ptr::from_ref(loader).cast_mut(), Ordering::Release);
}

/// Runs the start of a copy. If that wants to end the process, this thread stops for good, and `ended` is told.
pub(crate) fn starting<T>(ended: Box<dyn FnOnce()>, start: impl FnOnce() -> T) -> T {
    STARTING.set(Some(ended));
    let result = start();
    STARTING.set(None);
    result
}

/// The functions that copy `number` of libpython is to call.
pub(crate) fn of_libpython(number: usize) -> Vec<Substitute> {
    let own = trampolines::of(number);
    let all: [(&str, *const ()); 15] = [
        ("dlopen", own.open as *const ()),
        ("dlsym", own.symbol as *const ()),
        ("dlvsym", own.version as *const ()),
        ("dlerror", dlerror as *const ()),
        ("dladdr", dladdr as *const ()),
        ("pthread_cond_timedwait", at_exit::pthread_cond_timedwait as *const ()),
        ("sigaction", sigaction as *const ()),
        ("setenv", environ::setenv as *const ()),
        ("unsetenv", environ::unsetenv as *const ()),
        ("putenv", environ::putenv as *const ()),
        ("abort", abort as *const ()),
        ("exit", exit as *const ()),
        ("Py_IsInitialized", is_initialized as *const ()),
        ("Py_IsFinalizing", is_finalizing as *const ()),
        ("_Py_IsFinalizing", is_finalizing as *const ()),
    ];
    all.map(|(name, function)| Substitute { name, address: function.addr() }).to_vec()
}

/// Those of them that other libraries of an interpreter call too.
pub(crate) const OF_LIBRARIES: [&str; 5] = ["dlopen", "dlsym", "dlvsym", "dlerror", "dladdr"];

fn loader(number: usize) -> Option<&'static Loader> {
    // SAFETY: only loaders that are never freed are stored.
    unsafe { LOADERS[number].load(Ordering::Acquire).as_ref() }
}

/// What dlerror is to tell next on this thread, in place of an older failure of the C library's.
fn set_failure(failure: Option<String>) {
    // SAFETY: it may always be called.
    unsafe { libc::dlerror() };
    let is_failure = failure.is_some();
    let failure = failure.and_then(|text| CString::new(text.replace('\0', "\\0")).ok());
    let kept = FAILURE.try_with(|kept| kept.replace(failure));
    LATE_FAILURE.set(is_failure && kept.is_err());
}

/// # Safety
/// As for dlopen: `path` is NULL or a C string.
pub(crate) unsafe fn dlopen(number: usize, path: *const c_char, flags: c_int) -> *mut c_void {
    set_failure(None);
    // Initialisers run, which may call Python.
    // SAFETY: by this function's contract.
    with_barrier(|| unsafe { open(number, path, flags) })
}

/// # Safety
/// As for dlopen.
unsafe fn open(number: usize, path: *const c_char, flags: c_int) -> *mut c_void {
    let Some(loader) = loader(number).filter(|_| !path.is_null()) else {
        // SAFETY: by this function's contract.
        return call_foreign(|| unsafe { libc::dlopen(path, flags) });
    };
    // SAFETY: not NULL, and so a C string.
    let path = unsafe { CStr::from_ptr(path) };
    match loader.open(Path::new(OsStr::from_bytes(path.to_bytes())), flags) {
        Ok(Some(library)) => library.handle(),
        Ok(None) => open_shared(path, flags),
        Err(message) => {
            set_failure(Some(message));
            ptr::null_mut()
        }
    }
}

/// A library that all share.
fn open_shared(path: &CStr, flags: c_int) -> *mut c_void {
    // SAFETY: a C string; the initialisers run that its caller wants.
    let open = |flags| call_foreign(|| unsafe { libc::dlopen(path.as_ptr(), flags) });
    let loaded = open(flags | libc::RTLD_NOLOAD);
    if !loaded.is_null() || flags & libc::RTLD_NOLOAD != 0 {
        return loaded;
    }
    let library = open(flags);
    if !library.is_null() {
        at_exit::before_libraries();
    }
    library
}

/// What a copy finds by itself; where that is nothing, the C library is to look.
#[repr(C)]
pub(crate) struct Found {
    is_answer: usize,
    address: *mut c_void,
}

/// # Safety
/// As for dlsym: `name` is a C string.
pub(crate) unsafe fn find(
    number: usize,
    handle: *mut c_void,
    name: *const c_char,
    version: Option<&CStr>,
) -> Found {
    set_failure(None);
    // SAFETY: by this function's contract.
    let name = unsafe { CStr::from_ptr(name) };
    let own = loader(number).and_then(|loader| loader.symbol(handle, name, version));
    let is_answer = own.is_some().into();
    let address = match own {
        Some(Ok(address)) => address.as_ptr(),
        Some(Err(message)) => {
            set_failure(Some(message));
            ptr::null_mut()
        }
        None => ptr::null_mut(),
    };
    Found { is_answer, address }
}

/// What dlerror tells where no text can be kept.
const LATE: &CStr = c"not found, by a thread that is ending";

unsafe extern "C" fn dlerror() -> *mut c_char {
    thread_local! {
        /// The text that was given out last: it stays until the next call.
        static GIVEN: RefCell<Option<CString>> = const { RefCell::new(None) };
    }
    let failure = FAILURE.try_with(RefCell::take).ok().flatten();
    let given = failure
        .map(|failure| GIVEN.try_with(|given| given.borrow_mut().insert(failure).as_ptr().cast_mut()).ok());
    let is_late = LATE_FAILURE.take();
    match given {
        Some(Some(text)) => text,
        Some(None) => LATE.as_ptr().cast_mut(),
        None if is_late => LATE.as_ptr().cast_mut(),
        // SAFETY: dlerror may always be called.
        None => unsafe { libc::dlerror() },
    }
}

/// As the C library's, with the paths that libraries were copied from.
unsafe extern "C" fn dladdr(address: *const c_void, info: *mut libc::Dl_info) -> c_int {
    // SAFETY: the caller's contract is dladdr's.
    let found = unsafe { libc::dladdr(address, info) };
    if found != 0 {
        // SAFETY: where dladdr finds something, it has written the structure, and the name is a C string.
        unsafe {
            if let Some(original) = original_path(CStr::from_ptr((*info).dli_fname)) {
                (*info).dli_fname = original.as_ptr();
            }
        }
    }
    found
}

/// Tells how a signal is handled, as the C library's does, and changes nothing; except in a child that subprocess
/// forks.
unsafe extern "C" fn sigaction(
    signal: c_int,
    new: *const libc::sigaction,
    old: *mut libc::sigaction,
) -> c_int {
    let new = if is_child() { new } else { ptr::null() };
    // SAFETY: the caller's contract is sigaction's; NULL asks for no change.
    unsafe { libc::sigaction(signal, new, old) }
}

/// Whether this is a child that subprocess has made, by fork or by vfork. The child of a vfork has signal handlers of its
/// own but its parent's memory, and so its parent's token: only its PID tells. The child of a fork may be the first in
/// a PID namespace, as its parent is in another: then only the token tells.
fn is_child() -> bool {
    PROCESS.load(Ordering::Relaxed) != process::token() || PID.load(Ordering::Relaxed) != std::process::id()
}

unsafe extern "C" fn abort() -> ! {
    stop_if_starting();
    // SAFETY: abort may always be called.
    unsafe { libc::abort() }
}

unsafe extern "C" fn exit(status: c_int) -> ! {
    stop_if_starting();
    // SAFETY: libpython's code asks for the C library's exit, by that function's contract; it is handed on unchanged.
    unsafe { libc::exit(status) }
}

/// Libraries that end ask this before they touch Python.
unsafe extern "C" fn is_initialized() -> c_int {
    (!at_exit::is_ending()).into()
}

/// What libraries that end may ask instead.
unsafe extern "C" fn is_finalizing() -> c_int {
    at_exit::is_ending().into()
}

/// A copy that cannot start ends its process: instead, the thread that starts it does not go on.
fn stop_if_starting() {
    let Ok(Some(ended)) = STARTING.try_with(RefCell::take) else { return };
    ended();
    park_forever()
}
