//! What copies call in place of the C library's functions of the same names.
//!
//! A copy of libpython, and all that is loaded for it, reaches the loader through these, so that it gets the
//! interpreter's own copies of libraries, and finds Python's symbols in its own libpython, not in the process's.
//! Signal handlers are the process's: a copy of libpython cannot set them.

use std::cell::RefCell;
use std::ffi::{CStr, CString, OsStr, c_char, c_int, c_void};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::ptr;
use std::sync::atomic::{AtomicPtr, AtomicU32, AtomicU64, Ordering};
use std::thread;

use super::loader::{Loader, original_path};
use super::relink::Substitute;
use super::{at_exit, variables};
use crate::process;

/// The most copies of libpython in a process. (pthreads has 1024 keys for a process, and each copy takes one.)
pub(super) const MOST: usize = 1024;

/// The loaders of the copies, by their numbers.
static LOADERS: [AtomicPtr<Loader>; MOST] = [const { AtomicPtr::new(ptr::null_mut()) }; MOST];

/// The process that the latest copy was loaded in, and its PID.
static PROCESS: AtomicU64 = AtomicU64::new(0);
static PID: AtomicU32 = AtomicU32::new(0);

thread_local! {
    /// What dlerror tells next on this thread, if the failure was not the C library's.
    static FAILURE: RefCell<Option<CString>> = const { RefCell::new(None) };
    /// Told when the start of a copy, which this thread is at, wants to end the process.
    static STARTING: RefCell<Option<Box<dyn FnOnce()>>> = const { RefCell::new(None) };
}

/// Calls of copy `number` go to this loader from now on.
pub(super) fn serve(number: usize, loader: &'static Loader) {
    PROCESS.store(process::token(), Ordering::Relaxed);
    PID.store(std::process::id(), Ordering::Relaxed);
    LOADERS[number].store(ptr::from_ref(loader).cast_mut(), Ordering::Release);
}

/// Runs the start of a copy. If that wants to end the process, this thread stops for good, and `ended` is told.
pub(super) fn starting<T>(ended: Box<dyn FnOnce()>, start: impl FnOnce() -> T) -> T {
    STARTING.set(Some(ended));
    let result = start();
    STARTING.set(None);
    result
}

/// The functions that copy `number` of libpython is to call.
pub(super) fn of_libpython(number: usize) -> Vec<Substitute> {
    let (open, symbol) = GATES[number / ROW][number % ROW];
    let all: [(&str, *const ()); 13] = [
        ("dlopen", open as *const ()),
        ("dlsym", symbol as *const ()),
        ("dlerror", dlerror as *const ()),
        ("dladdr", dladdr as *const ()),
        ("sigaction", sigaction as *const ()),
        ("setenv", variables::setenv as *const ()),
        ("unsetenv", variables::unsetenv as *const ()),
        ("putenv", variables::putenv as *const ()),
        ("abort", abort as *const ()),
        ("exit", exit as *const ()),
        ("Py_IsInitialized", is_initialized as *const ()),
        ("Py_IsFinalizing", is_finalizing as *const ()),
        ("_Py_IsFinalizing", is_finalizing as *const ()),
    ];
    all.map(|(name, function)| Substitute { name, address: function.addr() }).to_vec()
}

/// Those of them that other libraries of an interpreter call too.
pub(super) const OF_LIBRARIES: [&str; 4] = ["dlopen", "dlsym", "dlerror", "dladdr"];

type Open = unsafe extern "C-unwind" fn(*const c_char, c_int) -> *mut c_void;
type Symbol = unsafe extern "C-unwind" fn(*mut c_void, *const c_char) -> *mut c_void;

/// A function of its own for each copy, which so knows whose call it is.
unsafe extern "C-unwind" fn open_gate<const HIGH: usize, const LOW: usize>(
    path: *const c_char,
    flags: c_int,
) -> *mut c_void {
    // SAFETY: the caller's contract is dlopen's.
    unsafe { dlopen(HIGH * ROW + LOW, path, flags) }
}

/// As above.
unsafe extern "C-unwind" fn symbol_gate<const HIGH: usize, const LOW: usize>(
    handle: *mut c_void,
    name: *const c_char,
) -> *mut c_void {
    // SAFETY: the caller's contract is dlsym's.
    unsafe { dlsym(HIGH * ROW + LOW, handle, name) }
}

const ROW: usize = 32;
static GATES: [[(Open, Symbol); ROW]; MOST / ROW] = rows();

/// `[make!(0), make!(1), …, make!(31)]`
macro_rules! thirty_two {
    ($make:ident) => {
        thirty_two!($make: 0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25 26 27 28 29 30 31)
    };
    ($make:ident: $($number:literal)*) => {
        [$($make!($number)),*]
    };
}

const fn row<const HIGH: usize>() -> [(Open, Symbol); ROW] {
    macro_rules! gates {
        ($low:literal) => {
            (open_gate::<HIGH, $low> as Open, symbol_gate::<HIGH, $low> as Symbol)
        };
    }
    thirty_two!(gates)
}

const fn rows() -> [[(Open, Symbol); ROW]; MOST / ROW] {
    macro_rules! row_of {
        ($high:literal) => {
            row::<$high>()
        };
    }
    thirty_two!(row_of)
}

fn loader(number: usize) -> Option<&'static Loader> {
    // SAFETY: only loaders that are never freed are stored.
    unsafe { LOADERS[number].load(Ordering::Acquire).as_ref() }
}

/// # Safety
/// As for dlopen: `path` is NULL or a C string.
unsafe fn dlopen(number: usize, path: *const c_char, flags: c_int) -> *mut c_void {
    FAILURE.set(None);
    let Some(loader) = loader(number).filter(|_| !path.is_null()) else {
        // SAFETY: as the caller.
        return unsafe { libc::dlopen(path, flags) };
    };
    // SAFETY: not NULL, and so a C string.
    let path = unsafe { CStr::from_ptr(path) };
    match loader.open(Path::new(OsStr::from_bytes(path.to_bytes())), flags) {
        Ok(Some(library)) => library.handle(),
        Ok(None) => open_shared(path, flags),
        Err(message) => {
            FAILURE.set(CString::new(message.replace('\0', "\\0")).ok());
            ptr::null_mut()
        }
    }
}

/// A library that all share.
fn open_shared(path: &CStr, flags: c_int) -> *mut c_void {
    // SAFETY: a C string; the initialisers run that its caller wants.
    unsafe {
        let loaded = libc::dlopen(path.as_ptr(), flags | libc::RTLD_NOLOAD);
        if !loaded.is_null() || flags & libc::RTLD_NOLOAD != 0 {
            return loaded;
        }
        let library = libc::dlopen(path.as_ptr(), flags);
        if !library.is_null() {
            at_exit::before_libraries();
        }
        library
    }
}

/// # Safety
/// As for dlsym: `name` is a C string.
unsafe fn dlsym(number: usize, handle: *mut c_void, name: *const c_char) -> *mut c_void {
    FAILURE.set(None);
    // SAFETY: by this function's contract.
    let text = unsafe { CStr::from_ptr(name) };
    let own = loader(number).and_then(|loader| loader.symbol(handle, text));
    match own {
        Some(Ok(address)) => address.as_ptr(),
        Some(Err(message)) => {
            FAILURE.set(CString::new(message).ok());
            ptr::null_mut()
        }
        // SAFETY: as the caller.
        None => unsafe { libc::dlsym(handle, name) },
    }
}

unsafe extern "C-unwind" fn dlerror() -> *mut c_char {
    thread_local! {
        /// The text that was given out last: it stays until the next call.
        static GIVEN: RefCell<Option<CString>> = const { RefCell::new(None) };
    }
    let Some(failure) = FAILURE.take() else {
        // SAFETY: dlerror may always be called.
        return unsafe { libc::dlerror() };
    };
    GIVEN.with_borrow_mut(|given| given.insert(failure).as_ptr().cast_mut())
}

/// As the C library's, with the paths that libraries were copied from.
unsafe extern "C-unwind" fn dladdr(address: *const c_void, info: *mut libc::Dl_info) -> c_int {
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
unsafe extern "C-unwind" fn sigaction(
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

unsafe extern "C-unwind" fn abort() -> ! {
    stop_if_starting();
    // SAFETY: abort may always be called.
    unsafe { libc::abort() }
}

unsafe extern "C-unwind" fn exit(status: c_int) -> ! {
    stop_if_starting();
    // SAFETY: exit may be called; where it may not, a copy of libpython would call the C library's too.
    unsafe { libc::exit(status) }
}

/// Libraries that end ask this before they touch Python.
unsafe extern "C-unwind" fn is_initialized() -> c_int {
    (!at_exit::is_ending()).into()
}

/// As above.
unsafe extern "C-unwind" fn is_finalizing() -> c_int {
    at_exit::is_ending().into()
}

/// A copy that cannot start ends its process: instead, the thread that starts it does not go on.
fn stop_if_starting() {
    let Ok(Some(ended)) = STARTING.try_with(RefCell::take) else { return };
    ended();
    loop {
        thread::park();
    }
}
