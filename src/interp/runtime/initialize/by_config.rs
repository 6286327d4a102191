//! Initialisation by named options: `PyInitConfig`, from Python 3.14 on.
//!
//! A new `PyInitConfig` is that of an isolated Python, which reads neither the environment nor the user's directories. This
//! makes it that of a Python program.

use std::ffi::{CStr, CString};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::ptr::{self, NonNull};

use super::origin::Origin;
use crate::interp::cpython::ffi::{InitConfig, StartByConfig};
use crate::interp::runtime::environment;
use crate::interp::runtime::loaded_copy::LoadedCopy;
use crate::interp::runtime::options::{EARLY_FLAGS, ENVIRONMENT_FLAGS, FLAGS, Options};

/// Values that do not depend on the options.
const FIXED: [(&CStr, i64); 10] = [
    // They are installed in the interpreter alone.
    (c"install_signal_handlers", 1),
    // The locale belongs to the whole process.
    (c"configure_locale", 0),
    (c"coerce_c_locale", 0),
    (c"coerce_c_locale_warn", 0),
    (c"configure_c_stdio", 0),
    (c"parse_argv", 0),
    // As in a Python program, unless flags say otherwise.
    (c"isolated", 0),
    (c"use_environment", 1),
    (c"user_site_directory", 1),
    (c"safe_path", 0),
];

/// Options that a Python program takes from the environment: PYTHONHASHSEED, PYTHONTRACEMALLOC, PYTHONPERFSUPPORT,
/// PYTHONINTMAXSTRDIGITS, PYTHONUTF8 and the locale.
const FROM_ENVIRONMENT: [&CStr; 5] =
    [c"use_hash_seed", c"tracemalloc", c"perf_profiling", c"int_max_str_digits", c"utf8_mode"];

/// Options -X that are numbers, and that Python reads when it starts.
const FROM_XOPTIONS: [&str; 2] = ["thread_inherit_context", "context_aware_warnings"];

/// # Safety
/// These are functions of the copy, which is not initialised yet, and no other thread uses it.
pub(super) unsafe fn initialize(
    api: &StartByConfig,
    copy: &LoadedCopy,
    origin: &Origin,
) -> Result<(), String> {
    // SAFETY: by this function's contract, it may be called.
    let config =
        NonNull::new(unsafe { (api.PyInitConfig_Create)() }).ok_or("there is no memory for its options")?;
    let config = Config { api, config };
    for (name, value) in FIXED.iter().filter(|(name, value)| *value != 0 || config.has(name)) {
        config.set(name, *value)?;
    }
    FROM_ENVIRONMENT.iter().for_each(|name| config.unset(name));
    config.set_flags(&copy.options)?;
    config.set_xoptions(&copy.options)?;
    match origin {
        Origin::Program(path) => config.set_path(c"program_name", path)?,
        Origin::Home(path) => config.set_path(c"home", path)?,
    }
    // SAFETY: by this function's contract, this is the one initialisation.
    if unsafe { (api.Py_InitializeFromInitConfig)(config.config.as_ptr()) } < 0 {
        Err(config.error())
    } else {
        Ok(())
    }
}

/// A `PyInitConfig`. The copy's other threads, if there are any, do not know it.
struct Config<'a> {
    api: &'a StartByConfig,
    config: NonNull<InitConfig>,
}

impl Drop for Config<'_> {
    fn drop(&mut self) {
        // SAFETY: `PyInitConfig_Create` made it, and it is freed once.
        unsafe { (self.api.PyInitConfig_Free)(self.config.as_ptr()) };
    }
}

impl Config<'_> {
    /// Why a function of Python's has failed.
    fn error(&self) -> String {
        let mut text = ptr::null();
        // SAFETY: the configuration exists. Python writes NULL, or a C string that is valid until the next call; it is
        // copied before.
        unsafe {
            (self.api.PyInitConfig_GetError)(self.config.as_ptr(), &mut text);
            text.as_ref().map_or_else(
                || "it gives no reason".to_owned(),
                |text| CStr::from_ptr(text).to_string_lossy().into_owned(),
            )
        }
    }

    fn has(&self, name: &CStr) -> bool {
        // SAFETY: the configuration exists, and the name is a C string.
        unsafe { (self.api.PyInitConfig_HasOption)(self.config.as_ptr(), name.as_ptr()) != 0 }
    }

    fn get(&self, name: &CStr) -> Option<i64> {
        let mut value = 0;
        // SAFETY: the configuration exists, and the name is a C string. Python writes the value on success.
        let status =
            unsafe { (self.api.PyInitConfig_GetInt)(self.config.as_ptr(), name.as_ptr(), &mut value) };
        (status == 0).then_some(value)
    }

    fn set(&self, name: &CStr, value: i64) -> Result<(), String> {
        // SAFETY: the configuration exists, and the name is a C string.
        let status = unsafe { (self.api.PyInitConfig_SetInt)(self.config.as_ptr(), name.as_ptr(), value) };
        if status == 0 { Ok(()) } else { Err(self.failure(name)) }
    }

    fn set_path(&self, name: &CStr, path: &Path) -> Result<(), String> {
        let text = CString::new(path.as_os_str().as_bytes()).unwrap_or_default();
        // SAFETY: the configuration exists, and both are C strings; Python copies the text.
        let status =
            unsafe { (self.api.PyInitConfig_SetStr)(self.config.as_ptr(), name.as_ptr(), text.as_ptr()) };
        if status == 0 { Ok(()) } else { Err(self.failure(name)) }
    }

    fn failure(&self, name: &CStr) -> String {
        format!("it does not take the option {}: {}", name.to_string_lossy(), self.error())
    }

    /// Leaves a value to Python: as in the configuration of a Python program, it is -1. Python takes a number without a
    /// sign here; a version that makes anything else of it keeps its default.
    fn unset(&self, name: &CStr) {
        let default = self.get(name);
        let is_set = self.set(name, u32::MAX.into()).is_ok();
        if let (true, Some(default)) = (is_set && self.get(name) != Some(-1), default) {
            let _ = self.set(name, default); // it had this value before
        }
    }

    /// Sets the flags that are given. One that Python does not have is an error unless it is 0, as it would be ignored
    /// without notice.
    fn set_flags(&self, options: &Options) -> Result<(), String> {
        let flags = FLAGS.iter().map(|flag| (flag.name, flag.config, flag.is_inverted));
        let same_names = EARLY_FLAGS.into_iter().chain(ENVIRONMENT_FLAGS.map(|(name, _)| name));
        for (name, config, is_inverted) in flags.chain(same_names.map(|name| (name, name, false))) {
            let Some(value) = options.number(name) else { continue };
            let option = CString::new(config).unwrap_or_default();
            if value == 0 && !self.has(&option) {
                continue;
            }
            let value = if is_inverted { i64::from(value == 0) } else { value.into() };
            self.set(&option, value).map_err(|why| format!("{why}, which the option \"{name}\" sets"))?;
        }
        if options.number("dev_mode").is_none() && options.use_environment() {
            self.set(c"dev_mode", is_dev_mode_in_environment().into())?;
        }
        Ok(())
    }

    fn set_xoptions(&self, options: &Options) -> Result<(), String> {
        for option in options.list("xoption") {
            let (name, value) = option.to_str().and_then(|text| text.split_once('=')).unwrap_or_default();
            if let (true, Ok(number)) = (FROM_XOPTIONS.contains(&name), value.parse()) {
                self.set(&CString::new(name).unwrap_or_default(), number)?;
            }
        }
        Ok(())
    }
}

/// Whether PYTHONDEVMODE is set and not empty.
fn is_dev_mode_in_environment() -> bool {
    let variables = environment::snapshot();
    let mut variables = variables.split(|&byte| byte == 0);
    variables.any(|variable| variable.strip_prefix(b"PYTHONDEVMODE=").is_some_and(|value| !value.is_empty()))
}
