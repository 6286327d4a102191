//! The host's Python: the one that runs this process, if one does. An interpreter is to be like it.

use std::ffi::{CStr, CString, c_void};
use std::path::PathBuf;
use std::ptr::NonNull;
use std::sync::OnceLock;

use crate::interp::cpython::attach::with_gil_of_host;
use crate::interp::cpython::ffi::Api;
use crate::interp::cpython::free_threading;
use crate::interp::cpython::gil::{Gil, PyErrSet};
use crate::interp::cpython::version::Version;
use crate::interp::error::InterpError;
use crate::interp::loading::dl::path_at;
use crate::sys::fork::ForkLocal;

const DESCRIBE: &CStr = match CStr::from_bytes_with_nul(concat!(include_str!("host.py"), "\0").as_bytes()) {
    Ok(text) => text,
    Err(_) => panic!("the source has a NUL"),
};

/// The host's Python.
pub(crate) struct Host {
    pub(crate) version: Version,
    pub(crate) is_free_threaded: bool,
    /// The file that contains it: a shared library, or the program.
    pub(crate) file: Option<PathBuf>,
    /// Its settings: lines of options, which `host.py` writes.
    pub(crate) settings: Vec<u8>,
    /// What its hashes of `str` depend on; `None` if it does not export that.
    pub(crate) hash_secret: Option<[u8; 24]>,
}

fn find(name: &str) -> Option<NonNull<c_void>> {
    let name = CString::new(name).ok()?;
    // SAFETY: the name is a C string, and the default scope may always be searched.
    NonNull::new(unsafe { libc::dlsym(libc::RTLD_DEFAULT, name.as_ptr()) })
}

/// The version of the process's own Python, supported or not, if there is one and it has started.
pub(crate) fn version() -> Option<Version> {
    type IsInitialized = extern "C" fn() -> i32;
    let is_initialized = find("Py_IsInitialized")?;
    // SAFETY: Python's function of this name has this type in all versions, and may be called at any time.
    let is_initialized = unsafe { std::mem::transmute::<NonNull<c_void>, IsInitialized>(is_initialized) };
    // SAFETY: these are the symbols of the process's Python, which runs this process and stays loaded.
    if is_initialized() == 0 { None } else { unsafe { Version::of_python(find) } }
}

/// Why the process's own Python, of this version, cannot be described.
pub(crate) fn unsupported_because(version: Version) -> String {
    let oldest = Version::OLDEST;
    if !version.is_supported() {
        return format!("isolated interpreters need CPython {oldest} or newer");
    }
    // SAFETY: these are the symbols of the process's Python.
    unsafe { Api::of(&find) }.err().map_or_else(String::new, |missing| missing.to_string())
}

impl Host {
    /// The process's own Python, if it is supported. This waits for that Python's GIL, which ctypes has released
    /// for this call.
    ///
    /// Call it before anything else: the longer a call has lasted, the more likely has that Python ended meanwhile.
    pub(crate) fn find() -> Result<Option<Self>, InterpError> {
        let Some(version) = version().filter(|version| version.is_supported()) else { return Ok(None) };
        // SAFETY: these are the symbols of the process's Python.
        let Ok(api) = (unsafe { Api::of(&find) }) else { return Ok(None) };
        let file = path_at(api.Py_GetVersion as *const c_void);
        // SAFETY: these are the functions of the process's Python, which has started.
        let settings = unsafe { settings(&api) }.map_err(|why| {
            InterpError::Unsupported(format!("the process's Python cannot describe its settings: {why}"))
        })?;
        let is_free_threaded = find(free_threading::MARK).is_some();
        // SAFETY: in all supported versions, Python's variable of this name has this size. It was set before that Python
        // had started, and never changes.
        let hash_secret = find("_Py_HashSecret").map(|secret| unsafe { secret.cast().read_unaligned() });
        Ok(Some(Self { version, is_free_threaded, file, settings, hash_secret }))
    }
}

/// The settings that a Python reports.
///
/// # Safety
/// These are the functions of the process's Python, which has started.
unsafe fn settings(api: &Api) -> Result<Vec<u8>, String> {
    // SAFETY: by this function's contract, that Python has started.
    unsafe { with_gil_of_host(api, describe_with_retries) }?
}

/// On the main thread a signal's handler may run here and raise an exception. That is raised again in the thread's own
/// code, and the description is tried again.
fn describe_with_retries(gil: Gil<'_>) -> Result<Vec<u8>, String> {
    const TRIES: usize = 10;
    let mut why = String::new();
    for _ in 0..TRIES {
        match describe(gil) {
            Ok(text) => return Ok(text),
            Err(error) => why = raise_again(gil, error),
        }
    }
    Err(why)
}

/// Has an exception raised in this thread's own code, and returns its text.
fn raise_again(gil: Gil<'_>, error: PyErrSet) -> String {
    let Some(exception) = gil.take_exception(error) else { return String::new() };
    let why = gil.text(&exception).map_err(|error| gil.clear(error)).unwrap_or_default();
    match gil.class_of(&exception) {
        // SAFETY: the token shows that this thread holds the GIL. The class is alive by its reference, and Python takes
        // another one.
        Ok(class) => unsafe {
            (gil.api.PyThreadState_SetAsyncExc)(libc::pthread_self(), class.as_ptr());
        },
        Err(error) => gil.clear(error),
    }
    why
}

fn describe(gil: Gil<'_>) -> Result<Vec<u8>, PyErrSet> {
    static COMPILED: ForkLocal<OnceLock<Vec<u8>>> = ForkLocal::new(OnceLock::new);
    let compiled = match COMPILED.get().get() {
        Some(compiled) => compiled,
        None => {
            let compiled = gil.compile(DESCRIBE, c"<ungil host>")?;
            COMPILED.get().get_or_init(|| compiled)
        }
    };
    // SAFETY: the process's Python has compiled it, which runs this process and stays loaded.
    let namespace = unsafe { gil.run_compiled(compiled)? };
    let text = gil.get(&namespace, c"settings").ok_or(PyErrSet)?;
    text.content().map(<[u8]>::to_vec)
}
