//! Initialises the Python of a loaded copy.

use std::ffi::{CStr, c_int};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use crate::interp::cpython::arena;
use crate::interp::cpython::discovery::suffix;
use crate::interp::cpython::ffi::PreConfig;
use crate::interp::cpython::version::Version;
use crate::interp::error::InterpError;
use crate::interp::runtime::loaded_copy::{LoadedCopy, file_name, unsupported};
use crate::interp::runtime::options::FLAGS;

/// Initialises it. On success this thread holds its GIL.
///
/// # Safety
/// This is called once for a copy, and the loader that its calls go to is registered.
pub(crate) unsafe fn initialize(copy: &LoadedCopy) -> Result<(), InterpError> {
    let api = &copy.api;
    let origin = Origin::of(copy)?;
    // SAFETY: by this function's contract, the copy is loaded and not initialised yet. In that state these functions may
    // be called, in this order, by one thread. Python copies the allocator; it keeps the pointer to the path, which is
    // never freed.
    unsafe {
        pre_initialize(copy)?;
        set_flags(copy)?;
        match origin {
            Origin::Program(path) => (api.Py_SetProgramName)(leaked(&path)),
            Origin::Home(path) => (api.Py_SetPythonHome)(leaked(&path)),
        }
        if copy.version >= Version(3, 11) {
            let mut allocator = arena::ALLOCATOR;
            (api.PyObject_SetArenaAllocator)(&mut allocator);
        }
        (api.Py_InitializeEx)(0);
    }
    Ok(())
}

/// # Safety
/// Nothing of the copy was initialised yet.
unsafe fn pre_initialize(copy: &LoadedCopy) -> Result<(), InterpError> {
    let api = &copy.api;
    let flag = |name: &str| copy.options.number(name);
    let mut config = PreConfig::default();
    // SAFETY: Python writes the structure, which is as large as that of any supported version, and then reads it.
    let status = unsafe {
        (api.PyPreConfig_InitPythonConfig)(&mut config);
        config.parse_argv = 0;
        // The locale belongs to the whole process.
        (config.configure_locale, config.coerce_c_locale, config.coerce_c_locale_warn) = (0, 0, 0);
        config.utf8_mode = flag("utf8_mode").unwrap_or(config.utf8_mode);
        config.dev_mode = flag("dev_mode").unwrap_or(config.dev_mode);
        config.isolated = flag("isolated").unwrap_or(0);
        config.use_environment = 1 - flag("ignore_environment").unwrap_or(0).clamp(0, 1);
        (api.Py_PreInitialize)(&config)
    };
    if status.kind == 0 {
        return Ok(());
    }
    let no_reason = c"it gives no reason";
    // SAFETY: a status has NULL or a C string, which is static.
    let why = if status.message.is_null() { no_reason } else { unsafe { CStr::from_ptr(status.message) } };
    let why = format!("it cannot be initialised: {}", why.to_string_lossy());
    Err(unsupported(&copy.libpython, &why))
}

/// Sets the flags that the options give. All supported versions have their variables; a version without one, and with a
/// flag to set, is an error, as the flag would be ignored without notice.
///
/// # Safety
/// The copy is not initialised yet, and no other thread uses its variables.
unsafe fn set_flags(copy: &LoadedCopy) -> Result<(), InterpError> {
    for (name, variable) in FLAGS {
        let Some(value) = copy.options.number(name) else { continue };
        match copy.python.symbol(&copy.prefix.mangle(variable)) {
            // SAFETY: Python's variable of this name is an int; by this function's contract, nobody else uses it.
            Some(address) => unsafe { address.cast::<c_int>().write(value) },
            None if value == 0 => {}
            None => {
                let why = format!("it has no variable {variable}, which the option \"{name}\" sets");
                return Err(unsupported(&copy.libpython, &why));
            }
        }
    }
    Ok(())
}

/// How Python finds its standard library.
enum Origin {
    /// By the path of its program.
    Program(PathBuf),
    /// By the prefix that contains the library.
    Home(PathBuf),
}

impl Origin {
    fn of(copy: &LoadedCopy) -> Result<Self, InterpError> {
        let failed = |why: String| unsupported(&copy.libpython, &why);
        let version = format!("{}{}", copy.version, suffix(copy.world.is_some()));
        let landmark = format!("lib/python{version}/os.py");
        if let Some(program) = copy.options.path("executable").filter(|path| is_python(path)) {
            return Ok(Self::Program(program));
        }
        if let Some(home) = copy.options.path("home") {
            let is_there = home.join(&landmark).exists();
            return is_there
                .then(|| Self::Home(home.clone()))
                .ok_or_else(|| failed(format!("{} has no {landmark}", home.display())));
        }
        let mut prefixes = copy.libpython.ancestors().skip(2);
        let prefix = prefixes.find(|prefix| prefix.join(&landmark).exists());
        let prefix = prefix.ok_or_else(|| failed(format!("no directory above it has its {landmark}")))?;
        let program = prefix.join(format!("bin/python{version}"));
        Ok(if is_python(&program) { Self::Program(program) } else { Self::Home(prefix.to_owned()) })
    }
}

/// Whether this is the program of a Python, and not an application that embeds one.
fn is_python(path: &Path) -> bool {
    file_name(path).starts_with("python") && path.is_absolute() && path.exists()
}

/// A path for Python's C API, never freed. Bytes that are not UTF-8 are encoded as by `surrogateescape`.
fn leaked(path: &Path) -> *const libc::wchar_t {
    let mut wide = Vec::new();
    for chunk in path.as_os_str().as_bytes().utf8_chunks() {
        wide.extend(chunk.valid().chars().map(|character| character as libc::wchar_t));
        wide.extend(chunk.invalid().iter().map(|&byte| 0xdc00 + libc::wchar_t::from(byte)));
    }
    wide.push(0);
    Box::leak(wide.into_boxed_slice()).as_ptr()
}
