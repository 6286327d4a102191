//! Whether an interpreter is alive. What would end the process, such as `abort()`, ends the interpreter that it comes
//! from instead: no code runs in it any more, as in all interpreters when the process exits.
//!
//! This module knows which interpreters are dead, and why; `runtime/death.rs` knows how one is stopped.

use std::cell::Cell;
use std::ops::Range;
use std::ptr;
use std::sync::OnceLock;

use crate::interp::error::InterpError;

/// The most copies of libpython in a process. (In practice fewer: each takes one of the process's 1024
/// pthread keys, which other libraries use too.)
pub(crate) const MAX_COPIES: usize = 1024;

/// What an interpreter does when it dies, on the thread that ends it.
pub(crate) trait LastActs: Sync {
    /// Writes out what its output streams hold, if that is possible. The stack of this thread in Python, as text.
    fn last_words(&self) -> String;
    /// Has its other threads stopped. This does not wait.
    fn stop(&self);
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
}

static LIVES: [Life; MAX_COPIES] = [const {
    Life { acts: OnceLock::new(), cause: OnceLock::new(), code: OnceLock::new(), stack: OnceLock::new() }
}; MAX_COPIES];

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

    /// Ends the interpreter, on the thread that `cause` comes from; nothing, if it is dead already. `stack` is what is
    /// known of this thread's stack in Python; without it, the interpreter is asked.
    pub(crate) fn end(&self, cause: String, stack: Option<String>) {
        if self.cause.set(cause).is_err() {
            return;
        }
        let Some(acts) = self.acts.get() else { return };
        let _ = self.stack.set(stack.unwrap_or_else(|| acts.last_words()));
        acts.stop();
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

/// Whether a thread that waits for the GIL of this interpreter will not get it.
pub(crate) fn keeps_gil_from_this_thread(life: &Life) -> bool {
    life.is_dead() && !TAKES_GIL.get()
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
        let text = "the interpreter died: abort() was called";
        assert_eq!(life.error(), InterpError::Died(text.to_owned()));
    }
}
