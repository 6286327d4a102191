//! Workers and the jobs that are submitted to them: steps 1 to 4 of the protocol.

use std::sync::OnceLock;

use super::idle::IdleSet;
use super::job::Job;
use super::mailbox::Mailbox;
use crate::sys::sync::Backoff;
use crate::sys::sync::thread::{self, Thread};
use crate::sys::unwind::NoUnwindGuard;

/// Workers by number. At any time each is busy, or in the idle set, or owned by the caller that took it from there or
/// started it. Only its owner submits jobs to it, and ownership passes to the worker when it accepts a job.
pub(super) struct Workers {
    workers: Box<[Worker]>,
    idle: IdleSet,
}

struct Worker {
    mailbox: Mailbox,
    /// Set before the first job is submitted.
    thread: OnceLock<Thread>,
}

impl Workers {
    /// Room for `count` workers. None of them is idle, as none has a thread.
    pub(super) fn new(count: usize) -> Self {
        let worker = |_| Worker { mailbox: Mailbox::new(), thread: OnceLock::new() };
        Self { workers: (0..count).map(worker).collect(), idle: IdleSet::new(count) }
    }

    pub(super) fn len(&self) -> usize {
        self.workers.len()
    }

    /// Sets the thread that a new worker runs on.
    pub(super) fn set_thread(&self, worker: usize, thread: Thread) {
        assert!(self.workers[worker].thread.set(thread).is_ok(), "each worker starts once");
    }

    /// An idle worker, if there is one. The caller owns it from now on.
    pub(super) fn take_idle(&self) -> Option<usize> {
        self.idle.take()
    }

    /// Ends the ownership of a worker.
    pub(super) fn mark_idle(&self, worker: usize) {
        self.idle.insert(worker);
    }

    /// Submits the job to a worker that the caller owns, and wakes it.
    pub(super) fn submit(&self, worker: usize, job: &Job<'_>) {
        let Worker { mailbox, thread } = &self.workers[worker];
        mailbox.post(job);
        thread.get().expect("the thread is set before the first job").unpark();
    }

    /// Takes the job back. If that is too late, the worker has accepted it, and `false` comes back.
    pub(super) fn retract(&self, worker: usize, job: &Job<'_>) -> bool {
        self.workers[worker].mailbox.retract(job)
    }

    /// The worker's part, on its own thread: waits for a job, and runs it.
    pub(super) fn run_next_job(&self, worker: usize) {
        let mailbox = &self.workers[worker].mailbox;
        let backoff = Backoff::new();
        let job = loop {
            if let Some(job) = mailbox.accept() {
                break job;
            }
            if backoff.is_completed() { thread::park() } else { backoff.snooze() }
        };
        // SAFETY: this worker has accepted the job, so the job's caller cannot retract it, and keeps it until
        // `finished` counts this worker. `run_on_worker` does not access the job after that, and it is not used here
        // either.
        unsafe { Job::run_on_worker(job) };
        self.mark_idle(worker);
    }
}

/// Submits the job to the workers that `owned` yields, runs it on the calling thread too, and waits for the workers
/// that accepted it. A panic of any of them comes back as the error.
pub(super) fn run_with_workers(
    workers: &Workers,
    job: &Job<'_>,
    owned: impl Iterator<Item = usize>,
) -> std::thread::Result<()> {
    // Workers have the job's address from the first submission on.
    let guard = NoUnwindGuard::new();
    let submitted: Vec<usize> = owned.inspect(|&worker| workers.submit(worker, job)).collect();
    job.run();
    if job.is_in_forked_child() {
        guard.disarm();
        return Ok(()); // the work forked, and no other thread of the child uses the job
    }
    let is_accepted = |&&worker: &&usize| {
        let is_retracted = workers.retract(worker, job);
        if is_retracted {
            workers.mark_idle(worker);
        }
        !is_retracted
    };
    let accepted = submitted.iter().filter(is_accepted).count();
    let outcome = job.wait(accepted);
    guard.disarm();
    outcome
}
