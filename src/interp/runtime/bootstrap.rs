//! The code that runs first in each copy of Python, and its functions, which requests call.

use std::collections::HashMap;
use std::ffi::CStr;
use std::ptr::NonNull;
use std::sync::{Arc, Mutex};

use crate::interp::cpython::ffi::Object;
use crate::interp::cpython::gil::{Gil, PyErrSet, PyRef};
use crate::interp::loading::library_cache::FileId;
use crate::sys::fork::ForkLocal;
use crate::sys::sync::lock;

const PACKAGE: &CStr =
    match CStr::from_bytes_with_nul(concat!(include_str!("bootstrap/__init__.py"), "\0").as_bytes()) {
        Ok(text) => text,
        Err(_) => panic!("the source has a NUL"),
    };

macro_rules! modules {
    ($($name:literal)*) => {
        [$(($name, include_str!(concat!("bootstrap/", $name, ".py")))),*]
    };
}

/// The modules of the package, with their sources. Each may import those before it.
const MODULES: [(&str, &str); 19] = modules![
    "fork" "process" "time_zone" "signals" "main_thread" "warning_filters" "streams" "settings" "sources" "requests" "interrupts" "errors" "program_modules" "module_states" "logging_state"
    "exit_functions" "end" "reuse" "imports"
];

/// The package's code in Python's own form.
struct Code {
    package: Vec<u8>,
    modules: Vec<Vec<u8>>,
}

/// The code for each libpython.
static COMPILED: ForkLocal<Mutex<HashMap<FileId, Arc<Code>>>> = ForkLocal::new(Mutex::default);

/// Functions of the package in one copy. Their references are never given back, so that they are alive as long as the
/// copy.
#[derive(Clone, Copy)]
pub(crate) struct Functions {
    pub(crate) configure: NonNull<Object>,
    pub(crate) execute: NonNull<Object>,
    pub(crate) evaluate: NonNull<Object>,
    pub(crate) call: NonNull<Object>,
    pub(crate) end_use: NonNull<Object>,
    pub(crate) reset: NonNull<Object>,
    pub(crate) reinitialize: NonNull<Object>,
    pub(crate) importing_threads: NonNull<Object>,
    pub(crate) drain_async_exc: NonNull<Object>,
    pub(crate) describe: NonNull<Object>,
    pub(crate) become_main_thread: NonNull<Object>,
    pub(crate) frames_of: NonNull<Object>,
    pub(crate) stack_of: NonNull<Object>,
    pub(crate) flush: NonNull<Object>,
    pub(crate) end: NonNull<Object>,
}

// SAFETY: these are addresses of objects that are alive as long as the copy. They are only given to functions of the
// copy's C API, by unsafe code that holds its GIL; CPython lets any thread do that.
unsafe impl Send for Functions {}
// SAFETY: the addresses never change, so that threads may read them at the same time.
unsafe impl Sync for Functions {}

/// Runs the package's files in a copy of this libpython. The result is the namespaces of the modules.
fn load(gil: Gil<'_>, libpython: Option<FileId>) -> Result<Vec<PyRef<'_>>, PyErrSet> {
    let known = libpython.and_then(|file| lock(COMPILED.get()).get(&file).cloned());
    let package = match &known {
        Some(code) => code.package.clone(),
        None => gil.compile(PACKAGE, c"<ungil bootstrap: __init__>")?,
    };
    // SAFETY: this copy has compiled it, or another one of the same file.
    let namespace = unsafe { gil.run_compiled(&package)? };
    let run = |function: &CStr, name: &str, text: &[u8]| {
        let function = gil.get(&namespace, function).ok_or(PyErrSet)?;
        let function = NonNull::new(function.as_ptr()).ok_or(PyErrSet)?;
        let arguments = vec![gil.bytes(name.as_bytes())?, gil.bytes(text)?];
        // SAFETY: the function is this copy's, and alive by its reference in the package's namespace.
        unsafe { gil.call(function, arguments) }
    };
    let compiled =
        |(name, source): &(&str, &str)| Ok(run(c"compiled", name, source.as_bytes())?.content()?.to_vec());
    let compile = || {
        let modules = MODULES.iter().map(compiled).collect::<Result<_, _>>()?;
        Ok(Arc::new(Code { package, modules }))
    };
    let code = known.map_or_else(compile, Ok)?;
    let namespaces = MODULES.iter().zip(&code.modules).map(|((name, _), code)| run(c"load", name, code));
    let namespaces = namespaces.collect::<Result<Vec<_>, _>>()?;
    lock(COMPILED.get()).extend(libpython.map(|file| (file, code)));
    Ok(namespaces)
}

impl Functions {
    /// Runs the package's files in a copy of this libpython.
    pub(crate) fn load(gil: Gil<'_>, libpython: Option<FileId>) -> Result<Self, PyErrSet> {
        let namespaces = load(gil, libpython)?;
        let function = |module, name| {
            let position = MODULES.iter().position(|(other, _)| *other == module).ok_or(PyErrSet)?;
            let function = gil.get(&namespaces[position], name).ok_or(PyErrSet)?;
            NonNull::new(function.into_ptr()).ok_or(PyErrSet)
        };
        Ok(Self {
            configure: function("settings", c"configure")?,
            execute: function("requests", c"execute")?,
            evaluate: function("requests", c"evaluate")?,
            call: function("requests", c"call")?,
            end_use: function("end", c"end_use")?,
            reset: function("reuse", c"reset")?,
            reinitialize: function("settings", c"reinitialize")?,
            importing_threads: function("interrupts", c"importing_threads")?,
            drain_async_exc: function("interrupts", c"drain_async_exc")?,
            describe: function("errors", c"describe")?,
            become_main_thread: function("main_thread", c"become_main_thread")?,
            frames_of: function("errors", c"frames_of")?,
            stack_of: function("errors", c"stack_of")?,
            flush: function("errors", c"flush")?,
            end: function("end", c"end")?,
        })
    }
}
