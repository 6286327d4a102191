//! Waiting for what another thread does: until it is done, a time has passed, a control stops the call, or a signal
//! interrupts it.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::spin::{Look, Spin};
use crate::control::{ActiveCall, Control, ControlRef};
use crate::error::Error;
use crate::sys::parker::{Parked, Parker};
use crate::sys::sync::{Mutex, unpoisoned};

/// How long a call may wait, and what stops it.
pub struct Limits<'a> {
    /// `None` for ever.
    timeout: Option<Duration>,
    control: Option<ActiveCall<'a>>,
}

impl<'a> Limits<'a> {
    /// Begins a call, which uses the control until this is dropped. A call with a timeout of zero does not wait.
    ///
    /// Errors: [`Error::ControlInUse`].
    pub fn new(timeout: Option<Duration>, control: Option<&'a Control>) -> Result<Self, Error> {
        Ok(Self { timeout, control: control.map(|control| control.begin(1)).transpose()? })
    }

    /// For a call that waits until it has succeeded.
    #[cfg(test)]
    pub(crate) fn none() -> Self {
        Self { timeout: None, control: None }
    }

    fn control(&self) -> ControlRef<'_> {
        self.control.as_ref().map_or(ControlRef::none(), ActiveCall::control)
    }
}

/// The threads that wait for a change of something, each with what it needs. They are in the order of their coming.
pub(crate) struct Waiters<N> {
    waiters: VecDeque<(Arc<Parker>, N)>,
}

/// Threads to wake, when the lock is released.
pub(crate) type Woken = Vec<Arc<Parker>>;

/// Wakes threads. The lock of what they wait for should be free: they take it at once.
pub(crate) fn wake(woken: Woken) {
    woken.iter().for_each(|parker| parker.unpark());
}

impl<N> Waiters<N> {
    pub(crate) fn new() -> Self {
        Self { waiters: VecDeque::new() }
    }

    pub(crate) fn len(&self) -> usize {
        self.waiters.len()
    }

    /// Takes out the first thread, with its need.
    pub(crate) fn pop_first(&mut self) -> Option<(Arc<Parker>, N)> {
        self.waiters.pop_front()
    }

    /// Takes out the last thread, with its need.
    pub(crate) fn pop_last(&mut self) -> Option<(Arc<Parker>, N)> {
        self.waiters.pop_back()
    }

    /// Takes out the first thread.
    pub(crate) fn take_first(&mut self) -> Woken {
        self.pop_first().map(|(parker, _)| parker).into_iter().collect()
    }

    /// Takes out all threads.
    pub(crate) fn take_all(&mut self) -> Woken {
        self.waiters.drain(..).map(|(parker, _)| parker).collect()
    }

    /// Takes out those threads for whose need this is true.
    pub(crate) fn take_if(&mut self, mut is_met: impl FnMut(&N) -> bool) -> Woken {
        let mut woken = Woken::new();
        self.waiters.retain(|(parker, need)| {
            let takes = is_met(need);
            if takes {
                woken.push(Arc::clone(parker));
            }
            !takes
        });
        woken
    }

    fn position(&self, parker: &Arc<Parker>) -> Option<usize> {
        self.waiters.iter().position(|(other, _)| Arc::ptr_eq(other, parker))
    }

    fn remove(&mut self, parker: &Arc<Parker>) {
        self.position(parker).map(|position| self.waiters.remove(position));
    }
}

/// How a state knows the threads that wait for a change of it.
pub(crate) struct Place<S, N> {
    waiters: fn(&mut S) -> &mut Waiters<N>,
    need: N,
    looks: fn(&mut S, N),
}

impl<S, N: Copy> Place<S, N> {
    /// `waiters`: where a thread is noted while it waits. `need`: what it needs.
    pub(crate) fn new(waiters: fn(&mut S) -> &mut Waiters<N>, need: N) -> Self {
        Self { waiters, need, looks: |_, _| () }
    }

    /// `looks` notes that a thread is about to make another attempt, before it waits.
    pub(crate) fn noting_looks(self, looks: fn(&mut S, N)) -> Self {
        Self { looks, ..self }
    }
}

/// A call that may have to wait, for something that a mutex guards.
pub(crate) struct Wait<'a, S, N> {
    pub(crate) limits: &'a Limits<'a>,
    pub(crate) state: &'a Mutex<S>,
    pub(crate) spin: &'a Spin,
    pub(crate) place: Place<S, N>,
}

impl<S, N: Copy> Wait<'_, S, N> {
    /// Makes `attempt`, again after each change, until it gives something. If the call stops before that, `give_up` undoes
    /// what attempts have done. Both say which threads are to be woken then.
    ///
    /// The last attempt comes after the reason to stop. So a thread that is taken out of the waiters, as something is there
    /// for it, takes that even if it is to stop, and it is not lost to the others.
    ///
    /// Errors: those of `attempt`; [`Error::WaitedTooLong`], [`Error::Interrupted`], and the control's.
    pub(crate) fn run<T>(
        &self,
        mut attempt: impl FnMut(&mut S) -> Option<Result<(T, Woken), Error>>,
        give_up: impl FnOnce(&mut S, Error) -> Woken,
    ) -> Result<T, Error> {
        let control = self.limits.control();
        let mut pause = None;
        let mut parked = Parked::Woken;
        let mut look = Look::new();
        let (result, woken) = loop {
            let mut state = unpoisoned(self.state.lock());
            let outcome = attempt(&mut state);
            let stop = outcome.is_none().then(|| self.stop(control, parked, pause.as_ref()).err()).flatten();
            if outcome.is_some() || stop.is_some() {
                self.leave(&mut state, pause.as_ref());
            }
            if let Some(error) = stop {
                break (Err(error), give_up(&mut state, error));
            }
            if let Some(outcome) = outcome {
                self.spin.note_success(&look);
                let (result, woken) = outcome?;
                break (Ok(result), woken);
            }
            if !look.is_over() {
                (self.place.looks)(&mut state, self.place.need);
                let changes = self.spin.changes();
                drop(state);
                self.spin.look(changes, &mut look);
                continue;
            }
            let pause = pause.get_or_insert_with(|| Pause::new(control, self.limits.timeout));
            pause.enlist((self.place.waiters)(&mut state), self.place.need);
            drop(state);
            parked = pause.park(control);
        };
        wake(woken);
        control.advance(result.is_ok().into());
        result
    }

    /// Takes the thread out of those that wait.
    fn leave(&self, state: &mut S, pause: Option<&Pause>) {
        if let Some(pause) = pause {
            (self.place.waiters)(state).remove(&pause.parker);
        }
    }

    fn stop(&self, control: ControlRef<'_>, parked: Parked, pause: Option<&Pause>) -> Result<(), Error> {
        control.check()?;
        let has_passed = parked == Parked::TimedOut && pause.is_some_and(|pause| pause.is_own);
        if has_passed || self.limits.timeout == Some(Duration::ZERO) {
            return Err(Error::WaitedTooLong);
        }
        if parked == Parked::Interrupted { Err(Error::Interrupted) } else { Ok(()) }
    }
}

/// What a thread needs while it waits.
struct Pause {
    parker: Arc<Parker>,
    until: Option<Instant>,
    /// Whether the last wait could last until then, and no deadline of a control came first.
    is_own: bool,
    has_waited: bool,
}

impl Pause {
    fn new(control: ControlRef<'_>, timeout: Option<Duration>) -> Self {
        let parker = control.parker().map_or_else(|| Arc::new(Parker::new()), Arc::clone);
        // A time that the clock does not have never comes.
        let until = timeout.and_then(|timeout| Instant::now().checked_add(timeout));
        Self { parker, until, is_own: true, has_waited: false }
    }

    /// Notes the thread. If it was taken out, but another one was faster, it keeps its place at the front.
    fn enlist<N>(&mut self, waiters: &mut Waiters<N>, need: N) {
        if waiters.position(&self.parker).is_none() {
            let waiter = (Arc::clone(&self.parker), need);
            if self.has_waited {
                waiters.waiters.push_front(waiter)
            } else {
                waiters.waiters.push_back(waiter)
            }
        }
        self.has_waited = true;
    }

    fn park(&mut self, control: ControlRef<'_>) -> Parked {
        let deadline = control.deadline();
        self.is_own = self.until.is_some() && deadline.is_none_or(|deadline| self.until < Some(deadline));
        self.parker.park(if self.is_own { self.until } else { deadline })
    }
}
