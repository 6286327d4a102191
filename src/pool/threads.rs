//! The process's workers and their threads. A thread starts when a call first needs it, there are never more than the
//! process has processors, and they are never joined, so they do not delay the process's exit. The child of a fork has
//! none of its parent's threads, and makes a pool of its own.

use std::panic::resume_unwind;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::job::Job;
use super::workers::{Workers, run_with_workers};
use crate::sys::affinity::{adopt_process_affinity, available_processors_of_process};
use crate::sys::fork::ForkLocal;
use crate::sys::signals::with_blocked_signals;
use crate::sys::sync::thread;

/// Runs `work` on this thread and on up to `max_workers` idle workers, and returns when all have finished. A panic of
/// any of them resumes here.
pub(super) fn run_in_pool(max_workers: usize, work: &(dyn Fn() + Sync)) {
    if max_workers == 0 {
        return work();
    }
    let pool = POOL.get();
    let owned = (0..max_workers).map_while(|_| pool.idle_or_new_worker());
    if let Err(payload) = run_with_workers(&pool.workers, &Job::new(work), owned) {
        resume_unwind(payload);
    }
}

/// A worker's stack in bytes: Rust's default for threads.
const STACK_SIZE: usize = 2 << 20;

struct Pool {
    workers: Workers,
    /// Workers whose threads were started: those with the lowest numbers.
    started: AtomicUsize,
}

static POOL: ForkLocal<Pool> = ForkLocal::new(Pool::new);

impl Pool {
    fn new() -> Self {
        Self { workers: Workers::new(available_processors_of_process()), started: AtomicUsize::new(0) }
    }

    /// A worker for the caller to own; `None` if all are busy.
    fn idle_or_new_worker(&'static self) -> Option<usize> {
        self.workers.take_idle().or_else(|| self.start_worker())
    }

    fn start_worker(&'static self) -> Option<usize> {
        let next = |started| (started < self.workers.len()).then_some(started + 1);
        let worker = self.started.fetch_update(Ordering::Relaxed, Ordering::Relaxed, next).ok()?;
        let name = format!("ungil-{worker}");
        // With a stack size, because std asks getenv for one otherwise, while other threads may call setenv.
        let builder = thread::Builder::new().name(name).stack_size(STACK_SIZE);
        let run = move || {
            adopt_process_affinity();
            loop {
                self.workers.run_next_job(worker);
            }
        };
        // If the system can start no thread, the number is lost: later calls make do with fewer workers.
        let handle = with_blocked_signals(|| builder.spawn(run)).ok()?;
        self.workers.set_thread(worker, handle.thread().clone());
        Some(worker)
    }
}
