use std::ops::Range;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use super::chunks::ChunkSizer;
use super::{Call, Grain};
use crate::control::Control;
use crate::error::Error;

fn at_least(min_items: u64) -> Grain {
    Grain::Adaptive { min_items, max_items: u64::MAX }
}

fn sum(threads: usize, len: u64, grain: u64, part: impl Fn(Range<u64>) -> u64 + Sync) -> u64 {
    Call::on(threads).sum(len, at_least(grain), |range| Ok(part(range))).unwrap()
}

#[test]
#[cfg_attr(miri, ignore = "workers outlive the test; loom models the pool")]
fn every_index_is_counted_once_for_any_threads_length_and_grain() {
    for threads in [0, 1, 2, 3, 16, 1000] {
        for len in [0, 1, 2, 99, 100, 101, 1000] {
            for grain in [0, 1, 7, 100, 5000] {
                for kind in [Grain::Fixed, at_least, |min_items| Grain::Adaptive { min_items, max_items: 20 }]
                {
                    let part = |range: Range<u64>| Ok(range.sum::<u64>());
                    let total = Call::on(threads).sum(len, kind(grain), part);
                    assert_eq!(total, Ok((0..len).sum()), "threads {threads}, len {len}, grain {grain}");
                }
            }
        }
    }
}

#[test]
#[cfg_attr(miri, ignore = "workers outlive the test; loom models the pool")]
fn fixed_chunks_have_their_length_and_the_longest_range_its_end() {
    let chunks = Mutex::new(Vec::new());
    let note = |range| {
        chunks.lock().unwrap().push(range);
        Ok(())
    };
    Call::on(3).for_each(u64::MAX, Grain::Fixed(u64::MAX / 4), note).unwrap();
    let mut chunks = chunks.into_inner().unwrap();
    chunks.sort_by_key(|chunk| chunk.start);
    let quarter = u64::MAX / 4;
    let ends = [quarter, 2 * quarter, 3 * quarter, 4 * quarter, u64::MAX];
    assert_eq!(chunks.iter().map(|chunk| chunk.end).collect::<Vec<_>>(), ends);
    assert_eq!(chunks.iter().map(|chunk| chunk.start).collect::<Vec<_>>()[1..], ends[..4]);
}

#[test]
#[cfg_attr(miri, ignore = "workers outlive the test; loom models the pool")]
fn the_error_of_the_lowest_chunk_comes_back() {
    for threads in [1, 2, 5] {
        for _ in 0..200 {
            let part = |range: Range<u64>| match range.start {
                start if start % 100 == 77 => Err(Error::StoppedByFunction(start as i32)),
                _ => Ok(()),
            };
            let outcome = Call::on(threads).for_each(1000, Grain::Fixed(1), part);
            assert_eq!(outcome, Err(Error::StoppedByFunction(77)));
        }
    }
}

#[test]
#[cfg_attr(miri, ignore = "workers outlive the test; loom models the pool")]
fn a_cancelled_call_stops_and_a_finished_one_has_succeeded() {
    let control = Control::new();
    let running = control.begin(1000).unwrap();
    let call = Call::new(running.control(), 2);
    let part = |range: Range<u64>| {
        if range.start >= 500 {
            control.cancel();
        }
        Ok(())
    };
    assert_eq!(call.for_each(1000, Grain::Fixed(1), part), Err(Error::Cancelled));
    let (done, total) = control.progress();
    assert!((501..1000).contains(&done) && total == 1000, "{done} of {total}");
    // The last chunk was begun before the cancellation.
    assert_eq!(call.for_each(1, Grain::Fixed(1), part), Err(Error::Cancelled));
    drop(running);

    let late = Control::new();
    let running = late.begin(10).unwrap();
    let call = Call::new(running.control(), 1);
    let cancel_in_the_last = |range: Range<u64>| {
        if range.end == 10 {
            late.cancel();
        }
        Ok(())
    };
    assert_eq!(call.for_each(10, Grain::Fixed(1), cancel_in_the_last), Ok(()));
    assert_eq!(late.progress(), (10, 10));
}

#[test]
#[cfg_attr(miri, ignore = "workers outlive the test; loom models the pool")]
fn calls_from_many_threads_and_calls_inside_calls_end_and_are_right() {
    let nested = |outer: u64| sum(3, 100, 3, |range| range.map(|inner| outer * inner).sum::<u64>());
    let expected: u64 = (0..50).map(|outer| outer * 4950).sum();
    thread::scope(|scope| {
        for _ in 0..16 {
            scope.spawn(|| {
                for _ in 0..20 {
                    assert_eq!(sum(4, 50, 1, |range| range.map(nested).sum::<u64>()), expected);
                }
            });
        }
    });
}

/// Other tests may keep all workers busy for a while, so that a call has none: it repeats until two threads have met.
#[test]
#[cfg_attr(miri, ignore = "workers outlive the test; loom models the pool")]
fn two_threads_work_at_the_same_time() {
    let two_met = || {
        let (present, met) = (AtomicUsize::new(0), AtomicBool::new(false));
        let part = |_| {
            let deadline = Instant::now() + Duration::from_millis(20);
            present.fetch_add(1, Ordering::SeqCst);
            while !met.load(Ordering::SeqCst) && Instant::now() < deadline {
                met.fetch_or(present.load(Ordering::SeqCst) == 2, Ordering::SeqCst);
                thread::yield_now();
            }
            present.fetch_sub(1, Ordering::SeqCst);
            Ok(())
        };
        Call::on(2).for_each(2, Grain::Fixed(1), part).unwrap();
        met.into_inner()
    };
    assert!((0..5000).any(|_| two_met()));
}

#[test]
#[cfg_attr(miri, ignore = "workers outlive the test; loom models the pool")]
fn a_panic_reaches_the_caller_and_the_pool_still_works() {
    for _ in 0..100 {
        let outcome =
            std::panic::catch_unwind(|| {
                sum(2, 1000, 1, |range| {
                    if range.contains(&500) { std::panic::resume_unwind(Box::new(7)) } else { 1u64 }
                })
            });
        assert_eq!(outcome.unwrap_err().downcast_ref::<i32>(), Some(&7));
        assert_eq!(sum(2, 1000, 1, |range| range.end - range.start), 1000);
    }
}

/// A panic's payload whose drop panics.
struct Bomb;

impl Drop for Bomb {
    fn drop(&mut self) {
        if !thread::panicking() {
            std::panic::resume_unwind(Box::new("the payload"));
        }
    }
}

/// If two threads panic at once, one payload comes back, and the drop of the other does no harm.
#[test]
#[cfg_attr(miri, ignore = "workers outlive the test; loom models the pool")]
fn payloads_that_cannot_be_dropped() {
    let two_panicked = || {
        let (present, panicked) = (AtomicUsize::new(0), AtomicUsize::new(0));
        let part = |_| {
            let deadline = Instant::now() + Duration::from_millis(20);
            present.fetch_add(1, Ordering::SeqCst);
            while present.load(Ordering::SeqCst) < 2 && Instant::now() < deadline {
                thread::yield_now();
            }
            panicked.fetch_add(1, Ordering::SeqCst);
            std::panic::resume_unwind(Box::new(Bomb))
        };
        let call = || Call::on(2).for_each(2, Grain::Fixed(1), part);
        let payload = std::panic::catch_unwind(std::panic::AssertUnwindSafe(call)).unwrap_err();
        assert!(payload.is::<Bomb>());
        std::mem::forget(payload);
        panicked.into_inner() == 2
    };
    assert!((0..5000).any(|_| two_panicked()));
}

#[test]
fn a_sizer_grows_while_chunks_are_quick_and_shrinks_when_they_are_slow() {
    let mut now = Instant::now();
    let mut sizer = ChunkSizer::new();
    let mut after = |microseconds| {
        now += Duration::from_micros(microseconds);
        sizer.multiple_at(now)
    };
    let quick: Vec<u64> = (0..5).map(|_| after(1)).collect();
    assert_eq!(quick, [1, 2, 4, 8, 16]);
    assert_eq!(after(100), 16);
    assert_eq!(after(1_000), 2);
    assert_eq!(after(1_000_000), 1);
}
