//! Starting programs: they get the environment of the interpreter that starts them.

use std::ffi::{c_char, c_int};
use std::ptr;

use super::environ;
use crate::interp::exit::at_exit;
use crate::sys::errno::{self, failed};

/// As the C library's, with the interpreter's environment.
///
/// # Safety
/// The contract of execv.
pub(super) unsafe extern "C" fn execv(
    path: *const c_char,
    arguments: *const *const c_char,
    number: usize,
) -> c_int {
    // SAFETY: by this function's contract; the environment is an array that ends with NULL.
    unsafe { libc::execve(path, arguments, environ::array(number).cast()) }
}

/// As the C library's, with the interpreter's environment. (The program is looked up in the process's PATH.)
///
/// # Safety
/// The contract of execvp.
pub(super) unsafe extern "C" fn execvp(
    file: *const c_char,
    arguments: *const *const c_char,
    number: usize,
) -> c_int {
    // SAFETY: by this function's contract; the environment is an array that ends with NULL.
    unsafe { libc::execvpe(file, arguments, environ::array(number).cast()) }
}

/// As the C library's, with the interpreter's environment. The handlers of SIGINT and SIGQUIT, which are the process's,
/// stay as they are meanwhile.
///
/// # Safety
/// The contract of system: the command is NULL or a C string.
pub(super) unsafe extern "C" fn system(command: *const c_char, number: usize) -> c_int {
    /// The status of a shell that could not be started.
    const NO_SHELL: c_int = 127 << 8;
    let shell = c"/bin/sh".as_ptr();
    if command.is_null() {
        // SAFETY: the path is a C string.
        return (unsafe { libc::access(shell, libc::X_OK) } == 0).into();
    }
    let arguments = [c"sh".as_ptr(), c"-c".as_ptr(), command, ptr::null()].map(<*const c_char>::cast_mut);
    let mut child = 0;
    // SAFETY: all texts are C strings, the command by this function's contract; the arrays end with NULL.
    let error = unsafe {
        let environment = environ::array(number);
        libc::posix_spawn(&mut child, shell, ptr::null(), ptr::null(), arguments.as_ptr(), environment)
    };
    match error {
        0 => wait_for(child),
        libc::EAGAIN | libc::ENOMEM => failed(error),
        _ => NO_SHELL,
    }
}

/// Waits for a child, also if signals come, but not when the process exits.
fn wait_for(child: libc::pid_t) -> c_int {
    let mut status = 0;
    loop {
        // SAFETY: the status is written here.
        let result = unsafe { libc::waitpid(child, &mut status, 0) };
        if result == child {
            return status;
        }
        if errno::get() != libc::EINTR || at_exit::is_exiting() {
            return -1;
        }
    }
}
