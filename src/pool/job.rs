//! What a caller shares with its helpers, and the mailbox by which a helper gets it.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr;
use std::sync::PoisonError;

use crate::sys::process;
use crate::sys::sync::thread::{self, Thread};
use crate::sys::sync::{AtomicPtr, AtomicUsize, Backoff, Mutex, MutexGuard, Ordering};

/// A piece of work that several threads do at once. It lies on its caller's stack.
pub(super) struct Job<'a> {
    work: &'a (dyn Fn() + Sync),
    caller: Thread,
    /// The process that the caller and the helpers are in.
    process: u64,
    /// Helpers that are done with it, and will not look at it again.
    left: AtomicUsize,
    panic: Mutex<Option<Box<dyn Any + Send>>>,
}

impl<'a> Job<'a> {
    pub(super) fn new(work: &'a (dyn Fn() + Sync)) -> Self {
        Self {
            work,
            caller: thread::current(),
            process: process::token(),
            left: AtomicUsize::new(0),
            panic: Mutex::new(None),
        }
    }

    /// Whether the work has forked, and this is the child: of the job's threads it has only this one.
    pub(super) fn is_left_in_child(&self) -> bool {
        process::token() != self.process
    }

    /// Does the work on the calling thread, and keeps a panic for `finish`.
    pub(super) fn run(&self) {
        // Unwind safety: the panic goes on in the caller, who owns all that the work touches.
        if let Err(payload) = catch_unwind(AssertUnwindSafe(self.work))
            && !self.is_left_in_child()
        {
            // (In a child a thread that is not there may have the lock, and the call is an error in any case.)
            match &mut *self.first_panic() {
                first @ None => *first = Some(payload),
                // Not dropped: that may panic, here where the others still use the job.
                Some(_) => std::mem::forget(payload),
            }
        }
    }

    fn first_panic(&self) -> MutexGuard<'_, Option<Box<dyn Any + Send>>> {
        self.panic.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A helper's part: work, then leave.
    ///
    /// # Safety
    /// The job is there until `left` counts this helper. (So it is not borrowed: a borrow would last longer.)
    pub(super) unsafe fn help(job: *const Self) {
        // SAFETY: the job is there until the addition below. What is needed after that is taken before.
        let caller = unsafe {
            (*job).run();
            if (*job).is_left_in_child() {
                end_child();
            }
            (*job).caller.clone()
        };
        // SAFETY: the job is there until the addition, which is the last look at it; after it the caller may free it, and
        // nothing here points into it any more but a reference to an atomic, which may outlive what it refers to.
        unsafe { &(*job).left }.fetch_add(1, Ordering::Release);
        caller.unpark();
    }

    /// Waits until so many helpers have left, and hands on a panic. The job must stay where it is until then.
    pub(super) fn finish(&self, helpers: usize) -> Result<(), Box<dyn Any + Send>> {
        let backoff = Backoff::new();
        while self.left.load(Ordering::Acquire) < helpers {
            if backoff.is_completed() { thread::park() } else { backoff.snooze() }
        }
        self.first_panic().take().map_or(Ok(()), Err)
    }
}

/// Ends a child that a helper's work has forked: it has nowhere to return to. Without `exit`, which would write out a
/// second time what the parent has not written yet, and call functions that are the parent's to call.
fn end_child() -> ! {
    #[cfg(unix)]
    // SAFETY: it takes any status, touches no memory, and is safe in the child of a process with threads.
    unsafe {
        libc::_exit(0)
    }
    #[cfg(not(unix))]
    unreachable!("there is no fork")
}

/// A place for one job. A caller posts it; then either the helper takes it, or the caller takes it back.
pub(super) struct Mailbox(AtomicPtr<Job<'static>>);

impl Mailbox {
    pub(super) fn new() -> Self {
        Self(AtomicPtr::new(ptr::null_mut()))
    }

    fn address(job: &Job<'_>) -> *mut Job<'static> {
        ptr::from_ref(job).cast_mut().cast()
    }

    /// Only into an empty box: the caller has the helper for itself.
    pub(super) fn post(&self, job: &Job<'_>) {
        let before = self.0.swap(Self::address(job), Ordering::AcqRel);
        debug_assert!(before.is_null());
    }

    /// Whether the job was still there. If not, a helper has it, and will leave it.
    pub(super) fn take_back(&self, job: &Job<'_>) -> bool {
        let expected = Self::address(job);
        self.0.compare_exchange(expected, ptr::null_mut(), Ordering::AcqRel, Ordering::Acquire).is_ok()
    }

    /// The job, if there is one: it stays alive until `help` has left it.
    pub(super) fn take(&self) -> Option<*const Job<'static>> {
        let job = self.0.swap(ptr::null_mut(), Ordering::AcqRel);
        (!job.is_null()).then_some(job.cast_const())
    }
}
