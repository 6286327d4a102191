//! How a private copy of Python is found, loaded and started.

use std::ffi::{CStr, CString, c_int};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::interp::cpython::arena;
use crate::interp::cpython::ffi::{Api, PreConfig};
use crate::interp::cpython::host::{self, Host, Version, libpython_beside};
use crate::interp::elf::image::Image;
use crate::interp::elf::rewrite::rewrite_libpython;
use crate::interp::elf::symbols::{SymbolPrefix, defines};
use crate::interp::error::InterpError;
use crate::interp::interpose::{self, copies};
use crate::interp::loading::dl::{Library, path_at};
use crate::interp::loading::loader::Loader;
use crate::interp::loading::memfile::PrivateFile;
use crate::interp::runtime::options::{FLAGS, Options};
use crate::sys::settings;

/// A copy of libpython that is loaded, but has not started.
pub(crate) struct LoadedCopy {
    pub(crate) api: Api,
    pub(crate) version: Version,
    pub(crate) number: usize,
    prefix: SymbolPrefix,
    python: Library,
    libpython: PathBuf,
    options: Options,
}

fn unsupported(file: &Path, what: &dyn std::fmt::Display) -> InterpError {
    InterpError::Unsupported(format!("{}: {what}", file.display()))
}

impl LoadedCopy {
    /// Loads a copy of the libpython that these options ask for; where they are silent, of the process's own.
    ///
    /// # Safety
    /// The libpython that is found is CPython's: its initialisers, if it has any, are sound.
    pub(crate) unsafe fn new(options: Options) -> Result<Self, InterpError> {
        let host = Host::find()?;
        check_system()?;
        // SAFETY: by this function's contract.
        let libpython = unsafe { find_libpython(&options, host.as_ref())? };
        let failed = |what: &dyn std::fmt::Display| unsupported(&libpython, what);
        let image = Image::read(&libpython).map_err(|error| failed(&error))?;
        // Before it is loaded, as its symbols are then everybody's.
        if !defines(&image, b"Py_GetVersion").map_err(|error| failed(&error))? {
            return Err(failed(&"it is no libpython"));
        }
        check_keys()?;
        let number = next_number()?;
        let prefix = SymbolPrefix::new(number);
        let copy = rewrite_libpython(image, &prefix, &interpose::functions(number));
        let copy = copy.map_err(|error| failed(&error))?;
        let name = CString::new(file_name(&libpython).as_bytes()).unwrap_or_default();
        let file = PrivateFile::new(&name, &copy).map_err(|error| failed(&error))?;
        // SAFETY: the caller vouches for the initialisers; the renamed copy runs the same ones.
        let python = unsafe { Library::open(file.path(), libc::RTLD_NOW | libc::RTLD_GLOBAL) };
        let python = python.map_err(|error| failed(&prefix.demangle(&error.0)))?;
        let find = |name: &str| python.symbol(&prefix.mangle(name));
        let version = host::version_by(find).ok_or_else(|| failed(&"it is no libpython"))?;
        if !version.is_supported() {
            let (oldest, newest) = (Version::OLDEST, Version::NEWEST);
            return Err(failed(&format!(
                "it is of Python {version}, and interpreters are of {oldest} to {newest}"
            )));
        }
        // SAFETY: these are the symbols of a libpython of such a version.
        let api = unsafe { Api::of(find) }.map_err(|missing| failed(&missing))?;
        let options = completed(options, host.as_ref(), version);
        Ok(Self { api, version, number, prefix, python, libpython, options })
    }

    /// The loader that the copy's calls go to.
    pub(crate) fn loader(&self) -> Loader {
        let soname = self.prefix.mangle(&file_name(&self.libpython));
        Loader::new(self.prefix.clone(), self.python, soname, &interpose::IN_LIBRARIES)
    }

    /// All that the interpreter is to know of itself: its options, and which file it is of.
    pub(crate) fn settings(&self) -> Vec<u8> {
        let file = Options::of_libpython(&self.libpython);
        file.or(&self.options).to_text()
    }

    /// Starts it. On return this thread holds its lock.
    ///
    /// # Safety
    /// It is called once; all that the copy is to have in place of the C library's functions is there.
    pub(crate) unsafe fn start(&self) -> Result<(), InterpError> {
        let api = &self.api;
        let flag = |name: &str| self.options.number(name);
        let mut early = PreConfig::default();
        // SAFETY: Python fills the structure and reads it; what it keeps of the arguments is there for good.
        unsafe {
            (api.PyPreConfig_InitPythonConfig)(&mut early);
            early.parse_argv = 0;
            // The locale is the whole process's.
            (early.configure_locale, early.coerce_c_locale, early.coerce_c_locale_warn) = (0, 0, 0);
            early.utf8_mode = flag("utf8_mode").unwrap_or(early.utf8_mode);
            early.dev_mode = flag("dev_mode").unwrap_or(early.dev_mode);
            early.isolated = flag("isolated").unwrap_or(0);
            early.use_environment = 1 - flag("ignore_environment").unwrap_or(0).clamp(0, 1);
            let status = (api.Py_PreInitialize)(&early);
            if status.kind != 0 {
                let why = if status.message.is_null() {
                    c"it gives no reason"
                } else {
                    CStr::from_ptr(status.message)
                };
                let why = why.to_string_lossy();
                return Err(unsupported(&self.libpython, &format!("it cannot be initialised: {why}")));
            }
            for (name, variable) in FLAGS {
                let place = self.python.symbol(&self.prefix.mangle(variable));
                if let Some((value, place)) = flag(name).zip(place) {
                    place.cast::<c_int>().write(value);
                }
            }
            match self.program_or_home()? {
                Origin::Program(path) => (api.Py_SetProgramName)(leaked(&path)),
                Origin::Home(path) => (api.Py_SetPythonHome)(leaked(&path)),
            }
            if self.version >= Version(3, 11) {
                let mut allocator = arena::ALLOCATOR;
                (api.PyObject_SetArenaAllocator)(&mut allocator);
            }
            (api.Py_InitializeEx)(0);
        }
        Ok(())
    }

    /// What Python finds its standard library by.
    fn program_or_home(&self) -> Result<Origin, InterpError> {
        let failed = |what: String| unsupported(&self.libpython, &what);
        let landmark = format!("lib/python{}/os.py", self.version);
        if let Some(program) = self.options.path("executable").filter(|path| is_python(path)) {
            return Ok(Origin::Program(program));
        }
        if let Some(home) = self.options.path("home") {
            let is_there = home.join(&landmark).exists() || !self.has_landmark();
            return is_there
                .then(|| Origin::Home(home.clone()))
                .ok_or_else(|| failed(format!("{} has no {landmark}", home.display())));
        }
        let mut prefixes = self.libpython.ancestors().skip(2);
        let prefix = prefixes.find(|prefix| prefix.join(&landmark).exists());
        let prefix = prefix.ok_or_else(|| failed(format!("its {landmark} is in no folder above it")))?;
        let program = prefix.join(format!("bin/python{}", self.version));
        Ok(if is_python(&program) { Origin::Program(program) } else { Origin::Home(prefix.to_owned()) })
    }

    /// Whether the standard library is one of files at the usual place. (A free-threaded Python's folder ends with t.)
    fn has_landmark(&self) -> bool {
        !file_name(&self.libpython).contains("t.so")
    }
}

/// The options, and where they are silent, those of the process's Python if it is of the same version.
pub(crate) fn completed(options: Options, host: Option<&Host>, version: Version) -> Options {
    let Some(host) = host.filter(|host| host.version == version) else { return options };
    if options.get("executable").is_some() || options.get("home").is_some() {
        // Another program has other packages.
        let others = ["executable", "home", "path"].into_iter().fold(host.options.clone(), Options::without);
        return options.or(&others);
    }
    options.or(&host.options)
}

enum Origin {
    Program(PathBuf),
    Home(PathBuf),
}

/// Whether this is a Python's program: an application that embeds Python is not.
fn is_python(path: &Path) -> bool {
    file_name(path).starts_with("python") && path.is_absolute() && path.exists()
}

fn file_name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

fn next_number() -> Result<usize, InterpError> {
    static NUMBERS: AtomicUsize = AtomicUsize::new(0);
    let next = |number| (number < copies::MAX_COPIES).then_some(number + 1);
    NUMBERS.fetch_update(Ordering::Relaxed, Ordering::Relaxed, next).map_err(|_| InterpError::Exhausted)
}

/// Each copy takes one of the process's pthread keys, of which there are 1024.
fn check_keys() -> Result<(), InterpError> {
    let mut key = 0;
    // SAFETY: the key is written on success, and then given back.
    unsafe {
        if libc::pthread_key_create(&mut key, None) != 0 {
            return Err(InterpError::Exhausted);
        }
        libc::pthread_key_delete(key);
    }
    Ok(())
}

/// The loader must take a symbol's absolute address for that: glibc from 2.28 on does (its bug 19818).
fn check_system() -> Result<(), InterpError> {
    // SAFETY: it gives a C string that is there for good.
    let version = unsafe { CStr::from_ptr(libc::gnu_get_libc_version()) }.to_string_lossy();
    let numbers: Vec<u32> = version.split('.').filter_map(|number| number.parse().ok()).collect();
    if numbers.as_slice() >= [2, 28].as_slice() {
        return Ok(());
    }
    Err(InterpError::Unsupported(format!(
        "isolated interpreters want glibc 2.28 or newer, and this is {version}"
    )))
}

/// # Safety
/// As for [`LoadedCopy::new`]: to look for it may load it.
unsafe fn find_libpython(options: &Options, host: Option<&Host>) -> Result<PathBuf, InterpError> {
    let given =
        || options.path("libpython").or_else(|| Some(settings::variables().libpython.clone()?.into()));
    let of_executable = || {
        let executable = options.path("executable")?;
        libpython_beside(&executable, None)
    };
    if let Some(path) = given().or_else(of_executable) {
        return Ok(path);
    }
    match (host, host::version()) {
        (Some(host), _) => libpython_of(host),
        (None, Some(version)) => Err(InterpError::Unsupported(format!(
            "this process runs Python {version}, and interpreters are of {} to {}: name a libpython by the option \
             libpython or by UNGIL_LIBPYTHON",
            Version::OLDEST,
            Version::NEWEST
        ))),
        // SAFETY: by this function's contract.
        (None, None) => unsafe { installed() }.ok_or_else(|| {
            InterpError::Unsupported(
                "no shared libpython is found: install one (libpython3-dev, or a Python that was built with \
                 --enable-shared), or name one by the option libpython or by UNGIL_LIBPYTHON"
                    .to_owned(),
            )
        }),
    }
}

/// The shared library of the process's own Python: what it runs from, or one beside a program that has it built in.
fn libpython_of(host: &Host) -> Result<PathBuf, InterpError> {
    let file = host.file.clone().unwrap_or_default();
    if file_name(&file).starts_with("libpython") {
        return Ok(file);
    }
    let program = std::env::current_exe().ok();
    let beside = program.iter().find_map(|program| libpython_beside(program, Some(host.version)));
    beside.ok_or_else(|| {
        let version = host.version;
        InterpError::Unsupported(format!(
            "{} has Python {version} built in, and no libpython{version}.so.1.0 lies beside it: install it \
             (libpython{version} on Debian), or name one by the option libpython or by UNGIL_LIBPYTHON",
            program.unwrap_or(file).display()
        ))
    })
}

/// The newest libpython that the system's loader finds.
///
/// # Safety
/// Its initialisers are sound.
unsafe fn installed() -> Option<PathBuf> {
    let minors = (Version::OLDEST.1..=Version::NEWEST.1).rev();
    minors.map(|minor| format!("libpython3.{minor}.so.1.0")).find_map(|name| {
        // SAFETY: the caller vouches for the initialisers.
        let library = unsafe { Library::open(Path::new(&name), libc::RTLD_LAZY) }.ok()?;
        path_at(library.symbol("Py_GetVersion")?.as_ptr())
    })
}

/// A path as Python's C API takes it, for good. Bytes that are not UTF-8 become what `surrogateescape` makes of them.
fn leaked(path: &Path) -> *const libc::wchar_t {
    let mut wide = Vec::new();
    for chunk in path.as_os_str().as_bytes().utf8_chunks() {
        wide.extend(chunk.valid().chars().map(|character| character as libc::wchar_t));
        wide.extend(chunk.invalid().iter().map(|&byte| 0xdc00 + libc::wchar_t::from(byte)));
    }
    wide.push(0);
    Box::leak(wide.into_boxed_slice()).as_ptr()
}
