//! Which request runs on what Python takes for its main thread: the first of those that are in progress. When it ends, the
//! next request that begins does.
//!
//! Python's C code is told by `cpython/main_thread.rs`; the module `threading` by `bootstrap/main_thread.py`, and only if
//! the thread is another one than before.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use crate::interp::cpython::gil::{Gil, PyErrSet, PyRef};
use crate::interp::cpython::main_thread::MainThread;
use crate::interp::interpose::signal::delivery::{self, Interrupted};

/// The main thread of one copy.
pub(crate) struct MainRequest {
    place: Option<MainThread>,
    /// The copy's number.
    number: usize,
    /// Whether a request has it.
    is_taken: AtomicBool,
    /// The thread that `threading` was told of last; 0 for none.
    told: AtomicUsize,
    /// Whether `threading` is imported, and need not be told again of the same thread.
    is_ready: AtomicBool,
}

impl MainRequest {
    pub(crate) fn new(place: Option<MainThread>, number: usize) -> Self {
        Self {
            place,
            number,
            is_taken: AtomicBool::new(false),
            told: AtomicUsize::new(0),
            is_ready: AtomicBool::new(false),
        }
    }

    /// Makes the calling thread the main one, until the guard is dropped; `None` if another request's is, or this thread
    /// is already. `tell` calls the function in Python, whose result is not empty if `threading` is imported. It fails if
    /// it is interrupted.
    pub(crate) fn take<'a, 'py, F>(&'a self, gil: Gil<'py>, tell: F) -> Result<Option<Guard<'a, F>>, PyErrSet>
    where
        F: Fn() -> Result<PyRef<'py>, PyErrSet>,
    {
        if self.is_taken.swap(true, Ordering::AcqRel) {
            return Ok(None);
        }
        if let Some(place) = &self.place {
            let thread = place.current(gil);
            self.change(place, || place.set(thread));
        }
        let guard = Guard { main: self, tell };
        // SAFETY: pthread_self has no preconditions.
        let own = unsafe { libc::pthread_self() } as usize;
        if self.told.load(Ordering::Relaxed) != own {
            guard.tell()?;
            self.told.store(own, Ordering::Relaxed);
        }
        Ok(Some(guard))
    }

    /// Where Python has a pointer to the thread state, no handler may use it meanwhile.
    fn change(&self, place: &MainThread, change: impl FnOnce()) {
        if place.has_state() {
            delivery::while_none_is_delivered(self.number, change);
        } else {
            change();
        }
    }

    /// Calls Python's handler of SIGINT, if the thread is the main one: whether the interrupt has been dealt with.
    pub(crate) fn interrupt(&self, thread: libc::pthread_t) -> bool {
        self.place.as_ref().is_some_and(|place| place.is(thread))
            && !matches!(delivery::interrupt(self.number), Interrupted::NotHandled)
    }
}

/// This thread is the main one.
pub(crate) struct Guard<'a, F> {
    main: &'a MainRequest,
    tell: F,
}

impl<'py, F: Fn() -> Result<PyRef<'py>, PyErrSet>> Guard<'_, F> {
    fn tell(&self) -> Result<(), PyErrSet> {
        let is_ready = !(self.tell)()?.content()?.is_empty();
        self.main.is_ready.store(is_ready, Ordering::Relaxed);
        Ok(())
    }

    /// To be called when the request's code has ended: it may have imported `threading`.
    pub(crate) fn finish(&self, gil: Gil<'py>) {
        if !self.main.is_ready.load(Ordering::Relaxed) {
            self.tell().unwrap_or_else(|error| gil.clear(error));
        }
    }
}

impl<F> Drop for Guard<'_, F> {
    fn drop(&mut self) {
        if let Some(place) = &self.main.place {
            self.main.change(place, || place.reset());
        }
        self.main.is_taken.store(false, Ordering::Release);
    }
}
