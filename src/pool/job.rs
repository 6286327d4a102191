//! The work that a caller shares with its workers.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::sys::process;
use crate::sys::sync::thread::{self, Thread};
use crate::sys::sync::{AtomicUsize, Backoff, Mutex, Ordering, unpoisoned};

/// Work that several threads run at once. It lies on its caller's stack.
pub(super) struct Job<'a> {
    work: &'a (dyn Fn() + Sync),
    caller: Thread,
    /// The process of the caller and the workers.
    process: u64,
    /// How many workers have finished, and will not access the job again.
    finished: AtomicUsize,
    first_panic: Mutex<Option<Box<dyn Any + Send>>>,
}

impl<'a> Job<'a> {
    pub(super) fn new(work: &'a (dyn Fn() + Sync)) -> Self {
        Self {
            work,
            caller: thread::current(),
            process: process::token(),
            finished: AtomicUsize::new(0),
            first_panic: Mutex::new(None),
        }
    }

    /// Whether the work has forked, and this is the child: it has no other thread of the job's.
    pub(super) fn is_in_forked_child(&self) -> bool {
        process::token() != self.process
    }

    /// Runs the work on the calling thread, and keeps a panic for `wait`.
    pub(super) fn run(&self) {
        // Unwind safety: the panic resumes in the caller, who owns all that the work touches.
        if let Err(payload) = catch_unwind(AssertUnwindSafe(self.work))
            && !self.is_in_forked_child()
        {
            // (In a child the lock may be held by a thread that does not exist there, and the call fails anyway.)
            match &mut *unpoisoned(self.first_panic.lock()) {
                first @ None => *first = Some(payload),
                // Not dropped: a drop may panic, while other threads still use the job.
                Some(_) => std::mem::forget(payload),
            }
        }
    }

    /// A worker's part: runs the work, and counts itself as finished.
    ///
    /// # Safety
    /// The job exists until `finished` counts this worker. (It is not a reference, which would have to be valid until
    /// this function returns.)
    pub(super) unsafe fn run_on_worker(job: *const Self) {
        // SAFETY: by this function's contract the job exists until the addition below, and these references end before.
        let caller = unsafe {
            (*job).run();
            if (*job).is_in_forked_child() {
                exit_child();
            }
            (*job).caller.clone()
        };
        // SAFETY: the job exists when the addition begins. The caller may free it as soon as the addition is done; from
        // then on only this reference to an atomic is left, which nothing reads, and Rust lets such a reference outlive
        // what it refers to.
        unsafe { &(*job).finished }.fetch_add(1, Ordering::Release);
        caller.unpark();
    }

    /// Waits until `accepted` workers have finished; the error is the first panic. The job must not move until then.
    pub(super) fn wait(&self, accepted: usize) -> Result<(), Box<dyn Any + Send>> {
        let backoff = Backoff::new();
        while self.finished.load(Ordering::Acquire) < accepted {
            if backoff.is_completed() { thread::park() } else { backoff.snooze() }
        }
        unpoisoned(self.first_panic.lock()).take().map_or(Ok(()), Err)
    }
}

/// Ends a child that was forked on a worker, where the work has nothing to return to. It does not call `exit`, which
/// would write the parent's unwritten output a second time, and call functions that only the parent should call.
fn exit_child() -> ! {
    #[cfg(unix)]
    // SAFETY: `_exit` takes any status, accesses no memory, and is allowed in the child of a process with threads.
    unsafe {
        libc::_exit(0)
    }
    #[cfg(not(unix))]
    unreachable!("there is no fork")
}
