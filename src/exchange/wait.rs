//! Waiting for what another thread does: until it is done, a time has passed, a control stops the call, or a signal
//! interrupts it.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
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

/// The threads that wait for a change of something, each with what it needs. They are in the order of their tickets.
pub(crate) struct Waiters<N> {
    waiters: VecDeque<Waiter<N>>,
}

struct Waiter<N> {
    parker: Arc<Parker>,
    need: N,
    ticket: u64,
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
        self.waiters.pop_front().map(|waiter| (waiter.parker, waiter.need))
    }

    /// Takes out the last thread, with its need.
    pub(crate) fn pop_last(&mut self) -> Option<(Arc<Parker>, N)> {
        self.waiters.pop_back().map(|waiter| (waiter.parker, waiter.need))
    }

    /// Takes out the first thread.
    pub(crate) fn take_first(&mut self) -> Woken {
        self.pop_first().map(|(parker, _)| parker).into_iter().collect()
    }

    /// Takes out all threads.
    pub(crate) fn take_all(&mut self) -> Woken {
        self.waiters.drain(..).map(|waiter| waiter.parker).collect()
    }

    /// Takes out those threads for whose need this is true.
    pub(crate) fn take_if(&mut self, mut is_met: impl FnMut(&N) -> bool) -> Woken {
        let mut woken = Woken::new();
        self.waiters.retain(|waiter| {
            let takes = is_met(&waiter.need);
            if takes {
                woken.push(Arc::clone(&waiter.parker));
            }
            !takes
        });
        woken
    }

    fn position(&self, parker: &Arc<Parker>) -> Option<usize> {
        self.waiters.iter().position(|waiter| Arc::ptr_eq(&waiter.parker, parker))
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
                pause.iter().for_each(|pause| last_ticket::keep(self.state, pause.ticket));
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
            let pause = pause.get_or_insert_with(|| Pause::new(control, self.limits.timeout, self.ticket()));
            pause.enlist((self.place.waiters)(&mut state), self.place.need);
            drop(state);
            parked = pause.park(control);
        };
        wake(woken);
        control.advance(result.is_ok().into());
        result
    }

    /// The thread's ticket. One that goes on with a wait that stopped, as with the next slice of it, has kept its own.
    fn ticket(&self) -> u64 {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        last_ticket::take(self.state).unwrap_or_else(|| NEXT.fetch_add(1, Ordering::Relaxed))
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

/// The ticket of the thread's last wait that stopped.
mod last_ticket {
    use std::cell::Cell;
    use std::ptr;

    thread_local! {
        /// What it waited for, which may be no more, and the ticket.
        static LAST: Cell<(*const (), u64)> = const { Cell::new((ptr::null(), 0)) };
    }

    pub(super) fn keep<S>(state: *const S, ticket: u64) {
        LAST.set((state.cast(), ticket));
    }

    /// `None` if the thread waited for something else. (Loom's threads are all one.)
    pub(super) fn take<S>(state: *const S) -> Option<u64> {
        let (last, ticket) = LAST.replace((ptr::null(), 0));
        (ptr::eq(last, state.cast()) && !cfg!(loom)).then_some(ticket)
    }
}

/// What a thread needs while it waits.
struct Pause {
    parker: Arc<Parker>,
    until: Option<Instant>,
    /// Whether the last wait could last until then, and no deadline of a control came first.
    is_own: bool,
    ticket: u64,
}

impl Pause {
    fn new(control: ControlRef<'_>, timeout: Option<Duration>, ticket: u64) -> Self {
        let parker = control.parker().map_or_else(|| Arc::new(Parker::new()), Arc::clone);
        // A time that the clock does not have never comes.
        let until = timeout.and_then(|timeout| Instant::now().checked_add(timeout));
        Self { parker, until, is_own: true, ticket }
    }

    /// Notes the thread. If it was taken out, but another one was faster, it comes to its place again.
    fn enlist<N>(&self, waiters: &mut Waiters<N>, need: N) {
        if waiters.position(&self.parker).is_none() {
            let waiter = Waiter { parker: Arc::clone(&self.parker), need, ticket: self.ticket };
            let before = waiters.waiters.iter().rposition(|other| other.ticket < self.ticket);
            waiters.waiters.insert(before.map_or(0, |before| before + 1), waiter);
        }
    }

    fn park(&mut self, control: ControlRef<'_>) -> Parked {
        let deadline = control.deadline();
        self.is_own = self.until.is_some() && deadline.is_none_or(|deadline| self.until < Some(deadline));
        self.parker.park(if self.is_own { self.until } else { deadline })
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn a_thread_that_goes_on_with_a_wait_comes_to_its_place() {
        let (state, spin) = (Mutex::new(Waiters::new()), Spin::new(None));
        let pause = |timeout| {
            let limits = Limits { timeout, control: None };
            let place = Place::new(|waiters: &mut Waiters<()>| waiters, ());
            let wait = Wait { limits: &limits, state: &state, spin: &spin, place };
            Pause::new(ControlRef::none(), timeout, wait.ticket())
        };
        let (mut waiters, slice) = (Waiters::new(), Some(Duration::ZERO));
        let first = pause(slice);
        first.enlist(&mut waiters, ());
        last_ticket::keep(&raw const state, first.ticket);
        waiters.remove(&first.parker);
        std::thread::scope(|scope| scope.spawn(|| pause(None).enlist(&mut waiters, ())).join().unwrap());
        let again = pause(slice);
        again.enlist(&mut waiters, ());
        let later = pause(slice);
        later.enlist(&mut waiters, ());
        let order = [waiters.pop_first(), waiters.pop_last()].map(|waiter| waiter.unwrap().0);
        assert!(Arc::ptr_eq(&order[0], &again.parker) && Arc::ptr_eq(&order[1], &later.parker));
        assert_eq!(waiters.len(), 1);
    }
}
