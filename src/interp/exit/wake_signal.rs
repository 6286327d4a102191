//! The signal that wakes threads which sleep in the system when the process exits, and does nothing else: one that the
//! host has no handler for.
//!
//! Most processes never see it: it gets its handler when the process exits. A thread that blocks such signals, as the
//! pool's do, could not be woken; while it is in a request, it takes this one, which then has its handler before. If the
//! host uses the signal all the same, by `sigwait` in another thread, the handler hands it on.

use std::ffi::{c_int, c_void};
use std::mem::{self, MaybeUninit};
use std::ptr;
use std::sync::atomic::{AtomicBool, Ordering};

/// Whether the process is exiting, and its interpreters are stopped: threads that sleep are woken.
static ENABLED: AtomicBool = AtomicBool::new(false);

type Handler = unsafe extern "C" fn(c_int, *mut libc::siginfo_t, *mut c_void);

/// From now on threads are woken.
pub(crate) fn enable() {
    ENABLED.store(true, Ordering::Release);
}

/// What threads with requests are to be woken by; none before `enable`, or if the host uses all signals.
pub(crate) fn current() -> Option<c_int> {
    if ENABLED.load(Ordering::Acquire) { claim() } else { None }
}

/// The last real-time signal without a handler of the host's. It has this module's from then on.
fn claim() -> Option<c_int> {
    let handler = handle as Handler as usize;
    for signal in (libc::SIGRTMIN()..=libc::SIGRTMAX()).rev() {
        // SAFETY: sigaction writes the structure where it succeeds, and zeros are one without a handler. The function may
        // be called at any time; what it interrupts is not begun again (no SA_RESTART).
        unsafe {
            let mut action: libc::sigaction = mem::zeroed();
            if libc::sigaction(signal, ptr::null(), &mut action) != 0 {
                continue;
            }
            if action.sa_sigaction == handler {
                return Some(signal);
            }
            if action.sa_sigaction != libc::SIG_DFL {
                continue;
            }
            let mut action: libc::sigaction = mem::zeroed();
            action.sa_sigaction = handler;
            action.sa_flags = libc::SA_SIGINFO;
            return (libc::sigaction(signal, &action, ptr::null_mut()) == 0).then_some(signal);
        }
    }
    None
}

/// Returns, so that what the thread waits for is interrupted. A signal that comes before the end is the host's: it is
/// blocked here again, and sent once more, to whom it was sent.
///
/// # Safety
/// The kernel calls it, as a handler with SA_SIGINFO.
unsafe extern "C" fn handle(signal: c_int, info: *mut libc::siginfo_t, context: *mut c_void) {
    if ENABLED.load(Ordering::Acquire) {
        return;
    }
    // SAFETY: the kernel gives both, and takes the mask from there when this returns. System calls may be made in a
    // handler, and the thread's errno is as before.
    unsafe {
        let errno = *libc::__errno_location();
        libc::sigaddset(&mut (*context.cast::<libc::ucontext_t>()).uc_sigmask, signal);
        let process = libc::getpid();
        if (*info).si_code == libc::SI_TKILL {
            let thread = libc::syscall(libc::SYS_gettid); // glibc has a function for it since 2.30
            libc::syscall(libc::SYS_rt_tgsigqueueinfo, process, thread, signal, info);
        } else {
            libc::syscall(libc::SYS_rt_sigqueueinfo, process, signal, info);
        }
        *libc::__errno_location() = errno;
    }
}

/// While this is there, its thread can be woken, also if it blocks signals.
pub(crate) struct WakeableThread {
    /// The signal that the thread blocked.
    unblocked: Option<c_int>,
}

impl WakeableThread {
    /// Cost: a system call; three where the thread blocks the signal.
    pub(crate) fn new() -> Self {
        let mut blocked = MaybeUninit::uninit();
        // SAFETY: nothing is changed, and the set is written.
        let blocked = unsafe {
            libc::pthread_sigmask(libc::SIG_BLOCK, ptr::null(), blocked.as_mut_ptr());
            blocked.assume_init()
        };
        // SAFETY: the set was written, and these are signals.
        let is_blocked = |signal: &c_int| unsafe { libc::sigismember(&blocked, *signal) == 1 };
        // Only a thread that blocks some of these is a reason for a handler.
        let unblocked = if is_blocked(&libc::SIGRTMAX()) { claim().filter(is_blocked) } else { None };
        if let Some(signal) = unblocked {
            change_mask(libc::SIG_UNBLOCK, signal);
        }
        Self { unblocked }
    }
}

impl Drop for WakeableThread {
    fn drop(&mut self) {
        if let Some(signal) = self.unblocked {
            change_mask(libc::SIG_BLOCK, signal);
        }
    }
}

/// Blocks or unblocks a signal for the calling thread.
fn change_mask(how: c_int, signal: c_int) {
    let mut set = MaybeUninit::uninit();
    // SAFETY: the set is emptied before anything else is done with it.
    unsafe {
        libc::sigemptyset(set.as_mut_ptr());
        libc::sigaddset(set.as_mut_ptr(), signal);
        libc::pthread_sigmask(how, set.as_ptr(), ptr::null_mut());
    }
}
