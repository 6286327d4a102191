//! Opening files: if a descriptor of the file is parked, that is the one.

use std::ffi::{c_char, c_int};

use super::kept_descriptors;
use super::request::FileId;
use crate::interp::interpose::signal::child::is_child;
use crate::sys::errno;

/// As the C library's.
///
/// # Safety
/// The contract of open. (The mode is a variable argument: see `fcntl`.)
pub(in crate::interp::interpose) unsafe extern "C" fn open(
    path: *const c_char,
    flags: c_int,
    mode: libc::mode_t,
) -> c_int {
    // SAFETY: by this function's contract.
    unsafe { parked(libc::AT_FDCWD, path, flags).unwrap_or_else(|| libc::open(path, flags, mode)) }
}

/// As the C library's.
///
/// # Safety
/// The contract of openat.
pub(in crate::interp::interpose) unsafe extern "C" fn openat(
    directory: c_int,
    path: *const c_char,
    flags: c_int,
    mode: libc::mode_t,
) -> c_int {
    // SAFETY: by this function's contract.
    unsafe { parked(directory, path, flags).unwrap_or_else(|| libc::openat(directory, path, flags, mode)) }
}

/// A parked descriptor that does as well as a new one.
///
/// # Safety
/// The path is a C string.
unsafe fn parked(directory: c_int, path: *const c_char, flags: c_int) -> Option<c_int> {
    /// With these, opening changes the file, or may fail.
    const OTHERS: c_int = libc::O_EXCL | libc::O_TRUNC | libc::O_DIRECTORY | libc::O_TMPFILE;
    if !kept_descriptors::are_parked() || flags & OTHERS != 0 || is_child() {
        return None;
    }
    errno::preserved(|| {
        let follow = if flags & libc::O_NOFOLLOW != 0 { libc::AT_SYMLINK_NOFOLLOW } else { 0 };
        // SAFETY: by this function's contract.
        let file = unsafe { FileId::at(directory, path, follow) }?;
        let descriptor = kept_descriptors::take_parked(file, flags)?;
        let close_on_exec = if flags & libc::O_CLOEXEC != 0 { libc::FD_CLOEXEC } else { 0 };
        // SAFETY: the kernel checks the descriptor, which nobody else uses.
        unsafe {
            libc::lseek(descriptor, 0, libc::SEEK_SET);
            libc::fcntl(descriptor, libc::F_SETFD, close_on_exec);
        }
        Some(descriptor)
    })
}
