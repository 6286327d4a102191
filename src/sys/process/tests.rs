use std::sync::Barrier;
use std::thread;

use super::*;

/// The exit status of a child that `fork` makes: 0 if `work` returns true.
fn status_in_child(fork: impl FnOnce() -> libc::pid_t, work: impl FnOnce() -> bool) -> i32 {
    let pid = fork();
    if pid == 0 {
        // SAFETY: `_exit` accesses no memory, and is allowed in the child of a process with threads.
        unsafe { libc::_exit(i32::from(!work())) }
    }
    let mut status = -1;
    // SAFETY: the pointer is to `status`, which waitpid writes.
    assert_eq!(unsafe { libc::waitpid(pid, &mut status, 0) }, pid);
    status
}

fn fork() -> libc::pid_t {
    // SAFETY: the child only gets tokens, forks, starts threads and ends, and takes no lock that another thread may
    // hold.
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
fn threads_of_a_child_that_ask_at_the_same_time_agree() {
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
        let great_grandchild = |third| status_in_child(fork, || ![first, second, third].contains(&token()));
        status_in_child(fork, || token() != first && token() != second && great_grandchild(token()) == 0)
    };
    assert_eq!(status_in_child(fork, || token() != first && grandchild(token()) == 0), 0);
    // A process in between that never gets its token.
    assert_eq!(status_in_child(fork, || status_in_child(fork, || token() != first) == 0), 0);
    assert_eq!(token(), first);
}

#[cfg(all(target_os = "linux", not(miri)))]
#[test]
fn the_system_call_makes_no_difference_and_shared_memory_is_one_process() {
    if cleared_variable::is(cell()) {
        crate::skips::skip("process tokens", "the kernel has no pages that are wiped in a child");
        return;
    }
    let first = token();
    // SAFETY: without a stack the system call acts like `fork`. The child only gets its token, and ends.
    let clone = || unsafe { libc::syscall(libc::SYS_clone, libc::SIGCHLD, 0, 0, 0, 0) as libc::pid_t };
    assert_eq!(status_in_child(clone, || token() != first), 0);

    extern "C" fn has_the_token(first: *mut libc::c_void) -> libc::c_int {
        i32::from(token() != first as u64)
    }
    let mut stack = vec![0u128; 4096];
    let top = stack.as_mut_ptr_range().end;
    let flags = libc::CLONE_VM | libc::CLONE_VFORK | libc::SIGCHLD;
    // SAFETY: the child has a stack of its own, of 64 KiB, and only gets its token, while this thread waits.
    let vfork = || unsafe { libc::clone(has_the_token, top.cast(), flags, first as *mut libc::c_void) };
    assert_eq!(status_in_child(vfork, || unreachable!("it runs its function")), 0);
}

#[test]
#[cfg_attr(miri, ignore = "Miri has no fork")]
fn without_such_pages_a_handler_clears_the_token() {
    let cell = cleared_variable::new_cell();
    cell.store(7, Ordering::Relaxed);
    assert_eq!(status_in_child(fork, || cell.load(Ordering::Relaxed) == 0), 0);
    assert_eq!(cell.load(Ordering::Relaxed), 7);
}
