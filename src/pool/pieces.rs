//! Cutting a range into pieces that threads take one after the other.

use std::ops::Range;
use std::time::{Duration, Instant};

use crossbeam_utils::CachePadded;

use crate::sys::sync::{AtomicU64, Ordering};

/// How long pieces are.
#[derive(Debug, Clone, Copy)]
pub enum Grain {
    /// So many items, the last piece perhaps fewer.
    Fixed(u64),
    /// A multiple of `least`, as many as take a thread some 100 microseconds: few enough to share the work out evenly
    /// and to notice a cancellation soon, enough for taking them not to count. Never more than `most`, in case that
    /// the next items take longer than the last.
    Adaptive {
        /// Items that are not parted.
        min: u64,
        /// Items that are still few if each takes as long as it can.
        max: u64,
    },
}

impl Grain {
    fn items(self) -> u64 {
        match self {
            Self::Fixed(items) | Self::Adaptive { min: items, .. } => items.max(1),
        }
    }
}

/// What is left of `0..len`. ChunkScheduler are taken from its beginning on, so those that were ever taken make up the
/// beginning of the range.
pub(super) struct ChunkScheduler {
    len: u64,
    grain: Grain,
    next: CachePadded<AtomicU64>,
}

impl ChunkScheduler {
    pub(super) fn new(len: u64, grain: Grain) -> Self {
        Self { len, grain, next: CachePadded::new(AtomicU64::new(0)) }
    }

    /// ChunkScheduler of the shortest length that there are at most.
    pub(super) fn count(&self) -> u64 {
        self.len.div_ceil(self.grain.items())
    }

    pub(super) fn are_left(&self) -> bool {
        self.next.load(Ordering::Relaxed) < self.len
    }

    /// The next piece, of a length that suits a thread of this pace among so many threads.
    pub(super) fn take(&self, pace: &mut ChunkSizer, threads: usize) -> Option<Range<u64>> {
        let grain = self.grain.items();
        let grains = match self.grain {
            Grain::Fixed(_) => 1,
            Grain::Adaptive { max, .. } => pace.items_from(Instant::now()).min(max / grain),
        };
        let end = |start: u64| {
            // Towards the end pieces get shorter, so that all threads end at about the same time.
            let share = (self.len - start) / grain / (2 * threads as u64);
            self.len.min(start.saturating_add(grain * grains.min(share).max(1)))
        };
        let step = |start: u64| (start < self.len).then(|| end(start));
        let start = self.next.fetch_update(Ordering::Relaxed, Ordering::Relaxed, step).ok()?;
        Some(start..end(start))
    }
}

/// How many items a thread gets done in about 100 microseconds.
pub(super) struct ChunkSizer {
    items: u64,
    since: Option<Instant>,
}

impl ChunkSizer {
    const SHORT: Duration = Duration::from_micros(60);
    const LONG: Duration = Duration::from_micros(200);

    /// Begins with one item.
    pub(super) fn new() -> Self {
        Self { items: 1, since: None }
    }

    /// How many items to do from `now` on, given that those of the last call are done.
    pub(super) fn items_from(&mut self, now: Instant) -> u64 {
        if let Some(since) = self.since.replace(now) {
            let took = now - since;
            if took < Self::SHORT {
                self.items = self.items.saturating_mul(2);
            } else if took > Self::LONG {
                // At once, as the next items may take as long.
                let ratio = took.as_nanos() / Self::LONG.as_nanos();
                self.items = (self.items / (ratio as u64 + 1)).max(1);
            }
        }
        self.items
    }
}
