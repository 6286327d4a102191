//! The process's helpers: started when they are first needed, never more than there are processors, and idle
//! between jobs. They are never joined, so they do not hold up the process's exit; a forked child, which has none
//! of its parent's threads, begins with a pool of its own.

use std::panic::resume_unwind;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use crossbeam_queue::ArrayQueue;

use super::crew::{Workers, together};
use super::job::Job;
use crate::sys::affinity::{leave_starters_affinity, processors_of_process};
use crate::sys::fork::ForkLocal;
use crate::sys::signals::with_blocked_signals;
use crate::sys::sync::Parker;

/// Does `work` on this thread and on up to `most` idle helpers, and returns when all are done. A panic goes on here.
pub(super) fn work_together(most: usize, work: &(dyn Fn() + Sync)) {
    if most == 0 {
        return work();
    }
    let pool = POOL.get();
    let job = Job::new(work);
    let invited = (0..most).map_while(|_| pool.invite(&job));
    if let Err(payload) = together(&pool.crew, &job, invited) {
        resume_unwind(payload);
    }
}

/// Bytes of a helper's stack: what Rust gives a thread.
const STACK: usize = 2 << 20;

struct Pool {
    crew: Workers,
    /// What helpers that have not started yet will wait with.
    parkers: Box<[ArrayQueue<Parker>]>,
    started: AtomicUsize,
}

static POOL: ForkLocal<Pool> = ForkLocal::new(Pool::new);

impl Pool {
    fn new() -> Self {
        let (crew, parkers) = Workers::new(processors_of_process());
        let place = |parker| {
            let place = ArrayQueue::new(1);
            assert!(place.push(parker).is_ok(), "the place is empty");
            place
        };
        let parkers = parkers.into_iter().map(place).collect();
        Self { crew, parkers, started: AtomicUsize::new(0) }
    }

    /// Invites an idle helper, or a new one; `None` if there is neither.
    fn invite(&'static self, job: &Job<'_>) -> Option<usize> {
        self.crew.invite_idle(job).or_else(|| self.invite_new(job))
    }

    fn invite_new(&'static self, job: &Job<'_>) -> Option<usize> {
        let grow = |started| (started < self.crew.len()).then_some(started + 1);
        let helper = self.started.fetch_update(Ordering::Relaxed, Ordering::Relaxed, grow).ok()?;
        let parker = self.parkers[helper].pop().expect("each helper starts once");
        self.crew.invite(helper, job);
        let name = format!("ungil-{helper}");
        // With a stack size of its own, as std asks getenv for one otherwise, while other threads may call setenv.
        let builder = thread::Builder::new().name(name).stack_size(STACK);
        let life = move || {
            leave_starters_affinity();
            loop {
                self.crew.serve(helper, &parker);
            }
        };
        let thread = with_blocked_signals(|| builder.spawn(life));
        // Where the system has no thread to give, the place stays empty: later calls make do with fewer helpers.
        if thread.is_err() {
            self.crew.call_off(helper, job);
        }
        thread.is_ok().then_some(helper)
    }
}
