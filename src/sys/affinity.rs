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
pub(crate) fn processors_of_process() -> usize {
    within_quota(affinity::count(process::id()))
}

/// Lets the calling thread run where the process's first one may, not only where the one that started it may.
pub(crate) fn leave_starters_affinity() {
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
    pub(crate) const CALLING_THREAD: u32 = 0;

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

    pub(crate) fn count(thread: u32) -> Option<usize> {
        get(thread).map(|(set, _)| set.iter().map(|word| word.count_ones() as usize).sum())
    }

    /// Gives the calling thread another one's set, if the system allows it.
    pub(crate) fn copy_from(thread: u32) {
        if let Some((set, bytes)) = get(thread) {
            // SAFETY: the kernel reads `bytes` bytes, and the set has more: they are what it wrote there.
            unsafe { libc::syscall(libc::SYS_sched_setaffinity, CALLING_THREAD, bytes, set.as_ptr()) };
        }
    }
}

#[cfg(not(target_os = "linux"))]
mod affinity {
    pub(crate) const CALLING_THREAD: u32 = 0;

    pub(crate) fn count(_: u32) -> Option<usize> {
        None
    }

    pub(crate) fn copy_from(_: u32) {}
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::fs;
    use std::path::Path;

    use super::{affinity, processors, processors_of_process, within_quota};

    /// The processors that the kernel's text lists for this thread: "0-3,8".
    fn allowed() -> Vec<usize> {
        let status = fs::read_to_string("/proc/thread-self/status").unwrap();
        let list = status.lines().find_map(|line| line.strip_prefix("Cpus_allowed_list:")).unwrap();
        let number = |text: &str| text.trim().parse::<usize>().unwrap();
        let numbers = |range: &str| {
            let (first, last) = range.split_once('-').unwrap_or((range, range));
            number(first)..=number(last)
        };
        list.split(',').flat_map(numbers).collect()
    }

    /// The least quota of this process's control groups, in whole processors.
    fn quota() -> usize {
        let groups = fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
        let group = groups.lines().find_map(|line| line.strip_prefix("0::/")).unwrap_or_default();
        let limit = |folder: &Path| {
            let text = fs::read_to_string(Path::new("/sys/fs/cgroup").join(folder).join("cpu.max")).ok()?;
            let (quota, period) = text.trim().split_once(' ')?;
            Some(quota.parse::<usize>().ok()? / period.parse::<usize>().ok()?)
        };
        Path::new(group).ancestors().filter_map(limit).min().map_or(usize::MAX, |quota| quota.max(1))
    }

    /// Binds the calling thread.
    fn bind(to: &[usize]) {
        let mut set = [0u64; 16];
        to.iter().for_each(|cpu| set[cpu / 64] |= 1 << (cpu % 64));
        // SAFETY: the kernel reads as many bytes as the set has.
        let status =
            unsafe { libc::syscall(libc::SYS_sched_setaffinity, 0, size_of_val(&set), set.as_ptr()) };
        assert_eq!(status, 0);
    }

    #[test]
    #[cfg_attr(miri, ignore = "it reads what the kernel says of a thread")]
    fn as_many_as_the_kernel_lists_and_the_quota_lets_run() {
        let all = allowed();
        assert_eq!(affinity::count(affinity::CALLING_THREAD), Some(all.len()));
        for _ in 0..2 {
            assert_eq!(processors(), all.len().min(quota()));
        }
        assert_eq!(within_quota(Some(0)), 1);
    }

    #[test]
    #[cfg_attr(miri, ignore = "it reads what the kernel says of a thread")]
    fn a_bound_thread_has_fewer_and_the_process_has_not() {
        let (all, process) = (allowed(), processors_of_process());
        let bound = std::thread::spawn(move || {
            bind(&all[..1]);
            (allowed().len(), processors(), processors_of_process())
        });
        assert_eq!(bound.join().unwrap(), (1, 1, process));
    }
}
