//! How a job gets to a worker.

use std::ptr;

use super::job::Job;
use crate::sys::sync::{AtomicPtr, Ordering};

/// Holds one job or none. A caller posts a job; then either the worker accepts it, or the caller retracts it.
pub(super) struct Mailbox(AtomicPtr<Job<'static>>);

impl Mailbox {
    pub(super) fn new() -> Self {
        Self(AtomicPtr::new(ptr::null_mut()))
    }

    /// The job's address, by which it is passed on. Its lifetime is not checked: see [`Job::run_on_worker`].
    fn address(job: &Job<'_>) -> *mut Job<'static> {
        ptr::from_ref(job).cast_mut().cast()
    }

    /// Posts a job. The mailbox is empty, as only the worker's owner posts, and only one job.
    pub(super) fn post(&self, job: &Job<'_>) {
        let before = self.0.swap(Self::address(job), Ordering::AcqRel);
        debug_assert!(before.is_null());
    }

    /// Whether the job was still there. If not, the worker has accepted it.
    pub(super) fn retract(&self, job: &Job<'_>) -> bool {
        let expected = Self::address(job);
        self.0.compare_exchange(expected, ptr::null_mut(), Ordering::AcqRel, Ordering::Acquire).is_ok()
    }

    /// The job, if there is one. It exists until it counts this worker as finished.
    pub(super) fn accept(&self) -> Option<*const Job<'static>> {
        let job = self.0.swap(ptr::null_mut(), Ordering::AcqRel);
        (!job.is_null()).then_some(job.cast_const())
    }
}
