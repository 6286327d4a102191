//! Interpreters are checked out: given to a user, who has a handle. When the user frees the handle, the interpreter is
//! checked in. A copy of libpython cannot be unloaded, so an interpreter that is checked in is reset, and checked out
//! again.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, Ordering};

use crate::interp::cpython::attach::KeptThreadState;
use crate::interp::error::InterpError;
use crate::interp::interpose::record_locks;
use crate::interp::runtime::environment;
use crate::interp::runtime::interpreter::Interpreter;
use crate::interp::runtime::options::Options;
use crate::interp::runtime::start::start;
use crate::sys::fork::ForkLocal;
use crate::sys::process;
use crate::sys::sync::lock;

/// An interpreter that is checked out: no other user has it.
pub struct Checkout {
    interpreter: &'static Interpreter,
    options: Options,
    process: u64,
    /// The number of [`InUse`] guards, or [`ENDING`], or [`CHECKED_IN`].
    uses: AtomicU32,
    /// Held while the interpreter is checked in, and by interrupts, so that none comes after that.
    checking_in: Mutex<()>,
    /// That of the thread which checked it out.
    thread_state: Mutex<Option<KeptThreadState>>,
}

const CHECKED_IN: u32 = u32::MAX;
/// What the user left behind ends: there are no more requests, but an interrupt has an effect.
const ENDING: u32 = CHECKED_IN - 1;

/// The interpreters of a process.
#[derive(Default)]
struct Interpreters {
    /// The interpreters that are not checked out, with the options that they were started with.
    idle: Mutex<Vec<(Options, &'static Interpreter)>>,
    checked_out: AtomicU32,
}

static INTERPRETERS: ForkLocal<Interpreters> = ForkLocal::new(Interpreters::default);

/// How many interpreters are checked out, and how many are idle.
pub fn count() -> (u32, u32) {
    let all = INTERPRETERS.get();
    (all.checked_out.load(Ordering::Relaxed), lock(&all.idle).len() as u32)
}

impl Checkout {
    /// Checks out an idle interpreter that was started with the same options, lines of name=value; or a new one, if there
    /// is none or the option `fresh` asks for that.
    ///
    /// ```compile_fail,E0133
    /// let checkout = ungil::interp::runtime::checkout::Checkout::new(b"libpython=/tmp/any-library.so");
    /// ```
    ///
    /// # Safety
    /// All code that the options, the environment and the host lead to is sound, as [`start`] says.
    pub unsafe fn new(options: &[u8]) -> Result<Self, InterpError> {
        let options = Options::parse(options).and_then(Options::checked).map_err(InterpError::Options)?;
        let all = INTERPRETERS.get();
        let fresh = options.number("fresh").unwrap_or(0) != 0;
        let options = options.without("fresh");
        let take_idle = || {
            let mut idle = lock(&all.idle);
            let found = idle.iter().rposition(|(with, _)| *with == options)?;
            Some(idle.swap_remove(found).1)
        };
        let candidate = if fresh { None } else { take_idle() };
        // The environment and the process's Python may have changed since it became idle.
        let reused = candidate.filter(|it| it.reinitialize(&environment::snapshot(), &options).is_ok());
        // SAFETY: by this function's contract, all code that the options, the environment and the host lead to is sound.
        let start = || unsafe { start(options.clone()) };
        let interpreter = reused.map_or_else(start, Ok)?;
        let thread_state = interpreter.keep_thread_state()?;
        all.checked_out.fetch_add(1, Ordering::Relaxed);
        Ok(Self {
            interpreter,
            options,
            process: process::token(),
            uses: AtomicU32::new(0),
            checking_in: Mutex::default(),
            thread_state: Mutex::new(Some(thread_state)),
        })
    }

    /// Keeps the interpreter checked out while a request is in progress. It fails if the interpreter was checked in.
    pub fn enter(&self) -> Result<InUse<'_>, InterpError> {
        let more = |uses| (uses < ENDING).then_some(uses + 1);
        let before = self.uses.fetch_update(Ordering::AcqRel, Ordering::Acquire, more);
        before.map(|_| InUse(self)).map_err(|_| InterpError::Gone)
    }

    /// Interrupts the requests that are in progress, but never a later user's.
    pub fn interrupt(&self) -> Result<(), InterpError> {
        if self.process != process::token() {
            return Err(InterpError::Forked); // the lock may be held by a thread that this process does not have
        }
        let _checking_in = lock(&self.checking_in);
        if self.uses.load(Ordering::Acquire) == CHECKED_IN {
            return Err(InterpError::Gone);
        }
        self.interpreter.interrupt().map(|_| ())
    }

    /// The number that the interpreter's own code knows.
    pub fn own_number(&self) -> i32 {
        self.interpreter.own_number()
    }

    /// Checks the interpreter in. What its user left behind is removed now. If that is not possible, as threads are left,
    /// it is not checked out again.
    pub fn check_in(&self) -> Result<(), InterpError> {
        if self.process != process::token() {
            return Err(InterpError::Forked);
        }
        let ending = self.uses.compare_exchange(0, ENDING, Ordering::AcqRel, Ordering::Acquire);
        ending.map_err(|uses| if uses >= ENDING { InterpError::Gone } else { InterpError::Busy })?;
        // As for the reset. Exceptions are reported in Python.
        let _ = self.interpreter.end_use();
        {
            let _checking_in = lock(&self.checking_in);
            self.uses.store(CHECKED_IN, Ordering::Release);
        }
        let all = INTERPRETERS.get();
        all.checked_out.fetch_sub(1, Ordering::Relaxed);
        record_locks::close_parked();
        let was_reset = self.interpreter.reset().is_ok();
        // The reset removes what refers to it, so this comes last. It fails only if the process is exiting, or the
        // interpreter is dead.
        let thread_state = lock(&self.thread_state).take();
        let _ = thread_state.map(|kept| self.interpreter.release_thread_state(kept));
        if was_reset {
            lock(&all.idle).push((self.options.clone(), self.interpreter));
        }
        Ok(())
    }
}

/// Keeps an interpreter checked out: it cannot be checked in while this exists.
pub struct InUse<'a>(&'a Checkout);

impl InUse<'_> {
    /// The interpreter.
    pub fn interpreter(&self) -> &'static Interpreter {
        self.0.interpreter
    }
}

impl Drop for InUse<'_> {
    fn drop(&mut self) {
        self.0.uses.fetch_sub(1, Ordering::AcqRel);
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write, pipe};
    use std::os::fd::AsRawFd;
    use std::{ptr, thread};

    use super::Checkout;
    use crate::interp::error::InterpError;
    use crate::interp::tests::supported_libpythons;

    #[test]
    #[cfg_attr(miri, ignore = "Miri does not know what it calls")]
    fn an_interrupt_does_not_reach_the_next_user() {
        let Some(path) = supported_libpythons("interrupts of checkouts").next() else { return };
        let options = format!("libpython={}\nargv=next", path.display());
        // SAFETY: the options name a libpython of CPython's; the test's code is sound.
        let check_out = || unsafe { Checkout::new(options.as_bytes()) }.unwrap();
        let first = check_out();
        assert_eq!(first.interrupt(), Ok(()));
        first.check_in().unwrap();
        let second = check_out();
        assert!(ptr::eq(first.interpreter, second.interpreter));
        let ((mut begun, begins), (go_on, mut goes_on)) = (pipe().unwrap(), pipe().unwrap());
        let (write, read) = (begins.as_raw_fd(), go_on.as_raw_fd());
        let source =
            format!("import os\nos.write({write}, b'x')\nos.read({read}, 1)\nfor i in range(10**5): pass");
        thread::scope(|scope| {
            let request = scope.spawn(|| second.enter().unwrap().interpreter().exec(source.as_bytes()));
            begun.read_exact(&mut [0]).unwrap();
            assert_eq!(second.check_in(), Err(InterpError::Busy));
            assert_eq!(first.interrupt(), Err(InterpError::Gone));
            goes_on.write_all(b"x").unwrap();
            assert_eq!(request.join().unwrap(), Ok(()));
        });
        second.check_in().unwrap();
    }
}
