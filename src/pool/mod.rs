//! One call on several threads: the range is cut into pieces, and each thread takes the next one until none
//! is left. The caller is one of the threads.

use std::ops::{Add, Range};
use std::panic::resume_unwind;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use crossbeam::utils::CachePadded;

/// The sum of `part` over pieces of at most `grain` that make up `0..len`, on up to `threads` threads.
///
/// Pieces are added in no fixed order, so `T`'s addition must be associative and commutative (integers are).
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
    let take_pieces = || {
        let take = || Some(next.fetch_add(1, Ordering::Relaxed)).filter(|&piece| piece < pieces);
        let range = |piece: u64| piece * grain..len.min((piece + 1) * grain);
        std::iter::from_fn(take).map(|piece| part(range(piece))).fold(T::default(), Add::add)
    };
    let helpers = threads.min(pieces as usize) - 1;
    thread::scope(|scope| {
        // Where the system has no thread to give, the others do the work.
        let start = || thread::Builder::new().spawn_scoped(scope, take_pieces).ok();
        let started: Vec<_> = (0..helpers).map_while(|_| start()).collect();
        let own = take_pieces();
        // A helper's panic goes on in the caller.
        let join =
            |helper: thread::ScopedJoinHandle<_>| helper.join().unwrap_or_else(|panic| resume_unwind(panic));
        started.into_iter().map(join).fold(own, Add::add)
    })
}

#[cfg(test)]
mod tests {
    use super::sum;

    #[test]
    fn every_index_is_counted_once_for_any_threads_length_and_grain() {
        for threads in [0, 1, 2, 3, 16] {
            for len in [0, 1, 2, 99, 100, 101, 1000] {
                for grain in [1, 7, 100, 5000] {
                    let total = sum(threads, len, grain, |range| range.sum::<u64>());
                    assert_eq!(total, (0..len).sum(), "threads {threads}, len {len}, grain {grain}");
                }
            }
        }
    }

    #[test]
    #[should_panic(expected = "on purpose")]
    fn a_panic_in_a_helper_reaches_the_caller() {
        let caller = std::thread::current().id();
        sum(2, 1000, 1, |_| {
            if std::thread::current().id() != caller {
                panic!("on purpose");
            }
            std::thread::sleep(std::time::Duration::from_millis(1));
            0u64
        });
    }
}
