//! How many processors this process may use.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::{process, thread};

/// The processors that the calling thread may run on now, or fewer if a control group's quota says so.
///
/// Cost: a system call. (The quota is read once per process: that takes opening files.)
pub fn processors() -> usize {
    within_quota(affinity::count(affinity::CALLING_THREAD))
}

/// As [`processors`], for the process's first thread: another one may be bound to fewer.
pub(super) fn processors_of_process() -> usize {
    within_quota(affinity::count(process::id()))
}

/// Lets the calling thread run where the process's first one may, not only where the one that started it may.
pub(super) fn leave_starters_affinity() {
    affinity::copy_from(process::id());
}

fn within_quota(processors: Option<usize>) -> usize {
    static QUOTA: AtomicUsize = AtomicUsize::new(UNKNOWN);
    let quota = match QUOTA.load(Ordering::Relaxed) {
        UNKNOWN => {
            let quota = quota();
            QUOTA.store(quota, Ordering::Relaxed);
            quota
        }
        quota => quota,
    };
    processors.map_or(quota, |processors| processors.min(quota)).max(1)
}

const UNKNOWN: usize = 0;

/// What the standard library finds beyond the affinity mask; `usize::MAX` if that is no less than the mask.
fn quota() -> usize {
    let all = thread::available_parallelism().map_or(1, usize::from);
    let mask = affinity::count(affinity::CALLING_THREAD);
    if mask.is_some_and(|processors| all >= processors) { usize::MAX } else { all }
}

#[cfg(target_os = "linux")]
mod affinity {
    pub(super) const CALLING_THREAD: u32 = 0;

    /// Room for 16384 processors: the kernel refuses a set that is smaller than its own.
    type Set = [u64; 256];

    /// The set of a thread, and how many bytes of it the kernel uses.
    fn get(thread: u32) -> Option<(Set, usize)> {
        let mut set = [0; 256];
        // SAFETY: the kernel writes at most as many bytes as it is given, and the set has so many.
        let bytes =
            unsafe { libc::syscall(libc::SYS_sched_getaffinity, thread, size_of::<Set>(), set.as_mut_ptr()) };
        Some((set, usize::try_from(bytes).ok().filter(|&bytes| bytes > 0)?))
    }

    pub(super) fn count(thread: u32) -> Option<usize> {
        get(thread).map(|(set, _)| set.iter().map(|word| word.count_ones() as usize).sum())
    }

    /// Gives the calling thread another one's set, if the system allows it.
    pub(super) fn copy_from(thread: u32) {
        if let Some((set, bytes)) = get(thread) {
            // SAFETY: the kernel reads `bytes` bytes, and the set has more: they are what it wrote there.
            unsafe { libc::syscall(libc::SYS_sched_setaffinity, CALLING_THREAD, bytes, set.as_ptr()) };
        }
    }
}

#[cfg(not(target_os = "linux"))]
mod affinity {
    pub(super) const CALLING_THREAD: u32 = 0;

    pub(super) fn count(_: u32) -> Option<usize> {
        None
    }

    pub(super) fn copy_from(_: u32) {}
}

#[cfg(test)]
mod tests {
    #[test]
    fn agrees_with_the_standard_library() {
        let all = std::thread::available_parallelism().unwrap().get();
        assert_eq!(super::processors(), all);
        assert_eq!(super::processors(), all);
    }
}
