//! The signal that wakes threads which sleep in system calls when the process exits or their interpreter dies, and does
//! nothing else: one that the host, the program that loaded this library, has no handler for.
//!
//! Most processes never see it: its handler is installed only when it is sent. A thread that blocks such
//! signals, as the pool's workers do, could not be woken; so during a request, this one is unblocked, and the handler
//! is installed before. If the host uses the signal all the same, by `sigwait` in another thread, the
//! handler passes it on.

use std::ffi::{c_int, c_void};
use std::mem::{self, MaybeUninit};
use std::ptr;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::sys::errno;
use crate::sys::thread_id::thread_id;

/// Whether the process is exiting and its interpreters are stopped, so that sleeping threads are to be woken.
static ENABLED: AtomicBool = AtomicBool::new(false);

type Handler = unsafe extern "C" fn(c_int, *mut libc::siginfo_t, *mut c_void);

/// From now on sleeping threads are to be woken.
pub(crate) fn enable() {
    ENABLED.store(true, Ordering::Release);
}

/// What comes with the signal if this module sends it: the address of this.
static MARK: u8 = 0;

unsafe extern "C" {
    fn pthread_sigqueue(thread: libc::pthread_t, signal: c_int, value: libc::sigval) -> c_int;
}

/// Wakes threads, if there is a signal that the host has no handler for.
///
/// # Safety
/// The threads exist.
pub(crate) unsafe fn wake(threads: impl Iterator<Item = libc::pthread_t>) {
    let value = libc::sigval { sival_ptr: (&raw const MARK).cast_mut().cast() };
    if let Some(signal) = claim() {
        // SAFETY: by this function's contract. The value is only compared.
        threads.for_each(|thread| unsafe { _ = pthread_sigqueue(thread, signal, value) });
    }
}

/// As `wake`, for threads that the kernel has these numbers for. One that has ended gets no signal.
pub(crate) fn wake_by_ids(threads: &[libc::pid_t]) {
    let signal = if threads.is_empty() { None } else { claim() };
    let Some(signal) = signal else { return };
    // SAFETY: zeros are a valid siginfo.
    let mut information = unsafe { mem::zeroed::<QueuedSignal>() };
    information.number = signal;
    information.code = libc::SI_QUEUE;
    information.value = (&raw const MARK).addr();
    for &thread in threads {
        // SAFETY: the kernel reads the structure, which has the layout and length of a siginfo. The value is only compared.
        unsafe {
            information.process = libc::getpid();
            libc::syscall(
                libc::SYS_rt_tgsigqueueinfo,
                libc::getpid(),
                thread,
                signal,
                &raw const information,
            );
        }
    }
}

/// The kernel's siginfo of a signal with a value, on 64-bit systems.
#[repr(C)]
struct QueuedSignal {
    number: c_int,
    error: c_int,
    code: c_int,
    padding: c_int,
    process: libc::pid_t,
    user: libc::uid_t,
    value: usize,
    rest: [u64; 12],
}

const _: () = assert!(mem::size_of::<QueuedSignal>() == mem::size_of::<libc::siginfo_t>());

/// The last real-time signal that the host has no handler for. This module's handler is installed for it.
fn claim() -> Option<c_int> {
    let handler = handle as Handler as usize;
    for signal in (libc::SIGRTMIN()..=libc::SIGRTMAX()).rev() {
        // SAFETY: zeros are a valid sigaction. The kernel reads the structures that it is given, and writes `action`.
        // The handler may run at any time on any thread: it only makes system calls. (Without SA_RESTART, the
        // interrupted system call fails with EINTR.)
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
            // (SA_ONSTACK: the thread's own stack may be a small one of the host's, as in Go.)
            action.sa_flags = libc::SA_SIGINFO | libc::SA_ONSTACK;
            return (libc::sigaction(signal, &action, ptr::null_mut()) == 0).then_some(signal);
        }
    }
    None
}

/// The handler. It only returns, so that the thread's system call is interrupted. A signal that comes before the
/// process exits, and not from `wake`, is the host's: it is blocked here again, and sent once more, to the same thread
/// or process.
///
/// # Safety
/// The kernel calls it, as a handler with SA_SIGINFO.
unsafe extern "C" fn handle(signal: c_int, info: *mut libc::siginfo_t, context: *mut c_void) {
    // SAFETY: the kernel passes a valid pointer, and a signal that was queued has a value.
    let is_own = unsafe {
        (*info).si_code == libc::SI_QUEUE && ptr::eq((*info).si_value().sival_ptr.cast(), &raw const MARK)
    };
    if is_own || ENABLED.load(Ordering::Acquire) {
        return;
    }
    // SAFETY: the kernel passes valid pointers to a handler with SA_SIGINFO, and restores the mask in `context` when it
    // returns. All functions called are async-signal-safe, and errno is restored.
    errno::preserved(|| unsafe {
        libc::sigaddset(&mut (*context.cast::<libc::ucontext_t>()).uc_sigmask, signal);
        let process = libc::getpid();
        if (*info).si_code == libc::SI_TKILL {
            libc::syscall(libc::SYS_rt_tgsigqueueinfo, process, thread_id(), signal, info);
        } else {
            libc::syscall(libc::SYS_rt_sigqueueinfo, process, signal, info);
        }
    });
}

/// Until this is dropped, its thread can be woken, even if it blocks signals.
pub(crate) struct WakeableThread {
    /// The signal that the thread blocked before.
    unblocked: Option<c_int>,
}

impl WakeableThread {
    /// Cost: a system call; three where the thread blocks the signal.
    pub(crate) fn new() -> Self {
        let mut blocked = MaybeUninit::uninit();
        // SAFETY: a null set changes nothing, and the current one is written to `blocked` in full.
        let blocked = unsafe {
            libc::pthread_sigmask(libc::SIG_BLOCK, ptr::null(), blocked.as_mut_ptr());
            blocked.assume_init()
        };
        // SAFETY: the set was written above, and sigismember checks the number of the signal.
        let is_blocked = |signal: &c_int| unsafe { libc::sigismember(&blocked, *signal) == 1 };
        // The handler is installed only if this thread blocks SIGRTMAX, which stands for a thread that blocks all
        // signals.
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
    // SAFETY: sigemptyset initialises the set before the other functions read it.
    unsafe {
        libc::sigemptyset(set.as_mut_ptr());
        libc::sigaddset(set.as_mut_ptr(), signal);
        libc::pthread_sigmask(how, set.as_ptr(), ptr::null_mut());
    }
}
