//! Spinning: a thread that waits looks for a while whether something changes, before it sleeps. To be woken takes some
//! microseconds, of the thread that wakes, too; two threads that answer each other are faster than that.

use std::time::{Duration, Instant};

use crate::sys::sync::{AtomicU64, Ordering};

/// How long a thread looks. It is about the time that a Python program needs to answer a message.
const LONGEST: Duration = Duration::from_micros(20);

/// Looks between two looks at the clock.
const LOOKS: u32 = 16;

/// The most credit.
const FULL: u64 = 8;

/// One in so many waits tries again, when there is no credit.
const TRIAL: u64 = 64;

/// Counts the changes of a shared state, and whether it pays to look for them.
pub(crate) struct Spin {
    changes: AtomicU64,
    /// How many waits may look in vain. It grows when a change comes in time. On a busy machine it is soon 0.
    credit: AtomicU64,
    waits: AtomicU64,
}

impl Spin {
    pub(crate) fn new() -> Self {
        Self { changes: AtomicU64::new(0), credit: AtomicU64::new(FULL / 2), waits: AtomicU64::new(0) }
    }

    /// Notes a change, under the lock of the state.
    pub(crate) fn note_change(&self) {
        self.changes.store(self.changes.load(Ordering::Relaxed) + 1, Ordering::Relaxed);
    }

    /// The number of changes, under the lock.
    pub(crate) fn changes(&self) -> u64 {
        self.changes.load(Ordering::Relaxed)
    }

    /// Looks for a change after the first so many, without the lock. The numbers only say when to look at the state, which
    /// the lock guards, so that no order is needed.
    pub(crate) fn look(&self, before: u64) {
        if cfg!(loom) || cfg!(miri) || !self.pays() {
            return;
        }
        let begin = Instant::now();
        loop {
            for _ in 0..LOOKS {
                if self.changes.load(Ordering::Relaxed) != before {
                    let more = |credit| (credit < FULL).then_some(credit + 1);
                    let _ = self.credit.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more);
                    return;
                }
                std::hint::spin_loop();
            }
            if begin.elapsed() > LONGEST {
                let less = |credit: u64| credit.checked_sub(1);
                let _ = self.credit.fetch_update(Ordering::Relaxed, Ordering::Relaxed, less);
                return;
            }
        }
    }

    fn pays(&self) -> bool {
        self.credit.load(Ordering::Relaxed) > 0 || self.waits.fetch_add(1, Ordering::Relaxed) % TRIAL == 0
    }
}
