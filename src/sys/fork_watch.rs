//! Whether the process forked meanwhile, so that a child may share memory whose file is about to change.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

static BEGUN: AtomicU64 = AtomicU64::new(0);
static ENDED: AtomicU64 = AtomicU64::new(0);

/// Notices the forks that begin after it, or were in progress when it began. (It does not notice a child that is made by
/// `_Fork` or by the system call. One that shares its parent's memory, as after vfork, does not count.)
#[derive(Debug, Clone, Copy)]
pub(crate) struct ForkWatch {
    /// How many forks had begun. `None` if one had not ended, or if forks cannot be counted.
    begun: Option<u64>,
}

impl ForkWatch {
    pub(crate) fn begin() -> Self {
        // In this order: if the numbers are the same, no fork was in progress when the second one was read.
        let ended = ENDED.load(Ordering::SeqCst);
        let begun = BEGUN.load(Ordering::SeqCst);
        Self { begun: (are_counted() && begun == ended).then_some(begun) }
    }

    /// Whether there certainly was no fork.
    pub(crate) fn saw_none(&self) -> bool {
        self.begun == Some(BEGUN.load(Ordering::SeqCst))
    }
}

/// Whether handlers of fork count. They are registered the first time; there is no lock, as a child may ask too.
fn are_counted() -> bool {
    extern "C" fn prepare() {
        BEGUN.fetch_add(1, Ordering::SeqCst);
    }
    extern "C" fn parent() {
        ENDED.fetch_add(1, Ordering::SeqCst);
    }
    extern "C" fn child() {
        // Forks of other threads may have been in progress, but not in this process.
        ENDED.store(BEGUN.load(Ordering::SeqCst), Ordering::SeqCst);
    }
    static IS_BEGUN: AtomicBool = AtomicBool::new(false);
    static IS_DONE: AtomicBool = AtomicBool::new(false);
    if !IS_BEGUN.swap(true, Ordering::SeqCst) {
        // SAFETY: the handlers only change statics, so they may run in any process and beside any thread. They exist as
        // long as the process, which never unloads this library.
        let error = unsafe { libc::pthread_atfork(Some(prepare), Some(parent), Some(child)) };
        IS_DONE.store(error == 0, Ordering::SeqCst);
    }
    IS_DONE.load(Ordering::SeqCst)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[cfg_attr(miri, ignore = "Miri cannot fork")]
    fn a_fork_is_seen_in_the_parent_and_ends_in_the_child() {
        let watch = ForkWatch::begin();
        // SAFETY: the child only reads atomics, and ends without running handlers.
        let child = unsafe { libc::fork() };
        if child == 0 {
            let is_good = !watch.saw_none() && ForkWatch::begin().saw_none();
            // SAFETY: it ends this process.
            unsafe { libc::_exit(i32::from(!is_good)) };
        }
        let mut status = -1;
        // SAFETY: the process is a child of this one, and `status` may be written.
        assert_eq!(unsafe { libc::waitpid(child, &mut status, 0) }, child);
        assert_eq!(status, 0);
        assert!(!watch.saw_none());
    }

    #[test]
    #[cfg_attr(miri, ignore = "Miri knows no handlers of fork")]
    fn a_fork_in_progress_is_seen() {
        assert!(are_counted());
        BEGUN.fetch_add(1, Ordering::SeqCst);
        let during = ForkWatch::begin();
        ENDED.fetch_add(1, Ordering::SeqCst);
        assert!(!during.saw_none());
    }
}
