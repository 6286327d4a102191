//! One isolated interpreter: a private copy of libpython, started, and entered by any thread.

use std::ffi::CStr;
use std::panic::{self, AssertUnwindSafe};
use std::ptr::NonNull;
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread;
use std::time::Duration;

use crate::interp::cpython::buffer::{BufferView, ExporterType};
use crate::interp::cpython::ffi::{Api, Object};
use crate::interp::cpython::gil::{Gil, PyErrSet, PyRef};
use crate::interp::cpython::host::{Host, Version};
use crate::interp::error::InterpError;
use crate::interp::exit::abandon::{call_abandonable, catch_abandoned, catch_panics};
use crate::interp::exit::at_exit;
use crate::interp::exit::wake_signal::{self, WakeableThread};
use crate::interp::foreign_buffer::ForeignBuffer;
use crate::interp::interpose::{self, process::during_start};
use crate::interp::runtime::options::Options;
use crate::interp::runtime::reply::{Reply, Views};
use crate::interp::runtime::running::InFlight;
use crate::interp::runtime::shutdown;
use crate::interp::runtime::start::{LoadedCopy, completed};
use crate::sys::foreign::call_foreign;
use crate::sys::process;
use crate::sys::signals::with_blocked_signals;

const BOOTSTRAP: &CStr =
    match CStr::from_bytes_with_nul(concat!(include_str!("bootstrap.py"), "\0").as_bytes()) {
        Ok(text) => text,
        Err(_) => panic!("the source has a NUL"),
    };

/// An interpreter. It is never freed: Python code may leave threads behind.
pub struct Interpreter {
    api: &'static Api,
    version: Version,
    process: u64,
    functions: Functions,
    lending: ExporterType,
    running: InFlight,
    service: Sender<Task>,
}

// SAFETY: what is not Sync are addresses of Python objects, each with a reference that is kept. They are only given to
// functions of the copy's C API, by threads that have attached to the copy (`with_lock`): that is CPython's own rule for
// threads, whether it has a lock for all objects or, in a free-threaded build, one in each.
unsafe impl Sync for Interpreter {}
// SAFETY: as above; and it is never dropped.
unsafe impl Send for Interpreter {}

/// The functions of `bootstrap.py`.
struct Functions {
    configure: NonNull<Object>,
    execute: NonNull<Object>,
    evaluate: NonNull<Object>,
    call: NonNull<Object>,
    reset: NonNull<Object>,
    renew: NonNull<Object>,
    importing: NonNull<Object>,
    settle: NonNull<Object>,
    describe: NonNull<Object>,
}

impl Functions {
    fn of<'a>(held: Gil<'a>, namespace: &PyRef<'a>) -> Option<Self> {
        // Each keeps its reference: they are there as long as the copy.
        let get = |name| NonNull::new(held.get(namespace, name)?.into_ptr());
        Some(Self {
            configure: get(c"configure")?,
            execute: get(c"execute")?,
            evaluate: get(c"evaluate")?,
            call: get(c"call")?,
            reset: get(c"reset")?,
            renew: get(c"renew")?,
            importing: get(c"importing")?,
            settle: get(c"settle")?,
            describe: get(c"describe")?,
        })
    }
}

/// What the interpreter's own thread does: whoever asks does not wait for the copy's lock.
enum Task {
    Release(Vec<BufferView>),
    Interrupt,
    /// Panic with the lock held.
    #[cfg(test)]
    Panic,
    /// Take the lock for good, and say so.
    Stop(Sender<()>),
}

impl Interpreter {
    /// Starts a new one.
    ///
    /// ```compile_fail,E0133
    /// use ungil::interp::{interpreter::Interpreter, options::Options};
    /// let options = Options::parse(b"libpython=/tmp/any-library.so").unwrap();
    /// let interpreter = Interpreter::start(options);
    /// ```
    ///
    /// # Safety
    /// Code runs that is found by the options, the environment and the process's own Python: the initialisers of the
    /// libpython, which is to be CPython's, and what that Python runs at its start. All of it is sound here, and so is
    /// the Python code that is run in the interpreter later: `ctypes` can do anything.
    pub unsafe fn start(options: Options) -> Result<&'static Self, InterpError> {
        if at_exit::is_ending() {
            return Err(InterpError::Exiting);
        }
        // A process that exits before this one has started is to stop it too.
        shutdown::prepare();
        // SAFETY: by this function's contract.
        let copy = unsafe { LoadedCopy::new(options)? };
        let (outcome, told) = mpsc::channel();
        // Python takes the thread that starts it for its main thread, and remembers it: so it stays, and serves.
        let name = format!("ungil-python-{}", copy.number);
        let life = move || {
            let (service, tasks) = mpsc::channel();
            let ended = outcome.clone();
            let started = during_start(
                Box::new(move || {
                    // The receiver waits.
                    let _ = ended.send(Err(InterpError::Unsupported(
                        "Python could not start, and said why on stderr".to_owned(),
                    )));
                }),
                || catch_abandoned(|| Self::boot(copy, service)).flatten(),
            );
            let interpreter = started.as_ref().ok().copied();
            // As above.
            let _ = outcome.send(started);
            drop(outcome);
            if let Some(interpreter) = interpreter {
                interpreter.serve(&tasks);
            }
        };
        let builder = thread::Builder::new().name(name).stack_size(8 << 20);
        let thread = with_blocked_signals(|| builder.spawn(life));
        thread.map_err(|error| InterpError::Unsupported(format!("no thread could be started: {error}")))?;
        let silent = || InterpError::Unsupported("the start of Python failed by a panic".to_owned());
        told.recv().unwrap_or_else(|_| Err(silent()))
    }

    fn boot(copy: LoadedCopy, service: Sender<Task>) -> Result<&'static Self, InterpError> {
        interpose::register(copy.number, Box::leak(Box::new(copy.loader())));
        // SAFETY: this is the one start, and the loader is there.
        unsafe { copy.start()? };
        let settings = copy.settings();
        let version = copy.version;
        // The copy is never unloaded, and its functions are called as long as there is a Python object of it.
        let api: &'static Api = Box::leak(Box::new(copy.api));
        // SAFETY: this thread has the copy's lock from its start until it is given up below.
        let held = unsafe { Gil::new(api) };
        let made = Self::make(held, api, version, service, &settings);
        // SAFETY: as above.
        unsafe { (api.PyEval_SaveThread)() };
        made
    }

    fn make(
        held: Gil<'static>,
        api: &'static Api,
        version: Version,
        service: Sender<Task>,
        settings: &[u8],
    ) -> Result<&'static Self, InterpError> {
        let failed = |raised| {
            let text = held.exception_text(raised);
            InterpError::Unsupported(format!("the interpreter could not be prepared: {text}"))
        };
        let namespace = held.run(BOOTSTRAP, c"<ungil bootstrap>").map_err(failed)?;
        let functions = Functions::of(held, &namespace).ok_or_else(|| failed(PyErrSet))?;
        let lending = ExporterType::new(held, version).map_err(failed)?;
        // SAFETY: the function is this copy's.
        unsafe { held.call_with_bytes(functions.configure, settings) }.map_err(failed)?;
        let (process, running) = (process::token(), InFlight::default());
        let interpreter: &'static Self =
            Box::leak(Box::new(Self { api, version, process, functions, lending, running, service }));
        shutdown::register(interpreter);
        if at_exit::is_ending() { Err(InterpError::Exiting) } else { Ok(interpreter) }
    }

    /// The life of the interpreter's own thread, which has its main thread's state.
    fn serve(&self, tasks: &Receiver<Task>) {
        for task in tasks {
            // A panic, which has written its line, ends one task: others wait for the next ones to be done.
            let _ = panic::catch_unwind(AssertUnwindSafe(|| self.perform(task)));
        }
    }

    fn perform(&self, task: Task) {
        match task {
            // An error says that the process is exiting: then there is nothing left to do.
            Task::Release(views) => {
                let _ = self.with_lock(|held| views.into_iter().for_each(|view| view.release(held)));
            }
            Task::Interrupt => {
                while self.with_lock(|held| self.deliver_interrupts(held)) == Ok(false) {
                    thread::sleep(Duration::from_millis(1));
                }
            }
            Task::Stop(stopped) => self.stop_for_good(&stopped),
            #[cfg(test)]
            Task::Panic => {
                let _ = self.with_lock(|_| panic::resume_unwind(Box::new("a test's")));
            }
        }
    }

    /// Takes the lock and keeps it: no thread runs Python code from then on. (In a free-threaded Python there is no such
    /// lock: threads go on until their requests take the interrupt.)
    fn stop_for_good(&self, stopped: &Sender<()>) -> ! {
        // SAFETY: the copy has started, and never ends.
        call_foreign(|| unsafe { (self.api.PyGILState_Ensure)() });
        // Whoever asked has lost patience otherwise.
        let _ = stopped.send(());
        // A thread may just have been about to sleep when it was woken: it is woken again.
        let mut pause = Duration::from_millis(1);
        loop {
            thread::sleep(pause);
            self.wake();
            pause = (2 * pause).min(Duration::from_millis(100));
        }
    }

    /// Whether all are delivered.
    fn deliver_interrupts(&self, held: Gil<'_>) -> bool {
        let threads = || {
            // SAFETY: the function is this copy's.
            let text = unsafe { held.call_with_bytes(self.functions.importing, b"") }?;
            let text = String::from_utf8_lossy(text.content()?).into_owned();
            Ok(text.split(' ').filter_map(|number| number.parse().ok()).collect::<Vec<_>>())
        };
        let importing = threads().unwrap_or_else(|raised| {
            held.forget(raised);
            Vec::new()
        });
        self.running.deliver(&importing, |thread| {
            // SAFETY: the lock is held, and the exception is one of this copy's.
            unsafe { (self.api.PyThreadState_SetAsyncExc)(thread, *self.api.PyExc_KeyboardInterrupt) == 1 }
        })
    }

    /// Stops all threads as soon as they want the lock, for good; then tells it.
    pub(crate) fn stop(&self, stopped: Sender<()>) {
        if self.lending.is_free_threaded() && self.running.interrupt() {
            self.ask(Task::Interrupt);
        }
        self.ask(Task::Stop(stopped));
    }

    /// Sends a signal to the threads of the requests that are under way, for those that sleep.
    pub(crate) fn wake(&self) {
        if let Some(signal) = wake_signal::current() {
            self.running.wake(signal);
        }
    }

    /// Whether requests are under way.
    pub(crate) fn is_busy(&self) -> bool {
        self.running.are_any()
    }

    /// Gives views back, some time soon.
    pub(crate) fn release(&self, views: Vec<BufferView>) {
        if self.process == process::token() {
            self.ask(Task::Release(views));
        }
    }

    fn ask(&self, task: Task) {
        // Its thread never ends.
        let _ = self.service.send(task);
    }

    /// Does something with the copy's lock, which this thread waits for. The lock is given up also where `body` panics;
    /// if the process is exiting, this thread may lose it, and that is the error.
    fn with_lock<T>(&self, body: impl FnOnce(Gil<'_>) -> T) -> Result<T, InterpError> {
        // SAFETY: the copy has started, and never ends.
        let state = catch_abandoned(|| call_abandonable(|| unsafe { (self.api.PyGILState_Ensure)() }))?;
        // SAFETY: this thread has the lock until it is given up below, or lost with a panic for `catch_abandoned`.
        let outcome = catch_panics(|| body(unsafe { Gil::new(self.api) }))?;
        // SAFETY: this thread has the lock.
        catch_abandoned(|| call_abandonable(|| unsafe { (self.api.PyGILState_Release)(state) }))?;
        outcome.or_else(|payload| panic::resume_unwind(payload))
    }

    /// Does something that an interrupt may stop.
    fn enter<T>(&self, body: impl FnOnce(Gil<'_>) -> Result<T, PyErrSet>) -> Result<T, InterpError> {
        if self.process != process::token() {
            return Err(InterpError::Forked);
        }
        if at_exit::is_ending() {
            return Err(InterpError::Exiting);
        }
        let _wakeable = WakeableThread::new();
        let call = self.running.begin();
        let result = self.with_lock(|held| {
            if call.is_interrupted() {
                return Err(InterpError::Python("KeyboardInterrupt".to_owned()));
            }
            let result = body(held);
            // From here on no interrupt comes any more. One that has come too late would hit what follows: it is taken
            // out. (Where it is taken back instead, CPython goes on looking for it, which slows all code down.)
            let was_interrupted = call.end();
            let result = result.map_err(|raised| held.exception(raised));
            if was_interrupted {
                self.settle(held);
            }
            result.map_err(|parts| InterpError::Python(self.tell(held, parts)))
        });
        result.flatten()
    }

    /// Runs Python code until no interrupt can be left.
    fn settle(&self, held: Gil<'_>) {
        // SAFETY: the function is this copy's.
        if let Err(raised) = unsafe { held.call_with_bytes(self.functions.settle, b"") } {
            held.forget(raised);
        }
    }

    /// The text of an exception, in its parts.
    fn tell(&self, held: Gil<'_>, parts: Vec<PyRef<'_>>) -> String {
        // SAFETY: the function is this copy's.
        let text = unsafe { held.call(self.functions.describe, parts) };
        let text = text.and_then(|text| Ok(String::from_utf8_lossy(text.content()?).into_owned()));
        text.unwrap_or_else(|raised| {
            held.forget(raised);
            "an exception that cannot be told".to_owned()
        })
    }

    /// Runs source, UTF-8, in `__main__`. Any thread may; it waits where another is in this interpreter.
    pub fn exec(&self, source: &[u8]) -> Result<(), InterpError> {
        self.request(self.functions.execute, source).map(|_| ())
    }

    /// The text of an expression's value in `__main__`. Both are UTF-8.
    pub fn eval(&self, expression: &[u8]) -> Result<Vec<u8>, InterpError> {
        self.request(self.functions.evaluate, expression)
    }

    /// Takes away what a user has left. An error is why that cannot be.
    pub(crate) fn reset(&self) -> Result<(), InterpError> {
        self.request(self.functions.reset, b"").map(|_| ())
    }

    /// Makes the interpreter ready for another user, after a reset: the environment's `variables`, each with a NUL
    /// behind it, and what can be set after the start. Where the options are silent, that is what the process's Python
    /// says now.
    pub(crate) fn renew(&self, variables: &[u8], options: &Options) -> Result<(), InterpError> {
        let options = completed(options.clone(), Host::find()?.as_ref(), self.version);
        self.request(self.functions.renew, variables)?;
        self.request(self.functions.configure, &options.to_text()).map(|_| ())
    }

    fn request(&self, function: NonNull<Object>, text: &[u8]) -> Result<Vec<u8>, InterpError> {
        self.enter(|held| {
            // SAFETY: the function is this copy's.
            let answer = unsafe { held.call_with_bytes(function, text) }?;
            answer.content().map(<[u8]>::to_vec)
        })
    }

    /// What the function that was given to `_ungil.serve` makes of a request, and of memory that is lent to it.
    ///
    /// The owners of all loans are told when the last view of theirs is gone; of those that could not be lent, before
    /// this returns.
    pub fn call(&'static self, request: &[u8], loans: Vec<ForeignBuffer>) -> Result<Reply, InterpError> {
        let mut loans = loans.into_iter(); // those that are left go behind the lock
        self.enter(|held| {
            let mut arguments = vec![held.bytes(request)?];
            for loan in loans.by_ref() {
                arguments.push(self.lending.view(held, self.api, loan)?);
            }
            // SAFETY: the function is this copy's.
            let answer = unsafe { held.call(self.functions.call, arguments) }?;
            let mut views = Views::new(held);
            for item in answer.items()? {
                views.add(&item)?;
            }
            Ok(views.reply(self))
        })
    }

    /// Raises KeyboardInterrupt in the requests that are under way, as soon as they run Python code. It does not wait.
    pub fn interrupt(&self) -> Result<(), InterpError> {
        if self.process != process::token() {
            return Err(InterpError::Forked);
        }
        if self.running.interrupt() {
            self.ask(Task::Interrupt);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
