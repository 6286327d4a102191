//! One call: what is asked, what became of it, and those who wait for that.
//!
//! ```text
//! queued --take--> running --finish--> over
//!    |                |    ^
//!    |                | resume, and take again
//!    |                |
//!    |                +------fail----> over
//!    +-----------------------fail----> over
//!    +--cancel--> cancelled
//! ```
//!
//! Each arrow is one step under the call's lock, so a call is cancelled or taken but not both, and ends once. Whoever takes
//! an arrow gets what the call held before, and drops that when the lock is released: a drop may call release callbacks,
//! which may run any code.

use std::sync::Arc;

use super::shared::Shared;
use super::spin::Credit;
use super::wait::{Limits, Place, Waiters, Woken};
use crate::error::Error;

/// A call: a request `Q`, and later the outcome `A`.
pub struct Call<Q, A> {
    /// By which those who watch it know it.
    id: u64,
    /// The number of those who may watch it.
    group: i32,
    state: Shared<State<Q, A>>,
}

struct State<Q, A> {
    phase: Phase<Q, A>,
    waiters: Waiters<()>,
    /// Whether somebody is to be told when the call ends.
    is_watched: bool,
}

enum Phase<Q, A> {
    Queued(Q),
    Running,
    /// It runs, and has another request for its server.
    Resumed(Q),
    Over(Arc<A>),
    Cancelled,
}

/// Where a call is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// No server has taken it.
    Queued,
    /// A server has taken it.
    Running,
    /// It has an outcome.
    Over,
    /// It was cancelled before a server took it.
    Cancelled,
}

/// What a step that ends a call leaves to do.
#[must_use]
pub struct Ended<T> {
    /// Somebody is to be told; see [`Call::watch`].
    pub is_watched: bool,
    /// What nobody needs any more, to be dropped without any lock.
    pub left: Option<T>,
}

/// Most calls are waited for once, so that the next one has to know what this one has learnt.
static CREDIT: Credit = Credit::new();

/// The functions of the child of a fork fail with [`Error::Forked`].
impl<Q, A> Call<Q, A> {
    /// A call that waits for a server.
    pub fn new(id: u64, request: Q) -> Self {
        Self::of_group(0, id, request)
    }

    /// The same, for those who may watch it: each group collects the ends of its own calls.
    pub fn of_group(group: i32, id: u64, request: Q) -> Self {
        let state = State { phase: Phase::Queued(request), waiters: Waiters::new(), is_watched: false };
        Self { id, group, state: Shared::of_kind(&CREDIT, state) }
    }

    /// Whose call it is.
    pub fn group(&self) -> i32 {
        self.group
    }

    /// The number that it was given.
    pub fn id(&self) -> u64 {
        self.id
    }

    /// Changes the state, and wakes nobody.
    fn quietly<T>(&self, change: impl FnOnce(&mut State<Q, A>) -> T) -> Result<T, Error> {
        self.state.change(|state| Ok((change(state), Woken::new())))
    }

    /// Where the call is.
    pub fn stage(&self) -> Result<Stage, Error> {
        self.state.read(|state| state.stage())
    }

    /// Begins the call, or goes on with it: whoever gets the request runs it. `None` if the call has ended.
    pub fn take(&self) -> Result<Option<Q>, Error> {
        self.quietly(|state| match state.phase {
            Phase::Queued(_) | Phase::Resumed(_) => state.replace(Phase::Running),
            _ => None,
        })
    }

    /// Gives a running call another request. Returns that if nobody wants it: the call has ended, or has one.
    pub fn resume(&self, request: Q) -> Result<Option<Q>, Error> {
        self.quietly(|state| match state.phase {
            Phase::Running => state.replace(Phase::Resumed(request)),
            _ => Some(request),
        })
    }

    /// Whether it has another request.
    pub fn is_resumed(&self) -> Result<bool, Error> {
        self.state.read(|state| matches!(state.phase, Phase::Resumed(_)))
    }

    /// Ends a running call. If it has failed meanwhile, nobody wants the outcome, which is what is left.
    pub fn finish(&self, outcome: A) -> Result<Ended<A>, Error> {
        self.state.change(|state| {
            if state.stage() != Stage::Running {
                return Ok((Ended { is_watched: false, left: Some(outcome) }, Woken::new()));
            }
            let (ended, woken) = state.end(Phase::Over(Arc::new(outcome)));
            Ok((Ended { is_watched: ended.is_watched, left: None }, woken))
        })
    }

    /// Gives an outcome to a call that has not ended; `None` if it has.
    pub fn fail(&self, outcome: A) -> Result<Option<Ended<Q>>, Error> {
        self.end_if(
            |stage| matches!(stage, Stage::Queued | Stage::Running),
            || Phase::Over(Arc::new(outcome)),
        )
    }

    /// Cancels a call that no server has taken; `None` if one has, or the call has ended.
    pub fn cancel(&self) -> Result<Option<Ended<Q>>, Error> {
        self.end_if(|stage| stage == Stage::Queued, || Phase::Cancelled)
    }

    fn end_if(
        &self,
        may_end: impl FnOnce(Stage) -> bool,
        end: impl FnOnce() -> Phase<Q, A>,
    ) -> Result<Option<Ended<Q>>, Error> {
        self.state.change(|state| {
            if !may_end(state.stage()) {
                return Ok((None, Woken::new()));
            }
            let (ended, woken) = state.end(end());
            Ok((Some(ended), woken))
        })
    }

    /// Asks to be told when the call ends: the step that ends it will say so. Returns where the call is: if it has ended
    /// already, nobody will be told.
    pub fn watch(&self) -> Result<Stage, Error> {
        self.quietly(|state| {
            let stage = state.stage();
            state.is_watched |= matches!(stage, Stage::Queued | Stage::Running);
            stage
        })
    }

    /// Waits until the call has ended. The outcome is `None` if it was cancelled.
    ///
    /// Errors: those of a wait.
    pub fn wait(&self, limits: &Limits<'_>) -> Result<Option<Arc<A>>, Error> {
        let attempt = |state: &mut State<Q, A>| match &state.phase {
            Phase::Over(outcome) => Some(Ok((Some(Arc::clone(outcome)), Woken::new()))),
            Phase::Cancelled => Some(Ok((None, Woken::new()))),
            Phase::Queued(_) | Phase::Running | Phase::Resumed(_) => None,
        };
        self.state.wait(limits, Place::new(|state| &mut state.waiters, ()), attempt, |_, _| Woken::new())
    }
}

impl<Q, A> State<Q, A> {
    fn stage(&self) -> Stage {
        match self.phase {
            Phase::Queued(_) => Stage::Queued,
            Phase::Running | Phase::Resumed(_) => Stage::Running,
            Phase::Over(_) => Stage::Over,
            Phase::Cancelled => Stage::Cancelled,
        }
    }

    /// Enters another phase; returns the request, if the call still had it.
    fn replace(&mut self, phase: Phase<Q, A>) -> Option<Q> {
        match std::mem::replace(&mut self.phase, phase) {
            Phase::Queued(request) | Phase::Resumed(request) => Some(request),
            _ => None,
        }
    }

    fn end(&mut self, phase: Phase<Q, A>) -> (Ended<Q>, Woken) {
        let left = self.replace(phase);
        (Ended { is_watched: self.is_watched, left }, self.waiters.take_all())
    }
}
