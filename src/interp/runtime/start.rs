//! Starts a new interpreter, on a thread of its own.

use std::sync::mpsc;
use std::thread;

use crate::interp::cpython::ffi::Api;
use crate::interp::cpython::gil::Gil;
use crate::interp::error::InterpError;
use crate::interp::exit::abandon::catch_abandoned;
use crate::interp::exit::at_exit;
use crate::interp::interpose::{self, process::during_start};
use crate::interp::runtime::initialize::initialize;
use crate::interp::runtime::interpreter::Interpreter;
use crate::interp::runtime::loaded_copy::LoadedCopy;
use crate::interp::runtime::options::Options;
use crate::interp::runtime::service::Service;
use crate::interp::runtime::shutdown;
use crate::sys::signals::with_blocked_signals;

/// What a successful start gives: the interpreter, and what its own thread runs.
type Started = (&'static Interpreter, Service);

/// Starts a new interpreter.
///
/// ```compile_fail,E0133
/// use ungil::interp::runtime::{options::Options, start::start};
/// let options = Options::parse(b"libpython=/tmp/any-library.so").unwrap();
/// let interpreter = start(options);
/// ```
///
/// # Safety
/// This runs code that is found by the options, the environment and the host: the initialisers of the libpython, which
/// must be CPython's, and what that Python runs at its start. The caller guarantees that all of it is sound, and so is
/// the Python code that is run in the interpreter later: `ctypes` can do anything.
pub unsafe fn start(options: Options) -> Result<&'static Interpreter, InterpError> {
    if at_exit::is_exiting() {
        return Err(InterpError::Exiting);
    }
    // If the process exits before this interpreter has started, that stops it, too.
    shutdown::prepare();
    // SAFETY: by this function's contract, the libpython's initialisers are sound.
    let copy = unsafe { LoadedCopy::new(options)? };
    let (outcome, reported) = mpsc::channel();
    // Python takes the thread that initialises it for its main thread, and remembers it. So that thread is the
    // interpreter's own, and never ends.
    let name = format!("ungil-python-{}", copy.number);
    let life = move || {
        let ended = outcome.clone();
        let report_end = move || {
            // `start` waits, so that somebody receives it.
            let _ = ended.send(Err(InterpError::Unsupported(
                "Python could not start, and reported why on stderr".to_owned(),
            )));
        };
        // SAFETY: the copy was loaded just now, and this is the one call for it.
        let boot = || catch_abandoned(|| unsafe { boot(&copy) }).flatten();
        let (result, service) = match during_start(Box::new(report_end), boot) {
            Ok((interpreter, service)) => (Ok(interpreter), Some(service)),
            Err(error) => (Err(error), None),
        };
        // `start` waits, so that somebody receives it.
        let _ = outcome.send(result);
        drop(outcome);
        if let Some(service) = service {
            service.run_service();
        }
    };
    let builder = thread::Builder::new().name(name).stack_size(8 << 20);
    let thread = with_blocked_signals(|| builder.spawn(life));
    thread.map_err(|error| InterpError::Unsupported(format!("no thread could be started: {error}")))?;
    let panicked = || InterpError::Unsupported("the start of Python failed by a panic".to_owned());
    reported.recv().unwrap_or_else(|_| Err(panicked()))
}

/// Initialises a copy on this thread, and makes it an interpreter.
///
/// # Safety
/// This is called once for a copy.
unsafe fn boot(copy: &LoadedCopy) -> Result<Started, InterpError> {
    interpose::register(copy.number, Box::leak(Box::new(copy.loader())));
    // SAFETY: by this function's contract, this is the one initialisation; the loader was registered just now.
    unsafe { initialize(copy)? };
    // The copy is never unloaded, and its functions may be called for as long as it has objects.
    let api: &'static Api = Box::leak(Box::new(copy.api));
    // SAFETY: `initialize` returned without an error, so this thread holds the GIL, until it is released below; `prepare`
    // takes a token of any lifetime, so it can mix this one with no other.
    let started = prepare(unsafe { Gil::new(api) }, api, copy);
    // SAFETY: this thread holds the GIL, and no token is left.
    unsafe { (api.PyEval_SaveThread)() };
    started
}

fn prepare(gil: Gil<'_>, api: &'static Api, copy: &LoadedCopy) -> Result<Started, InterpError> {
    let prepared = Interpreter::new(gil, api, copy);
    let (interpreter, service) = prepared.map_err(|error| {
        let text = gil.take_exception_text(error);
        InterpError::Unsupported(format!("the interpreter could not be prepared: {text}"))
    })?;
    let interpreter: &'static Interpreter = Box::leak(Box::new(interpreter));
    shutdown::register(interpreter);
    if at_exit::is_exiting() { Err(InterpError::Exiting) } else { Ok((interpreter, service)) }
}
