//! Barriers: so many threads wait until all of them have come.

use std::cell::Cell;
use std::collections::BTreeMap;

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
    /// Whether the last party to arrive keeps the others, until it ends the phase.
    pub holds: bool,
    /// Whether a timeout, or the deadline of a control, breaks the barrier, unless all parties have arrived.
    pub breaks: bool,
    /// Whether the party stays when its wait stops, to go on with it, and for whom: see [`Barrier::forget`].
    pub stays_for: Option<u64>,
}

/// The arrival of a party that stays.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Arrival {
    /// The phase in which it arrived.
    pub phase: u64,
    /// Its number there, from 0 on.
    pub number: u64,
}

/// Where a party is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Presence {
    /// It has not arrived.
    Comes,
    /// It waits, or holds the others, and goes on with another call.
    Stays(Arrival),
    /// Its phase is over, or it has left.
    Gone,
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

/// Parties by their numbers, each with the one that it stays for.
type Parties = BTreeMap<u64, Option<u64>>;

struct State {
    phase: u64,
    /// Those that have arrived in this phase.
    arrived: Parties,
    /// The last one, if it keeps the others. Until it ends the phase it is among those that have arrived.
    holder: Option<u64>,
    is_broken: bool,
    /// Phases that ended without all parties, and those of their parties that do not know that yet.
    failed: BTreeMap<u64, Parties>,
    waiters: Waiters<()>,
}

impl State {
    /// Begins the next phase.
    fn pass(&mut self) -> Woken {
        self.arrived.clear();
        (self.phase, self.holder) = (self.phase + 1, None);
        self.waiters.take_all()
    }

    /// The same, but the parties that wait get an error.
    fn fail(&mut self) -> Woken {
        let mut parties = std::mem::take(&mut self.arrived);
        // A holder that does not stay asks no more.
        self.holder.filter(|holder| parties.get(holder) == Some(&None)).map(|holder| parties.remove(&holder));
        if !parties.is_empty() {
            self.failed.insert(self.phase, parties);
        }
        self.pass()
    }

    /// The same, until the barrier is reset.
    fn break_up(&mut self) -> Woken {
        self.is_broken = true;
        self.fail()
    }

    /// Whether there is such an arrival. Of phases that all parties have passed, nothing is known any more.
    fn knows(&self, arrival: Arrival) -> bool {
        let Arrival { phase, number } = arrival;
        let parties = if phase == self.phase { Some(&self.arrived) } else { self.failed.get(&phase) };
        parties.map_or(phase < self.phase, |parties| parties.contains_key(&number))
    }

    fn is_held_by(&self, arrival: Arrival) -> bool {
        arrival.phase == self.phase && self.holder == Some(arrival.number)
    }

    /// Forgets a party. If it holds the others, the barrier breaks, as nobody would end the phase.
    fn leave(&mut self, arrival: Arrival) -> Woken {
        let is_holder = self.is_held_by(arrival);
        if arrival.phase == self.phase {
            self.arrived.remove(&arrival.number);
        } else {
            let _ = self.outcome_of(arrival);
        }
        if is_holder { self.break_up() } else { Woken::new() }
    }

    /// How the phase of a party has ended, if it has. Each party that waited asks until it knows.
    fn outcome_of(&mut self, arrival: Arrival) -> Option<Result<(), Error>> {
        if self.phase == arrival.phase {
            return None;
        }
        let Some(parties) = self.failed.get_mut(&arrival.phase) else { return Some(Ok(())) };
        parties.remove(&arrival.number);
        if parties.is_empty() {
            self.failed.remove(&arrival.phase);
        }
        Some(Err(Error::Broken))
    }

    /// A party arrives: its number, and the threads to wake if it is the last one. `None` while the last phase is held.
    fn arrive(&mut self, parties: u64, manner: Manner) -> Option<(u64, Option<Woken>)> {
        if self.holder.is_some() {
            return None;
        }
        // The lowest that is free. So the last party has the highest, if none has left that came before others.
        let is_free = |number: &u64| !self.arrived.contains_key(number);
        let number = (0..).find(is_free).expect("there are more numbers than parties");
        self.arrived.insert(number, manner.stays_for);
        if (self.arrived.len() as u64) < parties {
            return Some((number, None));
        }
        self.holder = manner.holds.then_some(number);
        Some((number, Some(if manner.holds { Woken::new() } else { self.pass() })))
    }
}

impl Barrier {
    /// A barrier for so many parties.
    pub fn new(parties: u64) -> Self {
        let state = State {
            phase: 0,
            arrived: Parties::new(),
            holder: None,
            is_broken: false,
            failed: BTreeMap::new(),
            waiters: Waiters::new(),
        };
        Self { parties, state: Shared::new(state) }
    }

    /// Waits until all parties have arrived. Returns the number of this one, from 0 on; the last one has `parties` - 1.
    ///
    /// When the wait of a party that stays stops, the next call goes on, whatever has become of the phase meanwhile. If the
    /// last party to arrive holds the others and stays, it ends the phase by another call.
    ///
    /// Errors: [`Error::Broken`] if the barrier is broken, or is broken or reset meanwhile; [`Error::Invalid`] if there is no
    /// such party; [`Error::Forked`], and those of a wait.
    pub fn wait(&self, manner: Manner, presence: &mut Presence, limits: &Limits<'_>) -> Result<u64, Error> {
        let (now, then) = (Cell::new(*presence), Cell::new(Presence::Gone));
        let attempt = |state: &mut State| match now.get() {
            Presence::Gone => Some(Err(NO_ARRIVAL)),
            Presence::Stays(own) if !state.knows(own) => Some(Err(NO_ARRIVAL)),
            Presence::Stays(own) if state.is_held_by(own) => Some(Ok((own.number, state.pass()))),
            Presence::Stays(own) => {
                state.outcome_of(own).map(|outcome| outcome.map(|()| (own.number, Woken::new())))
            }
            Presence::Comes if state.is_broken => Some(Err(Error::Broken)),
            Presence::Comes => {
                let phase = state.phase;
                let (number, woken) = state.arrive(self.parties, manner)?;
                let own = Arrival { phase, number };
                now.set(Presence::Stays(own));
                if manner.stays_for.is_some() && state.is_held_by(own) {
                    then.set(now.get());
                }
                woken.map(|woken| Ok((number, woken)))
            }
        };
        let give_up = |state: &mut State, error| {
            let is_time = matches!(error, Error::WaitedTooLong | Error::TimedOut);
            let breaks = manner.breaks && is_time && state.holder.is_none();
            match now.get() {
                Presence::Stays(own) if breaks || manner.stays_for.is_none() => {
                    let woken = state.leave(own);
                    if breaks { state.break_up() } else { woken }
                }
                present => {
                    then.set(present);
                    Woken::new()
                }
            }
        };
        let place = Place::new(|state: &mut State| &mut state.waiters, ());
        let result = self.state.wait(limits, place, attempt, give_up);
        *presence = then.get();
        result
    }

    /// Ends the stay of a party that does not go on with its wait. If it holds the others, the barrier breaks.
    ///
    /// Errors: [`Error::Invalid`] if there is no such arrival; [`Error::Forked`].
    pub fn leave(&self, arrival: Arrival) -> Result<(), Error> {
        self.state.change(
            |state| if state.knows(arrival) { Ok(((), state.leave(arrival))) } else { Err(NO_ARRIVAL) },
        )
    }

    /// Has all parties leave that stay for somebody who is no more. In the child of a fork, nothing is done.
    pub fn forget(&self, stayed_for: u64) {
        let _ = self.state.change(|state| {
            let is_other = |_: &u64, other: &mut Option<u64>| *other != Some(stayed_for);
            let held = state.holder.filter(|holder| state.arrived.get(holder) == Some(&Some(stayed_for)));
            state.failed.values_mut().for_each(|parties| parties.retain(is_other));
            state.failed.retain(|_, parties| !parties.is_empty());
            state.arrived.retain(is_other);
            let woken = held.map(|_| state.break_up()); // else those who wait look whether they are still there
            Ok(((), woken.unwrap_or_else(|| state.waiters.take_all())))
        });
    }

    /// Ends the phase that the last party has held. The others go on.
    ///
    /// Errors: [`Error::Broken`] if the barrier was broken or reset meanwhile; [`Error::Forked`].
    pub fn release(&self) -> Result<(), Error> {
        self.state.change(|state| match state.holder {
            Some(_) => Ok(((), state.pass())),
            None => Err(Error::Broken),
        })
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
            let waiting = if state.holder.is_some() { 0 } else { state.arrived.len() as u64 };
            Status { waiting, is_broken: state.is_broken }
        })
    }
}
