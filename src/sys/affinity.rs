//! Processors: how many a thread or the process may use, and moving a thread to those of the process.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::{process, thread};

/// The number of processors that the calling thread may run on now, or fewer if a control group's quota is lower.
///
/// Cost: a system call. (The quota is read once per process, as that opens files.)
pub(crate) fn available_processors() -> usize {
    limited_by_quota(mask::count(mask::CALLING_THREAD))
}

/// As [`available_processors`], but for the process's first thread, as other threads may be bound to fewer.
pub(crate) fn available_processors_of_process() -> usize {
    limited_by_quota(mask::count(process::id()))
}

/// Lets the calling thread run on the processors of the process's first thread, instead of those of the thread that
/// started it.
pub(crate) fn adopt_process_affinity() {
    mask::copy_from(process::id());
}

fn limited_by_quota(processors: Option<usize>) -> usize {
    static QUOTA: AtomicUsize = AtomicUsize::new(UNKNOWN);
    let quota = match QUOTA.load(Ordering::Relaxed) {
        UNKNOWN => {
            let quota = find_quota();
            QUOTA.store(quota, Ordering::Relaxed);
            quota
        }
        quota => quota,
    };
    processors.map_or(quota, |processors| processors.min(quota)).max(1)
}

const UNKNOWN: usize = 0;

/// The quota in processors, or `usize::MAX` for none. The standard library's number is the lower one of the affinity
/// mask and the quota, so it is the quota if it is below the mask.
fn find_quota() -> usize {
    let lower = thread::available_parallelism().map_or(1, usize::from);
    let mask = mask::count(mask::CALLING_THREAD);
    if mask.is_some_and(|processors| lower >= processors) { usize::MAX } else { lower }
}

#[cfg(target_os = "linux")]
mod mask {
    pub(super) const CALLING_THREAD: u32 = 0;

    /// A bit for each of 16384 processors. The kernel rejects a set that is smaller than its own.
    type Set = [u64; 256];

    /// A thread's set, and how many bytes of it the kernel uses.
    fn get(thread: u32) -> Option<(Set, usize)> {
        let mut set = [0; 256];
        // SAFETY: the kernel writes at most the number of bytes that it is given, which is the size of the set.
        let bytes =
            unsafe { libc::syscall(libc::SYS_sched_getaffinity, thread, size_of::<Set>(), set.as_mut_ptr()) };
        Some((set, usize::try_from(bytes).ok().filter(|&bytes| bytes > 0)?))
    }

    pub(super) fn count(thread: u32) -> Option<usize> {
        get(thread).map(|(set, _)| set.iter().map(|word| word.count_ones() as usize).sum())
    }

    /// Gives the calling thread another thread's set, if the system allows it.
    pub(super) fn copy_from(thread: u32) {
        if let Some((set, bytes)) = get(thread) {
            // SAFETY: the kernel reads `bytes` bytes. It wrote that many into the set before, so the set has them.
            unsafe { libc::syscall(libc::SYS_sched_setaffinity, CALLING_THREAD, bytes, set.as_ptr()) };
        }
    }
}

#[cfg(not(target_os = "linux"))]
mod mask {
    pub(super) const CALLING_THREAD: u32 = 0;

    pub(super) fn count(_: u32) -> Option<usize> {
        None
    }

    pub(super) fn copy_from(_: u32) {}
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::fs;
    use std::path::Path;

    use super::{
        adopt_process_affinity, available_processors, available_processors_of_process, limited_by_quota, mask,
    };

    /// The processors that /proc lists for this thread: "0-3,8".
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
        let limit = |group: &Path| {
            let text = fs::read_to_string(Path::new("/sys/fs/cgroup").join(group).join("cpu.max")).ok()?;
            let (quota, period) = text.trim().split_once(' ')?;
            Some(quota.parse::<usize>().ok()? / period.parse::<usize>().ok()?)
        };
        Path::new(group).ancestors().filter_map(limit).min().map_or(usize::MAX, |quota| quota.max(1))
    }

    /// Binds the calling thread to these processors.
    fn bind(to: &[usize]) {
        let mut set = [0u64; 16];
        to.iter().for_each(|cpu| set[cpu / 64] |= 1 << (cpu % 64));
        // SAFETY: the kernel reads `size_of_val(&set)` bytes of the set.
        let status =
            unsafe { libc::syscall(libc::SYS_sched_setaffinity, 0, size_of_val(&set), set.as_ptr()) };
        assert_eq!(status, 0);
    }

    #[test]
    #[cfg_attr(miri, ignore = "it reads /proc")]
    fn the_lower_one_of_mask_and_quota() {
        let all = allowed();
        assert_eq!(mask::count(mask::CALLING_THREAD), Some(all.len()));
        for _ in 0..2 {
            assert_eq!(available_processors(), all.len().min(quota()));
        }
        assert_eq!(limited_by_quota(Some(0)), 1);
    }

    #[test]
    #[cfg_attr(miri, ignore = "it reads /proc")]
    fn a_bound_thread_has_fewer_and_the_process_has_not() {
        let (all, process) = (allowed(), available_processors_of_process());
        let bound = std::thread::spawn(move || {
            bind(&all[..1]);
            (allowed().len(), available_processors(), available_processors_of_process())
        });
        assert_eq!(bound.join().unwrap(), (1, 1, process));
    }

    #[test]
    #[cfg_attr(miri, ignore = "it reads /proc")]
    fn a_bound_thread_can_adopt_the_affinity_of_the_process() {
        let all = allowed();
        let first = all[..1].to_vec();
        let adopting = std::thread::spawn(move || {
            bind(&first);
            adopt_process_affinity();
            allowed()
        });
        assert_eq!(adopting.join().unwrap(), all);
    }
}
