//! One call on several threads: the range is cut into pieces, and each thread takes the next one until none
//! is left. The caller is one of the threads; the others are helpers that wait between calls.
//!
//! The protocol between callers and helpers is written down in `README.md` beside this file.

mod helpers;
mod job;

use std::ops::{Add, Range};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use crossbeam::utils::CachePadded;

/// The sum of `part` over pieces of at most `grain` that make up `0..len`, on up to `threads` threads.
///
/// Pieces are added in no fixed order, so `T`'s addition must be associative and commutative (integers are).
/// A panic in a piece goes on in the caller, when no thread works at the range any more.
pub fn sum<T, F>(threads: usize, len: u64, grain: u64, part: F) -> T
where
    T: Add<Output = T> + Default + Send,
    F: Fn(Range<u64>) -> T + Sync,
{
    if threads <= 1 || len <= grain {
        return part(0..len);
    }
    let next = CachePadded::new(AtomicU64::new(0));
    let pieces = len.div_ceil(grain);
    let total = Mutex::new(T::default());
    let take_pieces = || {
        let take = || Some(next.fetch_add(1, Ordering::Relaxed)).filter(|&piece| piece < pieces);
        let range = |piece: u64| piece * grain..len.min((piece + 1) * grain);
        let own = std::iter::from_fn(take).map(|piece| part(range(piece))).fold(T::default(), Add::add);
        let mut total = total.lock().expect("adding does not panic");
        *total = std::mem::take(&mut *total) + own;
    };
    helpers::work_together(pieces.min(threads as u64) as usize - 1, &take_pieces);
    total.into_inner().expect("adding does not panic")
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;
    use std::sync::{Barrier, Mutex};
    use std::thread;

    use super::sum;

    #[test]
    fn every_index_is_counted_once_for_any_threads_length_and_grain() {
        for threads in [0, 1, 2, 3, 16, 1000] {
            for len in [0, 1, 2, 99, 100, 101, 1000] {
                for grain in [1, 7, 100, 5000] {
                    let total = sum(threads, len, grain, |range| range.sum::<u64>());
                    assert_eq!(total, (0..len).sum(), "threads {threads}, len {len}, grain {grain}");
                }
            }
        }
    }

    #[test]
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

    #[test]
    fn two_threads_work_at_the_same_time() {
        let together = Barrier::new(2); // lets nobody pass alone
        let seen = Mutex::new(HashSet::new());
        sum(2, 2, 1, |_| {
            seen.lock().unwrap().insert(thread::current().id());
            together.wait();
            0u64
        });
        assert_eq!(seen.into_inner().unwrap().len(), 2);
    }

    #[test]
    fn a_panic_reaches_the_caller_and_the_pool_goes_on() {
        for _ in 0..100 {
            let outcome = std::panic::catch_unwind(|| {
                sum(2, 1000, 1, |range| {
                    if range.start == 500 { std::panic::resume_unwind(Box::new(7)) } else { 1u64 }
                })
            });
            assert_eq!(outcome.unwrap_err().downcast_ref::<i32>(), Some(&7));
            assert_eq!(sum(2, 1000, 1, |range| range.end - range.start), 1000);
        }
    }
}
