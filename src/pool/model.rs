//! All interleavings of callers and workers, by loom. `make test-loom` runs them.
//!
//! `a_job_outlives_the_worker_that_accepted_it` fails with `Relaxed` in place of the ordering of `Mailbox::post` or
//! `Mailbox::accept`, or of either access to `Job::finished`.

use super::idle::IdleSet;
use super::job::Job;
use super::workers::{Workers, run_with_workers};
use crate::sys::sync::{Arc, AtomicUsize, Ordering, UnsafeCell, thread};

/// What the threads of a call write to, a slot each. Loom checks the order of the accesses.
struct Slots {
    taken: AtomicUsize,
    slots: [UnsafeCell<usize>; 2],
}

// SAFETY: a slot is written only by the thread that took its number, and read when all threads have finished; loom
// fails the test if two accesses are not ordered.
unsafe impl Sync for Slots {}

impl Slots {
    /// Written by the caller, before workers have the job.
    fn new() -> Self {
        let slots = Self { taken: AtomicUsize::new(0), slots: [UnsafeCell::new(7), UnsafeCell::new(7)] };
        // SAFETY: no other thread has the slots yet.
        slots.slots.iter().for_each(|slot| slot.with_mut(|slot| unsafe { *slot = 0 }));
        slots
    }

    fn work(&self) {
        let number = self.taken.fetch_add(1, Ordering::Relaxed);
        // SAFETY: only this thread has got the number.
        self.slots[number].with_mut(|slot| unsafe { *slot += 1 });
    }

    /// How often the work was done, once all threads have finished.
    fn times(&self) -> usize {
        // SAFETY: no thread writes any more.
        self.slots.iter().map(|slot| slot.with(|slot| unsafe { *slot })).sum()
    }
}

/// One worker, which runs so many jobs.
fn start_worker(jobs: usize) -> (Arc<Workers>, thread::JoinHandle<()>) {
    let workers = Arc::new(Workers::new(1));
    let worker = thread::spawn({
        let workers = workers.clone();
        move || (0..jobs).for_each(|_| workers.run_next_job(0))
    });
    workers.set_thread(0, worker.thread().clone());
    (workers, worker)
}

/// A caller with one worker: the work is done once or twice, and is finished when the call is.
#[test]
fn a_job_outlives_the_worker_that_accepted_it() {
    loom::model(|| {
        let (workers, worker) = start_worker(1);
        let slots = Slots::new();
        let work = || slots.work();
        let job = Job::new(&work);
        run_with_workers(&workers, &job, [0].into_iter()).unwrap();
        let times = slots.times();
        assert!(times == 1 || times == 2);
        // If the job was retracted, the worker is idle, and takes the next job.
        if times == 1 {
            let last = Job::new(&work);
            assert_eq!(workers.take_idle(), Some(0));
            workers.submit(0, &last);
            last.wait(1).unwrap();
            assert_eq!(slots.times(), 2);
        }
        worker.join().unwrap();
    });
}

/// Two callers, one worker: nobody posts into a full mailbox, nobody waits for the other's work, both finish.
#[test]
fn two_callers_share_a_worker() {
    let mut model = loom::model::Builder::new();
    model.preemption_bound = Some(3);
    model.check(|| {
        let (workers, worker) = start_worker(2);
        workers.mark_idle(0);
        let call = |workers: &Workers| {
            let done = AtomicUsize::new(0);
            let work = || {
                done.fetch_add(1, Ordering::Relaxed);
            };
            let job = Job::new(&work);
            run_with_workers(workers, &job, workers.take_idle().into_iter()).unwrap();
            let times = done.load(Ordering::Relaxed);
            assert!(times == 1 || times == 2);
            times - 1
        };
        let other = thread::spawn({
            let workers = workers.clone();
            move || call(&workers)
        });
        let accepted = call(&workers) + other.join().unwrap();
        // The jobs that the worker still has to run.
        for _ in accepted..2 {
            let job = Job::new(&|| ());
            let number = loop {
                match workers.take_idle() {
                    Some(number) => break number,
                    None => thread::yield_now(), // it is about to become idle
                }
            };
            workers.submit(number, &job);
            job.wait(1).unwrap();
        }
        worker.join().unwrap();
    });
}

/// A number that was inserted once is taken once.
#[test]
fn the_idle_set_gives_each_worker_to_one_caller() {
    loom::model(|| {
        let set = Arc::new(IdleSet::new(2));
        set.insert(0);
        let other = thread::spawn({
            let set = set.clone();
            move || {
                set.insert(1);
                set.take()
            }
        });
        let mut taken = vec![set.take(), other.join().unwrap(), set.take()];
        taken.sort();
        assert_eq!(taken, [None, Some(0), Some(1)]);
    });
}
