//! Which process this is. PIDs do not tell: in a PID namespace a grandchild may have its grandparent's.

use std::ptr;
use std::sync::atomic::{AtomicPtr, AtomicU64, Ordering};

/// Where the process's token is: 0 in a process that has not asked for it yet, as a fork's child has not.
static CELL: AtomicPtr<AtomicU64> = AtomicPtr::new(ptr::null_mut());

/// The latest token of this process or of one that it descends from.
static LAST: AtomicU64 = AtomicU64::new(0);

/// A number that is neither 0 nor `u64::MAX`, the same in all threads of the process, and another one than any process
/// had that this one descends from. What shares its parent's memory, as the child of vfork does, has its parent's.
///
/// It may be called anywhere, in a signal handler too. Cost: two loads; a system call where a process asks first.
#[inline]
pub(crate) fn token() -> u64 {
    // SAFETY: a cell that is published is there for good.
    let token =
        unsafe { CELL.load(Ordering::Acquire).as_ref() }.map_or(0, |cell| cell.load(Ordering::Relaxed));
    if token == 0 { make() } else { token }
}

#[cold]
fn make() -> u64 {
    let own = LAST.fetch_add(1, Ordering::AcqRel) + 1;
    let cell = cell();
    // Another thread may be forking, and the kernel copies one page after the other: the child must not get what is made
    // with this token, and yet an older LAST. After this nothing goes into such a copy any more.
    kind::wait_for_forks(cell);
    cell.compare_exchange(0, own, Ordering::AcqRel, Ordering::Acquire).map_or_else(|first| first, |_| own)
}

fn cell() -> &'static AtomicU64 {
    // SAFETY: a cell that is published is there for good.
    if let Some(cell) = unsafe { CELL.load(Ordering::Acquire).as_ref() } {
        return cell;
    }
    let new = kind::new_cell();
    let place = ptr::from_ref(new).cast_mut();
    match CELL.compare_exchange(ptr::null_mut(), place, Ordering::AcqRel, Ordering::Acquire) {
        Ok(_) => new,
        Err(first) => {
            kind::discard(new);
            // SAFETY: as it is not NULL, it is a cell that another thread has published.
            unsafe { &*first }
        }
    }
}

/// A page that the kernel gives to a child as zeros, by whatever call the child is made (Linux 4.14).
#[cfg(all(any(target_os = "linux", target_os = "android"), not(miri)))]
mod kind {
    use std::ptr;
    use std::sync::atomic::AtomicU64;

    use super::in_data;

    /// Any length up to a page's is a page.
    const LENGTH: usize = size_of::<AtomicU64>();

    pub(crate) fn new_cell() -> &'static AtomicU64 {
        page().unwrap_or_else(in_data::new_cell)
    }

    fn page() -> Option<&'static AtomicU64> {
        const ACCESS: libc::c_int = libc::PROT_READ | libc::PROT_WRITE;
        const KIND: libc::c_int = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS;
        // SAFETY: new memory, wherever the kernel has room.
        let page = unsafe { libc::mmap(ptr::null_mut(), LENGTH, ACCESS, KIND, -1, 0) };
        if page == libc::MAP_FAILED {
            return None;
        }
        // SAFETY: the page is new, aligned, zero, and not unmapped but by `discard`.
        let cell = unsafe { &*page.cast::<AtomicU64>() };
        // An emulator may ignore all advice, and say that it has been taken.
        if advise(cell, -1) || !advise(cell, libc::MADV_WIPEONFORK) {
            discard(cell);
            return None;
        }
        Some(cell)
    }

    fn advise(cell: &AtomicU64, advice: libc::c_int) -> bool {
        // SAFETY: the page is one of `page`'s, and neither advice changes what is in it.
        unsafe { libc::madvise(cell.as_ptr().cast(), LENGTH, advice) == 0 }
    }

    /// The kernel forks and takes this advice one after the other: forks that were under way are done.
    pub(crate) fn wait_for_forks(cell: &'static AtomicU64) {
        if !in_data::is(cell) {
            advise(cell, libc::MADV_WIPEONFORK);
        }
    }

    /// Only for what nobody else has seen.
    pub(crate) fn discard(cell: &'static AtomicU64) {
        if !in_data::is(cell) {
            // SAFETY: a page that only the calling thread knows, and that it does not look at any more.
            unsafe { libc::munmap(cell.as_ptr().cast(), LENGTH) };
        }
    }
}

#[cfg(any(not(any(target_os = "linux", target_os = "android")), miri))]
mod kind {
    use std::sync::atomic::AtomicU64;

    pub(crate) use super::in_data::new_cell;

    pub(crate) fn wait_for_forks(_: &'static AtomicU64) {}

    pub(crate) fn discard(_: &'static AtomicU64) {}
}

/// Where the kernel has no such pages: a variable that the C library's `fork` sets to 0 in the child. (A child that is
/// made by `_Fork` or by the system call itself keeps its parent's token.)
mod in_data {
    use std::sync::atomic::AtomicU64;

    static TOKEN: AtomicU64 = AtomicU64::new(0);

    #[cfg(all(unix, not(miri)))]
    pub(crate) fn new_cell() -> &'static AtomicU64 {
        extern "C" fn forget() {
            TOKEN.store(0, std::sync::atomic::Ordering::Relaxed);
        }
        // SAFETY: the function is there as long as the process, which does not unload this library. That it may be
        // registered twice, by threads at once, changes nothing.
        let error = unsafe { libc::pthread_atfork(None, None, Some(forget)) };
        assert_eq!(error, 0, "there is no memory for a handler of fork");
        &TOKEN
    }

    #[cfg(any(not(unix), miri))]
    pub(crate) fn new_cell() -> &'static AtomicU64 {
        &TOKEN // there is no fork
    }

    #[cfg(all(any(target_os = "linux", target_os = "android"), not(miri)))]
    pub(crate) fn is(cell: &'static AtomicU64) -> bool {
        std::ptr::eq(cell, &TOKEN)
    }
}

#[cfg(all(test, unix, not(loom)))]
mod tests {
    use std::sync::Barrier;
    use std::thread;

    use super::*;

    /// The exit status of a child that is made by `fork` and does `work`.
    fn status_in_child(fork: impl FnOnce() -> libc::pid_t, work: impl FnOnce() -> bool) -> i32 {
        let pid = fork();
        if pid == 0 {
            // SAFETY: it ends the child, which has done nothing but `work`.
            unsafe { libc::_exit(i32::from(!work())) }
        }
        let mut status = -1;
        // SAFETY: the status is written.
        assert_eq!(unsafe { libc::waitpid(pid, &mut status, 0) }, pid);
        status
    }

    fn fork() -> libc::pid_t {
        // SAFETY: the child only asks for tokens, forks, and ends.
        unsafe { libc::fork() }
    }

    #[test]
    fn threads_of_a_process_have_one_token() {
        let barrier = Barrier::new(8);
        let ask = || {
            barrier.wait();
            token()
        };
        let tokens: Vec<_> = thread::scope(|scope| {
            let threads: Vec<_> = (0..8).map(|_| scope.spawn(ask)).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        assert!(tokens.iter().all(|&other| other == token() && other != 0), "{tokens:?}");
    }

    #[test]
    #[cfg_attr(miri, ignore = "Miri has no fork")]
    fn threads_of_a_child_that_ask_first_at_once_agree() {
        let before = token();
        for _ in 0..100 {
            let agree = || {
                let barrier = Barrier::new(2);
                let ask = || {
                    barrier.wait();
                    token()
                };
                thread::scope(|scope| {
                    let other = scope.spawn(ask);
                    let own = ask();
                    own != before && other.join().is_ok_and(|other| other == own)
                })
            };
            assert_eq!(status_in_child(fork, agree), 0);
        }
    }

    #[test]
    #[cfg_attr(miri, ignore = "Miri has no fork")]
    fn a_descendant_has_none_of_its_ancestors_tokens() {
        let first = token();
        let grandchild = |second| {
            let great_grandchild =
                |third| status_in_child(fork, || ![first, second, third].contains(&token()));
            status_in_child(fork, || token() != first && token() != second && great_grandchild(token()) == 0)
        };
        assert_eq!(status_in_child(fork, || token() != first && grandchild(token()) == 0), 0);
        // A process between that never asks.
        assert_eq!(status_in_child(fork, || status_in_child(fork, || token() != first) == 0), 0);
        assert_eq!(token(), first);
    }

    #[cfg(all(target_os = "linux", not(miri)))]
    #[test]
    fn the_system_call_makes_no_difference_and_shared_memory_is_one_process() {
        if in_data::is(cell()) {
            eprintln!("SKIP: the kernel has no pages that are wiped in a child");
            return;
        }
        let first = token();
        // SAFETY: as `fork`, past the C library; the child only asks for its token.
        let clone = || unsafe { libc::syscall(libc::SYS_clone, libc::SIGCHLD, 0, 0, 0, 0) as libc::pid_t };
        assert_eq!(status_in_child(clone, || token() != first), 0);

        extern "C" fn has_the_token(first: *mut libc::c_void) -> libc::c_int {
            i32::from(token() != first as u64)
        }
        let mut stack = vec![0u128; 4096];
        let top = stack.as_mut_ptr_range().end;
        let flags = libc::CLONE_VM | libc::CLONE_VFORK | libc::SIGCHLD;
        // SAFETY: the child has a stack of its own, and only asks for its token while this thread waits.
        let vfork = || unsafe { libc::clone(has_the_token, top.cast(), flags, first as *mut libc::c_void) };
        assert_eq!(status_in_child(vfork, || unreachable!("it runs its function")), 0);
    }

    #[test]
    #[cfg_attr(miri, ignore = "Miri has no fork")]
    fn without_such_pages_a_handler_clears_the_token() {
        let cell = in_data::new_cell();
        cell.store(7, Ordering::Relaxed);
        assert_eq!(status_in_child(fork, || cell.load(Ordering::Relaxed) == 0), 0);
        assert_eq!(cell.load(Ordering::Relaxed), 7);
    }
}
