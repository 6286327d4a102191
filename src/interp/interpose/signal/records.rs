//! The actions of signals that each copy has set: `sigaction` and its relatives.
//!
//! Two kinds of a library's handlers do reach the process, as the library could not work without them: those of signals
//! that a thread's own instructions cause (WebAssembly and Java virtual machines turn them into exceptions), and those
//! of the signals that runtimes send to their own threads. Handlers of libpython, which are Python's and faulthandler's,
//! never do.

use std::ffi::c_int;
use std::mem;
use std::ops::Range;
use std::ptr;
use std::sync::{Condvar, Mutex};

use super::child::{failed, is_child};
use crate::interp::interpose::copies::MAX_COPIES;
use crate::interp::loading::reentrant::ReentrantLock;
use crate::sys::atomic_ref::AtomicRef;
use crate::sys::sync::lock;

/// One more than the greatest signal.
const COUNT: usize = 65;

/// The signals that a thread's own instructions cause.
const SYNCHRONOUS: [c_int; 5] = [libc::SIGSEGV, libc::SIGBUS, libc::SIGILL, libc::SIGFPE, libc::SIGTRAP];

/// The signals that garbage collectors stop their threads by, besides the real-time signals.
const OF_RUNTIMES: [c_int; 2] = [libc::SIGPWR, libc::SIGXCPU];

/// What a copy has set.
pub(super) struct Signals {
    /// Where the code of its libpython is.
    code: Range<usize>,
    actions: Mutex<Actions>,
    /// Held while a handler is called, and while Python's main thread changes.
    pub(super) delivery: ReentrantLock,
    /// How many signals handlers were called for.
    pub(super) handled: Mutex<u64>,
    pub(super) changed: Condvar,
}

struct Actions {
    recorded: [libc::sigaction; COUNT],
    /// The signals whose latest handler reached the process.
    passed_on: u128,
}

// SAFETY: the structures have addresses of functions, which are only called where that is argued.
unsafe impl Send for Actions {}

static SIGNALS: [AtomicRef<Signals>; MAX_COPIES] = [const { AtomicRef::none() }; MAX_COPIES];

/// What happens to a signal.
#[derive(Clone, Copy)]
pub(super) enum Disposition {
    Default,
    Ignored,
    /// A handler. Whether it is in libpython.
    Handled(libc::sigaction, bool),
    /// The process's own disposition.
    OfProcess,
}

/// The code of copy `number` of libpython is in the range `code`. To be called before the copy calls any of these functions.
pub(in crate::interp::interpose) fn register(number: usize, code: Range<usize>) {
    let actions = Actions { recorded: std::array::from_fn(initial), passed_on: 0 };
    let signals = Signals {
        code,
        actions: Mutex::new(actions),
        delivery: ReentrantLock::default(),
        handled: Mutex::default(),
        changed: Condvar::default(),
    };
    SIGNALS[number].replace_boxed(None, Box::new(signals));
}

/// What the copy has set; `None` before it is registered.
pub(super) fn of(number: usize) -> Option<&'static Signals> {
    SIGNALS[number].get()
}

/// The action in a new process: signals are ignored if the process that starts it ignores them. SIGINT is not, as
/// interrupts are to have an effect.
fn initial(signal: usize) -> libc::sigaction {
    // SAFETY: zeros are a valid sigaction, that of SIG_DFL.
    let mut action: libc::sigaction = unsafe { mem::zeroed() };
    let signal = signal as c_int;
    if signal != libc::SIGINT && of_process(signal) == libc::SIG_IGN {
        action.sa_sigaction = libc::SIG_IGN;
    }
    action
}

/// The process's handler.
fn of_process(signal: c_int) -> libc::sighandler_t {
    // SAFETY: zeros are a valid sigaction. The C library checks the signal's number, and writes the structure.
    unsafe {
        let mut action: libc::sigaction = mem::zeroed();
        libc::sigaction(signal, ptr::null(), &mut action);
        action.sa_sigaction
    }
}

/// Whether it is a signal that a program can use: glibc keeps two for itself.
pub(super) fn is_valid(signal: c_int) -> bool {
    (1..32).contains(&signal) || (libc::SIGRTMIN()..=libc::SIGRTMAX()).contains(&signal)
}

impl Signals {
    pub(super) fn disposition(&self, signal: c_int) -> Disposition {
        let actions = lock(&self.actions);
        if actions.passed_on & 1 << signal != 0 {
            return Disposition::OfProcess;
        }
        let action = actions.recorded[signal as usize];
        match action.sa_sigaction {
            libc::SIG_DFL => Disposition::Default,
            libc::SIG_IGN => Disposition::Ignored,
            handler => Disposition::Handled(action, self.code.contains(&handler)),
        }
    }

    /// Makes the disposition the default one.
    pub(super) fn set_default(&self, signal: c_int) {
        lock(&self.actions).recorded[signal as usize].sa_sigaction = libc::SIG_DFL;
    }

    /// Whether the process's action is to be set: to a library's handler, or back.
    fn is_passed_on(&self, signal: c_int, handler: Option<libc::sighandler_t>) -> bool {
        if !SYNCHRONOUS.contains(&signal) && !OF_RUNTIMES.contains(&signal) && signal < libc::SIGRTMIN() {
            return false;
        }
        match handler {
            None | Some(libc::SIG_DFL | libc::SIG_IGN) => lock(&self.actions).passed_on & 1 << signal != 0,
            Some(handler) => !self.code.contains(&handler),
        }
    }

    fn set_passed_on(&self, signal: c_int, handler: libc::sighandler_t) {
        let is_handler = handler != libc::SIG_DFL && handler != libc::SIG_IGN;
        let mut actions = lock(&self.actions);
        actions.passed_on = actions.passed_on & !(1 << signal) | u128::from(is_handler) << signal;
    }

    /// Records an action, if one is given, and returns the former one.
    fn exchange(&self, signal: c_int, new: Option<libc::sigaction>) -> libc::sigaction {
        let mut actions = lock(&self.actions);
        if new.is_some() {
            actions.passed_on &= !(1 << signal);
        }
        let recorded = &mut actions.recorded[signal as usize];
        let old = *recorded;
        *recorded = new.unwrap_or(old);
        old
    }
}

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
