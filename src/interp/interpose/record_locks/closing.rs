//! Closing files: it releases the interpreter's locks on them, but never the host's.

use std::ffi::{c_int, c_uint};
use std::fs;

use super::host_locks::host_has_locks;
use super::kept_descriptors;
use super::locked_files;
use super::request::FileId;
use crate::interp::interpose::signal::child::is_child;
use crate::sys::errno::{self, failed};

unsafe extern "C" {
    fn fclose(stream: *mut libc::FILE) -> c_int;
}

/// Releases the interpreter's locks on the file of a descriptor that it closes.
fn release_locks(descriptor: c_int, number: usize) {
    let files = locked_files::of(number);
    if !files.is_empty() && !is_child() {
        errno::preserved(|| FileId::of(descriptor).map(|file| files.release(file)));
    }
}

/// Whether a descriptor is one that interpreters must not close.
fn is_kept(descriptor: c_int) -> bool {
    kept_descriptors::is_kept(descriptor) && !is_child()
}

/// As the C library's. But a descriptor stays open if its end would release locks of the host's.
///
/// # Safety
/// None: any descriptor will do.
pub(in crate::interp::interpose) unsafe extern "C" fn close(descriptor: c_int, number: usize) -> c_int {
    if is_kept(descriptor) {
        return failed(libc::EBADF);
    }
    release_locks(descriptor, number);
    if host_has_locks(descriptor) && kept_descriptors::park(descriptor) {
        return 0;
    }
    // SAFETY: the interpreter closes the descriptor, which is none of this library's.
    unsafe { libc::close(descriptor) }
}

/// What is to be done before `new` becomes a duplicate of `old`. An error if it cannot.
fn before_dup(old: c_int, new: c_int, number: usize) -> Result<(), c_int> {
    if is_kept(new) {
        return Err(libc::EBUSY);
    }
    // SAFETY: the kernel checks the descriptor.
    if old != new && unsafe { libc::fcntl(old, libc::F_GETFD) } >= 0 {
        release_locks(new, number);
    }
    Ok(())
}

/// As the C library's.
///
/// # Safety
/// None: any descriptors will do.
pub(in crate::interp::interpose) unsafe extern "C" fn dup2(old: c_int, new: c_int, number: usize) -> c_int {
    match before_dup(old, new, number) {
        // SAFETY: the interpreter replaces the descriptor, which is none of this library's.
        Ok(()) => unsafe { libc::dup2(old, new) },
        Err(error) => failed(error),
    }
}

/// As the C library's.
///
/// # Safety
/// None: any descriptors will do.
pub(in crate::interp::interpose) unsafe extern "C" fn dup3(
    old: c_int,
    new: c_int,
    flags: c_int,
    number: usize,
) -> c_int {
    match before_dup(old, new, number) {
        // SAFETY: the interpreter replaces the descriptor, which is none of this library's.
        Ok(()) => unsafe { libc::dup3(old, new, flags) },
        Err(error) => failed(error),
    }
}

/// As the C library's. (It closes the descriptor in any case, so it may release locks of the host's.)
///
/// # Safety
/// The contract of fclose.
pub(in crate::interp::interpose) unsafe extern "C" fn close_stream(
    stream: *mut libc::FILE,
    number: usize,
) -> c_int {
    // SAFETY: by this function's contract, it is an open stream.
    unsafe {
        // What is still to be written is written under the lock.
        libc::fflush(stream);
        release_locks(libc::fileno(stream), number);
        fclose(stream)
    }
}

/// As the C library's, except for descriptors that interpreters must not close.
///
/// # Safety
/// None: any arguments will do.
pub(in crate::interp::interpose) unsafe extern "C" fn close_range(
    first: c_uint,
    last: c_uint,
    flags: c_int,
    number: usize,
) -> c_int {
    const CLOSE_RANGE_CLOEXEC: c_int = 4;
    if is_child() || flags & CLOSE_RANGE_CLOEXEC != 0 || first > last {
        return close_all(first, last, flags);
    }
    if !locked_files::of(number).is_empty() {
        open_descriptors().filter(|it| (first..=last).contains(&it.cast_unsigned())).for_each(|descriptor| {
            if !is_kept(descriptor) {
                release_locks(descriptor, number);
            }
        });
    }
    let mut next = first;
    for kept in kept_descriptors::all().map(c_int::cast_unsigned) {
        if (next..=last).contains(&kept) {
            if kept > next && close_all(next, kept - 1, flags) != 0 {
                return -1;
            }
            next = kept + 1;
        }
    }
    if next > last { 0 } else { close_all(next, last, flags) }
}

/// As the C library's `closefrom`.
///
/// # Safety
/// None: any descriptor will do.
pub(in crate::interp::interpose) unsafe extern "C" fn close_from(first: c_int, number: usize) {
    // SAFETY: it has no preconditions.
    unsafe { close_range(first.max(0).cast_unsigned(), c_uint::MAX, 0, number) };
}

/// The system call itself: older C libraries have no function for it.
fn close_all(first: c_uint, last: c_uint, flags: c_int) -> c_int {
    // SAFETY: the interpreter closes the descriptors, which are none of this library's.
    unsafe { libc::syscall(libc::SYS_close_range, first, last, flags) as c_int }
}

fn open_descriptors() -> impl Iterator<Item = c_int> {
    let names = fs::read_dir("/proc/self/fd").into_iter().flatten().flatten();
    names.filter_map(|entry| entry.file_name().to_str()?.parse().ok())
}
