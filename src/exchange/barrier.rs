//! Barriers: so many threads wait until all of them have come.

use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet};

use super::shared::Shared;
use super::wait::{Limits, Place, Waiters, Woken};
use crate::error::Error;

/// A barrier for a number of parties. It is used any number of times, in phases.
pub struct Barrier {
    parties: u64,
    state: Shared<State>,
}

/// How a party waits.
#[derive(Debug, Clone, Copy)]
pub struct Manner {
    /// Whether the last party to arrive keeps the others, until [`Barrier::release`].
    pub holds: bool,
    /// Whether a timeout, or the deadline of a control, breaks the barrier, unless all parties have arrived.
    pub breaks: bool,
    /// Whether the party stays when its wait stops, to go on with it.
    pub stays: bool,
}

/// The arrival of a party, which it goes on with if it stays.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Arrival {
    /// The phase in which it arrived.
    pub phase: u64,
    /// Its number there, from 0 on.
    pub number: u64,
}

/// What a barrier is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Status {
    /// How many parties wait.
    pub waiting: u64,
    /// Whether it is broken.
    pub is_broken: bool,
}

const NO_ARRIVAL: Error = Error::Invalid { parameter: "arrival", expected: "that of a party that stays" };

struct State {
    phase: u64,
    /// The numbers of the parties that have arrived in this phase.
    arrived: BTreeSet<u64>,
    /// Whether all have arrived, and the last one keeps the others.
    is_held: bool,
    is_broken: bool,
    /// Phases that ended without all parties, and how many of their parties do not know that yet.
    failed: BTreeMap<u64, u64>,
    waiters: Waiters<()>,
}

impl State {
    /// Begins the next phase.
    fn pass(&mut self) -> Woken {
        self.arrived.clear();
        (self.phase, self.is_held) = (self.phase + 1, false);
        self.waiters.take_all()
    }

    /// The same, but the parties that wait get an error.
    fn fail(&mut self) -> Woken {
        let waiting = self.arrived.len() as u64 - u64::from(self.is_held);
        if waiting > 0 {
            self.failed.insert(self.phase, waiting);
        }
        self.pass()
    }

    /// The same, until the barrier is reset.
    fn break_up(&mut self) -> Woken {
        self.is_broken = true;
        self.fail()
    }

    /// Whether there is, or may have been, such an arrival.
    fn knows(&self, arrival: Arrival) -> bool {
        arrival.phase < self.phase || arrival.phase == self.phase && self.arrived.contains(&arrival.number)
    }

    /// Forgets a party. If its phase has ended, it need not know how.
    fn leave(&mut self, arrival: Arrival) {
        if arrival.phase == self.phase {
            self.arrived.remove(&arrival.number);
        } else {
            let _ = self.outcome_of(arrival.phase);
        }
    }

    /// How a phase has ended, if it has. Each party that waited asks until it knows.
    fn outcome_of(&mut self, phase: u64) -> Option<Result<(), Error>> {
        if self.phase == phase {
            return None;
        }
        let Some(waiting) = self.failed.get_mut(&phase) else { return Some(Ok(())) };
        *waiting -= 1;
        if *waiting == 0 {
            self.failed.remove(&phase);
        }
        Some(Err(Error::Broken))
    }

    /// A party arrives: its number, and the threads to wake if it is the last one. `None` while the last phase is held.
    fn arrive(&mut self, parties: u64, holds: bool) -> Option<(u64, Option<Woken>)> {
        if self.is_held {
            return None;
        }
        // The lowest that is free. So the last party has the highest, although others may have left and come again.
        let number =
            (0..).find(|number| !self.arrived.contains(number)).expect("there are more numbers than parties");
        self.arrived.insert(number);
        if (self.arrived.len() as u64) < parties {
            return Some((number, None));
        }
        self.is_held = holds;
        Some((number, Some(if holds { Woken::new() } else { self.pass() })))
    }
}

impl Barrier {
    /// A barrier for so many parties.
    pub fn new(parties: u64) -> Self {
        let state = State {
            phase: 0,
            arrived: BTreeSet::new(),
            is_held: false,
            is_broken: false,
            failed: BTreeMap::new(),
            waiters: Waiters::new(),
        };
        Self { parties, state: Shared::new(state) }
    }

    /// Waits until all parties have arrived. Returns the number of this one, from 0 on; the last one has `parties` - 1.
    ///
    /// `arrival` is `None` for a party that comes. When the wait of one that stays stops, it is where it waits, and the next
    /// call goes on there, whatever has become of the phase meanwhile.
    ///
    /// Errors: [`Error::Broken`] if the barrier is broken, or is broken or reset meanwhile; [`Error::Invalid`] if there is no
    /// such arrival; [`Error::Forked`], and those of a wait.
    pub fn wait(
        &self,
        manner: Manner,
        arrival: &mut Option<Arrival>,
        limits: &Limits<'_>,
    ) -> Result<u64, Error> {
        let own = Cell::new(arrival.take());
        let attempt = |state: &mut State| match own.get() {
            Some(arrival) if !state.knows(arrival) => Some(Err(NO_ARRIVAL)),
            Some(Arrival { phase, number }) => {
                state.outcome_of(phase).map(|outcome| outcome.map(|()| (number, Woken::new())))
            }
            None if state.is_broken => Some(Err(Error::Broken)),
            None => {
                let phase = state.phase;
                let (number, woken) = state.arrive(self.parties, manner.holds)?;
                own.set(Some(Arrival { phase, number }));
                woken.map(|woken| Ok((number, woken)))
            }
        };
        let give_up = |state: &mut State, error| {
            let is_time = matches!(error, Error::WaitedTooLong | Error::TimedOut);
            let breaks = manner.breaks && is_time && !state.is_held;
            *arrival = own.get().filter(|_| manner.stays && !breaks);
            if arrival.is_none() {
                own.get().inspect(|own| state.leave(*own));
            }
            if breaks { state.break_up() } else { Woken::new() }
        };
        self.state.wait(limits, Place::new(|state| &mut state.waiters, ()), attempt, give_up)
    }

    /// Ends the stay of a party that does not go on with its wait.
    ///
    /// Errors: [`Error::Invalid`] if there is no such arrival; [`Error::Forked`].
    pub fn leave(&self, arrival: Arrival) -> Result<(), Error> {
        self.state.change(|state| {
            if !state.knows(arrival) {
                return Err(NO_ARRIVAL);
            }
            state.leave(arrival);
            Ok(((), Woken::new()))
        })
    }

    /// Ends the phase that the last party has held. The others go on.
    ///
    /// Errors: [`Error::Broken`] if the barrier was broken or reset meanwhile; [`Error::Forked`].
    pub fn release(&self) -> Result<(), Error> {
        self.state.change(|state| if state.is_held { Ok(((), state.pass())) } else { Err(Error::Broken) })
    }

    /// Breaks the barrier: all parties get errors, until it is reset.
    ///
    /// Errors: [`Error::Forked`].
    pub fn abort(&self) -> Result<(), Error> {
        self.state.change(|state| Ok(((), state.break_up())))
    }

    /// Makes the barrier as new. Parties that wait get errors.
    ///
    /// Errors: [`Error::Forked`].
    pub fn reset(&self) -> Result<(), Error> {
        self.state.change(|state| {
            state.is_broken = false;
            Ok(((), state.fail()))
        })
    }

    /// What it is doing.
    ///
    /// Errors: [`Error::Forked`].
    pub fn status(&self) -> Result<Status, Error> {
        self.state.read(|state| {
            let waiting = if state.is_held { 0 } else { state.arrived.len() as u64 };
            Status { waiting, is_broken: state.is_broken }
        })
    }
}
