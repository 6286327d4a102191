//! Counters: integers that threads change and wait for. Events, locks and semaphores are counters, too.

use super::shared::Shared;
use super::wait::{Limits, Place, Waiters, Woken};
use crate::error::Error;

/// An integer that threads change, and wait for.
pub struct Counter(Shared<State>);

/// What a thread waits for, and does then: the counter is between two numbers, and is changed by a third.
#[derive(Debug, Clone, Copy)]
pub struct Condition {
    /// The lowest value to wait for.
    pub lowest: i64,
    /// The highest value to wait for.
    pub highest: i64,
    /// What is added to the value then.
    pub change: i64,
}

struct State {
    value: i64,
    waiters: Waiters<Condition>,
}

impl Condition {
    fn is_met(self, value: i64) -> bool {
        (self.lowest..=self.highest).contains(&value)
    }
}

fn added(value: i64, change: i64) -> Result<i64, Error> {
    value.checked_add(change).ok_or(Error::Overflow { result: "int64_t" })
}

impl State {
    /// Sets the value. Wakes as many threads as can go on with it, if each changes it as it will.
    fn set(&mut self, value: i64) -> Woken {
        self.value = value;
        let mut rest = value;
        self.waiters.take_if(|condition| {
            let is_met = condition.is_met(rest);
            if is_met {
                rest = rest.saturating_add(condition.change);
            }
            is_met
        })
    }
}

impl Counter {
    /// A counter with this value.
    pub fn new(value: i64) -> Self {
        Self(Shared::new(State { value, waiters: Waiters::new() }))
    }

    /// Sets the value to what `change` makes of it, if it makes something. Returns the former one.
    fn update(&self, change: impl FnOnce(i64) -> Result<Option<i64>, Error>) -> Result<i64, Error> {
        self.0.change(|state| {
            let before = state.value;
            let woken = change(before)?.map(|value| state.set(value));
            Ok((before, woken.unwrap_or_default()))
        })
    }

    /// The value. Errors: [`Error::Forked`], as for all functions here.
    pub fn value(&self) -> Result<i64, Error> {
        self.0.read(|state| state.value)
    }

    /// Adds to the value, and returns the new one. Errors: [`Error::Overflow`].
    pub fn add(&self, change: i64) -> Result<i64, Error> {
        self.update(|value| added(value, change).map(Some)).map(|before| before + change)
    }

    /// Sets the value, and returns the former one.
    pub fn exchange(&self, value: i64) -> Result<i64, Error> {
        self.update(|_| Ok(Some(value)))
    }

    /// Sets the value if it is the expected one. Returns the former one in either case.
    pub fn compare_exchange(&self, expected: i64, value: i64) -> Result<i64, Error> {
        self.update(|before| Ok((before == expected).then_some(value)))
    }

    /// Waits until the condition is met, changes the value as it says, and returns the former one.
    ///
    /// Errors: [`Error::Overflow`], and those of a wait.
    pub fn wait(&self, condition: Condition, limits: &Limits<'_>) -> Result<i64, Error> {
        let attempt = |state: &mut State| {
            let before = state.value;
            let change = || added(before, condition.change).map(|value| (before, state.set(value)));
            condition.is_met(before).then(change)
        };
        self.0.wait(limits, Place::new(|state| &mut state.waiters, condition), attempt, |_, _| Woken::new())
    }
}
