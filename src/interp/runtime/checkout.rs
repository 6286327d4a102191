//! Interpreters are lent: they cannot be unloaded, so one that its user gives back is made as new, and lent again.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, Ordering};

use crate::interp::error::InterpError;
use crate::interp::runtime::environment;
use crate::interp::runtime::interpreter::Interpreter;
use crate::interp::runtime::options::Options;
use crate::sys::fork::ForkLocal;
use crate::sys::process;
use crate::sys::sync::lock;

/// An interpreter that a user has for himself.
pub struct Checkout {
    interpreter: &'static Interpreter,
    options: Options,
    process: u64,
    /// Requests that are under way; or [`CLOSED`].
    uses: AtomicU32,
    /// Held where the lease ends, and by interrupts, which so never come after the end.
    end: Mutex<()>,
}

const CLOSED: u32 = u32::MAX;

/// The interpreters of a process.
#[derive(Default)]
struct Interpreters {
    /// Those that nobody has, with the options that they were started with.
    idle: Mutex<Vec<(Options, &'static Interpreter)>>,
    lent: AtomicU32,
}

static INTERPRETERS: ForkLocal<Interpreters> = ForkLocal::new(Interpreters::default);

/// How many interpreters are lent, and how many are idle.
pub fn count() -> (u32, u32) {
    let all = INTERPRETERS.get();
    (all.lent.load(Ordering::Relaxed), lock(&all.idle).len() as u32)
}

impl Checkout {
    /// An idle interpreter that was started with the same options, lines of name=value; or a new one, which the option
    /// `fresh` asks for.
    ///
    /// ```compile_fail,E0133
    /// let lease = ungil::interp::lease::Checkout::new(b"libpython=/tmp/any-library.so");
    /// ```
    ///
    /// # Safety
    /// As for [`Interpreter::start`].
    pub unsafe fn new(options: &[u8]) -> Result<Self, InterpError> {
        let options = Options::parse(options).and_then(Options::checked).map_err(InterpError::Options)?;
        let all = INTERPRETERS.get();
        let fresh = options.number("fresh").unwrap_or(0) != 0;
        let options = options.without("fresh");
        let idle = || {
            let mut idle = lock(&all.idle);
            let found = idle.iter().rposition(|(with, _)| *with == options)?;
            Some(idle.swap_remove(found).1)
        };
        let idle = if fresh { None } else { idle() };
        // The environment and the process's Python may have changed since it became idle.
        let ready = idle.filter(|interpreter| interpreter.renew(&environment::all(), &options).is_ok());
        // SAFETY: by this function's contract.
        let start = || unsafe { Interpreter::start(options.clone()) };
        let interpreter = ready.map_or_else(start, Ok)?;
        all.lent.fetch_add(1, Ordering::Relaxed);
        Ok(Self {
            interpreter,
            options,
            process: process::token(),
            uses: AtomicU32::new(0),
            end: Mutex::default(),
        })
    }

    /// The interpreter, for a request, unless the lease has ended.
    pub fn enter(&self) -> Result<Using<'_>, InterpError> {
        let more = |uses| (uses != CLOSED).then_some(uses + 1);
        let before = self.uses.fetch_update(Ordering::AcqRel, Ordering::Acquire, more);
        before.map(|_| Using(self)).map_err(|_| InterpError::Gone)
    }

    /// Interrupts the requests that are under way; none of those that the interpreter has after this lease.
    pub fn interrupt(&self) -> Result<(), InterpError> {
        if self.process != process::token() {
            return Err(InterpError::Forked); // the lock may be held, by a thread that is not there
        }
        let _end = lock(&self.end);
        if self.uses.load(Ordering::Acquire) == CLOSED {
            return Err(InterpError::Gone);
        }
        self.interpreter.interrupt()
    }

    /// Gives the interpreter back. What its user has left in it goes now; where that cannot be, as threads are left, it
    /// is not lent again.
    pub fn end(&self) -> Result<(), InterpError> {
        if self.process != process::token() {
            return Err(InterpError::Forked);
        }
        let closed = {
            let _end = lock(&self.end);
            self.uses.compare_exchange(0, CLOSED, Ordering::AcqRel, Ordering::Acquire)
        };
        closed.map_err(|uses| if uses == CLOSED { InterpError::Gone } else { InterpError::Busy })?;
        let all = INTERPRETERS.get();
        all.lent.fetch_sub(1, Ordering::Relaxed);
        if self.interpreter.reset().is_ok() {
            lock(&all.idle).push((self.options.clone(), self.interpreter));
        }
        Ok(())
    }
}

/// A lease that does not end meanwhile.
pub struct Using<'a>(&'a Checkout);

impl Using<'_> {
    /// The interpreter.
    pub fn interpreter(&self) -> &'static Interpreter {
        self.0.interpreter
    }
}

impl Drop for Using<'_> {
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
    fn an_interrupt_does_not_reach_who_has_the_interpreter_next() {
        let Some(path) = supported_libpythons("interrupts of leases").next() else { return };
        let options = format!("libpython={}\nargv=next", path.display());
        // SAFETY: the options name a CPython's library.
        let lease = || unsafe { Checkout::new(options.as_bytes()) }.unwrap();
        let first = lease();
        assert_eq!(first.interrupt(), Ok(()));
        first.end().unwrap();
        let second = lease();
        assert!(ptr::eq(first.interpreter, second.interpreter));
        let ((mut begun, begins), (go_on, mut goes_on)) = (pipe().unwrap(), pipe().unwrap());
        let (write, read) = (begins.as_raw_fd(), go_on.as_raw_fd());
        let source =
            format!("import os\nos.write({write}, b'x')\nos.read({read}, 1)\nfor i in range(10**5): pass");
        thread::scope(|scope| {
            let request = scope.spawn(|| second.enter().unwrap().interpreter().exec(source.as_bytes()));
            begun.read_exact(&mut [0]).unwrap();
            assert_eq!(second.end(), Err(InterpError::Busy));
            assert_eq!(first.interrupt(), Err(InterpError::Gone));
            goes_on.write_all(b"x").unwrap();
            assert_eq!(request.join().unwrap(), Ok(()));
        });
        second.end().unwrap();
    }
}
