//! Interposition: the functions that a copy of libpython, and the libraries loaded for it, call in place of the C
//! library's functions of the same names.
//!
//! The copy defines each of them, under its symbol prefix, as an absolute address in this library (`elf/rewrite.rs`).
//!
//! | file | functions |
//! |---|---|
//! | `trampolines` | `dlopen`, `dlsym`, `dlvsym`: one of each per copy |
//! | `dlfcn` | what these three do, `dlerror`, `dladdr` |
//! | `environ` | `setenv`, `unsetenv`, `putenv` |
//! | `gil_wait` | `pthread_cond_timedwait` |
//! | `process` | `abort`, `exit`, `Py_IsInitialized`, `Py_IsFinalizing` |
//! | `signal` | `sigaction` |
//! | `copies` | the loader of each copy, by the copy's number |
//!
//! Uses `loading`, `exit` and `elf`. Only `runtime` may use it.

pub(crate) mod copies;
pub(crate) mod dlfcn;
pub(crate) mod environ;
pub(crate) mod gil_wait;
pub(crate) mod process;
pub(crate) mod signal;
pub(crate) mod trampolines;

use crate::interp::elf::rewrite::InterposedFunction;
use crate::interp::loading::loader::Loader;

/// The functions that copy `number` of libpython is to call.
pub(crate) fn functions(number: usize) -> Vec<InterposedFunction> {
    let own = trampolines::of(number);
    let all: [(&str, *const ()); 15] = [
        ("dlopen", own.dlopen as *const ()),
        ("dlsym", own.dlsym as *const ()),
        ("dlvsym", own.dlvsym as *const ()),
        ("dlerror", dlfcn::dlerror as *const ()),
        ("dladdr", dlfcn::dladdr as *const ()),
        ("pthread_cond_timedwait", gil_wait::pthread_cond_timedwait as *const ()),
        ("sigaction", signal::sigaction as *const ()),
        ("setenv", environ::setenv as *const ()),
        ("unsetenv", environ::unsetenv as *const ()),
        ("putenv", environ::putenv as *const ()),
        ("abort", process::abort as *const ()),
        ("exit", process::exit as *const ()),
        ("Py_IsInitialized", process::is_initialized as *const ()),
        ("Py_IsFinalizing", process::is_finalizing as *const ()),
        ("_Py_IsFinalizing", process::is_finalizing as *const ()),
    ];
    all.map(|(name, function)| InterposedFunction { name, address: function.addr() }).to_vec()
}

/// Those that an interpreter's other libraries call too.
pub(crate) const IN_LIBRARIES: [&str; 5] = ["dlopen", "dlsym", "dlvsym", "dlerror", "dladdr"];

/// From now on calls from copy `number` go to this loader.
pub(crate) fn register(number: usize, loader: &'static Loader) {
    signal::remember_process();
    copies::register(number, loader);
}
