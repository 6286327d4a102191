//! Whether an interpreter is alive. What would end the process, such as `abort()`, ends the interpreter that it comes
//! from instead: no code runs in it any more, as in all interpreters when the process exits.
//!
//! No thread abandons its frames as long as another one may run Python code in the interpreter: such code may look at the
//! frames of all threads, as `sys._current_frames()` and the garbage collector do, and from 3.11 on a part of them is on
//! the threads' own stacks. So an interpreter that is dead goes on, until one thread has its GIL and keeps it.
//!
//! This module knows which interpreters are dead, and why; `runtime/death.rs` knows how one is stopped.

use std::cell::Cell;
use std::ops::Range;
use std::ptr;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU8, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crate::interp::error::InterpError;

/// The most copies of libpython in a process. (In practice fewer: each takes one of the process's 1024
/// pthread keys, which other libraries use too.)
pub(crate) const MAX_COPIES: usize = 1024;

/// What the thread that ends an interpreter is to do.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Task {
    /// Note its stack in Python, write out what the output streams hold, and stop the threads.
    SpeakAndStop,
    /// Stop the threads.
    Stop,
    /// Nothing: another thread does.
    Wait,
}

/// What an interpreter does when it dies, on the thread that ends it.
pub(crate) trait LastActs: Sync {
    /// Does this. When it returns, frames may be abandoned.
    fn stop(&self, task: Task);
    /// Waits until all requests have ended, for a while. Whether they have.
    fn have_requests_ended(&self) -> bool;
}

/// The life of one copy of libpython.
pub(crate) struct Life {
    /// Set when its interpreter has started.
    acts: OnceLock<&'static dyn LastActs>,
    /// Set when it dies: what ended it.
    cause: OnceLock<String>,
    /// The addresses of its libpython.
    code: OnceLock<Range<usize>>,
    /// The stack in Python of the thread that ended it. Set a little later.
    stack: OnceLock<String>,
    stage: Stage,
}

static LIVES: [Life; MAX_COPIES] = [const {
    Life {
        acts: OnceLock::new(),
        cause: OnceLock::new(),
        code: OnceLock::new(),
        stack: OnceLock::new(),
        stage: Stage(AtomicU8::new(RUNS)),
    }
}; MAX_COPIES];

/// Threads can get the GIL.
const RUNS: u8 = 0;
/// They can, but not abandon their frames: those of one thread are being read.
const IS_READ: u8 = 1;
/// The GIL could not be had in time, so threads abandon their frames without it.
const IS_LEFT: u8 = 2;
/// One thread has the GIL, and keeps it. (In a free-threaded Python: the world is stopped.)
const IS_STOPPED: u8 = 3;

/// One of the constants above.
struct Stage(AtomicU8);

impl Stage {
    fn get(&self) -> u8 {
        self.0.load(Ordering::Acquire)
    }

    /// Changes it, if it is the first one. What it was.
    fn change(&self, from: u8, to: u8) -> u8 {
        let changed = self.0.compare_exchange(from, to, Ordering::AcqRel, Ordering::Acquire);
        changed.unwrap_or_else(|other| other)
    }
}

impl Life {
    /// That of copy `number`.
    pub(crate) fn of(number: usize) -> &'static Self {
        &LIVES[number]
    }

    /// Its interpreter has started. `code` are the addresses of its libpython.
    pub(crate) fn begin(&self, acts: &'static dyn LastActs, code: Range<usize>) {
        self.code.get_or_init(|| code);
        self.acts.get_or_init(|| acts);
    }

    /// Whether its libpython has code at this address. (A signal handler may ask.)
    pub(super) fn has_code(&self, address: usize) -> bool {
        self.code.get().is_some_and(|code| code.contains(&address))
    }

    /// Whether its interpreter has started. (It may be dead by now.)
    pub(crate) fn has_begun(&self) -> bool {
        self.acts.get().is_some()
    }

    pub(crate) fn is_dead(&self) -> bool {
        self.cause.get().is_some()
    }

    /// Ends the interpreter, on the thread that `cause` comes from; if it is dead already, the first cause stays. `stack` is
    /// what is known of this thread's stack in Python; without it, the interpreter is asked. When this returns, this thread
    /// may abandon its frames.
    pub(crate) fn end(&self, cause: String, stack: Option<String>) {
        let task = match (self.cause.set(cause), stack) {
            (Err(_), _) => Task::Wait,
            (Ok(()), None) => Task::SpeakAndStop,
            (Ok(()), Some(stack)) => {
                self.note_stack(stack);
                Task::Stop
            }
        };
        if let Some(acts) = self.acts.get() {
            acts.stop(task);
        }
    }

    /// The stack in Python of the thread that ended it.
    pub(crate) fn note_stack(&self, stack: String) {
        let _ = self.stack.set(stack);
    }

    /// Reads frames, which no thread abandons meanwhile; `None` if they may have been abandoned by now.
    pub(crate) fn read_frames<T>(&self, read: impl FnOnce() -> T) -> Option<T> {
        struct Reading<'a>(&'a Stage);
        impl Drop for Reading<'_> {
            fn drop(&mut self) {
                self.0.change(IS_READ, RUNS);
            }
        }
        (self.stage.change(RUNS, IS_READ) == RUNS).then(|| {
            let _reading = Reading(&self.stage);
            read()
        })
    }

    /// This thread has the GIL, and never releases it; or another one does.
    pub(crate) fn set_stopped(&self) {
        self.stage.0.store(IS_STOPPED, Ordering::Release);
    }

    /// Waits until frames may be abandoned, which is so after this time in any case. Whether the threads have stopped.
    pub(crate) fn wait_until_stopped(&self, time: Duration) -> bool {
        const PAUSE: Duration = Duration::from_micros(200);
        let end = Instant::now() + time;
        while !self.may_abandon() {
            if Instant::now() > end {
                self.stage.change(RUNS, IS_LEFT);
            }
            thread::sleep(PAUSE);
        }
        self.stage.get() == IS_STOPPED
    }

    /// Whether frames in it may be abandoned.
    pub(crate) fn may_abandon(&self) -> bool {
        matches!(self.stage.get(), IS_LEFT | IS_STOPPED)
    }

    /// Whether it is dead, and this thread does not get its GIL any more if it has to wait for that.
    pub(crate) fn keeps_gil_from_this_thread(&self) -> bool {
        self.is_dead()
            && match self.stage.get() {
                IS_STOPPED => true,
                IS_LEFT => !TAKES_GIL.get(),
                _ => false,
            }
    }

    /// When it is dead: waits until all its requests have ended, for a while. Whether they have.
    pub(crate) fn have_requests_ended(&self) -> bool {
        self.acts.get().is_none_or(|acts| acts.have_requests_ended())
    }

    /// The error of all its requests, once it is dead.
    pub(crate) fn error(&self) -> InterpError {
        let cause = self.cause.get().map_or("", String::as_str);
        let stack = self.stack.get().map_or("", |stack| stack.trim_end());
        let separator = if stack.is_empty() { "" } else { "\n" };
        InterpError::Died(format!("the interpreter died: {cause}{separator}{stack}"))
    }

    pub(crate) fn is(&self, other: &Self) -> bool {
        ptr::eq(self, other)
    }
}

thread_local! {
    /// Whether this thread takes a GIL that nobody else gets any more.
    static TAKES_GIL: Cell<bool> = const { Cell::new(false) };

    /// The interpreter that this thread has entered last. (The type has no destructor, so this can be used while the
    /// thread ends.)
    static CURRENT: Cell<Option<&'static Life>> = const { Cell::new(None) };
}

/// This thread is the one that takes and keeps the GIL of an interpreter when it is dead.
pub(crate) fn takes_gil() {
    TAKES_GIL.set(true);
}

/// The interpreter that this thread has entered last and not left.
pub(crate) fn current() -> Option<&'static Life> {
    CURRENT.get()
}

/// This thread is in an interpreter until this is dropped.
pub(crate) struct Entered {
    before: Option<&'static Life>,
}

impl Entered {
    pub(crate) fn new(life: &'static Life) -> Self {
        Self { before: CURRENT.replace(Some(life)) }
    }
}

impl Drop for Entered {
    fn drop(&mut self) {
        CURRENT.set(self.before);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_cause_stays() {
        let life = Life::of(MAX_COPIES - 1); // tests start fewer copies
        assert!(!life.is_dead());
        life.end("abort() was called".to_owned(), Some("a stack\n".to_owned()));
        life.end("exit(3) was called".to_owned(), None);
        assert!(life.is_dead());
        let text = "the interpreter died: abort() was called\na stack";
        assert_eq!(life.error(), InterpError::Died(text.to_owned()));
    }

    #[test]
    fn frames_are_abandoned_when_the_threads_have_stopped_or_after_some_time() {
        let life = Life::of(MAX_COPIES - 2);
        life.end("abort() was called".to_owned(), Some(String::new()));
        assert!(!life.may_abandon() && !life.keeps_gil_from_this_thread());
        thread::scope(|scope| {
            let waits = life.read_frames(|| {
                let waits = scope.spawn(|| life.wait_until_stopped(Duration::ZERO));
                thread::sleep(Duration::from_millis(1)); // so that it may have begun to wait
                assert!(!life.may_abandon());
                waits
            });
            assert!(!waits.unwrap().join().unwrap());
        });
        assert!(life.may_abandon() && life.keeps_gil_from_this_thread());
        assert!(life.read_frames(|| ()).is_none());
        life.set_stopped();
        assert!(life.wait_until_stopped(Duration::ZERO));
    }
}
