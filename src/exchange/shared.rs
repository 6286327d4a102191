//! What threads share: a state behind a lock, which they change and wait for; of one process only.

use std::mem::ManuallyDrop;

use super::spin::Spin;
use super::wait::{Limits, Wait, Waiters, Woken, wake};
use crate::error::Error;
use crate::sys::process;
use crate::sys::sync::{Mutex, unpoisoned};

/// A state that threads change and wait for.
///
/// The child of a fork has its parent's memory but none of its threads, and one of them may hold the lock. There, all
/// functions fail at once with [`Error::Forked`].
pub(crate) struct Shared<S> {
    process: u64,
    spin: Spin,
    state: ManuallyDrop<Mutex<S>>,
}

impl<S> Shared<S> {
    pub(crate) fn new(state: S) -> Self {
        Self { process: process::token(), spin: Spin::new(), state: ManuallyDrop::new(Mutex::new(state)) }
    }

    fn check(&self) -> Result<(), Error> {
        if self.process == process::token() { Ok(()) } else { Err(Error::Forked) }
    }

    /// Changes the state. `change` also says which threads are to be woken.
    pub(crate) fn change<T>(
        &self,
        change: impl FnOnce(&mut S) -> Result<(T, Woken), Error>,
    ) -> Result<T, Error> {
        self.check()?;
        let outcome = {
            let mut state = unpoisoned(self.state.lock());
            self.spin.note_change();
            change(&mut state)
        };
        let (result, woken) = outcome?;
        wake(woken);
        Ok(result)
    }

    /// Waits until `attempt` gives something: see [`Wait::run`].
    pub(crate) fn wait<T, N: Copy>(
        &self,
        limits: &Limits<'_>,
        (waiters, need): (fn(&mut S) -> &mut Waiters<N>, N),
        attempt: impl FnMut(&mut S) -> Option<Result<(T, Woken), Error>>,
        give_up: impl FnOnce(&mut S, Error) -> Woken,
    ) -> Result<T, Error> {
        self.check()?;
        Wait { limits, state: &self.state, spin: &self.spin, waiters, need }.run(attempt, give_up)
    }
}

impl<S> Drop for Shared<S> {
    fn drop(&mut self) {
        if self.check().is_ok() {
            // SAFETY: this is the only place that drops the state, and nothing uses it afterwards.
            unsafe { ManuallyDrop::drop(&mut self.state) }
        } // else a thread of the parent may have been changing it when the process forked
    }
}
