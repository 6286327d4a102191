//! A private copy of a libpython: found, its symbols renamed, and loaded.

use std::ffi::{CStr, CString};
use std::fmt::Display;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::interp::cpython::discovery::find_libpython;
use crate::interp::cpython::ffi::Api;
use crate::interp::cpython::free_threading::{self, StopTheWorld};
use crate::interp::cpython::host::Host;
use crate::interp::cpython::version::Version;
use crate::interp::elf::image::Image;
use crate::interp::elf::rewrite::rewrite_libpython;
use crate::interp::elf::symbols::{SymbolPrefix, defines};
use crate::interp::error::InterpError;
use crate::interp::interpose::{self, copies};
use crate::interp::loading::dl::Library;
use crate::interp::loading::loader::Loader;
use crate::interp::loading::memfile::PrivateFile;
use crate::interp::runtime::options::Options;

/// A copy of libpython that is loaded, but not initialised.
pub(crate) struct LoadedCopy {
    pub(crate) api: Api,
    pub(crate) version: Version,
    /// In a free-threaded build.
    pub(crate) world: Option<StopTheWorld>,
    pub(crate) number: usize,
    pub(crate) prefix: SymbolPrefix,
    pub(crate) python: Library,
    /// The file that it is a copy of.
    pub(crate) libpython: PathBuf,
    pub(crate) options: Options,
}

impl LoadedCopy {
    /// Loads a copy of the libpython that the options ask for; by default, of the host's.
    ///
    /// # Safety
    /// The libpython that is found is CPython's: its initialisers, if it has any, are sound.
    pub(crate) unsafe fn new(options: Options) -> Result<Self, InterpError> {
        let host = Host::find()?;
        check_glibc()?;
        let executable = options.path("executable");
        // SAFETY: by this function's contract, the initialisers of what is found are sound.
        let libpython =
            unsafe { find_libpython(options.path("libpython"), executable.as_deref(), host.as_ref())? };
        let failed = |why: &dyn Display| unsupported(&libpython, why);
        let image = Image::read(&libpython).map_err(|error| failed(&error))?;
        // This is checked before the file is loaded, as its symbols are then visible to all.
        if !defines(&image, b"Py_GetVersion").map_err(|error| failed(&error))? {
            return Err(failed(&"not a libpython"));
        }
        let is_free_threaded = defines(&image, free_threading::MARK.as_bytes()).map_err(|error| failed(&error))?;
        check_pthread_key()?;
        let number = next_number()?;
        let prefix = SymbolPrefix::new(number);
        let copy = rewrite_libpython(image, &prefix, &interpose::functions(number, is_free_threaded));
        let copy = copy.map_err(|error| failed(&error))?;
        let name = CString::new(file_name(&libpython).as_bytes()).unwrap_or_default();
        let file = PrivateFile::new(&name, &copy).map_err(|error| failed(&error))?;
        // SAFETY: the caller vouches for the initialisers of the original, and those of the copy are the same.
        let python = unsafe { Library::open(file.path(), libc::RTLD_NOW | libc::RTLD_GLOBAL) };
        let python = python.map_err(|error| failed(&prefix.demangle(&error.0)))?;
        let find = |name: &str| python.symbol(&prefix.mangle(name));
        // SAFETY: these are the symbols of a libpython, by this function's contract; a `Library` stays loaded.
        let version = unsafe { Version::of_python(find) }.ok_or_else(|| failed(&"not a libpython"))?;
        if !version.is_supported() {
            let (oldest, newest) = (Version::OLDEST, Version::NEWEST);
            let why =
                format!("it is Python {version}, and isolated interpreters support {oldest} to {newest}");
            return Err(failed(&why));
        }
        // SAFETY: these are the symbols of a libpython of a supported version.
        let api = unsafe { Api::of(find) }.map_err(|missing| failed(&missing))?;
        if is_free_threaded && version < free_threading::OLDEST {
            return Err(failed(&"it is a free-threaded Python 3.13; interpreters support free-threaded Pythons from 3.14 on"));
        }
        // SAFETY: these are the symbols of a libpython, which stays loaded.
        let world = is_free_threaded.then(|| unsafe { StopTheWorld::of(find) });
        let world = world.transpose().map_err(|missing| failed(&missing))?;
        let options = options.with_host_defaults(host.as_ref(), version, is_free_threaded)?;
        Ok(Self { api, version, world, number, prefix, python, libpython, options })
    }

    /// The loader that serves the copy's calls of `dlopen` and its companions.
    pub(crate) fn loader(&self) -> Loader {
        let soname = self.prefix.mangle(&file_name(&self.libpython));
        Loader::new(self.prefix.clone(), self.python, soname, &interpose::IN_LIBRARIES)
    }

    /// What the interpreter's own Python code is to know: the options, and the file of the original.
    pub(crate) fn settings(&self) -> Vec<u8> {
        Options::of_libpython(&self.libpython).or(&self.options).to_text()
    }
}

/// An error that names the file.
pub(crate) fn unsupported(file: &Path, why: &dyn Display) -> InterpError {
    InterpError::Unsupported(format!("{}: {why}", file.display()))
}

pub(crate) fn file_name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

fn next_number() -> Result<usize, InterpError> {
    static NUMBERS: AtomicUsize = AtomicUsize::new(0);
    let next = |number| (number < copies::MAX_COPIES).then_some(number + 1);
    NUMBERS.fetch_update(Ordering::Relaxed, Ordering::Relaxed, next).map_err(|_| InterpError::Exhausted)
}

/// Each copy takes one of the process's 1024 pthread keys; without one, CPython aborts.
fn check_pthread_key() -> Result<(), InterpError> {
    let mut key = 0;
    // SAFETY: the call writes a new key on success, which nobody else knows, and which is deleted here.
    unsafe {
        if libc::pthread_key_create(&mut key, None) != 0 {
            return Err(InterpError::Exhausted);
        }
        libc::pthread_key_delete(key);
    }
    Ok(())
}

/// The loader must take the value of an absolute symbol for its address, as glibc does from 2.28 on (its bug 19818).
fn check_glibc() -> Result<(), InterpError> {
    // SAFETY: glibc returns a static C string.
    let version = unsafe { CStr::from_ptr(libc::gnu_get_libc_version()) }.to_string_lossy();
    let numbers: Vec<u32> = version.split('.').filter_map(|number| number.parse().ok()).collect();
    if numbers.as_slice() >= [2, 28].as_slice() {
        return Ok(());
    }
    Err(InterpError::Unsupported(format!(
        "isolated interpreters require glibc 2.28 or newer; this is glibc {version}"
    )))
}
