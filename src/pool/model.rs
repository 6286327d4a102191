//! All interleavings of callers and helpers, by loom. `make test-loom` runs them.

use super::crew::{Crew, together};
use super::idle::IdleSet;
use super::job::Job;
use crate::sync::{Arc, AtomicUsize, Ordering, thread};

/// A caller with one helper: the work is done once or twice, and has ended when the call has.
#[test]
fn a_job_outlives_the_helper_that_came() {
    loom::model(|| {
        let (crew, mut parkers) = Crew::new(1);
        let crew = Arc::new(crew);
        let parker = parkers.pop().unwrap();
        let begun = AtomicUsize::new(0);
        let ended = AtomicUsize::new(0);
        let work = || {
            begun.fetch_add(1, Ordering::Relaxed);
            ended.fetch_add(1, Ordering::Relaxed);
        };
        let job = Job::new(&work);
        crew.invite(0, &job);
        let helper = thread::spawn({
            let crew = crew.clone();
            move || crew.serve(0, &parker)
        });
        together(&crew, &job, [0].into_iter()).unwrap();
        let times = ended.load(Ordering::Relaxed);
        assert_eq!(begun.load(Ordering::Relaxed), times);
        assert!(times == 1 || times == 2);
        // One that was called off is idle, and waits for a job that comes later.
        if times == 1 {
            let last = Job::new(&work);
            assert_eq!(crew.invite_idle(&last), Some(0));
            last.finish(1).unwrap();
            assert_eq!(ended.load(Ordering::Relaxed), 2);
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
        let (crew, mut parkers) = Crew::new(1);
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
        let call = |crew: &Crew| {
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
