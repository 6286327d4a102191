//! Interposition: functions of this library that a copy of libpython calls in place of others of the same name: the C
//! library's, and a few of Python's own. The interpreter's private libraries call only those in [`IN_LIBRARIES`] (and
//! Python's own, as they are bound to the copy).
//!
//! The copy defines each of them, under its symbol prefix, as an absolute address in this library; `elf/rewrite.rs`
//! does that for any list of functions.
//!
//! | file | functions | also in private libraries |
//! |---|---|---|
//! | `trampolines` | `dlopen`, `dlsym`, `dlvsym`: one of each per copy | yes |
//! | `dlfcn` | the work of these three; `dlerror`, `dladdr` | yes |
//! | `environ` | `setenv`, `unsetenv`, `putenv` | no |
//! | `gil_wait` | `pthread_cond_timedwait` | no |
//! | `world_wait` | `sem_wait`, `sem_destroy`: in free-threaded builds | no |
//! | `process` | `abort`, `exit` | no |
//! | `process` | `Py_IsInitialized`, `Py_IsFinalizing` | yes |
//! | `signal` | `sigaction` | no |
//! | `thread_stack` | `pthread_getattr_np` | no |
//!
//! `copies` has the loader of each copy, by the copy's number.
//!
//! To interpose another function, write it in the file that fits. Add it to [`functions`], to the table above, and to
//! step 4 of `../README.md`; if private libraries are to call it too, also to [`IN_LIBRARIES`]. If it has to know which
//! copy calls it, it needs a trampoline.
//!
//! Uses `loading`, `exit` and `elf`. Only `runtime` may use it.

pub(crate) mod copies;
pub(crate) mod dlfcn;
pub(crate) mod environ;
pub(crate) mod gil_wait;
pub(crate) mod process;
pub(crate) mod signal;
pub(crate) mod thread_stack;
pub(crate) mod trampolines;
pub(crate) mod world_wait;

use crate::interp::elf::rewrite::InterposedFunction;
use crate::interp::loading::loader::Loader;

/// All interposed functions, for copy `number` of a libpython, which may be a free-threaded build.
pub(crate) fn functions(number: usize, is_free_threaded: bool) -> Vec<InterposedFunction> {
    let own = trampolines::of(number);
    let all: [(&str, *const ()); 16] = [
        ("dlopen", own.dlopen as *const ()),
        ("dlsym", own.dlsym as *const ()),
        ("dlvsym", own.dlvsym as *const ()),
        ("dlerror", dlfcn::dlerror as *const ()),
        ("dladdr", dlfcn::dladdr as *const ()),
        ("pthread_cond_timedwait", gil_wait::pthread_cond_timedwait as *const ()),
        ("sigaction", signal::sigaction as *const ()),
        ("pthread_getattr_np", thread_stack::pthread_getattr_np as *const ()),
        ("setenv", environ::setenv as *const ()),
        ("unsetenv", environ::unsetenv as *const ()),
        ("putenv", environ::putenv as *const ()),
        ("abort", process::abort as *const ()),
        ("exit", process::exit as *const ()),
        ("Py_IsInitialized", process::is_initialized as *const ()),
        ("Py_IsFinalizing", process::is_finalizing as *const ()),
        ("_Py_IsFinalizing", process::is_finalizing as *const ()),
    ];
    let in_free_threaded: [(&str, *const ()); 2] = [
        ("sem_wait", world_wait::sem_wait as *const ()),
        ("sem_destroy", world_wait::sem_destroy as *const ()),
    ];
    let more = if is_free_threaded { &in_free_threaded[..] } else { &[] };
    let interposed =
        |&(name, function): &(_, *const ())| InterposedFunction { name, address: function.addr() };
    all.iter().chain(more).map(interposed).collect()
}

/// The functions of the C library that are interposed in an interpreter's private libraries as well.
pub(crate) const IN_LIBRARIES: [&str; 5] = ["dlopen", "dlsym", "dlvsym", "dlerror", "dladdr"];

/// From now on calls from copy `number` go to this loader.
pub(crate) fn register(number: usize, loader: &'static Loader) {
    signal::remember_process();
    copies::register(number, loader);
}
