//! The requests that are under way in an interpreter, so that they can be interrupted.

use std::ffi::{c_int, c_ulong};
use std::sync::Mutex;

use crate::interp::exit::at_exit;
use crate::sys::sync::lock;

/// The requests, each with the thread that it is on.
#[derive(Default)]
pub(crate) struct InFlight(Mutex<Requests>);

#[derive(Default)]
struct Requests {
    next: u64,
    under_way: Vec<Request>,
}

struct Request {
    number: u64,
    thread: c_ulong,
    interrupt: Interrupt,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Interrupt {
    None,
    /// Python has not taken it yet.
    Asked,
    Delivered,
}

impl InFlight {
    /// A request on this thread, until what is returned goes.
    pub(crate) fn begin(&self) -> RequestGuard<'_> {
        let mut requests = lock(&self.0);
        let number = requests.next;
        requests.next += 1;
        // SAFETY: it may always be called. It is the number that Python knows the thread by.
        let thread = unsafe { libc::pthread_self() };
        requests.under_way.push(Request { number, thread, interrupt: Interrupt::None });
        RequestGuard { running: self, number }
    }

    pub(crate) fn are_any(&self) -> bool {
        !lock(&self.0).under_way.is_empty()
    }

    /// Sends a signal to the threads of all requests, but to one that runs the process's end.
    pub(crate) fn wake(&self, signal: c_int) {
        let requests = lock(&self.0);
        for request in requests.under_way.iter().filter(|request| !at_exit::is_exiting_thread(request.thread))
        {
            // SAFETY: a request ends only with this lock, so the thread is there.
            unsafe { libc::pthread_kill(request.thread, signal) };
        }
    }

    /// Asks all to stop; `false` if there are none.
    pub(crate) fn interrupt(&self) -> bool {
        let mut requests = lock(&self.0);
        for request in &mut requests.under_way {
            request.interrupt = Interrupt::Asked;
        }
        !requests.under_way.is_empty()
    }

    /// Hands the interrupts to Python by `raise`, which says whether it took one for a thread. One that it did not take
    /// is for a request that has not got so far: it looks itself, as soon as it has the lock.
    ///
    /// No request ends meanwhile, so that none that comes later on the same thread is hit. Threads in `not_now` have to
    /// be asked again: then this returns false.
    pub(crate) fn deliver(&self, not_now: &[c_ulong], raise: impl Fn(c_ulong) -> bool) -> bool {
        let mut is_done = true;
        for request in &mut lock(&self.0).under_way {
            if request.interrupt != Interrupt::Asked {
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

/// A request that is under way.
pub(crate) struct RequestGuard<'a> {
    running: &'a InFlight,
    number: u64,
}

impl RequestGuard<'_> {
    /// Whether it was asked to stop, and Python has not taken that yet.
    pub(crate) fn is_interrupted(&self) -> bool {
        self.state() == Interrupt::Asked
    }
}

impl RequestGuard<'_> {
    /// Ends the request, and says whether an interrupt was delivered to its thread.
    pub(crate) fn end(self) -> bool {
        let mut requests = lock(&self.running.0);
        let own = requests.under_way.iter().position(|request| request.number == self.number);
        own.is_some_and(|own| requests.under_way.swap_remove(own).interrupt == Interrupt::Delivered)
    }

    fn state(&self) -> Interrupt {
        let requests = lock(&self.running.0);
        let own = requests.under_way.iter().find(|request| request.number == self.number);
        own.map_or(Interrupt::None, |request| request.interrupt)
    }
}

impl Drop for RequestGuard<'_> {
    fn drop(&mut self) {
        lock(&self.running.0).under_way.retain(|request| request.number != self.number);
    }
}
