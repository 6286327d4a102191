//! Initialisation by global variables and by functions that set one thing each. CPython deprecates them: Python 3.14 and
//! later are initialised by named options.

use std::ffi::{CStr, c_int};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use super::origin::Origin;
use crate::interp::cpython::ffi::{PreConfig, StartByGlobals};
use crate::interp::runtime::loaded_copy::LoadedCopy;
use crate::interp::runtime::options::FLAGS;

/// # Safety
/// These are functions of the copy, which is not initialised yet, and no other thread uses it.
pub(super) unsafe fn initialize(
    api: &StartByGlobals,
    copy: &LoadedCopy,
    origin: &Origin,
) -> Result<(), String> {
    // SAFETY: by this function's contract, these functions may be called, in this order. Python keeps the pointer to the
    // path, which is never freed.
    unsafe {
        pre_initialize(api, copy)?;
        set_flags(copy)?;
        match origin {
            Origin::Program(path) => (api.Py_SetProgramName)(leaked(path)),
            Origin::Home(path) => (api.Py_SetPythonHome)(leaked(path)),
        }
        (api.Py_InitializeEx)(1);
    }
    Ok(())
}

/// # Safety
/// The contract of `initialize`.
unsafe fn pre_initialize(api: &StartByGlobals, copy: &LoadedCopy) -> Result<(), String> {
    let flag = |name: &str| copy.options.number(name);
    let mut config = PreConfig::default();
    // SAFETY: Python writes the structure, which is as large as that of any version with these functions that is started
    // by them, and then reads it.
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
    Err(why.to_string_lossy().into_owned())
}

/// Sets the flags that the options give. A flag whose variable is missing is an error unless it is 0, as it would be
/// ignored without notice.
///
/// # Safety
/// The contract of `initialize`.
unsafe fn set_flags(copy: &LoadedCopy) -> Result<(), String> {
    for flag in FLAGS {
        let Some(value) = copy.options.number(flag.name) else { continue };
        match copy.python.symbol(&copy.prefix.mangle(flag.variable)) {
            // SAFETY: Python's variable of this name is an int; by this function's contract, nobody else uses it.
            Some(address) => unsafe { address.cast::<c_int>().write(value) },
            None if value == 0 => {}
            None => {
                return Err(format!(
                    "it has no variable {}, which the option \"{}\" sets",
                    flag.variable, flag.name
                ));
            }
        }
    }
    Ok(())
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
