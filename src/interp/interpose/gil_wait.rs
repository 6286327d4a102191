//! How a copy waits for its GIL: by `pthread_cond_timedwait`, which libpython uses for nothing else.

use std::ffi::c_int;

use crate::interp::exit::abandon::{self, WayOut};
use crate::interp::exit::at_exit;
use crate::interp::exit::life::Life;
use crate::interp::interpose::record_locks;
use crate::sys::unwind::park_forever;

/// Waits as the C library does, unless the GIL will not be released any more. If the process is exiting, the call into
/// Python is abandoned, or the process ends, if this is the thread that exits. If the interpreter of copy `number` is
/// dead, the call is abandoned, or the thread stops, if it is in none.
///
/// Until the GIL is kept, the thread waits. Python calls this again after each of its intervals.
///
/// # Safety
/// The contract of the C library's `pthread_cond_timedwait`.
pub(super) unsafe extern "C" fn pthread_cond_timedwait(
    condition: *mut libc::pthread_cond_t,
    mutex: *mut libc::pthread_mutex_t,
    until: *const libc::timespec,
    number: usize,
) -> c_int {
    let life = Life::of(number);
    if at_exit::is_exiting() {
        if let Some(status) = at_exit::status_of_this_thread() {
            at_exit::end_at_once(status);
        }
        if abandon::can_abandon() && (life.may_abandon() || at_exit::have_interpreters_stopped()) {
            // SAFETY: the caller holds the mutex, by this function's contract. The frames between here and
            // `call_abandonable` own nothing: this one, C's, and those of its closure, by its contract. Where C calls
            // back into this library, `protect_frames` makes `can_abandon` false, or the frames own nothing either
            // (`dealloc` in `cpython/buffer.rs`).
            unsafe {
                libc::pthread_mutex_unlock(mutex);
                abandon::abandon_call(None)
            }
        }
    }
    if life.keeps_gil_from_this_thread() {
        // SAFETY: the caller holds the mutex, by this function's contract.
        unsafe { libc::pthread_mutex_unlock(mutex) };
        if abandon::way_out_of(life) != WayOut::Abandon {
            record_locks::leave(number);
            park_forever();
        }
        // SAFETY: as above.
        unsafe { abandon::abandon_call(Some(life)) }
    }
    // SAFETY: the arguments are passed on unchanged, under the same contract.
    unsafe { libc::pthread_cond_timedwait(condition, mutex, until) }
}
