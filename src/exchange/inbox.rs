//! An inbox: a queue of calls, the servers that run them, and the calls that ended and that somebody watches.
//!
//! While its lock is held, no request, outcome or call is dropped, and no other code runs, but for interrupts, which do not
//! wait. The locks of calls are taken while it is held, never the other way round.

use std::collections::VecDeque;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use super::call::{Call, Stage};
use super::shared::Shared;
use super::wait::{Limits, Place, Waiters, Woken};
use crate::error::Error;

mod guard;
mod state;
pub use guard::ServerGuard;
use state::{Current, Server, State};
pub use state::{Failure, Inbox, Runner};

/// Numbers about an inbox, for one moment.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Counts {
    /// Calls that no server has taken. Those that were cancelled may be among them.
    pub queued: usize,
    /// Calls that servers run.
    pub running: usize,
    /// How many of these were interrupted.
    pub interrupted: usize,
    /// Servers that run no call, and threads that wait to become servers.
    pub waiting: usize,
}

/// How long [`Inbox::stop`] waits for a server to begin or to end a call.
const INTERRUPT_PAUSE: Duration = Duration::from_micros(50);

/// The functions of the child of a fork fail with [`Error::Forked`].
impl<Q, A> Inbox<Q, A> {
    /// An inbox without calls and servers. `lost`: the outcome of calls that nobody will answer.
    pub fn new(lost: fn() -> A) -> Self {
        let state = State {
            queue: VecDeque::new(),
            is_closed: false,
            failure: None,
            servers: Vec::new(),
            idle: Waiters::new(),
            expected: None,
            candidates: Waiters::new(),
            ended: VecDeque::new(),
            watchers: Waiters::new(),
        };
        Self { lost, state: Shared::new(state) }
    }

    /// Queues a call.
    ///
    /// Errors: [`Error::Closed`].
    pub fn submit(&self, call: &Arc<Call<Q, A>>) -> Result<(), Error> {
        let left = self.state.change(|state| {
            if let Some(failure) = &state.failure {
                return Ok((call.fail(failure())?, Woken::new())); // nobody watches it yet
            }
            if state.is_closed {
                return Err(Error::Closed);
            }
            state.queue.push_back(Arc::clone(call));
            Ok((None, state.announce()))
        });
        left.map(drop)
    }

    /// Closes the inbox because nobody can run its calls: those that no server has taken fail, and all that will be
    /// submitted. Those that run are the matter of their servers, which end if their runners are dead.
    pub fn fail(&self, failure: Failure<A>) -> Result<(), Error> {
        let left = self.state.change(|state| {
            let mut woken = state.close();
            let (left, mut more) = state.empty(|call| call.fail(failure()))?;
            woken.append(&mut more);
            Ok(((left, state.failure.replace(failure)), woken))
        });
        left.map(drop)
    }

    /// Takes no more calls. Servers end when the queue is empty.
    pub fn close(&self) -> Result<(), Error> {
        self.state.change(|state| {
            let woken = state.close();
            Ok(((), woken))
        })
    }

    /// Numbers about this moment.
    pub fn counts(&self) -> Result<Counts, Error> {
        self.state.read(|state| {
            let servers = || state.servers.iter().flatten();
            let running = servers().filter(|server| server.is_running()).count();
            Counts {
                queued: state.queue.len(),
                running,
                interrupted: servers().filter(|server| server.is_interrupted && server.is_running()).count(),
                waiting: servers().count() - running + state.candidates.len(),
            }
        })
    }

    /// Waits until there are more calls than servers to take them: this thread may become one more. The calls stay in the
    /// queue. `false` if the inbox is closed, and there are not.
    ///
    /// Errors: those of a wait.
    pub fn await_call(&self, limits: &Limits<'_>) -> Result<bool, Error> {
        let mut cancelled = Vec::new();
        let attempt = |state: &mut State<Q, A>| {
            cancelled.extend(state.remove_cancelled());
            let is_needed = state.needs_server();
            (is_needed || state.is_closed).then(|| Ok((is_needed, Woken::new())))
        };
        self.state.wait(limits, Place::new(|state| &mut state.candidates, ()), attempt, |_, _| Woken::new())
    }

    /// Makes this thread a server, until the guard is dropped. Nobody interrupts the runner after that.
    pub fn serve(&self, runner: &'static dyn Runner) -> Result<ServerGuard<'_, Q, A>, Error> {
        self.state.change(|state| {
            let server = Some(Server::new(runner));
            let number = state.servers.iter().position(Option::is_none).unwrap_or_else(|| {
                state.servers.push(None);
                state.servers.len() - 1
            });
            state.servers[number] = server;
            Ok((ServerGuard::new(self, number), Woken::new()))
        })
    }

    /// Cancels a call. `false` if a server has taken it, or it failed.
    pub fn cancel(&self, call: &Call<Q, A>) -> Result<bool, Error> {
        let left = self.state.change(|state| {
            let ended = call.cancel()?;
            let is_cancelled = ended.is_some() || call.stage()? == Stage::Cancelled;
            let (request, woken) = state.note(call, ended);
            Ok(((is_cancelled, request), woken))
        });
        left.map(|(is_cancelled, _)| is_cancelled)
    }

    /// Cancels all calls that no server has taken.
    pub fn cancel_queued(&self) -> Result<(), Error> {
        self.state.change(|state| state.empty(Call::cancel)).map(drop)
    }

    /// Cancels the calls that no server has taken, and interrupts the others: all that are here now, and none that come
    /// while this runs. It waits for servers that have just taken a call, or are about to end one, but not for calls.
    pub fn stop(&self) -> Result<(), Error> {
        let (mut running, left) = self.state.change(|state| {
            let running = state.current();
            let (left, woken) = state.empty(Call::cancel)?;
            Ok(((running, left), woken))
        })?;
        drop(left);
        while self.interrupt(&mut running)? {
            thread::sleep(INTERRUPT_PAUSE);
        }
        Ok(())
    }

    /// Interrupts these calls, and removes those that were or have ended. `true` if some are left: their servers have not
    /// begun to run them, or are about to end them.
    fn interrupt(&self, calls: &mut Vec<Current<Q, A>>) -> Result<bool, Error> {
        // While the lock is held, no server takes another call, which the interrupt would hit.
        let over = self.state.change(|state| {
            let (left, over) = std::mem::take(calls).into_iter().partition(|(number, call)| {
                let server = state.servers[*number].as_mut().filter(|server| server.runs(call));
                server.is_some_and(|server| {
                    server.is_interrupted |= server.runner.interrupt();
                    !server.is_interrupted
                })
            });
            *calls = left;
            Ok((over, Woken::new()))
        });
        over.map(|over: Vec<_>| {
            drop(over);
            !calls.is_empty()
        })
    }

    /// Gives up all calls that no server has taken, and those that run as well if `running`: they are lost, and what their
    /// servers make of them is dropped.
    pub fn give_up(&self, running: bool) -> Result<(), Error> {
        self.state
            .change(|state| {
                let fail = |call: &Call<Q, A>| call.fail((self.lost)());
                let (mut left, mut woken) = state.empty(fail)?;
                for call in if running { state.begun() } else { Vec::new() } {
                    let (request, mut more) = state.note(&call, fail(&call)?);
                    woken.append(&mut more);
                    left.push((call, request));
                }
                Ok((left, woken))
            })
            .map(drop)
    }

    /// Gives another request to a call that its server has deferred, or is about to. `false` if there is none, or nobody
    /// waits for it any more.
    pub fn resume(&self, id: u64, request: Q) -> Result<bool, Error> {
        let left = self.state.change(|state| {
            for server in state.servers.iter_mut().flatten() {
                let is_current = server.current.as_ref().is_some_and(|call| call.id() == id);
                let call = if is_current { server.current.clone() } else { server.deferred.remove(&id) };
                let Some(call) = call else { continue };
                let left = call.resume(request)?;
                if left.is_none() && !is_current {
                    server.resumed.push_back(Arc::clone(&call));
                }
                return Ok(((left, Some(call)), state.idle.take_all()));
            }
            Ok(((Some(request), None), Woken::new()))
        });
        left.map(|(left, _)| left.is_none())
    }

    /// Takes up to `most` watched calls of this group that have ended, by their numbers; waits until there is one.
    ///
    /// Errors: [`Error::Closed`] if the inbox is closed, all its calls have ended, and those that were watched are taken;
    /// those of a wait.
    pub fn ended(&self, group: i32, most: usize, limits: &Limits<'_>) -> Result<Vec<u64>, Error> {
        let attempt = |state: &mut State<Q, A>| {
            let taken = state.take_ended(group, most);
            if taken.is_empty() {
                return state.is_over().then_some(Err(Error::Closed));
            }
            Some(Ok((taken, Woken::new())))
        };
        self.state.wait(limits, Place::new(|state| &mut state.watchers, ()), attempt, |_, _| Woken::new())
    }
}

#[cfg(all(test, loom))]
mod model;
#[cfg(all(test, not(loom)))]
mod tests;
