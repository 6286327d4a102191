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
    /// A number that no other list has.
    id: u64,
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
        static LAST_ID: AtomicU64 = AtomicU64::new(0);
        Self { waiters: VecDeque::new(), id: LAST_ID.fetch_add(1, Ordering::Relaxed) + 1 }
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

    /// The thread's ticket. One that goes on with a wait that stopped, as with the next slice of it, has kept its own.
    fn ticket(&self) -> u64 {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        last_ticket::take(self.id).unwrap_or_else(|| NEXT.fetch_add(1, Ordering::Relaxed))
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
                self.leave(&mut state, pause.as_ref(), stop.is_some());
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
            let pause = self.enlist(&mut state, &mut pause);
            drop(state);
            parked = pause.park(control);
        };
        wake(woken);
        control.advance(result.is_ok().into());
        result
    }

    /// Notes that the thread waits.
    fn enlist<'p>(&self, state: &mut S, pause: &'p mut Option<Pause>) -> &'p mut Pause {
        let (waiters, control) = ((self.place.waiters)(state), self.limits.control());
        let pause = pause.get_or_insert_with(|| Pause::new(control, self.limits.timeout, waiters.ticket()));
        pause.enlist(waiters, self.place.need);
        pause
    }

    /// Takes the thread out of those that wait. If its wait stops, it keeps its ticket.
    fn leave(&self, state: &mut S, pause: Option<&Pause>, stops: bool) {
        if let Some(pause) = pause {
            let waiters = (self.place.waiters)(state);
            waiters.remove(&pause.parker);
            if stops {
                last_ticket::keep(waiters.id, pause.ticket);
            }
        }
        if !stops {
            last_ticket::forget();
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

/// The ticket of the thread's last wait, if that has just stopped.
mod last_ticket {
    use std::cell::Cell;
    use std::time::{Duration, Instant};

    /// How long it is kept. The next slice of a wait begins soon.
    const PATIENCE: Duration = Duration::from_millis(100);

    struct Last {
        list: u64,
        ticket: u64,
        stopped: Instant,
    }

    thread_local! {
        static LAST: Cell<Option<Last>> = const { Cell::new(None) };
    }

    pub(super) fn keep(list: u64, ticket: u64) {
        LAST.set((!cfg!(loom)).then(|| Last { list, ticket, stopped: Instant::now() })); // loom's threads are all one
    }

    /// `None` if the thread has waited in another list since.
    pub(super) fn take(list: u64) -> Option<u64> {
        let last = LAST.take().filter(|last| last.list == list && last.stopped.elapsed() < PATIENCE);
        last.map(|last| last.ticket)
    }

    pub(super) fn forget() {
        LAST.set(None);
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
        let mut waiters = Waiters::new();
        let pause = |waiters: &mut Waiters<()>| {
            let pause = Pause::new(ControlRef::none(), None, waiters.ticket());
            pause.enlist(waiters, ());
            pause
        };
        let first = pause(&mut waiters);
        waiters.remove(&first.parker);
        last_ticket::keep(waiters.id, first.ticket);
        std::thread::scope(|scope| _ = scope.spawn(|| pause(&mut waiters)).join().unwrap());
        let again = pause(&mut waiters);
        let later = pause(&mut waiters);
        let order = [waiters.pop_first(), waiters.pop_last()].map(|waiter| waiter.unwrap().0);
        assert!(Arc::ptr_eq(&order[0], &again.parker) && Arc::ptr_eq(&order[1], &later.parker));
        assert_eq!(waiters.len(), 1);
    }
}
