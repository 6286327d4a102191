//! The process's helpers: started when they are first needed, never more than there are processors, and idle
//! between jobs. They are never joined, so they do not hold up the process's exit; a forked child, which has none
//! of its parent's threads, begins with a pool of its own.

use std::panic::resume_unwind;
use std::ptr;
use std::sync::atomic::{AtomicPtr, AtomicUsize, Ordering};
use std::{process, thread};

use crossbeam::queue::ArrayQueue;
use crossbeam::sync::{Parker, Unparker};
use crossbeam::utils::Backoff;

use super::job::{Job, Mailbox};

/// Does `work` on this thread and on up to `most` idle helpers, and returns when all are done. A panic goes on here.
pub(super) fn work_together(most: usize, work: &(dyn Fn() + Sync)) {
    let job = Job::new(work);
    let pool = Pool::of_this_process();
    let invited: Vec<usize> = (0..most).map_while(|_| pool.invite(&job)).collect();
    job.run();
    // Helpers that have not come by now are not waited for.
    let came = invited.into_iter().filter(|&helper| !pool.call_off(helper, &job)).count();
    if let Err(payload) = job.finish(came) {
        resume_unwind(payload);
    }
}

/// Bytes of a helper's stack: what Rust gives a thread.
const STACK: usize = 2 << 20;

struct Pool {
    /// The process that made the pool: a fork leaves its child with the pool's memory, but without its threads.
    process: u32,
    helpers: Vec<Helper>,
    started: AtomicUsize,
    /// Helpers whose mailbox is empty and that nobody has invited.
    idle: ArrayQueue<usize>,
}

struct Helper {
    mailbox: Mailbox,
    unparker: Unparker,
    parker: ArrayQueue<Parker>, // until the helper's thread takes it
}

/// Null until the first call.
static POOL: AtomicPtr<Pool> = AtomicPtr::new(ptr::null_mut());

impl Pool {
    fn of_this_process() -> &'static Self {
        let pool = POOL.load(Ordering::Acquire);
        // SAFETY: a pool that is published is never freed or written to but through its own atomics.
        let own = unsafe { pool.as_ref() }.filter(|pool| pool.process == process::id());
        own.unwrap_or_else(|| Self::replace(pool))
    }

    /// Publishes a pool in place of none, or of the parent process's.
    fn replace(old: *mut Self) -> &'static Self {
        let new = Box::into_raw(Box::new(Self::new()));
        match POOL.compare_exchange(old, new, Ordering::AcqRel, Ordering::Acquire) {
            // SAFETY: just made, and never freed from now on.
            Ok(_) => unsafe { &*new },
            Err(first) => {
                // SAFETY: nobody has seen the new pool, and it has started no thread; the first one is there for good.
                unsafe {
                    drop(Box::from_raw(new));
                    &*first
                }
            }
        }
    }

    fn new() -> Self {
        let processors = thread::available_parallelism().map_or(1, usize::from);
        let helpers = (0..processors).map(|_| Helper::new()).collect();
        Self {
            process: process::id(),
            helpers,
            started: AtomicUsize::new(0),
            idle: ArrayQueue::new(processors),
        }
    }

    /// Posts the job to an idle helper, or to a new one; `None` if there is neither.
    fn invite(&'static self, job: &Job<'_>) -> Option<usize> {
        if let Some(helper) = self.idle.pop() {
            self.helpers[helper].mailbox.post(job);
            self.helpers[helper].unparker.unpark();
            return Some(helper);
        }
        let grow = |started| (started < self.helpers.len()).then_some(started + 1);
        let helper = self.started.fetch_update(Ordering::Relaxed, Ordering::Relaxed, grow).ok()?;
        self.helpers[helper].mailbox.post(job);
        let name = format!("ungil-{helper}");
        // With a stack size of its own, as std asks getenv for one otherwise: see environment.rs.
        let builder = thread::Builder::new().name(name).stack_size(STACK);
        let thread = builder.spawn(move || self.serve(helper));
        // Where the system has no thread to give, the place stays empty: later calls make do with fewer helpers.
        if thread.is_err() {
            self.helpers[helper].mailbox.take_back(job);
        }
        thread.is_ok().then_some(helper)
    }

    /// Whether the helper had not taken the job yet; then it is idle again.
    fn call_off(&self, helper: usize, job: &Job<'_>) -> bool {
        let called_off = self.helpers[helper].mailbox.take_back(job);
        if called_off {
            self.rest(helper);
        }
        called_off
    }

    fn rest(&self, helper: usize) {
        self.idle.push(helper).expect("there is room for every helper");
    }

    /// A helper's life.
    fn serve(&self, helper: usize) {
        let Helper { mailbox, parker, .. } = &self.helpers[helper];
        block_signals();
        let parker = parker.pop().expect("each helper starts once");
        loop {
            let backoff = Backoff::new();
            let job = loop {
                if let Some(job) = mailbox.take() {
                    break job;
                }
                if backoff.is_completed() { parker.park() } else { backoff.snooze() }
            };
            // SAFETY: a job that was taken stays alive until its helper has left, which is the last that `help` does.
            unsafe { (*job).help() };
            self.rest(helper);
        }
    }
}

impl Helper {
    fn new() -> Self {
        let parker = Parker::new();
        let unparker = parker.unparker().clone();
        let place = ArrayQueue::new(1);
        assert!(place.push(parker).is_ok(), "the place is empty");
        Self { mailbox: Mailbox::new(), unparker, parker: place }
    }
}

/// A helper takes no signals: they are the host's, and its own threads wait for them.
#[cfg(unix)]
fn block_signals() {
    // SAFETY: sigfillset writes the whole set, which pthread_sigmask reads; both only concern this thread.
    unsafe {
        let mut all = std::mem::MaybeUninit::uninit();
        libc::sigfillset(all.as_mut_ptr());
        libc::pthread_sigmask(libc::SIG_SETMASK, all.as_ptr(), ptr::null_mut());
    }
}

#[cfg(not(unix))]
fn block_signals() {}
