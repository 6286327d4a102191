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
    /// Whether the last party to arrive keeps the others, until it ends the phase.
    pub holds: bool,
    /// Whether a timeout, or the deadline of a control, breaks the barrier, unless all parties have arrived.
    pub breaks: bool,
    /// Whether the party stays when its wait stops, to go on with it, and for whom: see [`Barrier::forget`].
    pub stays_for: Option<u64>,
}

/// Where a party is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Presence {
    /// It has not arrived.
    Comes,
    /// It waits, or holds the others, under this name, which no other party has. It goes on with another call.
    Stays(u64),
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

const NO_PARTY: Error =
    Error::Invalid { parameter: "arrival", expected: "that of a party that stays by this handle" };

/// A party that has arrived, and does not know how its phase has ended.
struct Party {
    number: u64,
    stays_for: Option<u64>,
    /// How it has ended.
    outcome: Option<Result<(), Error>>,
}

struct State {
    /// By their names.
    parties: BTreeMap<u64, Party>,
    last_name: u64,
    /// The numbers of those in this phase.
    numbers: BTreeSet<u64>,
    /// The last one to arrive, if it keeps the others.
    holder: Option<u64>,
    is_broken: bool,
    /// With the one that each stays for.
    waiters: Waiters<Option<u64>>,
}

impl State {
    /// Ends the phase.
    fn end(&mut self, outcome: Result<(), Error>) -> Woken {
        if let Some(holder) = self.holder.take()
            && self.parties.get(&holder).is_some_and(|party| party.stays_for.is_none())
        {
            self.parties.remove(&holder); // it asks no more
        }
        self.numbers.clear();
        self.parties.values_mut().for_each(|party| _ = party.outcome.get_or_insert(outcome));
        self.waiters.take_all()
    }

    /// Ends the phase, whose parties get an error, and all following ones, until the barrier is reset.
    fn break_up(&mut self) -> Woken {
        self.is_broken = true;
        self.end(Err(Error::Broken))
    }

    /// Whether there is such a party.
    fn knows(&self, name: u64, stays_for: Option<u64>) -> bool {
        self.parties.get(&name).is_some_and(|party| party.stays_for == stays_for)
    }

    /// Forgets a party. If it holds the others, the barrier breaks, as nobody would end the phase.
    fn leave(&mut self, name: u64) -> Woken {
        if let Some(party) = self.parties.remove(&name)
            && party.outcome.is_none()
        {
            self.numbers.remove(&party.number);
        }
        if self.holder == Some(name) { self.break_up() } else { Woken::new() }
    }

    /// The end of a party's wait, if its phase has ended, or if it has come back to end it.
    fn outcome_of(&mut self, name: u64) -> Option<Result<(u64, Woken), Error>> {
        let party = self.parties.get(&name)?;
        let is_holder = self.holder == Some(name);
        let outcome = party.outcome.or(is_holder.then_some(Ok(())))?;
        let number = party.number;
        self.parties.remove(&name);
        Some(outcome.map(|()| (number, if is_holder { self.end(Ok(())) } else { Woken::new() })))
    }

    /// A party arrives: its name, its number, and the threads to wake if it is the last one. `None` while a phase is held.
    fn arrive(&mut self, parties: u64, manner: Manner) -> Option<(u64, u64, Option<Woken>)> {
        if self.holder.is_some() {
            return None;
        }
        // The lowest that is free. So the last party has the highest, if none has left that came before others.
        let number = (0..).find(|number| !self.numbers.contains(number))?;
        let is_last = self.numbers.len() as u64 + 1 == parties;
        if is_last && !manner.holds {
            return Some((0, number, Some(self.end(Ok(())))));
        }
        self.last_name += 1;
        let name = self.last_name;
        self.numbers.insert(number);
        self.parties.insert(name, Party { number, stays_for: manner.stays_for, outcome: None });
        self.holder = is_last.then_some(name);
        Some((name, number, is_last.then(Woken::new)))
    }
}

impl Barrier {
    /// A barrier for so many parties.
    pub fn new(parties: u64) -> Self {
        let state = State {
            parties: BTreeMap::new(),
            last_name: 0,
            numbers: BTreeSet::new(),
            holder: None,
            is_broken: false,
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
        let stays_for = manner.stays_for;
        let (now, then) = (Cell::new(*presence), Cell::new(Presence::Gone));
        let attempt = |state: &mut State| match now.get() {
            Presence::Stays(name) if state.knows(name, stays_for) => state.outcome_of(name),
            Presence::Gone | Presence::Stays(_) => Some(Err(NO_PARTY)),
            Presence::Comes if state.is_broken => Some(Err(Error::Broken)),
            Presence::Comes => {
                let (name, number, woken) = state.arrive(self.parties, manner)?;
                now.set(Presence::Stays(name));
                if stays_for.is_some() && state.holder == Some(name) {
                    then.set(now.get());
                }
                woken.map(|woken| Ok((number, woken)))
            }
        };
        let give_up = |state: &mut State, error| {
            let is_time = matches!(error, Error::WaitedTooLong | Error::TimedOut);
            let breaks = manner.breaks && is_time && state.holder.is_none();
            match now.get() {
                Presence::Stays(name) if breaks || stays_for.is_none() => {
                    let woken = state.leave(name);
                    if breaks { state.break_up() } else { woken }
                }
                present => {
                    then.set(present);
                    Woken::new()
                }
            }
        };
        let place = Place::new(|state: &mut State| &mut state.waiters, stays_for);
        let result = self.state.wait(limits, place, attempt, give_up);
        *presence = then.get();
        result
    }

    /// Ends the stay of a party that does not go on with its wait. If it holds the others, the barrier breaks.
    ///
    /// Errors: [`Error::Invalid`] if there is no such party; [`Error::Forked`].
    pub fn leave(&self, name: u64, stays_for: u64) -> Result<(), Error> {
        self.state.change(|state| {
            if state.knows(name, Some(stays_for)) { Ok(((), state.leave(name))) } else { Err(NO_PARTY) }
        })
    }

    /// Has all parties leave that stay for somebody who is no more. In the child of a fork, nothing is done.
    pub fn forget(&self, stayed_for: u64) {
        let _ = self.state.change(|state| {
            let own = state.parties.iter().filter(|(_, party)| party.stays_for == Some(stayed_for));
            let names: Vec<_> = own.map(|(name, _)| *name).collect();
            let mut woken = state.waiters.take_if(|stays_for| *stays_for == Some(stayed_for)); // they find that they have left
            names.into_iter().for_each(|name| woken.append(&mut state.leave(name)));
            Ok(((), woken))
        });
    }

    /// Ends the phase that the last party has held. The others go on.
    ///
    /// Errors: [`Error::Broken`] if the barrier was broken or reset meanwhile; [`Error::Forked`].
    pub fn release(&self) -> Result<(), Error> {
        self.state.change(|state| match state.holder {
            Some(_) => Ok(((), state.end(Ok(())))),
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
            Ok(((), state.end(Err(Error::Broken))))
        })
    }

    /// What it is doing.
    ///
    /// Errors: [`Error::Forked`].
    pub fn status(&self) -> Result<Status, Error> {
        self.state.read(|state| {
            let waiting = if state.holder.is_some() { 0 } else { state.numbers.len() as u64 };
            Status { waiting, is_broken: state.is_broken }
        })
    }
}
