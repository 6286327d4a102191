//! Interposition: functions of this library that a copy of libpython calls in place of others of the same name: the C
//! library's, and a few of Python's own. The interpreter's private libraries call some of them, too.
//!
//! The copy defines each of them, under its symbol prefix, as an absolute address in this library; `elf/rewrite.rs`
//! does that for any list of functions. [`TABLE`] has all of them, and says whose calls go to each.
//!
//! | file | functions |
//! |---|---|
//! | `dlfcn` | `dlopen`, `dlerror`, `dladdr`; the work of `dlsym` and `dlvsym` |
//! | `symbol_lookup` | `dlsym`, `dlvsym` |
//! | `environ` | `getenv`, `setenv` and so on, and the variable `environ` |
//! | `locale` | `setlocale` |
//! | `programs` | `execv`, `execvp`, `system` |
//! | `start` | `getrandom`, `syscall` |
//! | `gil_wait` | `pthread_cond_timedwait` |
//! | `world_wait` | `sem_wait`, `sem_destroy` |
//! | `exit_functions` | `__cxa_atexit`, `on_exit`, `Py_AtExit` |
//! | `fork_handlers` | `fork`, `pthread_atfork` |
//! | `thread_ends` | `pthread_key_create`, `__cxa_thread_atexit` |
//! | `process` | `abort`, `exit`, `_exit`, `_Exit`, `quick_exit`, `__assert_fail`, `std::terminate` |
//! | `process` | `Py_IsInitialized`, `Py_IsFinalizing`, `Py_Exit` |
//! | `output` | `write` |
//! | `fatal_error` | `fwrite`, `fputs`, `fputc` |
//! | `signal` | `sigaction` and all that belongs to it: see there |
//! | `record_locks` | `fcntl`, `lockf`; what opens and closes files |
//! | `process_id` | `getpid` |
//! | `thread_stack` | `pthread_getattr_np` |
//!
//! `copies` has the loader of each copy, by the copy's number, which `trampolines` passes to the functions that have to
//! know it.
//!
//! To interpose another function, write it in the file that fits. Add it to [`TABLE`], to the list above, and to
//! step 4 of `../README.md`.
//!
//! Uses `loading`, `exit` and `elf`. Only `runtime` may use it.

pub(crate) mod copies;
pub(crate) mod dlfcn;
pub(crate) mod environ;
pub(crate) mod exit_functions;
pub(crate) mod fatal_error;
mod fork_handlers;
pub(crate) mod gil_wait;
mod locale;
mod output;
pub(crate) mod process;
mod process_id;
mod programs;
pub(crate) mod record_locks;
pub(crate) mod signal;
pub(crate) mod start;
pub(crate) mod symbol_lookup;
mod thread_ends;
pub(crate) mod thread_stack;
pub(crate) mod trampolines;
pub(crate) mod world_wait;

use std::io;
use std::ops::Range;

use record_locks::{closing, opening};

use crate::interp::elf::rewrite::InterposedFunction;
use crate::interp::loading::loader::Loader;

/// A function, and what calls it.
struct Entry {
    /// The name of the function that it replaces.
    name: &'static str,
    callers: Callers,
    function: Function,
}

/// Whose calls of the name go to the function.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Callers {
    /// The copy of libpython's.
    Libpython,
    /// The copy's, in a free-threaded build.
    FreeThreadedLibpython,
    /// The copy's, and those of the interpreter's private libraries.
    AllPrivate,
    /// Those of private libraries that need this other symbol.
    UsersOf(&'static str),
}

/// How a function is called.
#[derive(Clone, Copy)]
enum Function {
    /// As the one that it replaces.
    Plain(*const ()),
    /// With the number of the copy that calls it as one more argument, after so many others.
    OfCopy(*const (), u8),
    /// Not at all: it is a variable, of which each copy has its own, at the address that this returns.
    Variable(fn(usize) -> *const ()),
}

use Callers::{AllPrivate, FreeThreadedLibpython, Libpython, UsersOf};
use Function::{OfCopy, Plain, Variable};

const fn entry(name: &'static str, callers: Callers, function: Function) -> Entry {
    Entry { name, callers, function }
}

#[rustfmt::skip]
const TABLE: &[Entry] = &[
    // loading libraries and looking up symbols
    entry("dlopen", AllPrivate, OfCopy(dlfcn::dlopen as *const (), 2)),
    entry("dlsym", AllPrivate, OfCopy(symbol_lookup::dlsym as *const (), 2)),
    entry("dlvsym", AllPrivate, OfCopy(symbol_lookup::dlvsym as *const (), 3)),
    entry("dlerror", AllPrivate, Plain(dlfcn::dlerror as *const ())),
    entry("dladdr", AllPrivate, Plain(dlfcn::dladdr as *const ())),
    // environment and locale
    entry("environ", AllPrivate, Variable(environ::variable)),
    entry("__environ", AllPrivate, Variable(environ::variable)),
    entry("_environ", AllPrivate, Variable(environ::variable)),
    entry("getenv", AllPrivate, OfCopy(environ::getenv as *const (), 1)),
    entry("secure_getenv", AllPrivate, OfCopy(environ::secure_getenv as *const (), 1)),
    entry("setenv", AllPrivate, OfCopy(environ::setenv as *const (), 3)),
    entry("unsetenv", AllPrivate, OfCopy(environ::unsetenv as *const (), 1)),
    entry("putenv", AllPrivate, OfCopy(environ::putenv as *const (), 1)),
    entry("clearenv", AllPrivate, OfCopy(environ::clearenv as *const (), 0)),
    entry("execv", AllPrivate, OfCopy(programs::execv as *const (), 2)),
    entry("execvp", AllPrivate, OfCopy(programs::execvp as *const (), 2)),
    entry("system", AllPrivate, OfCopy(programs::system as *const (), 1)),
    entry("setlocale", AllPrivate, Plain(locale::setlocale as *const ())),
    // what hashes of str depend on
    entry("getrandom", Libpython, Plain(start::getrandom as *const ())),
    entry("syscall", Libpython, Plain(start::syscall as *const ())),
    // waits of Python's own
    entry("pthread_cond_timedwait", Libpython, OfCopy(gil_wait::pthread_cond_timedwait as *const (), 3)),
    entry("sem_wait", FreeThreadedLibpython, OfCopy(world_wait::sem_wait as *const (), 1)),
    entry("sem_destroy", FreeThreadedLibpython, OfCopy(world_wait::sem_destroy as *const (), 1)),
    // signals
    entry("sigaction", AllPrivate, OfCopy(signal::actions::sigaction as *const (), 3)),
    entry("signal", AllPrivate, OfCopy(signal::actions::signal as *const (), 2)),
    entry("__sysv_signal", AllPrivate, OfCopy(signal::actions::signal as *const (), 2)),
    entry("ssignal", AllPrivate, OfCopy(signal::actions::signal as *const (), 2)),
    entry("siginterrupt", AllPrivate, OfCopy(signal::actions::siginterrupt as *const (), 2)),
    entry("sigaltstack", Libpython, Plain(signal::actions::sigaltstack as *const ())),
    entry("raise", AllPrivate, OfCopy(signal::delivery::raise as *const (), 1)),
    entry("kill", AllPrivate, OfCopy(signal::delivery::kill as *const (), 2)),
    entry("pthread_kill", AllPrivate, OfCopy(signal::delivery::pthread_kill as *const (), 2)),
    entry("pause", AllPrivate, OfCopy(signal::delivery::pause as *const (), 0)),
    entry("pthread_sigmask", Libpython, Plain(signal::mask::pthread_sigmask as *const ())),
    entry("setitimer", AllPrivate, OfCopy(signal::timers::setitimer as *const (), 3)),
    entry("getitimer", AllPrivate, OfCopy(signal::timers::getitimer as *const (), 2)),
    entry("alarm", AllPrivate, OfCopy(signal::timers::alarm as *const (), 1)),
    // files and their locks
    entry("fcntl", AllPrivate, OfCopy(record_locks::fcntl as *const (), 3)),
    entry("fcntl64", AllPrivate, OfCopy(record_locks::fcntl as *const (), 3)),
    entry("lockf", AllPrivate, OfCopy(record_locks::lockf as *const (), 3)),
    entry("lockf64", AllPrivate, OfCopy(record_locks::lockf as *const (), 3)),
    entry("open", AllPrivate, Plain(opening::open as *const ())),
    entry("open64", AllPrivate, Plain(opening::open as *const ())),
    entry("openat", AllPrivate, Plain(opening::openat as *const ())),
    entry("openat64", AllPrivate, Plain(opening::openat as *const ())),
    entry("close", AllPrivate, OfCopy(closing::close as *const (), 1)),
    entry("dup2", AllPrivate, OfCopy(closing::dup2 as *const (), 2)),
    entry("dup3", AllPrivate, OfCopy(closing::dup3 as *const (), 3)),
    entry("fclose", AllPrivate, OfCopy(closing::close_stream as *const (), 1)),
    entry("close_range", AllPrivate, OfCopy(closing::close_range as *const (), 3)),
    entry("closefrom", AllPrivate, OfCopy(closing::close_from as *const (), 1)),
    // mutexes that outlive their owners are for processes, which tell one another apart by their IDs
    entry("getpid", UsersOf("pthread_mutexattr_setrobust"), OfCopy(process_id::getpid as *const (), 0)),
    // the end of the process
    entry("abort", AllPrivate, OfCopy(process::abort as *const (), 0)),
    entry("exit", AllPrivate, OfCopy(process::exit as *const (), 1)),
    entry("_exit", AllPrivate, OfCopy(process::exit_at_once as *const (), 1)),
    entry("_Exit", AllPrivate, OfCopy(process::exit_at_once as *const (), 1)),
    entry("quick_exit", AllPrivate, OfCopy(process::quick_exit as *const (), 1)),
    entry("__assert_fail", AllPrivate, OfCopy(process::assert_fail as *const (), 4)),
    entry("_ZSt9terminatev", AllPrivate, OfCopy(process::terminate as *const (), 0)),
    entry("write", Libpython, Plain(output::write as *const ())),
    entry("fwrite", Libpython, Plain(fatal_error::fwrite as *const ())),
    entry("fputs", Libpython, Plain(fatal_error::fputs as *const ())),
    entry("fputc", Libpython, Plain(fatal_error::fputc as *const ())),
    entry("__cxa_atexit", AllPrivate, OfCopy(exit_functions::cxa_atexit as *const (), 3)),
    entry("on_exit", AllPrivate, OfCopy(exit_functions::on_exit as *const (), 2)),
    // forks
    entry("fork", AllPrivate, OfCopy(fork_handlers::fork as *const (), 0)),
    entry("__fork", AllPrivate, OfCopy(fork_handlers::fork as *const (), 0)),
    entry("__register_atfork", AllPrivate, OfCopy(fork_handlers::register_atfork as *const (), 4)),
    entry("pthread_atfork", AllPrivate, OfCopy(fork_handlers::pthread_atfork as *const (), 3)),
    // threads
    entry("pthread_key_create", AllPrivate, OfCopy(thread_ends::key_create as *const (), 2)),
    entry("tss_create", AllPrivate, OfCopy(thread_ends::tss_create as *const (), 2)),
    entry("__cxa_thread_atexit", AllPrivate, OfCopy(thread_ends::cxa_thread_atexit as *const (), 3)),
    entry("__cxa_thread_atexit_impl", AllPrivate, OfCopy(thread_ends::cxa_thread_atexit as *const (), 3)),
    entry("pthread_getattr_np", Libpython, Plain(thread_stack::pthread_getattr_np as *const ())),
    // Python's own functions: libraries are bound to the copy's
    entry("Py_AtExit", Libpython, OfCopy(exit_functions::py_at_exit as *const (), 1)),
    entry("Py_IsInitialized", Libpython, Plain(process::is_initialized as *const ())),
    entry("Py_Exit", Libpython, OfCopy(process::exit as *const (), 1)),
    entry("Py_IsFinalizing", Libpython, Plain(process::is_finalizing as *const ())),
    entry("_Py_IsFinalizing", Libpython, Plain(process::is_finalizing as *const ())),
];

/// All interposed functions, for copy `number` of a libpython, which may be a free-threaded build.
pub(crate) fn functions(number: usize, is_free_threaded: bool) -> io::Result<Vec<InterposedFunction>> {
    let is_used = |entry: &&Entry| is_free_threaded || entry.callers != FreeThreadedLibpython;
    let entries: Vec<_> = TABLE.iter().filter(is_used).collect();
    let of_copy: Vec<_> = entries
        .iter()
        .filter_map(|entry| match entry.function {
            OfCopy(function, arguments) => {
                Some(trampolines::Call { function: function.addr(), arguments, number })
            }
            Plain(_) | Variable(_) => None,
        })
        .collect();
    let mut trampolines = trampolines::make(&of_copy)?.into_iter();
    let interposed = entries.iter().map(|entry| {
        let address = match entry.function {
            OfCopy(..) => trampolines.next().expect("each has a trampoline"),
            Plain(function) => function.addr(),
            Variable(variable) => variable(number).addr(),
        };
        let in_libpython = !matches!(entry.callers, UsersOf(_));
        InterposedFunction { name: entry.name, address, in_libpython }
    });
    Ok(interposed.collect())
}

/// Whether calls of this name are interposed in a private library that needs the symbols that `needs` tells.
pub(crate) fn is_in_libraries(name: &[u8], needs: &dyn Fn(&[u8]) -> bool) -> bool {
    let is_caller = |callers| match callers {
        Libpython | FreeThreadedLibpython => false,
        AllPrivate => true,
        UsersOf(other) => needs(other.as_bytes()),
    };
    TABLE.iter().any(|entry| entry.name.as_bytes() == name && is_caller(entry.callers))
}

/// From now on calls from copy `number` go to this loader. The code of its libpython is in the range `code`. This is the
/// interpreter's own thread.
pub(crate) fn register(number: usize, loader: &'static Loader, code: Range<usize>) {
    signal::child::remember_process();
    signal::records::register(number, code);
    process_id::register(number);
    record_locks::begin();
    copies::register(number, loader);
}

/// Calls what the libraries of copy `number` have called when the process exits.
///
/// # Safety
/// The process is exiting, and this is called once for a copy.
pub(crate) unsafe fn finalize(number: usize) {
    // SAFETY: this function's contract.
    unsafe {
        exit_functions::run(number);
        if let Some(loader) = copies::loader(number) {
            loader.finalize();
        }
    }
}

/// What copy `number` has loaded: a line for each library.
pub(crate) fn libraries(number: usize) -> Vec<u8> {
    copies::loader(number).map(Loader::report).unwrap_or_default()
}
