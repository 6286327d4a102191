//! A private copy of a libpython: found, its symbols renamed, and loaded.

use std::ffi::{CStr, CString, c_void};
use std::fmt::Display;
use std::fs;
use std::ptr::NonNull;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::interp::cpython::discovery::find_libpython;
use crate::interp::cpython::ffi::{Api, StartApi};
use crate::interp::cpython::free_threading::{self, StopTheWorld};
use crate::interp::cpython::holder::GilHolder;
use crate::interp::cpython::host::Host;
use crate::interp::cpython::version::Version;
use crate::interp::elf::reading::Original;
use crate::interp::elf::rewrite::rewrite_libpython;
use crate::interp::elf::symbols::{PythonSymbols, SymbolPrefix};
use crate::interp::error::InterpError;
use crate::interp::interpose::start::HashSecret;
use crate::interp::interpose::{self, copies, environ};
use crate::interp::loading::dl::Library;
use crate::interp::loading::graph_files::loads_others;
use crate::interp::loading::initializers::initialize;
use crate::interp::loading::library_cache::FileId;
use crate::interp::loading::loader::Loader;
use crate::interp::loading::memfile::PrivateFile;
use crate::interp::loading::shared_pages::{page_size, share_pages};
use crate::interp::runtime::environment;
use crate::interp::runtime::options::Options;
use crate::interp::runtime::step::{Libpython, Step, file_name};
use crate::sys::settings::variables;

/// A copy of libpython that is loaded, but not initialised.
pub(crate) struct LoadedCopy {
    pub(crate) api: Api,
    pub(crate) start_api: StartApi,
    pub(crate) version: Version,
    /// In a free-threaded build.
    pub(crate) world: Option<StopTheWorld>,
    pub(crate) holder: Option<GilHolder>,
    pub(crate) number: usize,
    pub(crate) prefix: SymbolPrefix,
    pub(crate) python: Library,
    exported: Arc<PythonSymbols>,
    /// The file that it is a copy of.
    pub(crate) libpython: Libpython,
    pub(crate) options: Options,
    /// That of the host's Python.
    pub(crate) hash_secret: Option<HashSecret>,
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
        let file =
            unsafe { find_libpython(options.path("libpython"), executable.as_deref(), host.as_ref())? };
        let mut libpython = Libpython { file, version: None };
        // SAFETY: as above.
        let (number, prefix, python, exported) = unsafe { load(&libpython)? };
        let is_free_threaded = exported.contains(free_threading::MARK.as_bytes());
        let find = |name: &str| python.symbol(&prefix.mangle(name));
        // SAFETY: these are the symbols of a libpython, by this function's contract; a `Library` stays loaded.
        let version = unsafe { Version::of_python(find) };
        let version = version.ok_or_else(|| libpython.failed(Step::LookUp, &"it gives no version"))?;
        libpython.version = Some(version);
        // SAFETY: as above.
        let (api, start_api) =
            unsafe { look_up(&find, version) }.map_err(|why| libpython.failed(Step::LookUp, &why))?;
        // SAFETY: as above.
        let world = unsafe { world(&find, version, is_free_threaded) };
        let world = world.map_err(|why| libpython.failed(Step::LookUp, &why))?;
        // SAFETY: as above.
        let holder = unsafe { GilHolder::of(&find) };
        let options = options.with_host_defaults(host.as_ref(), version, is_free_threaded)?;
        Ok(Self {
            api,
            start_api,
            version,
            world,
            holder,
            number,
            prefix,
            python,
            exported,
            libpython,
            options,
            hash_secret: host.and_then(|host| host.hash_secret),
        })
    }

    /// The loader that serves the copy's calls of `dlopen` and its companions.
    pub(crate) fn loader(&self) -> Loader {
        let soname = self.prefix.mangle(&file_name(&self.libpython.file));
        Loader::new(
            self.prefix.clone(),
            self.python,
            soname,
            self.exported.clone(),
            interpose::is_in_libraries,
            self.options.choice(variables()),
        )
    }

    /// Identifies the file that it is a copy of.
    pub(crate) fn file_id(&self) -> Option<FileId> {
        fs::metadata(&self.libpython.file).ok().map(|metadata| FileId::of(&metadata))
    }

    /// What the interpreter's own Python code is to know: the options, the file of the original, and the interpreter's number,
    /// counted from 1.
    pub(crate) fn settings(&self) -> Vec<u8> {
        let mut text = Options::of_libpython(&self.libpython.file).or(&self.options).to_text();
        text.extend(format!("number={}\n", self.number + 1).bytes());
        text
    }
}

/// Loads a copy of the file: its number, the prefix of its symbols, the library, and the names of those
/// that the original exports.
///
/// # Safety
/// The initialisers of the library are sound.
unsafe fn load(
    libpython: &Libpython,
) -> Result<(usize, SymbolPrefix, Library, Arc<PythonSymbols>), InterpError> {
    let failed = |step| move |why: &dyn Display| libpython.failed(step, why);
    let (read, rename, load) = (failed(Step::Read), failed(Step::Rename), failed(Step::Load));
    let (original, image) = Original::read(&libpython.file).map_err(|error| read(&error))?;
    // This is checked before the file is loaded, as its symbols are then visible to all.
    let exported = PythonSymbols::exported_by(&image).map_err(|error| read(&error))?;
    if !exported.contains(b"Py_GetVersion") {
        return Err(read(&"not a libpython: it does not define Py_GetVersion"));
    }
    check_pthread_key()?;
    let number = next_number()?;
    let prefix = SymbolPrefix::new(number);
    let is_free_threaded = exported.contains(free_threading::MARK.as_bytes());
    environ::replace(number, &environment::snapshot());
    let interposed = interpose::functions(number, is_free_threaded).map_err(|error| load(&error))?;
    let loads_others = loads_others(&image).map_err(|error| read(&error))?;
    let copy = rewrite_libpython(image, &prefix, &interposed);
    let copy = copy.map_err(|error| rename(&error))?;
    let name = CString::new(file_name(&libpython.file).as_bytes()).unwrap_or_default();
    let file = PrivateFile::new(&name, b"").map_err(|error| load(&error))?;
    let written = file.open().and_then(|mut to| original.write_copy(&copy, &mut to, page_size()?));
    let missing = written.map_err(|error| load(&error))?;
    if loads_others {
        // Their initialisers may be bound to functions of the copy.
        file.open().and_then(|file| missing.write(&file)).map_err(|error| load(&error))?;
    }
    // SAFETY: the initialisers of the copy are hidden, and what it needs, it has in common with the original.
    let python = unsafe { Library::open(file.path(), libc::RTLD_NOW | libc::RTLD_GLOBAL) };
    let python = python.map_err(|error| load(&prefix.demangle(&error.0)))?;
    share_pages(python, &file, &missing).map_err(|error| load(&error))?;
    // SAFETY: by this function's contract, the initialisers are sound. The copy is new, and has all its pages.
    unsafe { initialize(python) };
    Ok((number, prefix, python, Arc::new(exported)))
}

/// # Safety
/// `find` returns the addresses of the symbols of a CPython of this version.
unsafe fn look_up(
    find: &dyn Fn(&str) -> Option<NonNull<c_void>>,
    version: Version,
) -> Result<(Api, StartApi), String> {
    if !version.is_supported() {
        let oldest = Version::OLDEST;
        return Err(format!("isolated interpreters need CPython {oldest} or newer"));
    }
    // SAFETY: this function's contract is that of both.
    let tables = unsafe { Api::of(find).and_then(|api| Ok((api, StartApi::of(find)?))) };
    tables.map_err(|missing| missing.to_string())
}

/// What stops a free-threaded build.
///
/// # Safety
/// `find` returns the addresses of the symbols of a CPython of this version, which stays loaded.
unsafe fn world(
    find: &dyn Fn(&str) -> Option<NonNull<c_void>>,
    version: Version,
    is_free_threaded: bool,
) -> Result<Option<StopTheWorld>, String> {
    let oldest = free_threading::OLDEST;
    if is_free_threaded && version < oldest {
        return Err(format!(
            "it is a free-threaded Python {version}, and interpreters support these from {oldest} on"
        ));
    }
    // SAFETY: by this function's contract.
    let world = is_free_threaded.then(|| unsafe { StopTheWorld::of(find) });
    world.transpose().map_err(|missing| missing.to_string())
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
