//! How threads of a free-threaded Python wait, for one another's locks and for the world that was stopped: by
//! `sem_wait`, each with a semaphore of its own.
//!
//! While a thread waits, it is in a list of Python's, by an entry in its own frame. So its call cannot be abandoned right
//! there. The wait ends as if by a signal: Python then removes the entry and destroys the semaphore, and at that point
//! the frames own nothing.

use std::cell::Cell;
use std::ffi::c_int;
use std::io;
use std::mem::MaybeUninit;
use std::ptr;

use crate::interp::exit::abandon::{self, WayOut};
use crate::interp::exit::at_exit;
use crate::interp::exit::life::Life;
use crate::interp::interpose::record_locks;
use crate::sys::errno::failed;

thread_local! {
    /// The semaphore whose wait was ended here. (The type has no destructor, so this can be used while the thread ends.)
    static GIVEN_UP: Cell<*mut libc::sem_t> = const { Cell::new(ptr::null_mut()) };
}

/// How long a thread waits nevertheless. The locks of Python's own lists are free again in microseconds, and a wait for
/// those must not end early: their entries are not removed.
const GRACE_MILLISECONDS: i64 = 10;

/// Waits as the C library does, unless what the thread waits for will not come, as the process is exiting or the
/// interpreter of copy `number` is dead: then the call into Python is abandoned, in `sem_destroy`, or the process ends,
/// if this is the thread that exits.
///
/// # Safety
/// The contract of the C library's `sem_wait`.
pub(super) unsafe extern "C" fn sem_wait(semaphore: *mut libc::sem_t, number: usize) -> c_int {
    let (status, life) = (at_exit::status_of_this_thread(), Life::of(number));
    let is_abandoned = || at_exit::is_exiting() && (status.is_some() || abandon::can_abandon());
    while GIVEN_UP.get() != semaphore && (is_abandoned() || dies(life)) {
        // SAFETY: by this function's contract, it is a semaphore.
        let result = unsafe { libc::sem_timedwait(semaphore, &end_of_grace()) };
        if result == 0 || io::Error::last_os_error().raw_os_error() != Some(libc::ETIMEDOUT) {
            return result;
        }
        if let Some(status) = status {
            at_exit::end_at_once(status);
        }
        let is_exit = is_abandoned() && at_exit::have_interpreters_stopped();
        if life.keeps_gil_from_this_thread() || life.may_abandon() && is_abandoned() || is_exit {
            GIVEN_UP.set(semaphore);
            return failed(libc::EINTR);
        }
    }
    if life.keeps_gil_from_this_thread() {
        record_locks::leave(number); // it does not get out of Python any more
    }
    // SAFETY: the argument is passed on unchanged, under the same contract.
    unsafe { libc::sem_wait(semaphore) }
}

/// Destroys the semaphore; and if the wait for it was ended above, abandons the call into Python.
///
/// # Safety
/// The contract of the C library's `sem_destroy`.
pub(super) unsafe extern "C" fn sem_destroy(semaphore: *mut libc::sem_t, number: usize) -> c_int {
    // SAFETY: the argument is passed on unchanged, under the same contract.
    let result = unsafe { libc::sem_destroy(semaphore) };
    let is_given_up = ptr::eq(GIVEN_UP.replace(ptr::null_mut()), semaphore);
    let life = Life::of(number);
    if is_given_up && dies(life) {
        // SAFETY: as below. The interpreter is never entered again.
        unsafe { abandon::abandon_call(Some(life)) }
    }
    if is_given_up && abandon::can_abandon() {
        // SAFETY: `can_abandon` is true. The frames between here and `call_abandonable` own nothing: this one, C's, and
        // those of its closure, by its contract. Python has removed its entry, which was in one of these frames, before it
        // destroys the semaphore. Where C calls back into this library, the frames are protected, or own nothing either.
        unsafe { abandon::abandon_attached_call() }
    }
    result
}

/// Whether this thread's call is to be abandoned, as its interpreter is dead: as soon as the world is stopped.
fn dies(life: &'static Life) -> bool {
    life.is_dead() && abandon::way_out_of(life) == WayOut::Abandon
}

/// In the clock of `sem_timedwait`.
fn end_of_grace() -> libc::timespec {
    let mut now = MaybeUninit::<libc::timespec>::uninit();
    // SAFETY: the call writes the structure; it cannot fail for this clock.
    let mut end = unsafe {
        libc::clock_gettime(libc::CLOCK_REALTIME, now.as_mut_ptr());
        now.assume_init()
    };
    end.tv_nsec += GRACE_MILLISECONDS * 1_000_000;
    if end.tv_nsec >= 1_000_000_000 {
        end.tv_sec += 1;
        end.tv_nsec -= 1_000_000_000;
    }
    end
}
