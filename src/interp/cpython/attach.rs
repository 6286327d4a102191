//! How a thread enters a Python that runs, and leaves it.
//!
//! From 3.15 on a thread says which interpreter it enters, by a guard that keeps the interpreter from ending, or by a view,
//! and then entering one that has ended is an error. In older versions the thread stops for ever.

use std::cell::Cell;
use std::ffi::c_int;
use std::panic;
use std::ptr;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::interp::cpython::ffi::{Api, InterpreterGuard, ThreadState, ThreadStateToken, ThreadStates};
use crate::interp::cpython::gil::{Gil, PyErrSet};
use crate::interp::error::InterpError;
use crate::interp::exit::abandon::{
    call_abandonable, catch_abandoned, catch_panics, never_abandon, unwind_if_still_attached,
};
use crate::interp::exit::at_exit;
use crate::interp::exit::life::{self, Entered, Life};
use crate::sys::foreign::call_foreign;

/// What a thread was before it entered, to be restored when it leaves.
#[derive(Clone, Copy)]
enum Before {
    Token(*mut ThreadStateToken),
    State(c_int),
}

impl Before {
    /// Whether the thread has not entered: there is no memory for a thread state, or the interpreter is ending.
    fn is_failure(self) -> bool {
        matches!(self, Self::Token(token) if token.is_null())
    }

    /// # Safety
    /// This thread has entered the Python with these functions, which gave this value, and has not left it since.
    unsafe fn restore(self, api: &Api) {
        // SAFETY: the value came from the same table of functions; for the rest, this function's contract.
        unsafe {
            match (self, &api.threads) {
                (Self::Token(token), ThreadStates::GuardedThreadState(it)) => {
                    (it.PyThreadState_Release)(token)
                }
                (Self::State(state), ThreadStates::GilState(it)) => (it.PyGILState_Release)(state),
                _ => unreachable!("a Python has one of the tables"),
            }
        }
    }
}

thread_local! {
    /// How many calls of `with_gil` this thread is in.
    static DEPTH: Cell<u32> = const { Cell::new(0) };
}

/// One more call of `with_gil`, until this is dropped.
struct Nesting {
    depth_before: u32,
}

impl Nesting {
    fn new() -> Self {
        let depth_before = DEPTH.get();
        DEPTH.set(depth_before + 1);
        Self { depth_before }
    }
}

impl Drop for Nesting {
    fn drop(&mut self) {
        DEPTH.set(self.depth_before);
    }
}

/// A thread state that a thread has in a Python while it runs no code there. What lives in it stays, as in the main thread
/// of a process: context variables, `threading.local`, and pointers to it that extension modules keep, as pybind11's do.
pub(crate) struct KeptThreadState {
    before: Before,
    state: *mut ThreadState,
    thread: u64,
}

// SAFETY: the pointers are used on the thread that they belong to, which `release_thread_state` checks.
unsafe impl Send for KeptThreadState {}

/// A number that only this thread has, and none had before. (It needs no thread-local destructor.)
fn thread_number() -> u64 {
    static LAST: AtomicU64 = AtomicU64::new(0);
    thread_local! {
        static NUMBER: Cell<u64> = const { Cell::new(0) };
    }
    if NUMBER.get() == 0 {
        NUMBER.set(LAST.fetch_add(1, Ordering::Relaxed) + 1);
    }
    NUMBER.get()
}

/// A Python that has started and never ends: that of a copy.
#[derive(Clone, Copy)]
pub(crate) struct RunningPython {
    pub(crate) api: &'static Api,
    life: &'static Life,
    /// It is never closed. Null where Python has no guards.
    guard: *mut InterpreterGuard,
}

// SAFETY: the guard is only passed to functions of the copy's C API, which take it on any thread.
unsafe impl Send for RunningPython {}
// SAFETY: neither the table nor the pointer changes, so that threads may read them at the same time.
unsafe impl Sync for RunningPython {}

impl RunningPython {
    /// # Safety
    /// These are the functions of the token's Python, which never ends, and this is the life of that copy.
    pub(crate) unsafe fn new(gil: Gil<'_>, api: &'static Api, life: &'static Life) -> Result<Self, PyErrSet> {
        gil.assert_of(api);
        let guard = match &api.threads {
            // SAFETY: the token shows that this thread holds the GIL.
            ThreadStates::GuardedThreadState(it) => unsafe { (it.PyInterpreterGuard_FromCurrent)() },
            ThreadStates::GilState(_) => return Ok(Self { api, life, guard: ptr::null_mut() }),
        };
        if guard.is_null() { Err(PyErrSet) } else { Ok(Self { api, life, guard }) }
    }

    /// Waits for the GIL.
    fn enter(self) -> Before {
        // SAFETY: by the contract of `new` that Python runs, and then any thread may enter it. The guard is open.
        unsafe {
            match &self.api.threads {
                ThreadStates::GuardedThreadState(it) => Before::Token((it.PyThreadState_Ensure)(self.guard)),
                ThreadStates::GilState(it) => Before::State((it.PyGILState_Ensure)()),
            }
        }
    }

    /// Waits for the GIL and runs `body` with it. The GIL is released also if `body` panics. If the process is exiting,
    /// or the interpreter is dead, this thread may lose the GIL for ever, which is the error.
    pub(crate) fn with_gil<T>(self, body: impl FnOnce(Gil<'_>) -> T) -> Result<T, InterpError> {
        self.nested(|| self.enter_and_leave(body))
    }

    /// Runs `work`, which waits for the GIL.
    fn nested<T>(self, work: impl FnOnce() -> Result<T, InterpError>) -> Result<T, InterpError> {
        if self.life.is_dead() {
            return Err(self.life.error());
        }
        let nesting = Nesting::new();
        let _entered = Entered::new(self.life);
        let result = work();
        if nesting.depth_before > 0 && matches!(result, Err(InterpError::Exiting)) {
            unwind_if_still_attached();
        }
        result
    }

    fn try_enter(self) -> Result<Before, InterpError> {
        let before = catch_abandoned(|| call_abandonable(|| self.enter()))?;
        if before.is_failure() {
            return Err(InterpError::Python("MemoryError: there is no memory for a thread state".to_owned()));
        }
        Ok(before)
    }

    fn enter_and_leave<T>(self, body: impl FnOnce(Gil<'_>) -> T) -> Result<T, InterpError> {
        let before = self.try_enter()?;
        // SAFETY: this thread entered that Python, so it holds the GIL, until it leaves below. If it loses the GIL before
        // that, `body` unwinds, and its token with it. `body` takes a token of any lifetime, so it can mix this one with no
        // other.
        let outcome = catch_panics(|| body(unsafe { Gil::new(self.api) }))?;
        // SAFETY: this thread has entered that Python, and no token is left.
        catch_abandoned(|| call_abandonable(|| unsafe { before.restore(self.api) }))?;
        outcome.or_else(|payload| panic::resume_unwind(payload))
    }

    /// Makes this thread keep one thread state between its calls of `with_gil`, until `release_thread_state`.
    pub(crate) fn keep_thread_state(self) -> Result<KeptThreadState, InterpError> {
        self.nested(|| {
            let before = self.try_enter()?;
            // SAFETY: this thread has just entered that Python, so it holds the GIL.
            let state = unsafe { (self.api.PyEval_SaveThread)() };
            Ok(KeptThreadState { before, state, thread: thread_number() })
        })
    }

    /// Deletes a thread state of this Python that this thread has kept. That of another thread stays: only that thread could
    /// delete it, which may have ended. So does one that is released while the process exits: the GIL may be kept by then.
    pub(crate) fn release_thread_state(self, kept: KeptThreadState) -> Result<(), InterpError> {
        if kept.thread != thread_number() || at_exit::is_exiting() {
            return Ok(());
        }
        self.nested(|| {
            // SAFETY: the state is this thread's, in this Python, which never ends; and the thread has left that Python.
            catch_abandoned(|| call_abandonable(|| unsafe { (self.api.PyEval_RestoreThread)(kept.state) }))?;
            // SAFETY: `keep_thread_state` has entered, and only now this thread leaves. No token is left.
            catch_abandoned(|| call_abandonable(|| unsafe { kept.before.restore(self.api) }))
        })
    }

    /// Takes the GIL and never releases it. `false` if there is no memory for a thread state; the error is that another
    /// thread of a dead interpreter keeps the GIL.
    pub(crate) fn take_gil_forever(self) -> Result<bool, InterpError> {
        life::takes_gil();
        never_abandon(); // as the process exits
        let before = catch_abandoned(|| call_abandonable(|| self.enter()))?;
        Ok(!before.is_failure())
    }
}

/// Runs `body` with the GIL of the process's own Python. It fails if that Python is ending; before 3.15, the thread stops
/// for ever then.
///
/// # Safety
/// These are the functions of the process's Python, which has started.
pub(crate) unsafe fn with_gil_of_host<T>(
    api: &Api,
    body: impl FnOnce(Gil<'_>) -> T,
) -> Result<T, &'static str> {
    // SAFETY: by this function's contract that Python has started, and then any thread may ask for its GIL.
    let before = unsafe { enter_host(api) };
    if before.is_failure() {
        return Err("it is ending");
    }
    // SAFETY: this thread entered that Python, so it holds the GIL, until it leaves below; `body` takes a token of any
    // lifetime, so it can mix this one with no other.
    let result = body(unsafe { Gil::new(api) });
    // SAFETY: this thread has entered that Python, and neither token nor references are left.
    call_foreign(|| unsafe { before.restore(api) });
    Ok(result)
}

/// # Safety
/// The contract of `with_gil_of_host`.
unsafe fn enter_host(api: &Api) -> Before {
    // SAFETY: by this function's contract that Python has started; then any thread may call these functions. The view, if
    // there is one, is closed once.
    unsafe {
        match &api.threads {
            ThreadStates::GilState(it) => Before::State(call_foreign(|| (it.PyGILState_Ensure)())),
            ThreadStates::GuardedThreadState(it) => {
                let view = (it.PyInterpreterView_FromMain)();
                if view.is_null() {
                    return Before::Token(ptr::null_mut());
                }
                let token = call_foreign(|| (it.PyThreadState_EnsureFromView)(view));
                (it.PyInterpreterView_Close)(view);
                Before::Token(token)
            }
        }
    }
}
