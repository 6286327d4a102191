//! Spinning: a thread that waits looks for a while whether something changes, before it sleeps. To be woken takes some
//! microseconds, of the thread that wakes, too; two threads that answer each other are faster than that.

// Not loom's, which has no interleavings to try here: numbers only say when to look at what a lock guards.
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// How long a thread looks: about the time that it takes to wake one whose processor sleeps, on a virtual machine. A Python
/// program needs less to answer a message.
const LONGEST: Duration = Duration::from_micros(100);

/// Looks between two looks at the clock.
const LOOKS: u32 = 16;

/// The most credit.
const FULL: u64 = 8;

/// One in so many waits tries again, when there is no credit.
const TRIAL: u64 = 64;

/// Whether it pays to look.
pub(crate) struct Credit {
    /// How many waits may look in vain. It grows when a change comes in time. On a busy machine it is soon 0.
    left: AtomicU64,
    waits: AtomicU64,
}

impl Credit {
    pub(crate) const fn new() -> Self {
        Self { left: AtomicU64::new(FULL / 2), waits: AtomicU64::new(0) }
    }

    fn grow(&self) {
        let more = |left| (left < FULL).then_some(left + 1);
        let _ = self.left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more);
    }

    fn shrink(&self) {
        let less = |left: u64| left.checked_sub(1);
        let _ = self.left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, less);
    }

    fn pays(&self) -> bool {
        self.left.load(Ordering::Relaxed) > 0 || self.waits.fetch_add(1, Ordering::Relaxed) % TRIAL == 0
    }
}

/// Counts the changes of a shared state, for those who look for them.
pub(crate) struct Spin {
    changes: AtomicU64,
    credit: Credit,
    /// That of all states of a kind, of which each is waited for once: used instead of its own.
    common: Option<&'static Credit>,
}

/// The looks of one wait.
pub(crate) struct Look {
    begin: Option<Instant>,
    is_over: bool,
}

impl Look {
    pub(crate) fn new() -> Self {
        Self { begin: None, is_over: false }
    }

    fn has_begun(&self) -> bool {
        self.begin.is_some()
    }

    /// Whether the thread has looked for long enough, and is to sleep.
    pub(crate) fn is_over(&self) -> bool {
        self.is_over
    }
}

impl Spin {
    pub(crate) fn new(common: Option<&'static Credit>) -> Self {
        Self { changes: AtomicU64::new(0), credit: Credit::new(), common }
    }

    fn credit(&self) -> &Credit {
        self.common.unwrap_or(&self.credit)
    }

    /// Notes a change, under the lock of the state.
    pub(crate) fn note_change(&self) {
        self.changes.store(self.changes.load(Ordering::Relaxed) + 1, Ordering::Relaxed);
    }

    /// The number of changes, under the lock.
    pub(crate) fn changes(&self) -> u64 {
        self.changes.load(Ordering::Relaxed)
    }

    /// Looks for a change after the first so many, without the lock, as long as the wait has not looked for long enough.
    pub(crate) fn look(&self, before: u64, look: &mut Look) {
        let takes_no_time = cfg!(miri) || cfg!(loom);
        if takes_no_time || !(look.has_begun() || self.credit().pays()) {
            look.is_over = true;
            return;
        }
        let begin = *look.begin.get_or_insert_with(Instant::now);
        loop {
            for _ in 0..LOOKS {
                if self.changes.load(Ordering::Relaxed) != before {
                    return;
                }
                std::hint::spin_loop();
            }
            if begin.elapsed() > LONGEST {
                look.is_over = true;
                self.credit().shrink();
                return;
            }
        }
    }

    /// Notes a change, under the lock, by a wait whose looks are over: what it waited for came.
    pub(crate) fn note_success(&self, look: &Look) {
        self.note_change();
        if look.has_begun() && !look.is_over {
            self.credit().grow();
        }
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    #[cfg_attr(miri, ignore = "Miri does not spin")]
    fn a_thread_looks_on_after_a_change_that_is_nothing_for_it() {
        let (spin, mut look) = (Spin::new(None), Look::new());
        spin.note_change();
        spin.look(0, &mut look);
        assert!(!look.is_over());
        spin.look(spin.changes(), &mut look);
        assert!(look.is_over(), "no other change came");
    }

    #[test]
    #[cfg_attr(miri, ignore = "Miri does not spin")]
    fn threads_seldom_look_where_it_does_not_pay() {
        let spin = Spin::new(None);
        let looks = (0..20 * TRIAL).filter(|_| {
            let mut look = Look::new();
            spin.look(spin.changes(), &mut look);
            look.has_begun()
        });
        assert_eq!(looks.count() as u64, FULL / 2 + 20);
    }
}
