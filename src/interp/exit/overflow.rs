//! Stack overflow in Python code: it ends the interpreter, and not the process.
//!
//! The handler of SIGSEGV is installed when the first interpreter starts. It takes only faults at the end of the stack of
//! a thread whose request can be abandoned, and only in code of the copy of libpython: other code may hold locks of the
//! process. All other faults go to the handler that was there before. One that the host installs later takes all.

use std::ffi::{c_int, c_void};
use std::mem::{self, MaybeUninit};
use std::ptr;
use std::sync::OnceLock;

use crate::interp::exit::abandon;
use crate::interp::exit::guarded_stack::{self, Slot};
use crate::sys::errno;

/// The action that was there before.
static BEFORE: OnceLock<libc::sigaction> = OnceLock::new();

type Handler = unsafe extern "C" fn(c_int, *mut libc::siginfo_t, *mut c_void);
type SimpleHandler = unsafe extern "C" fn(c_int);

/// Installs the handler, and one of forks, once.
pub(crate) fn install() {
    BEFORE.get_or_init(|| {
        let mut before = MaybeUninit::uninit();
        // SAFETY: zeros are a valid sigaction, with an empty mask. The kernel reads `action` and writes `before`. If a fault
        // comes before `BEFORE` is set, it is not handled.
        unsafe {
            let mut action: libc::sigaction = mem::zeroed();
            action.sa_sigaction = handle as Handler as usize;
            action.sa_flags = libc::SA_SIGINFO | libc::SA_ONSTACK;
            libc::sigaction(libc::SIGSEGV, &action, before.as_mut_ptr());
            guarded_stack::watch_forks();
            before.assume_init()
        }
    });
}

/// # Safety
/// The kernel calls it, as a handler with SA_SIGINFO, or another handler passes the signal on.
unsafe extern "C" fn handle(signal: c_int, info: *mut libc::siginfo_t, context: *mut c_void) {
    // SAFETY: the pointers are valid, by this function's contract. A fault, which has a positive code, has an address.
    unsafe {
        let take = || (*info).si_code > 0 && take((*info).si_addr().addr(), context.cast());
        if !errno::preserved(take) {
            pass_on(signal, info, context);
        }
    }
}

/// Whether the thread can go on: it has more of its stack, or its request is abandoned when the handler returns.
///
/// # Safety
/// This is a signal handler, and the context is that of the code that could not access the address.
unsafe fn take(address: usize, context: *mut libc::ucontext_t) -> bool {
    let Some(slot) = Slot::of_this_thread().filter(|slot| slot.has(address)) else { return false };
    // The thread is guarded, so it has its thread-local data.
    // SAFETY: by this function's contract.
    let code = unsafe { registers::code(context) };
    let Some((site, stack_pointer)) = abandon::overflowed_call(code) else { return slot.extend(address) };
    // SAFETY: by this function's contract. The site is that of a call that has not returned: the frames between it and the
    // fault are C's, and libpython's code holds no lock of the process.
    unsafe { registers::resume_at(context, site, stack_pointer) };
    true
}

/// As if this handler were not there.
///
/// # Safety
/// This is a signal handler with these arguments.
unsafe fn pass_on(signal: c_int, info: *mut libc::siginfo_t, context: *mut c_void) {
    let before = BEFORE.get();
    let action = before.map_or(libc::SIG_DFL, |before| before.sa_sigaction);
    if action == libc::SIG_DFL || action == libc::SIG_IGN {
        // SAFETY: zeros are a valid sigaction, the default one. When this handler returns, the fault repeats, and ends the
        // process; or the signal that was sent is sent again, as its default action.
        unsafe {
            let default: libc::sigaction = mem::zeroed();
            libc::sigaction(signal, &default, ptr::null_mut());
            if (*info).si_code <= 0 {
                libc::raise(signal);
            }
        }
        return;
    }
    let Some(before) = before else { return };
    // SAFETY: the address is that of a handler of the kind that its flags say. It gets what the kernel has given to this
    // one, with the signals blocked that it asked for; they are as before when this handler returns. Zeros are a valid
    // sigaction, the default one.
    unsafe {
        libc::pthread_sigmask(libc::SIG_BLOCK, &before.sa_mask, ptr::null_mut());
        if before.sa_flags & libc::SA_NODEFER != 0 {
            unblock(signal);
        }
        if before.sa_flags & libc::SA_RESETHAND != 0 {
            let default: libc::sigaction = mem::zeroed();
            libc::sigaction(signal, &default, ptr::null_mut());
        }
        if before.sa_flags & libc::SA_SIGINFO != 0 {
            mem::transmute::<usize, Handler>(action)(signal, info, context);
        } else {
            mem::transmute::<usize, SimpleHandler>(action)(signal);
        }
    }
}

/// For a signal handler.
fn unblock(signal: c_int) {
    let mut set = MaybeUninit::uninit();
    // SAFETY: sigemptyset initialises the set before the other functions read it.
    unsafe {
        libc::sigemptyset(set.as_mut_ptr());
        libc::sigaddset(set.as_mut_ptr(), signal);
        libc::pthread_sigmask(libc::SIG_UNBLOCK, set.as_ptr(), ptr::null_mut());
    }
}

/// The registers of interrupted code.
#[cfg(target_arch = "x86_64")]
mod registers {
    use crate::interp::exit::call_site::{CallSite, resume};
    use std::ffi::c_void;

    /// The address of the instruction.
    ///
    /// # Safety
    /// The context is a signal handler's.
    pub(super) unsafe fn code(context: *const libc::ucontext_t) -> usize {
        // SAFETY: by this function's contract.
        unsafe { (*context).uc_mcontext.gregs[libc::REG_RIP as usize] as usize }
    }

    /// The thread resumes a call when the handler returns.
    ///
    /// # Safety
    /// The context is a signal handler's, and the call of `run` for the site has not returned.
    pub(super) unsafe fn resume_at(context: *mut libc::ucontext_t, site: *mut CallSite, stack: *mut c_void) {
        // SAFETY: by this function's contract.
        let registers = unsafe { &mut (*context).uc_mcontext.gregs };
        registers[libc::REG_RIP as usize] = (resume as *const ()).addr() as i64;
        registers[libc::REG_RDI as usize] = site.addr() as i64;
        registers[libc::REG_RSP as usize] = stack.addr() as i64;
    }
}

/// The registers of interrupted code.
#[cfg(target_arch = "aarch64")]
mod registers {
    use crate::interp::exit::call_site::{CallSite, resume};
    use std::ffi::c_void;

    /// The address of the instruction.
    ///
    /// # Safety
    /// The context is a signal handler's.
    pub(super) unsafe fn code(context: *const libc::ucontext_t) -> usize {
        // SAFETY: by this function's contract.
        unsafe { (*context).uc_mcontext.pc as usize }
    }

    /// The thread resumes a call when the handler returns.
    ///
    /// # Safety
    /// The context is a signal handler's, and the call of `run` for the site has not returned.
    pub(super) unsafe fn resume_at(context: *mut libc::ucontext_t, site: *mut CallSite, stack: *mut c_void) {
        // SAFETY: by this function's contract.
        let registers = unsafe { &mut (*context).uc_mcontext };
        registers.pc = (resume as *const ()).addr() as u64;
        registers.regs[0] = site.addr() as u64;
        registers.sp = stack.addr() as u64;
    }
}
