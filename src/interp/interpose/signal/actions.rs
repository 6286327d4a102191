//! The functions that set actions of signals: `sigaction` and its relatives.

use std::ffi::c_int;
use std::mem;
use std::ptr;

use super::child::is_child;
use super::children;
use super::records::{is_valid, of};
use crate::sys::errno::failed;

/// POSIX's `sigaction`, for copy `number`.
pub(in crate::interp::interpose) unsafe extern "C" fn sigaction(
    signal: c_int,
    new: *const libc::sigaction,
    old: *mut libc::sigaction,
    number: usize,
) -> c_int {
    let signals = of(number).filter(|_| !is_child());
    let Some(signals) = signals else {
        // SAFETY: the arguments are the caller's, under the same contract.
        return unsafe { libc::sigaction(signal, new, old) };
    };
    // SAFETY: by the contract of sigaction, it is null or points to an action.
    let wanted = unsafe { new.as_ref() }.copied();
    let is_fixed = signal == libc::SIGKILL || signal == libc::SIGSTOP;
    if !is_valid(signal) || is_fixed && wanted.is_some() {
        return failed(libc::EINVAL);
    }
    if signals.is_passed_on(signal, wanted.map(|action| action.sa_sigaction)) {
        // SAFETY: as above.
        let status = unsafe { libc::sigaction(signal, new, old) };
        if let Some(action) = wanted.filter(|_| status == 0) {
            signals.set_passed_on(signal, action.sa_sigaction);
        }
        return status;
    }
    let before = signals.exchange(signal, wanted);
    if let Some(action) = wanted.filter(|_| signal == libc::SIGCHLD) {
        let is_handled = action.sa_sigaction != libc::SIG_DFL && action.sa_sigaction != libc::SIG_IGN;
        children::set_handled(number, is_handled);
    }
    if !old.is_null() {
        // SAFETY: by the contract of sigaction, it is null or points to memory for an action.
        unsafe { old.write(before) };
    }
    0
}

/// `signal`, as glibc and the BSDs have it: the handler stays, and system calls are restarted.
pub(in crate::interp::interpose) unsafe extern "C" fn signal(
    signal: c_int,
    handler: libc::sighandler_t,
    number: usize,
) -> libc::sighandler_t {
    // SAFETY: zeros are a valid sigaction; both structures are this function's own. The handler is the caller's, under the
    // contract of `signal`.
    unsafe {
        let (mut new, mut old): (libc::sigaction, libc::sigaction) = mem::zeroed();
        new.sa_sigaction = handler;
        new.sa_flags = libc::SA_RESTART;
        if sigaction(signal, &new, &mut old, number) == 0 { old.sa_sigaction } else { libc::SIG_ERR }
    }
}

/// POSIX's `siginterrupt`.
pub(in crate::interp::interpose) unsafe extern "C" fn siginterrupt(
    signal: c_int,
    interrupts: c_int,
    number: usize,
) -> c_int {
    // SAFETY: zeros are a valid sigaction, and the structure is this function's own. The handler stays as it is.
    unsafe {
        let mut action: libc::sigaction = mem::zeroed();
        if sigaction(signal, ptr::null(), &mut action, number) != 0 {
            return -1;
        }
        let others = action.sa_flags & !libc::SA_RESTART;
        action.sa_flags = if interrupts != 0 { others } else { others | libc::SA_RESTART };
        sigaction(signal, &action, ptr::null_mut(), number)
    }
}

/// POSIX's `sigaltstack`, for libpython: faulthandler would replace the stack that the thread's owner has chosen, but its
/// handlers never run on it.
pub(in crate::interp::interpose) unsafe extern "C" fn sigaltstack(
    new: *const libc::stack_t,
    old: *mut libc::stack_t,
) -> c_int {
    let new = if is_child() { new } else { ptr::null() };
    // SAFETY: `old`, and `new` if it is passed on, are the caller's, under the same contract; a null `new` asks for no
    // change.
    unsafe { libc::sigaltstack(new, old) }
}
