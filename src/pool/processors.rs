//! How many processors this process may use.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

/// The processors that the calling thread may run on now, or fewer if a control group's quota says so.
///
/// Cost: a system call. (The quota is read once per process: that takes opening files.)
pub fn processors() -> usize {
    static QUOTA: AtomicUsize = AtomicUsize::new(UNKNOWN);
    let quota = match QUOTA.load(Ordering::Relaxed) {
        UNKNOWN => {
            let quota = quota();
            QUOTA.store(quota, Ordering::Relaxed);
            quota
        }
        quota => quota,
    };
    affinity().map_or(quota, |processors| processors.min(quota)).max(1)
}

const UNKNOWN: usize = 0;

/// What the standard library finds beyond the affinity mask; `usize::MAX` if that is no less than the mask.
fn quota() -> usize {
    let all = thread::available_parallelism().map_or(1, usize::from);
    if affinity().is_some_and(|processors| all >= processors) { usize::MAX } else { all }
}

#[cfg(target_os = "linux")]
fn affinity() -> Option<usize> {
    // Room for 16384 processors: the kernel refuses a set that is smaller than its own.
    let mut sets = [0u64; 256];
    // SAFETY: the kernel writes at most as many bytes as are told.
    let bytes = unsafe {
        let room = size_of_val(&sets);
        libc::syscall(libc::SYS_sched_getaffinity, 0, room, sets.as_mut_ptr())
    };
    (bytes > 0).then(|| sets.iter().map(|set| set.count_ones() as usize).sum())
}

#[cfg(not(target_os = "linux"))]
fn affinity() -> Option<usize> {
    None
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
