//! The kernel's locks of open file descriptions (fcntl(2), "Open file description locks").

use std::ffi::c_int;
use std::ptr;

use crate::sys::errno;

/// The kernel's answer about locks of an open file description.
pub(super) fn ofd(descriptor: c_int, command: c_int, lock: &mut libc::flock) -> Result<(), c_int> {
    lock.l_pid = 0; // the kernel demands it
    // SAFETY: the kernel checks the descriptor; it reads and writes the lock, which is borrowed mutably here.
    let status = unsafe { libc::fcntl(descriptor, command, ptr::from_mut(lock)) };
    if status == -1 { Err(errno::get()) } else { Ok(()) }
}
