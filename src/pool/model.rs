//! All interleavings of callers and helpers, by loom. `make test-loom` runs them.
//!
//! `a_job_outlives_the_helper_that_came` fails with `Relaxed` in place of the ordering of `Mailbox::post` or
//! `Mailbox::take`, and of either access to `Job::left`.

use super::crew::{Workers, together};
use super::idle::IdleSet;
use super::job::Job;
use crate::sys::sync::{Arc, AtomicUsize, Ordering, UnsafeCell, thread};

/// What the threads of a call write to, a place each. Loom sees where an access is not in order with the others.
struct Places {
    taken: AtomicUsize,
    places: [UnsafeCell<usize>; 2],
}

// SAFETY: a place is written by the thread that took its number; loom checks the rest.
unsafe impl Sync for Places {}

impl Places {
    /// As the caller makes them: written before helpers come.
    fn new() -> Self {
        let places = Self { taken: AtomicUsize::new(0), places: [UnsafeCell::new(7), UnsafeCell::new(7)] };
        // SAFETY: nobody else has them yet.
        places.places.iter().for_each(|place| place.with_mut(|place| unsafe { *place = 0 }));
        places
    }

    fn work(&self) {
        let number = self.taken.fetch_add(1, Ordering::Relaxed);
        // SAFETY: the number is this thread's alone.
        self.places[number].with_mut(|place| unsafe { *place += 1 });
    }

    /// When all threads have ended: how often the work was done.
    fn times(&self) -> usize {
        // SAFETY: nobody writes any more.
        self.places.iter().map(|place| place.with(|place| unsafe { *place })).sum()
    }
}

/// A caller with one helper: the work is done once or twice, and has ended when the call has.
#[test]
fn a_job_outlives_the_helper_that_came() {
    loom::model(|| {
        let (crew, mut parkers) = Workers::new(1);
        let crew = Arc::new(crew);
        let parker = parkers.pop().unwrap();
        let places = Places::new();
        let work = || places.work();
        let job = Job::new(&work);
        crew.invite(0, &job);
        let helper = thread::spawn({
            let crew = crew.clone();
            move || crew.serve(0, &parker)
        });
        together(&crew, &job, [0].into_iter()).unwrap();
        let times = places.times();
        assert!(times == 1 || times == 2);
        // One that was called off is idle, and waits for a job that comes later.
        if times == 1 {
            let last = Job::new(&work);
            assert_eq!(crew.invite_idle(&last), Some(0));
            last.finish(1).unwrap();
            assert_eq!(places.times(), 2);
        }
        helper.join().unwrap();
    });
}

/// Two callers, one helper: nobody posts into a full mailbox, nobody waits for the other's work, both end.
#[test]
fn two_callers_share_a_helper() {
    let mut model = loom::model::Builder::new();
    model.preemption_bound = Some(3);
    model.check(|| {
        let (crew, mut parkers) = Workers::new(1);
        let crew = Arc::new(crew);
        let parker = parkers.pop().unwrap();
        crew.rest(0);
        let helper = thread::spawn({
            let crew = crew.clone();
            move || {
                // It ends with the job that says so, as a helper of the pool ends with its process.
                crew.serve(0, &parker);
                crew.serve(0, &parker);
            }
        });
        let call = |crew: &Workers| {
            let done = AtomicUsize::new(0);
            let work = || {
                done.fetch_add(1, Ordering::Relaxed);
            };
            let job = Job::new(&work);
            together(crew, &job, crew.invite_idle(&job).into_iter()).unwrap();
            let times = done.load(Ordering::Relaxed);
            assert!(times == 1 || times == 2);
            times - 1
        };
        let other = thread::spawn({
            let crew = crew.clone();
            move || call(&crew)
        });
        let served = call(&crew) + other.join().unwrap();
        // Jobs for what the helper has left to serve.
        for _ in served..2 {
            let job = Job::new(&|| ());
            while crew.invite_idle(&job).is_none() {
                thread::yield_now(); // it is on its way back to rest
            }
            job.finish(1).unwrap();
        }
        helper.join().unwrap();
    });
}

/// A number that was put in once is taken once.
#[test]
fn the_idle_set_gives_each_helper_to_one_caller() {
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
