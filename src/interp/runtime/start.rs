//! Starts a new interpreter, on a thread of its own.

use std::cell::Cell;
use std::collections::HashSet;
use std::rc::Rc;
use std::sync::{Mutex, mpsc};
use std::thread;

use crate::interp::cpython::attach::RunningPython;
use crate::interp::cpython::ffi::Api;
use crate::interp::cpython::gil::Gil;
use crate::interp::cpython::self_test::self_test;
use crate::interp::error::InterpError;
use crate::interp::exit::abandon::catch_abandoned;
use crate::interp::exit::at_exit;
use crate::interp::exit::life::Life;
use crate::interp::exit::overflow;
use crate::interp::interpose::{self, process::during_start};
use crate::interp::loading::dl::range_at;
use crate::interp::loading::library_cache::FileId;
use crate::interp::runtime::initialize::initialize;
use crate::interp::runtime::interpreter::Interpreter;
use crate::interp::runtime::loaded_copy::LoadedCopy;
use crate::interp::runtime::options::Options;
use crate::interp::runtime::service::Service;
use crate::interp::runtime::shutdown;
use crate::interp::runtime::step::{Libpython, Step};
use crate::sys::fork::ForkLocal;
use crate::sys::signals::with_blocked_signals;
use crate::sys::sync::lock;

/// What a successful start gives: the interpreter, and what its own thread runs.
type Started = (&'static Interpreter, Service);

/// The libpythons that have passed the self-test.
static TESTED: ForkLocal<Mutex<HashSet<FileId>>> = ForkLocal::new(Mutex::default);

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
    overflow::install();
    // If the process exits before this interpreter has started, that stops it, too.
    shutdown::prepare();
    // SAFETY: by this function's contract, the libpython's initialisers are sound.
    let copy = unsafe { LoadedCopy::new(options)? };
    let libpython = copy.libpython.clone();
    let (outcome, reported) = mpsc::channel();
    // Python takes the thread that initialises it for its main thread, and remembers it. So that thread is the
    // interpreter's own, and never ends.
    let name = format!("ungil-python-{}", copy.number);
    let life = move || {
        let step = Rc::new(Cell::new(Step::Initialize));
        let report_end = report_end(outcome.clone(), copy.libpython.clone(), step.clone());
        // SAFETY: the copy was loaded just now, and this is the one call for it.
        let boot = || catch_abandoned(|| unsafe { boot(&copy, &step) }).flatten();
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
    let panicked = || libpython.failed(Step::Initialize, &"it panicked");
    reported.recv().unwrap_or_else(|_| Err(panicked()))
}

/// What is called if Python wants to end the process in a step of its start.
fn report_end(
    outcome: mpsc::Sender<Result<&'static Interpreter, InterpError>>,
    libpython: Libpython,
    step: Rc<Cell<Step>>,
) -> impl FnOnce() {
    move || {
        // `start` waits, so that somebody receives it.
        let _ =
            outcome.send(Err(libpython.failed(step.get(), &"Python gave up, and reported why on stderr")));
    }
}

/// Initialises a copy on this thread, and makes it an interpreter. `step` is set to each step that begins.
///
/// # Safety
/// This is called once for a copy.
unsafe fn boot(copy: &LoadedCopy, step: &Cell<Step>) -> Result<Started, InterpError> {
    let code = range_at(copy.api.Py_GetVersion as usize);
    interpose::register(copy.number, Box::leak(Box::new(copy.loader())), code);
    // SAFETY: by this function's contract, this is the one initialisation; the loader was registered just now.
    unsafe { initialize(copy)? };
    // The copy is never unloaded, and its functions may be called for as long as it has objects.
    let api: &'static Api = Box::leak(Box::new(copy.api));
    // SAFETY: `initialize` returned without an error, so this thread holds the GIL, until it is released below; `prepare`
    // takes a token of any lifetime, so it can mix this one with no other.
    let started = prepare(unsafe { Gil::new(api) }, api, copy, step);
    // SAFETY: this thread holds the GIL, and no token is left.
    unsafe { (api.PyEval_SaveThread)() };
    // If the process is exiting, nothing will stop this interpreter; and a step may have failed for that reason.
    if at_exit::is_exiting() { Err(InterpError::Exiting) } else { started }
}

fn prepare(
    gil: Gil<'_>,
    api: &'static Api,
    copy: &LoadedCopy,
    step: &Cell<Step>,
) -> Result<Started, InterpError> {
    let failed = |why: String| copy.libpython.failed(step.get(), &why);
    step.set(Step::SelfTest);
    // SAFETY: these are the functions of the token's Python, and a copy's Python never ends.
    let python = unsafe { RunningPython::new(gil, api, Life::of(copy.number)) };
    let python = python.map_err(|error| failed(gil.take_exception_text(error)))?;
    test_once(gil, python, copy).map_err(failed)?;
    step.set(Step::Prepare);
    let prepared = Interpreter::new(gil, python, copy);
    let (interpreter, service) = prepared.map_err(|error| failed(gil.take_exception_text(error)))?;
    let interpreter: &'static Interpreter = Box::leak(Box::new(interpreter));
    Life::of(copy.number).begin(interpreter, range_at(api.Py_GetVersion as usize));
    shutdown::register(interpreter);
    Ok((interpreter, service))
}

/// The self-test, unless a copy of the same file has passed it.
fn test_once(gil: Gil<'_>, python: RunningPython, copy: &LoadedCopy) -> Result<(), String> {
    let file = copy.file_id();
    if file.is_some_and(|file| lock(TESTED.get()).contains(&file)) {
        return Ok(());
    }
    self_test(gil, python)?;
    lock(TESTED.get()).extend(file);
    Ok(())
}
