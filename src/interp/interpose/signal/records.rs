//! The actions of signals that each copy has set.
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

/// To be called before this thread abandons frames of copy `number`: a handler may be among them.
pub(in crate::interp::interpose) fn release_abandoned(number: usize) {
    if let Some(signals) = of(number) {
        signals.delivery.release_abandoned();
    }
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
    pub(super) fn is_passed_on(&self, signal: c_int, handler: Option<libc::sighandler_t>) -> bool {
        if !SYNCHRONOUS.contains(&signal) && !OF_RUNTIMES.contains(&signal) && signal < libc::SIGRTMIN() {
            return false;
        }
        match handler {
            None | Some(libc::SIG_DFL | libc::SIG_IGN) => lock(&self.actions).passed_on & 1 << signal != 0,
            Some(handler) => !self.code.contains(&handler),
        }
    }

    pub(super) fn set_passed_on(&self, signal: c_int, handler: libc::sighandler_t) {
        let is_handler = handler != libc::SIG_DFL && handler != libc::SIG_IGN;
        let mut actions = lock(&self.actions);
        actions.passed_on = actions.passed_on & !(1 << signal) | u128::from(is_handler) << signal;
    }

    /// Records an action, if one is given, and returns the former one.
    pub(super) fn exchange(&self, signal: c_int, new: Option<libc::sigaction>) -> libc::sigaction {
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
