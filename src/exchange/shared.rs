//! What threads share: a state behind a lock, which they change and wait for; of one process only.

use std::mem::ManuallyDrop;

use super::spin::{Credit, Spin};
use super::wait::{Limits, Place, Wait, Woken, wake};
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
        Self::of_kind(None, state)
    }

    /// `credit`: that of all states of this kind; see [`Spin`].
    pub(crate) fn of_kind(credit: impl Into<Option<&'static Credit>>, state: S) -> Self {
        let spin = Spin::new(credit.into());
        Self { process: process::token(), spin, state: ManuallyDrop::new(Mutex::new(state)) }
    }

    fn check(&self) -> Result<(), Error> {
        if self.process == process::token() { Ok(()) } else { Err(Error::Forked) }
    }

    /// Reads the state. Threads that look for a change see none.
    pub(crate) fn read<T>(&self, read: impl FnOnce(&S) -> T) -> Result<T, Error> {
        self.check()?;
        let state = unpoisoned(self.state.lock());
        Ok(read(&state))
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
        place: Place<S, N>,
        attempt: impl FnMut(&mut S) -> Option<Result<(T, Woken), Error>>,
        give_up: impl FnOnce(&mut S, Error) -> Woken,
    ) -> Result<T, Error> {
        self.check()?;
        Wait { limits, state: &self.state, spin: &self.spin, place }.run(attempt, give_up)
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
