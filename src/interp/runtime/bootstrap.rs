//! The code that runs first in each copy of Python, and its functions, which requests call.

use std::ffi::CStr;
use std::ptr::NonNull;

use crate::interp::cpython::ffi::Object;
use crate::interp::cpython::gil::{Gil, PyErrSet};

const BOOTSTRAP: &CStr =
    match CStr::from_bytes_with_nul(concat!(include_str!("bootstrap.py"), "\0").as_bytes()) {
        Ok(text) => text,
        Err(_) => panic!("the source has a NUL"),
    };

/// The functions of `bootstrap.py` in one copy. Their references are never given back, so that they are alive as long as
/// the copy.
#[derive(Clone, Copy)]
pub(crate) struct Functions {
    pub(crate) configure: NonNull<Object>,
    pub(crate) execute: NonNull<Object>,
    pub(crate) evaluate: NonNull<Object>,
    pub(crate) call: NonNull<Object>,
    pub(crate) reset: NonNull<Object>,
    pub(crate) reinitialize: NonNull<Object>,
    pub(crate) importing_threads: NonNull<Object>,
    pub(crate) drain_async_exc: NonNull<Object>,
    pub(crate) describe: NonNull<Object>,
}

// SAFETY: these are addresses of objects that are alive as long as the copy. They are only given to functions of the
// copy's C API, by unsafe code that holds its GIL; CPython lets any thread do that.
unsafe impl Send for Functions {}
// SAFETY: the addresses never change, so that threads may read them at the same time.
unsafe impl Sync for Functions {}

impl Functions {
    /// Runs `bootstrap.py`.
    pub(crate) fn load(gil: Gil<'_>) -> Result<Self, PyErrSet> {
        let namespace = gil.run(BOOTSTRAP, c"<ungil bootstrap>")?;
        let get = |name| gil.get(&namespace, name).and_then(|it| NonNull::new(it.into_ptr())).ok_or(PyErrSet);
        Ok(Self {
            configure: get(c"configure")?,
            execute: get(c"execute")?,
            evaluate: get(c"evaluate")?,
            call: get(c"call")?,
            reset: get(c"reset")?,
            reinitialize: get(c"reinitialize")?,
            importing_threads: get(c"importing_threads")?,
            drain_async_exc: get(c"drain_async_exc")?,
            describe: get(c"describe")?,
        })
    }
}
