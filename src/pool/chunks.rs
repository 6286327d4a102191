//! Cutting a range into chunks that threads take one after the other.

use std::ops::Range;
use std::time::{Duration, Instant};

use crossbeam::utils::CachePadded;

use crate::sys::sync::{AtomicU64, Ordering};

/// How long chunks are. An operation chooses it.
#[derive(Debug, Clone, Copy)]
pub enum Grain {
    /// This many items; the last chunk may have fewer.
    Fixed(u64),
    /// A multiple of `min_items` that takes a thread about 100 microseconds: short enough to divide the work evenly and to
    /// notice a cancellation soon, long enough that the cost of taking a chunk does not matter.
    Adaptive {
        /// Chunk lengths are multiples of this; only the last chunk may be shorter.
        min_items: u64,
        /// Never more items than this, as the next ones may take longer than the last. It should be few enough even if
        /// each takes as long as it can.
        max_items: u64,
    },
}

impl Grain {
    /// The number of items that chunk lengths are multiples of.
    fn min_items(self) -> u64 {
        match self {
            Self::Fixed(items) | Self::Adaptive { min_items: items, .. } => items.max(1),
        }
    }
}

/// The part of `0..len` that no thread has taken yet. Chunks are taken from its start, so the taken ones always make up
/// the start of the range.
///
/// Adaptive chunks follow guided self-scheduling (Polychronopoulos and Kuck, IEEE Transactions on Computers C-36, 1987,
/// pages 1425-1439): each is at most a share of what remains, so they get shorter towards the end, and all threads
/// finish at about the same time. There are two differences. The share is half of a thread's equal share; and before
/// the end, the time that a chunk takes limits its length.
pub(super) struct ChunkScheduler {
    len: u64,
    grain: Grain,
    next: CachePadded<AtomicU64>,
}

impl ChunkScheduler {
    pub(super) fn new(len: u64, grain: Grain) -> Self {
        Self { len, grain, next: CachePadded::new(AtomicU64::new(0)) }
    }

    /// The number of chunks if each is as short as possible.
    pub(super) fn max_count(&self) -> u64 {
        self.len.div_ceil(self.grain.min_items())
    }

    /// Whether any chunks remain to be taken.
    pub(super) fn remain(&self) -> bool {
        self.next.load(Ordering::Relaxed) < self.len
    }

    /// The next chunk, for a thread with this sizer, one of `threads` threads.
    pub(super) fn take(&self, sizer: &mut ChunkSizer, threads: usize) -> Option<Range<u64>> {
        let min_items = self.grain.min_items();
        let wanted = match self.grain {
            Grain::Fixed(_) => 1,
            Grain::Adaptive { max_items, .. } => sizer.multiple_at(Instant::now()).min(max_items / min_items),
        };
        let end = |start: u64| {
            let share = (self.len - start) / min_items / (2 * threads as u64);
            self.len.min(start.saturating_add(min_items * wanted.min(share).max(1)))
        };
        let next = |start: u64| (start < self.len).then(|| end(start));
        let start = self.next.fetch_update(Ordering::Relaxed, Ordering::Relaxed, next).ok()?;
        Some(start..end(start))
    }
}

/// How many times [`Grain::min_items`] a thread completes in about 100 microseconds, as measured on its last chunk.
pub(super) struct ChunkSizer {
    multiple: u64,
    since: Option<Instant>,
}

impl ChunkSizer {
    const SHORT: Duration = Duration::from_micros(60);
    const LONG: Duration = Duration::from_micros(200);

    /// Starts with the shortest chunk.
    pub(super) fn new() -> Self {
        Self { multiple: 1, since: None }
    }

    /// The multiple to take at `now`, when the last chunk is done.
    pub(super) fn multiple_at(&mut self, now: Instant) -> u64 {
        if let Some(since) = self.since.replace(now) {
            let took = now - since;
            if took < Self::SHORT {
                self.multiple = self.multiple.saturating_mul(2);
            } else if took > Self::LONG {
                // In one step, as the next items may take as long.
                let ratio = took.as_nanos() / Self::LONG.as_nanos();
                self.multiple = (self.multiple / (ratio as u64 + 1)).max(1);
            }
        }
        self.multiple
    }
}
