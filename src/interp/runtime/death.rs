//! How one interpreter is stopped: as all are when the process exits (`shutdown.rs`), but at any time.

use std::sync::{OnceLock, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use crate::interp::cpython::gil::Gil;
use crate::interp::exit::abandon::{call_abandonable, catch_abandoned};
use crate::interp::exit::life::LastActs;
use crate::interp::interpose::record_locks;
use crate::interp::runtime::interpreter::Interpreter;
use crate::interp::runtime::service::ServiceCommand;
use crate::sys::signals::with_blocked_signals;

/// How long the thread that ends an interpreter waits for its GIL. Python releases it every 5 ms when another thread asks
/// for it. A thread that keeps it for longer may wait for the thread that ends, so there must be a limit.
const GIL_TIMEOUT: Duration = Duration::from_secs(5);

/// How long requests may take to end if a thread that is in none has ended their interpreter. They end when they want the
/// GIL. One that waits in C for that thread never does, and then the process has to end, as its caller would wait forever.
const REQUESTS_TIMEOUT: Duration = Duration::from_secs(20);

/// What is called when an interpreter has died, with the number that its own code knows.
static AFTER_DEATH: OnceLock<fn(i32)> = OnceLock::new();

/// From now on `free` is called when an interpreter has died. The first one that is set stays.
pub(crate) fn after_death(free: fn(i32)) {
    AFTER_DEATH.get_or_init(|| free);
}

/// Frees what the code of a dead interpreter held, on a thread that holds no lock of a Python: others may be waiting for
/// one that this thread has.
fn free_what_was_held(number: i32) {
    if let Some(&free) = AFTER_DEATH.get() {
        // If there is no thread, it is not freed.
        let builder = thread::Builder::new().name("ungil-death".to_owned());
        let _ = with_blocked_signals(|| builder.spawn(move || free(number)));
    }
}

impl LastActs for Interpreter {
    fn last_words(&self) -> String {
        // SAFETY: it takes nothing and cannot fail. Python knows the thread by the same number.
        let thread = unsafe { libc::pthread_self() };
        if self.is_held_by_this_thread() {
            // SAFETY: this thread holds the GIL of the Python with these functions, and does not release it.
            let gil = unsafe { Gil::new(self.api()) };
            return catch_abandoned(|| self.functions().last_words_of(gil, thread)).unwrap_or_default();
        }
        let (sender, words) = mpsc::channel();
        self.post(ServiceCommand::Die(thread, sender));
        words.recv_timeout(GIL_TIMEOUT).unwrap_or_default()
    }

    fn stop(&self) {
        // No Python code runs any more. Others are not to wait for what it has locked.
        record_locks::release_all(self.number());
        free_what_was_held(self.own_number());
        if !self.is_held_by_this_thread() {
            // If the command was posted for the last words, the service keeps the GIL by now, and this one is not received.
            return self.post(ServiceCommand::Die(0, mpsc::channel().0));
        }
        if !self.is_free_threaded() {
            return self.post(ServiceCommand::Wake);
        }
        // Other threads have to be stopped, and that waits for those that are attached.
        let api = self.api();
        // SAFETY: this thread is attached, and does nothing more in this Python.
        let _ = catch_abandoned(|| call_abandonable(|| unsafe { (api.PyEval_SaveThread)() }));
        self.post(ServiceCommand::Die(0, mpsc::channel().0));
    }

    fn have_requests_ended(&self) -> bool {
        let end = Instant::now() + REQUESTS_TIMEOUT;
        while self.is_busy() && Instant::now() < end {
            thread::sleep(Duration::from_millis(10));
        }
        !self.is_busy()
    }
}
