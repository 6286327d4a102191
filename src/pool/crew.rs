//! Helpers that are invited to jobs, and come or not: steps 1 to 4 of the protocol.

use super::idle::IdleSet;
use super::job::{Job, Mailbox};
use crate::sys::foreign::NotUnwound;
use crate::sys::sync::{Backoff, Parker, Unparker};

/// Helpers by number.
pub(super) struct Workers {
    helpers: Box<[Helper]>,
    /// Helpers whose mailbox is empty and that nobody has invited.
    idle: IdleSet,
}

struct Helper {
    mailbox: Mailbox,
    unparker: Unparker,
}

impl Workers {
    /// So many helpers, none of them idle yet; and what each will wait with.
    pub(super) fn new(helpers: usize) -> (Self, Vec<Parker>) {
        let parkers: Vec<_> = (0..helpers).map(|_| Parker::new()).collect();
        let helper =
            |parker: &Parker| Helper { mailbox: Mailbox::new(), unparker: parker.unparker().clone() };
        (Self { helpers: parkers.iter().map(helper).collect(), idle: IdleSet::new(helpers) }, parkers)
    }

    pub(super) fn len(&self) -> usize {
        self.helpers.len()
    }

    /// Posts the job to an idle helper, if there is one.
    pub(super) fn invite_idle(&self, job: &Job<'_>) -> Option<usize> {
        let helper = self.idle.take()?;
        self.invite(helper, job);
        Some(helper)
    }

    /// Posts the job to a helper that is the caller's: taken from the idle ones, or new.
    pub(super) fn invite(&self, helper: usize, job: &Job<'_>) {
        self.helpers[helper].mailbox.post(job);
        self.helpers[helper].unparker.unpark();
    }

    /// Whether the helper had not taken the job; then it is the caller's again.
    pub(super) fn call_off(&self, helper: usize, job: &Job<'_>) -> bool {
        self.helpers[helper].mailbox.take_back(job)
    }

    pub(super) fn rest(&self, helper: usize) {
        self.idle.insert(helper);
    }

    /// Waits for a job, and does it.
    pub(super) fn serve(&self, helper: usize, parker: &Parker) {
        let mailbox = &self.helpers[helper].mailbox;
        let backoff = Backoff::new();
        let job = loop {
            if let Some(job) = mailbox.take() {
                break job;
            }
            if backoff.is_completed() { parker.park() } else { backoff.snooze() }
        };
        // SAFETY: this helper took the job, so its caller cannot call it off any more, and keeps it until `left` counts
        // this helper, which is the last that `help` does with it.
        unsafe { Job::help(job) };
        self.rest(helper);
    }
}

/// Invites helpers by `invite`, does the job's work, and waits for those that came. A panic of any of them comes back.
pub(super) fn together(
    crew: &Workers,
    job: &Job<'_>,
    invited: impl Iterator<Item = usize>,
) -> std::thread::Result<()> {
    // Helpers have the job's address from the first invitation on.
    let guard = NotUnwound;
    let invited: Vec<usize> = invited.collect();
    job.run();
    if job.is_left_in_child() {
        std::mem::forget(guard);
        return Ok(()); // the work forked, and in the child nobody else is at it
    }
    // Helpers that have not come by now are not waited for.
    let has_come = |&helper: &usize| {
        let called_off = crew.call_off(helper, job);
        if called_off {
            crew.rest(helper);
        }
        !called_off
    };
    let came = invited.iter().filter(|helper| has_come(helper)).count();
    let outcome = job.finish(came);
    std::mem::forget(guard);
    outcome
}
