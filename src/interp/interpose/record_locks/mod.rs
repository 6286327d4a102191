//! POSIX record locks (`fcntl`, `lockf`) as locks of an interpreter.
//!
//! Such a lock belongs to the process: interpreters would not exclude one another, and a close of any descriptor of the
//! file, by anybody in the process, would release it. So each interpreter has, for each file that it locks, an open file
//! description of its own, and the locks are set on that (`F_OFD_SETLK`), whichever descriptor the caller names. Inside
//! the interpreter all is as in a process: its locks never conflict with one another, they are merged and split, and
//! closing any of its descriptors of the file releases them.
//!
//! | file | contents |
//! |---|---|
//! | `mod` | `fcntl`, `lockf` |
//! | `request` | what a caller asks for |
//! | `locked_files` | an interpreter's open file descriptions |
//! | `closing` | `close`, `dup2`, `dup3`, `fclose`, `close_range`, `closefrom` |
//! | `opening` | `open`, `openat` |
//! | `ofd` | the kernel's locks of open file descriptions |
//! | `host_locks` | whether a close would release a lock of the host's |
//! | `kept_descriptors` | descriptors that interpreters must not close |
//!
//! Only regular files are treated so, and only calls of the interpreter's. A child that was forked has no record locks,
//! and what it does is the C library's alone: after `vfork` it has its parent's memory.

pub(super) mod closing;
mod host_locks;
mod kept_descriptors;
mod locked_files;
mod ofd;
pub(super) mod opening;
mod request;

use std::ffi::c_int;

use libc::off_t;

use super::signal::child::is_child;
use crate::interp::exit::wake_signal;
use crate::sys::errno::failed;
use locked_files::Wanted;
use request::Request;

/// To be called when an interpreter starts.
pub(super) fn begin() {
    kept_descriptors::begin();
}

/// This thread has left copy `number`: it is in none of its code, or stops forever.
pub(crate) fn leave(number: usize) {
    locked_files::of(number).leave();
}

/// Releases the locks of copy `number`, which is dead and has no requests: the kernel does so when a process has ended,
/// with all its threads. A thread that has asked for a lock may be in C, where it goes on to write what the lock
/// protects; its locks stay, and it is woken, in case that it sleeps. Whether none has stayed.
pub(crate) fn release_all(number: usize) -> bool {
    let threads = locked_files::of(number).release_all();
    wake_signal::wake_by_ids(&threads);
    threads.is_empty()
}

/// Closes what interpreters have closed, and what was kept open only for locks of the host's that it has no more.
pub(crate) fn close_parked() {
    kept_descriptors::close_parked();
}

/// As the C library's.
///
/// # Safety
/// The contract of fcntl. (It takes a variable argument, which is passed like a fixed one if it is no floating-point
/// number. If there is none, this passes on whatever is in its place, and the kernel ignores it.)
pub(super) unsafe extern "C" fn fcntl(
    descriptor: c_int,
    command: c_int,
    argument: usize,
    number: usize,
) -> c_int {
    let is_of_record_locks = matches!(command, libc::F_GETLK | libc::F_SETLK | libc::F_SETLKW);
    if is_of_record_locks && !is_child() {
        // SAFETY: by the contract of fcntl, the argument is the address of a lock.
        let lock = match unsafe { request::read(argument) } {
            Ok(lock) => lock,
            Err(error) => return failed(error),
        };
        if let Some(request) = Request::new(descriptor, lock) {
            let result = match command {
                // SAFETY: by the contract of fcntl, the argument is the address of a lock, to which the answer is written.
                libc::F_GETLK => unsafe { get(&request, argument, number) },
                _ => set(&request, command == libc::F_SETLKW, number),
            };
            if let Some(status) = result {
                return status;
            }
        }
    }
    // SAFETY: the arguments are passed on unchanged, under the same contract.
    unsafe { libc::fcntl(descriptor, command, argument) }
}

/// Sets or releases a lock. `None` if the C library is to do that, as the kernel does not know such locks, or is to
/// say what is wrong with the request.
fn set(request: &Request, waits: bool, number: usize) -> Option<c_int> {
    if !request.is_permitted() {
        return Some(failed(libc::EBADF));
    }
    let result = match locked_files::of(number).set(request, waits) {
        Wanted::Done => Ok(()),
        Wanted::Failed(error) => Err(error),
        // (No lock of this module is held meanwhile.)
        Wanted::Wait(description) => locked_files::of(number).wait(request, description),
    };
    match result {
        Ok(()) => Some(0),
        Err(libc::EINVAL) => None,
        Err(error) => Some(failed(error)),
    }
}

/// Asks for a lock that conflicts with the request. `None` as for `set`.
///
/// # Safety
/// The address is that of the caller's lock.
unsafe fn get(request: &Request, address: usize, number: usize) -> Option<c_int> {
    let found = match locked_files::of(number).conflict(request) {
        Ok(found) => found,
        Err(libc::EINVAL) => return None,
        Err(error) => return Some(failed(error)),
    };
    // SAFETY: by this function's contract.
    let written = unsafe { request::write(address, found) };
    Some(written.map_or_else(failed, |()| 0))
}

/// As the C library's: a lock from the descriptor's position on.
///
/// # Safety
/// None: any arguments will do. (It is unsafe like all functions that are interposed.)
pub(super) unsafe extern "C" fn lockf(descriptor: c_int, command: c_int, len: off_t, number: usize) -> c_int {
    let (kind, command) = match command {
        libc::F_LOCK => (libc::F_WRLCK, libc::F_SETLKW),
        libc::F_TLOCK => (libc::F_WRLCK, libc::F_SETLK),
        libc::F_ULOCK => (libc::F_UNLCK, libc::F_SETLK),
        libc::F_TEST => (libc::F_RDLCK, libc::F_GETLK),
        _ => return failed(libc::EINVAL),
    };
    let mut lock = request::whole_file(kind);
    (lock.l_whence, lock.l_len) = (libc::SEEK_CUR as i16, len);
    // SAFETY: the argument is the address of a lock of this frame.
    let status = unsafe { fcntl(descriptor, command, (&raw mut lock).expose_provenance(), number) };
    let is_taken = status == 0 && command == libc::F_GETLK && lock.l_type != libc::F_UNLCK as i16;
    if is_taken { failed(libc::EACCES) } else { status }
}

#[cfg(test)]
mod tests;
