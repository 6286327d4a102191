//! Isolated interpreters: creating and freeing them, and running code in them.

use std::cell::RefCell;
use std::ffi::{CStr, CString, c_char};

use crate::capi::abi::array::Out;
use crate::capi::abi::error::CallError;
use crate::capi::abi::guard::guarded_status;
use crate::capi::abi::handle::{HandleGuard, Kind, Registry};
use crate::capi::exchange::objects;
use crate::interp::error::InterpError;
use crate::interp::runtime::checkout::{self, Checkout};
use crate::interp::runtime::interpreter::Interpreter;

static INTERPRETERS: Registry<Checkout> = Registry::new(Kind::Interpreter);

/// The argument that means no interpreter.
const NONE: i32 = 0;

fn acquire(interp: i32) -> Result<HandleGuard<'static, Checkout>, CallError> {
    INTERPRETERS.acquire(interp).ok_or(CallError::Handle { parameter: "interp", handle: interp })
}

/// The error of a use of the handle. Another thread may free the interpreter after its handle was found.
fn error_of(interp: i32, error: InterpError) -> CallError {
    match error {
        InterpError::Gone => CallError::Handle { parameter: "interp", handle: interp },
        error => CallError::Interp(error),
    }
}

/// Runs `request` in the interpreter, which cannot be freed meanwhile.
pub(super) fn with_interpreter<T>(
    interp: i32,
    request: impl FnOnce(&'static Interpreter) -> Result<T, InterpError>,
) -> Result<T, CallError> {
    let checkout = acquire(interp)?;
    let using = checkout.enter().map_err(|error| error_of(interp, error))?;
    request(using.interpreter()).map_err(|error| error_of(interp, error))
}

/// # Safety
/// Unless NULL, `text` is a C string until the export that received it returns.
unsafe fn bytes_of<'a>(parameter: &'static str, text: *const c_char) -> Result<&'a [u8], CallError> {
    if text.is_null() {
        return Err(CallError::Null { parameter });
    }
    // SAFETY: it is not NULL, so by this function's contract it is a C string.
    Ok(unsafe { CStr::from_ptr(text) }.to_bytes())
}

/// Provides an isolated interpreter: a Python with its own GIL, in this process.
///
/// It is a private copy of the Python library, which loads private copies of the extension modules that it imports; see
/// "Isolated interpreters" above. If an interpreter with the same options has been freed, it is reset and reused: its
/// modules are already imported.
///
/// options: NULL, or lines of the form name=value, in UTF-8. Without an option, the interpreter is configured like the
/// process's own Python if that has the same version, else like a new Python program:
///   libpython: the shared library of CPython 3.9 or newer. The default is UNGIL_LIBPYTHON, else the library of
///   executable, else that of the process or the one next to it, else the newest that the system's loader finds.
///   fresh: 1 for an interpreter that has not been used before.
///   group: any text. An interpreter that has been freed is reused for the same group only; without it, for those without.
///   executable: the Python program to act as, for example that of a venv. It determines sys.executable and where
///   packages are found.
///   home: the prefix of the standard library, if there is no executable.
///   path, argv, warnoption, xoption: entries of sys.path, sys.argv, sys.warnoptions and sys._xoptions, one per line.
///   Those that are given replace the whole list.
///   private, shared: the file name, SONAME or path of libraries, or a pattern for these (with *, ? and [...]), one per line.
///   They are loaded once for this interpreter, or once for the process, in place of the default; see "Isolated
///   interpreters" above. If both match, the library is private. Those of UNGIL_PRIVATE and UNGIL_SHARED are added.
///   pycache_prefix, int_max_str_digits, optimize, dont_write_bytecode, no_user_site, no_site, ignore_environment,
///   isolated, bytes_warning, verbose, quiet, debug, utf8_mode, dev_mode, safe_path, warn_default_encoding: as in sys and
///   sys.flags; flags are numbers.
///   warningfilter: entries of warnings.filters, one per line, as literals of Python with names of categories and texts of
///   patterns: ('ignore', ('no .*', 2), ('builtins', 'UserWarning'), None, 0). The default is that of the process's Python now.
/// interp: receives the handle, a positive number, on success only.
/// Returns UNGIL_OK, or an error with a message in ungil_last_error().
/// Errors: UNGIL_E_NULL if interp is NULL; UNGIL_E_INVALID if an option is unknown or has a wrong value;
/// UNGIL_E_UNSUPPORTED if no libpython is found, or if it is too old, missing, static or damaged, or lacks its standard
/// library, or something that is used of its C API, and on systems without ELF or without glibc 2.28 or newer; the
/// message names the file, its version and the step of the start that failed. UNGIL_E_EXHAUSTED if the process cannot
/// have more interpreters, each of which takes one of its 1024 pthread keys; UNGIL_E_EXITING if the process is exiting.
/// Ownership: free it with ungil_interp_free().
/// Thread-safety: any number of threads at once. If a thread holds the GIL of the process's Python (as a function of
/// ctypes.PyDLL does, but not one of CDLL), that thread itself must make the call.
/// Cost: about 20 ms and 5 MB for a new interpreter, memory that the process keeps; 0.1 ms for a reused one.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ungil_interp_new(options: *const c_char, interp: *mut i32) -> i32 {
    guarded_status("ungil_interp_new", || {
        // SAFETY: the caller passes NULL or a writable int32_t.
        let out = unsafe { Out::new("interp", interp) }?;
        // SAFETY: the caller passes NULL or a C string.
        let options = if options.is_null() { b"" } else { unsafe { bytes_of("options", options) }? };
        // SAFETY: by the header's contract, all code that the options, the environment and the process's Python lead to is
        // sound: the libpython is a CPython's, and so is the Python code that it runs at its start and later.
        let checkout = unsafe { Checkout::new(options) }?;
        out.write(INTERPRETERS.insert(checkout).ok_or(CallError::Exhausted { what: "interpreters" })?);
        Ok(())
    })
}

/// Frees an interpreter: it is reset, and a later ungil_interp_new() may reuse it.
///
/// Its `__main__`, sys.argv, sys.path and standard streams are restored, and so is the process's working directory if
/// the interpreter changed it. Python's standard library and modules in site-packages stay imported; other modules of
/// source code do not. Random generators are seeded anew, and what was set in logging is undone. What was registered with
/// atexit is called, and pools and children of multiprocessing end, as at the end of a process. If threads are still
/// running in it then, it is not reused.
///
/// interp: the handle; 0 does nothing.
/// Returns UNGIL_OK, or an error with a message in ungil_last_error().
/// Errors: UNGIL_E_HANDLE if there is no such interpreter; UNGIL_E_IN_USE while it runs a request; UNGIL_E_FORKED in the
/// child of a fork, if it belongs to the parent.
/// Thread-safety: any number of threads at once.
/// Cost: 0.1 ms, plus the time to destroy the objects of `__main__` and to collect garbage: some milliseconds if many
/// modules are imported.
#[unsafe(no_mangle)]
pub extern "C" fn ungil_interp_free(interp: i32) -> i32 {
    guarded_status("ungil_interp_free", || {
        if interp == NONE {
            return Ok(());
        }
        let checkout = acquire(interp)?;
        checkout.check_in().map_err(|error| error_of(interp, error))?;
        objects::free_held_by(checkout.own_number());
        checkout.retire();
        Ok(())
    })
}

/// The number of interpreters in this process.
///
/// in_use: receives the number of interpreters that have handles.
/// idle: receives the number of interpreters that were freed and can be reused.
/// Returns UNGIL_OK, or an error with a message in ungil_last_error().
/// Errors: UNGIL_E_NULL if in_use or idle is NULL.
/// Thread-safety: any number of threads at once.
/// Cost: less than a microsecond.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ungil_interp_count(in_use: *mut i32, idle: *mut i32) -> i32 {
    guarded_status("ungil_interp_count", || {
        // SAFETY: the caller passes NULL or a writable int32_t for each.
        let outs = unsafe { (Out::new("in_use", in_use)?, Out::new("idle", idle)?) };
        let (in_use, idle) = checkout::count();
        outs.0.write(in_use as i32);
        outs.1.write(idle as i32);
        Ok(())
    })
}

/// Whether an interpreter is alive: its code has not ended it, by abort() for example.
///
/// interp: the handle.
/// alive: receives 1 or 0.
/// Returns UNGIL_OK, or an error with a message in ungil_last_error().
/// Errors: UNGIL_E_NULL if alive is NULL; UNGIL_E_HANDLE if there is no such interpreter.
/// Thread-safety: any number of threads at once.
/// Cost: less than a microsecond.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ungil_interp_is_alive(interp: i32, alive: *mut i32) -> i32 {
    guarded_status("ungil_interp_is_alive", || {
        // SAFETY: the caller passes NULL or a writable int32_t.
        let out = unsafe { Out::new("alive", alive) }?;
        let is_alive = with_interpreter(interp, |interpreter| Ok(!interpreter.is_dead()))?;
        out.write(is_alive.into());
        Ok(())
    })
}

/// Runs Python source code in the interpreter's `__main__`, on the calling thread.
///
/// interp: the handle.
/// source: any number of statements, in UTF-8.
/// Returns UNGIL_OK, or an error with a message in ungil_last_error().
/// Errors: UNGIL_E_NULL if source is NULL; UNGIL_E_HANDLE if there is no such interpreter; UNGIL_E_PYTHON if the code
/// raises an exception, including that of sys.exit(); UNGIL_E_FORKED in the child of a fork; UNGIL_E_EXITING if the
/// process is exiting, in which case part of the code may have run; UNGIL_E_DIED if code in the interpreter has ended it.
/// Thread-safety: any number of threads at once. Requests in one interpreter take turns, as threads in Python do;
/// requests in different interpreters run in parallel. The thread that has called ungil_interp_new() has one thread state in
/// the interpreter. On any other thread, each request has its own, so the contents of a threading.local do not outlive it.
/// Cost: that of the code, plus about 20 us, mostly to compile it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ungil_interp_exec(interp: i32, source: *const c_char) -> i32 {
    guarded_status("ungil_interp_exec", || {
        // SAFETY: the caller passes NULL or a C string.
        let source = unsafe { bytes_of("source", source) }?;
        with_interpreter(interp, |interpreter| interpreter.exec(source))
    })
}

/// Evaluates a Python expression in the interpreter's `__main__`, and returns str() of its value.
///
/// interp: the handle.
/// expression: the expression, in UTF-8.
/// text: receives the text, in UTF-8, on success only; it ends at its first NUL. It belongs to the library, and is valid
/// until this thread's next call of this function or of ungil_interp_libraries(), or until the thread ends.
/// Returns UNGIL_OK, or an error with a message in ungil_last_error().
/// Errors: UNGIL_E_NULL if expression or text is NULL; those of ungil_interp_exec().
/// Thread-safety, Cost: as for ungil_interp_exec().
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ungil_interp_eval(
    interp: i32,
    expression: *const c_char,
    text: *mut *const c_char,
) -> i32 {
    guarded_status("ungil_interp_eval", || {
        // SAFETY: the caller passes NULL or a writable pointer.
        let out = unsafe { Out::new("text", text) }?;
        // SAFETY: the caller passes NULL or a C string.
        let expression = unsafe { bytes_of("expression", expression) }?;
        let value = with_interpreter(interp, |interpreter| interpreter.eval(expression))?;
        out.write(keep_text(value)?);
        Ok(())
    })
}

/// Tells which libraries an interpreter has loaded, which of them are private to it, and why.
///
/// interp: the handle.
/// text: receives a line for each library, in the order of loading, on success only: "private" or "shared", the path, and
/// the reason, with a tab between them. Characters that are not UTF-8 are replaced. It belongs to the library, and is valid
/// until this thread's next call of this function or of ungil_interp_eval(), or until the thread ends.
/// Returns UNGIL_OK, or an error with a message in ungil_last_error().
/// Errors: UNGIL_E_NULL if text is NULL; UNGIL_E_HANDLE if there is no such interpreter; UNGIL_E_FORKED in the child of a
/// fork.
/// Thread-safety: any number of threads at once, also while requests run.
/// Cost: some microseconds; it does not wait.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ungil_interp_libraries(interp: i32, text: *mut *const c_char) -> i32 {
    guarded_status("ungil_interp_libraries", || {
        // SAFETY: the caller passes NULL or a writable pointer.
        let out = unsafe { Out::new("text", text) }?;
        let lines = with_interpreter(interp, Interpreter::libraries)?;
        out.write(keep_text(lines)?);
        Ok(())
    })
}

/// Keeps the text, up to its first NUL, until this thread's next text; returns its address.
fn keep_text(mut text: Vec<u8>) -> Result<*const c_char, CallError> {
    thread_local! {
        static TEXT: RefCell<CString> = RefCell::default();
    }
    text.truncate(text.iter().position(|&byte| byte == 0).unwrap_or(text.len()));
    let text = CString::new(text).expect("it ends before its first NUL");
    let kept = TEXT.try_with(|kept| {
        kept.replace(text);
        kept.borrow().as_ptr()
    });
    kept.map_err(|_| CallError::Internal("this thread is ending".to_owned()))
}

/// Raises KeyboardInterrupt in the requests that are running in an interpreter; or calls the handler of SIGINT that the
/// code of the first of them has set in Python.
///
/// What a request then does is up to its code; usually it ends with UNGIL_E_PYTHON. A request that sleeps in a system call
/// is woken. C code that computes is interrupted only when it returns to Python. If no request is running, nothing
/// happens.
///
/// interp: the handle.
/// Returns UNGIL_OK, or an error with a message in ungil_last_error().
/// Errors: UNGIL_E_HANDLE if there is no such interpreter; UNGIL_E_FORKED in the child of a fork.
/// Thread-safety: any number of threads at once, also while requests run. It affects only requests made with this
/// handle: if the interpreter is freed and reused, its next user is not interrupted.
/// Cost: some microseconds; it does not wait.
#[unsafe(no_mangle)]
pub extern "C" fn ungil_interp_interrupt(interp: i32) -> i32 {
    guarded_status("ungil_interp_interrupt", || {
        acquire(interp)?.interrupt().map_err(|error| error_of(interp, error))
    })
}
