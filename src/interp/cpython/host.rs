//! The Python that this process runs, if it runs one: an interpreter is to be like it.

use std::ffi::{CStr, CString, c_char, c_void};
use std::path::{Path, PathBuf};
use std::ptr::NonNull;
use std::sync::atomic::{AtomicU8, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crate::interp::cpython::ffi::Api;
use crate::interp::cpython::gil::{Gil, PyErrSet};
use crate::interp::error::InterpError;
use crate::interp::loading::dl::path_at;
use crate::interp::runtime::options::Options;
use crate::sys::foreign::call_foreign;

const DESCRIBE: &CStr = match CStr::from_bytes_with_nul(concat!(include_str!("host.py"), "\0").as_bytes()) {
    Ok(text) => text,
    Err(_) => panic!("the source has a NUL"),
};

/// The process's own Python.
pub(crate) struct Host {
    pub(crate) version: Version,
    /// The file that it is in: a shared library, or the program.
    pub(crate) file: Option<PathBuf>,
    /// What it says of itself.
    pub(crate) options: Options,
}

/// A version of Python: major and minor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Version(pub(crate) u32, pub(crate) u32);

impl Version {
    pub(crate) const OLDEST: Self = Self(3, 8);
    pub(crate) const NEWEST: Self = Self(3, 14);

    pub(crate) fn is_supported(self) -> bool {
        (Self::OLDEST..=Self::NEWEST).contains(&self)
    }

    /// The version that `Py_GetVersion` gives, as in "3.11.7 (main, …".
    pub(crate) fn of(text: &str) -> Option<Self> {
        let mut numbers = text.split(|character: char| !character.is_ascii_digit());
        Some(Self(numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?))
    }
}

impl std::fmt::Display for Version {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{}", self.0, self.1)
    }
}

fn find(name: &str) -> Option<NonNull<c_void>> {
    let name = CString::new(name).ok()?;
    // SAFETY: a C string.
    NonNull::new(unsafe { libc::dlsym(libc::RTLD_DEFAULT, name.as_ptr()) })
}

/// The version of the process's own Python, if it has one that has started, whichever it is.
pub(crate) fn version() -> Option<Version> {
    type IsInitialized = extern "C" fn() -> i32;
    let is_initialized = find("Py_IsInitialized")?;
    // SAFETY: the function has this type in all versions, and may always be called.
    let is_initialized = unsafe { std::mem::transmute::<NonNull<c_void>, IsInitialized>(is_initialized) };
    if is_initialized() == 0 { None } else { version_by(find) }
}

/// The version of the Python whose symbols `find` gives.
///
/// Until 3.11, Python writes its text anew at each call: while another thread's call is at it, it is empty. This waits
/// for that thread.
pub(crate) fn version_by(find: impl Fn(&str) -> Option<NonNull<c_void>>) -> Option<Version> {
    type GetVersion = extern "C" fn() -> *const c_char;
    const PATIENCE: Duration = Duration::from_secs(10);
    let get_version = find("Py_GetVersion")?;
    // SAFETY: the function has this type in all versions, and may always be called.
    let text = unsafe { std::mem::transmute::<NonNull<c_void>, GetVersion>(get_version) }();
    let start = Instant::now();
    loop {
        // SAFETY: the text is there for good.
        let version = Version::of(&unsafe { shared_text(text) });
        if version.is_some() || start.elapsed() > PATIENCE {
            return version;
        }
        thread::yield_now();
    }
}

/// The beginning of a C string that another thread may be writing to: it is copied byte by byte, up to a NUL.
///
/// # Safety
/// A C string that is there as long as this runs.
unsafe fn shared_text(text: *const c_char) -> String {
    const ENOUGH: usize = 16;
    let bytes = (0..ENOUGH).map(|i| {
        // SAFETY: the string has not ended before this byte. Python writes whole bytes, and a NUL is behind the longest
        // text; an atomic read makes no claim on what else happens to it.
        unsafe { AtomicU8::from_ptr(text.cast_mut().cast::<u8>().add(i)) }.load(Ordering::Relaxed)
    });
    bytes.take_while(|&byte| byte != 0).map(char::from).collect()
}

impl Host {
    /// The process's own Python, if it is of a version that is supported. This waits for that Python's lock: ctypes has
    /// given it up for this call.
    ///
    /// To be called first: the longer the call has lasted, the more likely has that Python ended meanwhile.
    pub(crate) fn find() -> Result<Option<Self>, InterpError> {
        let Some(version) = version().filter(|version| version.is_supported()) else { return Ok(None) };
        // SAFETY: these are the symbols of the process's Python, of a version that is known.
        let Ok(api) = (unsafe { Api::of(find) }) else { return Ok(None) };
        let file = path_at(api.Py_GetVersion as *const c_void);
        Ok(Some(Self { version, file, options: describe(&api)? }))
    }
}

/// What the process's Python says of itself.
fn describe(api: &Api) -> Result<Options, InterpError> {
    // It may be ending: then it ends this thread.
    // SAFETY: that Python has started.
    let state = call_foreign(|| unsafe { (api.PyGILState_Ensure)() });
    // SAFETY: this thread has its lock from here until it is given up.
    let text = patient_description(unsafe { Gil::new(api) });
    // SAFETY: as above; no object is left.
    call_foreign(|| unsafe { (api.PyGILState_Release)(state) });
    let failed = |why: String| {
        InterpError::Unsupported(format!("the process's Python cannot tell its settings: {why}"))
    };
    Options::parse(&text.map_err(failed)?).map_err(failed)
}

/// The description. A signal may come, whose handler raises an exception here, on the main thread: that is asked for
/// again, and raised in that thread's own code.
fn patient_description(held: Gil<'_>) -> Result<Vec<u8>, String> {
    const TRIES: usize = 10;
    let mut why = String::new();
    for _ in 0..TRIES {
        match description(held) {
            Ok(text) => return Ok(text),
            Err(raised) => {
                let parts = held.exception(raised);
                why = parts.get(1).and_then(|value| held.text(value).ok()).unwrap_or_default();
                if let Some(kind) = parts.first() {
                    // SAFETY: the lock is held; an exception's type, which Python gives a reference of its own.
                    unsafe { (held.api.PyThreadState_SetAsyncExc)(libc::pthread_self(), kind.as_ptr()) };
                }
            }
        }
    }
    Err(why)
}

fn description(held: Gil<'_>) -> Result<Vec<u8>, PyErrSet> {
    let namespace = held.run(DESCRIBE, c"<ungil host>")?;
    let text = held.get(&namespace, c"settings").ok_or(PyErrSet)?;
    text.content().map(<[u8]>::to_vec)
}

/// The shared libpython that belongs to a Python program: in the library folders of its prefix.
pub(crate) fn libpython_beside(executable: &Path, version: Option<Version>) -> Option<PathBuf> {
    let executable = executable.canonicalize().ok()?;
    let from_name = || Version::of(executable.file_name()?.to_str()?.strip_prefix("python")?);
    let version = version.or_else(from_name);
    let prefix = executable.parent()?.parent()?;
    let folders =
        ["lib", "lib64", "lib/x86_64-linux-gnu", "lib/aarch64-linux-gnu"].map(|name| prefix.join(name));
    let newest_first = (Version::OLDEST.1..=Version::NEWEST.1).rev().map(|minor| Version(3, minor));
    let versions = newest_first.filter(|it| version.is_none_or(|version| version == *it));
    let names = versions.flat_map(|it| [format!("libpython{it}.so.1.0"), format!("libpython{it}t.so.1.0")]);
    names.flat_map(|name| folders.each_ref().map(|folder| folder.join(&name))).find(|path| path.exists())
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::Ordering::SeqCst;

    use super::*;

    static TEXT: [AtomicU8; 5] = [AtomicU8::new(0), byte(1), byte(2), byte(3), AtomicU8::new(0)];

    const fn byte(at: usize) -> AtomicU8 {
        AtomicU8::new(b"3.11"[at])
    }

    /// As Python 3.11's is while another thread calls it.
    extern "C" fn get_version() -> *const c_char {
        thread::spawn(|| {
            thread::sleep(Duration::from_millis(20));
            TEXT[0].store(b'3', SeqCst);
        });
        TEXT.as_ptr().cast()
    }

    #[test]
    #[cfg_attr(miri, ignore = "a thread writes to a text that it reads, as Python 3.11 does")]
    fn a_version_that_another_thread_asks_for_too() {
        assert_eq!(version_by(|_| NonNull::new(get_version as *mut c_void)), Some(Version(3, 11)));
    }
}
