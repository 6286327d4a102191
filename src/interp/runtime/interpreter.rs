//! A started interpreter, and the requests that any thread may make.

use std::ptr::NonNull;
use std::sync::Arc;
use std::sync::mpsc::Sender;

use crate::exchange::foreign_buffer::ForeignBuffer;
use crate::interp::cpython::attach::{KeptThreadState, RunningPython};
use crate::interp::cpython::buffer::ExporterType;
use crate::interp::cpython::ffi::{Api, Object};
use crate::interp::cpython::gil::{Gil, PyErrSet, PyRef, STR_FAILED};
use crate::interp::cpython::holder::GilHolder;
use crate::interp::cpython::host::Host;
use crate::interp::cpython::main_thread::MainThread;
use crate::interp::cpython::version::Version;
use crate::interp::error::InterpError;
use crate::interp::exit::at_exit;
use crate::interp::exit::guarded_stack::GuardedStack;
use crate::interp::exit::life::Life;
use crate::interp::exit::wake_signal::WakeableThread;
use crate::interp::interpose::signal::mask::MaskGuard;
use crate::interp::interpose::{self, environ, record_locks};
use crate::interp::runtime::bootstrap::Functions;
use crate::interp::runtime::in_progress::{self, InProgress};
use crate::interp::runtime::loaded_copy::LoadedCopy;
use crate::interp::runtime::main_thread::MainRequest;
use crate::interp::runtime::options::Options;
use crate::interp::runtime::reply::{Reply, Views};
use crate::interp::runtime::service::{Ending, Service, ServiceCommand, ServiceHandle, ViewReturner};
use crate::sys::process;

/// An interpreter. It is never freed: Python code may leave threads behind.
pub struct Interpreter {
    python: RunningPython,
    number: usize,
    version: Version,
    is_free_threaded: bool,
    process: u64,
    functions: Functions,
    exporter: ExporterType,
    in_progress: Arc<InProgress>,
    main: Arc<MainRequest>,
    service: ServiceHandle,
    life: &'static Life,
    holder: Option<GilHolder>,
}

// SAFETY: only the exporter's type, the address of a Python object, is not Sync by itself. The object is alive as long as
// the copy, the address never changes, and it is only given to functions of the copy's C API by code that has checked its
// token of the copy's GIL; CPython lets any thread do that.
unsafe impl Sync for Interpreter {}
// SAFETY: the exporter's type, the one field that is not Send by itself, has the address of an object that any thread may
// use while it holds the copy's GIL, which `ExporterType` checks.
unsafe impl Send for Interpreter {}

impl Interpreter {
    /// Prepares the Python of a copy, which was initialised on this thread. When this thread has released the GIL, it is to
    /// run the service.
    pub(crate) fn new(
        gil: Gil<'_>,
        python: RunningPython,
        copy: &LoadedCopy,
    ) -> Result<(Self, Service), PyErrSet> {
        let functions = Functions::load(gil, copy.file_id())?;
        let exporter = ExporterType::new(gil, python.api)?;
        // SAFETY: the function is this copy's, and alive as long as the copy.
        unsafe { gil.call_with_bytes(functions.configure, &copy.settings()) }?;
        let in_progress = Arc::new(InProgress::default());
        let find = |name: &str| copy.python.symbol(&copy.prefix.mangle(name));
        // SAFETY: these are the symbols of the token's Python; a `Library` stays loaded.
        let place = unsafe { MainThread::find(gil, &find) };
        let main = Arc::new(MainRequest::new(place, copy.number));
        let in_service = (Arc::clone(&in_progress), Arc::clone(&main));
        // SAFETY: the functions are this copy's, and alive as long as the copy, and so is its world.
        let (service, handle) =
            unsafe { Service::new(python, functions, in_service, copy.number, copy.world) };
        let interpreter = Self {
            python,
            number: copy.number,
            version: copy.version,
            is_free_threaded: copy.world.is_some(),
            process: process::token(),
            functions,
            exporter,
            in_progress,
            main,
            service: handle,
            life: Life::of(copy.number),
            holder: copy.holder,
        };
        Ok((interpreter, service))
    }

    /// Runs Python source, UTF-8, in `__main__`. Any thread may; it waits while another one runs in this interpreter.
    pub fn exec(&self, source: &[u8]) -> Result<(), InterpError> {
        self.request(self.functions.execute, source).map(|_| ())
    }

    /// The text of the value of an expression in `__main__`. Both are UTF-8.
    pub fn eval(&self, expression: &[u8]) -> Result<Vec<u8>, InterpError> {
        self.request(self.functions.evaluate, expression)
    }

    /// The libraries that it has loaded: a line for each, with tabs in it: `private` or `shared`, the path, and the reason.
    pub fn libraries(&self) -> Result<Vec<u8>, InterpError> {
        if self.process != process::token() {
            return Err(InterpError::Forked);
        }
        Ok(interpose::libraries(self.number))
    }

    /// Sends a request and exported buffers to the function that was given to `_ungil.serve`, and returns its answer.
    ///
    /// The release callback of each buffer is called when the last view of it is gone. For buffers that could not be
    /// exported, it is called before this returns.
    pub fn call(&self, request: &[u8], buffers: Vec<ForeignBuffer>) -> Result<Reply, InterpError> {
        let mut buffers = buffers.into_iter(); // after an error, the rest is dropped without the GIL
        self.enter(|gil| {
            let mut arguments = vec![gil.bytes(request)?];
            for buffer in buffers.by_ref() {
                arguments.push(self.exporter.export(gil, buffer)?);
            }
            // SAFETY: the function is this copy's, and alive as long as the copy.
            let answer = unsafe { gil.call(self.functions.call, arguments) }?;
            let mut views = Views::new(gil, self.python.api);
            for item in answer.items()? {
                views.add(&item)?;
            }
            Ok(views.into_reply(ViewReturner::new(&self.service)))
        })
    }

    /// Raises KeyboardInterrupt in the requests that are in progress, as soon as they run Python code; `false` if there are
    /// none. This does not wait.
    pub fn interrupt(&self) -> Result<bool, InterpError> {
        if self.process != process::token() {
            return Err(InterpError::Forked);
        }
        let are_interrupted = self.in_progress.interrupt();
        if are_interrupted {
            self.service.post(ServiceCommand::Interrupt);
        }
        Ok(are_interrupted)
    }

    /// Runs `body`: interrupts leave out the requests that this thread sends meanwhile.
    pub fn without_interrupts<T>(&self, body: impl FnOnce() -> T) -> T {
        in_progress::without_interrupts(body)
    }

    /// Until this is dropped, requests of this thread need not have its stack guarded each: that takes system calls.
    pub(crate) fn guard_this_thread(&self) -> GuardedStack {
        GuardedStack::new()
    }

    /// Makes this thread have one thread state for all its requests, until it releases that.
    pub(crate) fn keep_thread_state(&self) -> Result<KeptThreadState, InterpError> {
        // Before the thread state is made, as Python remembers then where the stack ends.
        let _guarded = GuardedStack::new();
        self.python.keep_thread_state()
    }

    /// Deletes a thread state that this thread has kept; another thread's stays.
    pub(crate) fn release_thread_state(&self, kept: KeptThreadState) -> Result<(), InterpError> {
        let result = self.python.release_thread_state(kept);
        self.leave(); // what lived in the state may have locked files
        result
    }

    /// Calls the user's exit functions, and ends threads and processes that are left. It can be interrupted.
    pub(crate) fn end_use(&self) -> Result<(), InterpError> {
        self.request(self.functions.end_use, b"").map(|_| ())
    }

    /// Removes what a user has left behind. If that is not possible, the error says why.
    pub(crate) fn reset(&self) -> Result<(), InterpError> {
        self.request(self.functions.reset, b"").map(|_| ())
    }

    /// Prepares the interpreter for another user, after a reset: sets the environment's `variables`, each with a NUL after
    /// it, and the options that can be set after the start. For options that are not given, the current settings of the
    /// host's Python apply.
    pub(crate) fn reinitialize(&self, variables: &[u8], options: &Options) -> Result<(), InterpError> {
        let options = options.clone().with_host_defaults(
            Host::find()?.as_ref(),
            self.version,
            self.is_free_threaded,
        )?;
        environ::replace(self.number, variables);
        self.request(self.functions.reinitialize, variables)?;
        self.request(self.functions.configure, &options.to_text()).map(|_| ())
    }

    /// At the process's exit: takes the GIL forever, and then reports that. Threads stop when they wait for it next. (In a
    /// free-threaded Python, it stops the world.)
    pub(crate) fn stop(&self, stopped: Sender<()>) {
        self.service.post(ServiceCommand::Stop(stopped));
    }

    /// Whether it was ended, by `abort()` for example. All requests fail then.
    pub fn is_dead(&self) -> bool {
        self.life.is_dead()
    }

    /// The error of all its requests, if it is dead.
    pub fn death(&self) -> Option<InterpError> {
        self.is_dead().then(|| self.life.error())
    }

    /// At the process's exit: runs what Python and the libraries have called then, and stops.
    pub(crate) fn end(&self, ending: Ending) {
        self.service.post(ServiceCommand::End(ending));
    }

    /// At the process's exit: wakes the threads of requests that sleep in the system.
    pub(crate) fn wake(&self) {
        self.in_progress.wake();
    }

    /// Whether requests are in progress.
    pub(crate) fn is_busy(&self) -> bool {
        !self.in_progress.is_empty()
    }

    /// Whether requests of other threads are in progress.
    pub(crate) fn has_others_requests(&self) -> bool {
        self.in_progress.has_others()
    }

    /// Calls a function of its own Python, such as a release callback, on its own thread. This does not wait. If the
    /// interpreter is dead, and in the child of a fork, the function is never called.
    pub fn call_soon(&self, function: Box<dyn FnOnce() + Send>) {
        if self.process == process::token() {
            self.service.post(ServiceCommand::Call(function));
        }
    }

    pub(crate) fn life(&self) -> &'static Life {
        self.life
    }

    /// The number of its copy.
    pub(crate) fn number(&self) -> usize {
        self.number
    }

    /// The number that its own code knows, as `_ungil.number`: from 1 on, as 0 stands for the host.
    pub fn own_number(&self) -> i32 {
        self.number as i32 + 1
    }

    /// The functions of its Python's C API.
    pub(crate) fn api(&self) -> &'static Api {
        self.python.api
    }

    pub(crate) fn functions(&self) -> &Functions {
        &self.functions
    }

    pub(crate) fn is_free_threaded(&self) -> bool {
        self.is_free_threaded
    }

    /// Whether this thread holds the GIL. (False if that Python cannot tell.)
    pub(crate) fn is_held_by_this_thread(&self) -> bool {
        self.holder.is_some_and(GilHolder::is_this_thread)
    }

    /// Sends a command to its own thread.
    pub(crate) fn post(&self, command: ServiceCommand) {
        self.service.post(command);
    }

    fn request(&self, function: NonNull<Object>, text: &[u8]) -> Result<Vec<u8>, InterpError> {
        self.enter(|gil| {
            // SAFETY: the function is one of `self.functions`: it is this copy's, and alive as long as the copy.
            let answer = unsafe { gil.call_with_bytes(function, text) }?;
            answer.content().map(<[u8]>::to_vec)
        })
    }

    /// Runs a request that can be interrupted.
    fn enter<T>(&self, body: impl FnOnce(Gil<'_>) -> Result<T, PyErrSet>) -> Result<T, InterpError> {
        if self.process != process::token() {
            return Err(InterpError::Forked);
        }
        if at_exit::is_exiting() {
            return Err(InterpError::Exiting);
        }
        if self.is_dead() {
            return Err(self.life.error());
        }
        let (_wakeable, _mask, _guarded) = (WakeableThread::new(), MaskGuard::new(), GuardedStack::new());
        let call = self.in_progress.begin();
        let run = |gil: Gil<'_>| {
            if at_exit::is_exiting() {
                return Err(InterpError::Exiting); // what is called at the exit may have begun
            }
            if call.is_interrupted() {
                return Err(InterpError::Python("KeyboardInterrupt".to_owned()));
            }
            // SAFETY: the function is this copy's, and alive as long as the copy.
            let tell = || unsafe { gil.call(self.functions.become_main_thread, Vec::new()) };
            let main = self.main.take(gil, tell);
            let result = main.as_ref().map_err(|error| *error).and_then(|_| body(gil));
            // No interrupt is delivered from here on. One that was delivered but came too late would hit the code that
            // runs next, so it is drained. (To take it back instead would not do: CPython would go on looking for it,
            // which slows all code down.)
            let was_interrupted = call.end();
            let result = result.map_err(|error| gil.take_exception(error));
            if was_interrupted {
                self.drain_async_exc(gil);
            }
            if let Ok(Some(main)) = main {
                main.finish(gil);
            }
            self.service.release_returned(gil); // now that no interrupt can hit the code of a destructor
            result.map_err(|exception| InterpError::Python(self.describe(gil, exception)))
        };
        let result = self.python.with_gil(run).flatten();
        self.leave();
        result
    }

    /// This thread is in no code of the interpreter any more. If that is dead, and no other request is in progress, what it
    /// has locked is released.
    fn leave(&self) {
        record_locks::leave(self.number);
        if self.is_dead() && !self.is_busy() {
            record_locks::release_all(self.number);
        }
    }

    /// Runs Python code until no asynchronous exception can be left.
    fn drain_async_exc(&self, gil: Gil<'_>) {
        // SAFETY: the function is this copy's, and alive as long as the copy.
        if let Err(error) = unsafe { gil.call_with_bytes(self.functions.drain_async_exc, b"") } {
            gil.clear(error);
        }
    }

    /// The text of an exception.
    fn describe<'py>(&self, gil: Gil<'py>, exception: Option<PyRef<'py>>) -> String {
        // SAFETY: the function is this copy's, and alive as long as the copy.
        let text = unsafe { gil.call(self.functions.describe, Vec::from_iter(exception)) };
        let text = text.and_then(|text| Ok(String::from_utf8_lossy(text.content()?).into_owned()));
        text.unwrap_or_else(|error| {
            gil.clear(error);
            STR_FAILED.to_owned()
        })
    }
}

#[cfg(test)]
mod tests;
