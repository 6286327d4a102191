//! The requests that are in progress in an interpreter, so that they can be interrupted.

use std::cell::Cell;
use std::ffi::c_ulong;
use std::sync::Mutex;

use crate::interp::exit::{at_exit, wake_signal};
use crate::sys::sync::lock;

/// The requests in progress, each with its thread.
#[derive(Default)]
pub(crate) struct InProgress(Mutex<Requests>);

#[derive(Default)]
struct Requests {
    next: u64,
    in_progress: Vec<Request>,
}

struct Request {
    number: u64,
    thread: c_ulong,
    interrupt: Interrupt,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Interrupt {
    None,
    /// None comes: see [`without_interrupts`].
    Never,
    /// Python has not taken it yet.
    Requested,
    Delivered,
}

thread_local! {
    static IS_LEFT_OUT: Cell<bool> = const { Cell::new(false) };
}

/// Runs `body`: interrupts leave out the requests that this thread begins meanwhile.
pub(crate) fn without_interrupts<T>(body: impl FnOnce() -> T) -> T {
    struct Restored(bool);
    impl Drop for Restored {
        fn drop(&mut self) {
            IS_LEFT_OUT.set(self.0);
        }
    }
    let _restored = Restored(IS_LEFT_OUT.replace(true));
    body()
}

impl InProgress {
    /// Adds a request on this thread, until the guard is dropped.
    pub(crate) fn begin(&self) -> RequestGuard<'_> {
        let mut requests = lock(&self.0);
        let number = requests.next;
        requests.next += 1;
        // SAFETY: it takes nothing and cannot fail. Python knows the thread by the same number.
        let thread = unsafe { libc::pthread_self() };
        let interrupt = if IS_LEFT_OUT.get() { Interrupt::Never } else { Interrupt::None };
        requests.in_progress.push(Request { number, thread, interrupt });
        RequestGuard { all: self, number }
    }

    pub(crate) fn is_empty(&self) -> bool {
        lock(&self.0).in_progress.is_empty()
    }

    /// Whether other threads than this one have requests in progress.
    pub(crate) fn has_others(&self) -> bool {
        // SAFETY: it takes nothing and cannot fail.
        let thread = unsafe { libc::pthread_self() };
        lock(&self.0).in_progress.iter().any(|request| request.thread != thread)
    }

    /// When the GIL is not released any more: sends a signal to the threads of all requests, as some may be asleep in the
    /// system. The thread that runs the exit of the process gets none.
    pub(crate) fn wake(&self) {
        let requests = lock(&self.0);
        let threads = requests.in_progress.iter().map(|request| request.thread);
        // SAFETY: a thread removes its request, which takes this lock, before it can end: so the threads exist.
        unsafe { wake_signal::wake(threads.filter(|&thread| !at_exit::is_exiting_thread(thread))) };
    }

    /// Sends a signal to the threads of requests that an interrupt was delivered to; `false` if there are none.
    pub(crate) fn wake_interrupted(&self) -> bool {
        let requests = lock(&self.0);
        let interrupted = || {
            let all = requests.in_progress.iter();
            all.filter(|request| request.interrupt == Interrupt::Delivered).map(|request| request.thread)
        };
        // SAFETY: as for `wake`.
        unsafe { wake_signal::wake(interrupted()) };
        interrupted().next().is_some()
    }

    /// Marks all requests to be interrupted that can be; `false` if there are none.
    pub(crate) fn interrupt(&self) -> bool {
        let mut requests = lock(&self.0);
        let can_be = |request: &&mut Request| request.interrupt != Interrupt::Never;
        let marked = requests
            .in_progress
            .iter_mut()
            .filter(can_be)
            .map(|request| request.interrupt = Interrupt::Requested);
        marked.count() > 0
    }

    /// Delivers the interrupts to Python. `raise` returns whether Python took the interrupt of a thread; if it did not, the
    /// request has not reached Python yet, and will look for the interrupt as soon as it has the GIL.
    ///
    /// No request ends meanwhile, so that no later request on the same thread is interrupted. Threads in `not_now` are
    /// left out, and then this returns `false`: it must be called again.
    pub(crate) fn deliver(&self, not_now: &[c_ulong], raise: impl Fn(c_ulong) -> bool) -> bool {
        let mut is_done = true;
        for request in &mut lock(&self.0).in_progress {
            if request.interrupt != Interrupt::Requested {
                continue;
            }
            if not_now.contains(&request.thread) {
                is_done = false;
            } else if raise(request.thread) {
                request.interrupt = Interrupt::Delivered;
            }
        }
        is_done
    }
}

/// Ends the request when it is dropped.
pub(crate) struct RequestGuard<'a> {
    all: &'a InProgress,
    number: u64,
}

impl RequestGuard<'_> {
    /// Whether the request is to be interrupted, and Python has not taken the interrupt yet.
    pub(crate) fn is_interrupted(&self) -> bool {
        let requests = lock(&self.all.0);
        let own = requests.in_progress.iter().find(|request| request.number == self.number);
        own.is_some_and(|own| own.interrupt == Interrupt::Requested)
    }

    /// Ends the request, and returns whether an interrupt was delivered to its thread.
    pub(crate) fn end(self) -> bool {
        let mut requests = lock(&self.all.0);
        let own = requests.in_progress.iter().position(|request| request.number == self.number);
        own.is_some_and(|own| requests.in_progress.swap_remove(own).interrupt == Interrupt::Delivered)
    }
}

impl Drop for RequestGuard<'_> {
    fn drop(&mut self) {
        lock(&self.all.0).in_progress.retain(|request| request.number != self.number);
    }
}
