//! An inbox: a queue of calls, the servers that run them, and the calls that ended and that somebody watches.
//!
//! While its lock is held, no request, outcome or call is dropped, and no other code runs, but for interrupts, which do not
//! wait. The locks of calls are taken while it is held, never the other way round.

use std::collections::VecDeque;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use super::call::{Call, Ended, Stage};
use super::shared::Shared;
use super::wait::{Limits, Waiters, Woken};
use crate::error::Error;

/// What runs the calls of one server.
pub trait Runner: Sync {
    /// Interrupts what runs now, without waiting. `false` if nothing runs.
    fn interrupt(&self) -> bool;
    /// Whether it can run more calls.
    fn is_alive(&self) -> bool;
}

/// A queue of calls, each with a request `Q` and an outcome `A`.
pub struct Inbox<Q, A> {
    /// The outcome of calls that nobody will answer. It does no more than make a value.
    lost: fn() -> A,
    state: Shared<State<Q, A>>,
}

struct State<Q, A> {
    queue: VecDeque<Arc<Call<Q, A>>>,
    is_closed: bool,
    servers: Vec<Option<Server<Q, A>>>,
    /// Servers that wait for a call.
    idle: Waiters<()>,
    /// Threads that wait to become servers.
    candidates: Waiters<()>,
    /// Watched calls that have ended.
    ended: VecDeque<u64>,
    /// Threads that wait for these.
    watchers: Waiters<()>,
}

struct Server<Q, A> {
    runner: &'static dyn Runner,
    /// The call that it has taken. When that has ended, the server is about to forget it.
    current: Option<Arc<Call<Q, A>>>,
    /// Whether that was interrupted.
    is_interrupted: bool,
}

/// A server's call, by the server's number.
type Current<Q, A> = (usize, Arc<Call<Q, A>>);

/// What is left of calls that have ended, to be dropped without the lock.
type Left<Q, A> = Vec<(Arc<Call<Q, A>>, Option<Q>)>;

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
            servers: Vec::new(),
            idle: Waiters::new(),
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
        self.state.change(|state| {
            if state.is_closed {
                return Err(Error::Closed);
            }
            state.queue.push_back(Arc::clone(call));
            Ok(((), state.announce()))
        })
    }

    /// Takes no more calls. Servers end when the queue is empty.
    pub fn close(&self) -> Result<(), Error> {
        self.state.change(|state| {
            state.is_closed = true;
            let mut woken = state.idle.take_all();
            woken.append(&mut state.candidates.take_all());
            woken.append(&mut state.watchers.take_all());
            Ok(((), woken))
        })
    }

    /// Numbers about this moment.
    pub fn counts(&self) -> Result<Counts, Error> {
        self.state.change(|state| {
            let servers = || state.servers.iter().flatten();
            let running = servers().filter(|server| server.is_running()).count();
            let counts = Counts {
                queued: state.queue.len(),
                running,
                interrupted: servers().filter(|server| server.is_interrupted && server.is_running()).count(),
                waiting: servers().count() - running + state.candidates.len(),
            };
            Ok((counts, Woken::new()))
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
        self.state.wait(limits, (|state| &mut state.candidates, ()), attempt, |_, _| Woken::new())
    }

    /// Makes this thread a server, until the guard is dropped. Nobody interrupts the runner after that.
    pub fn serve(&self, runner: &'static dyn Runner) -> Result<ServerGuard<'_, Q, A>, Error> {
        self.state.change(|state| {
            let server = Some(Server { runner, current: None, is_interrupted: false });
            let number = state.servers.iter().position(Option::is_none).unwrap_or_else(|| {
                state.servers.push(None);
                state.servers.len() - 1
            });
            state.servers[number] = server;
            Ok((ServerGuard { inbox: self, number, call: None }, Woken::new()))
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
                for (_, call) in if running { state.current() } else { Vec::new() } {
                    let (request, mut more) = state.note(&call, fail(&call)?);
                    woken.append(&mut more);
                    left.push((call, request));
                }
                Ok((left, woken))
            })
            .map(drop)
    }

    /// Takes up to `most` watched calls that have ended, by their numbers; waits until there is one.
    ///
    /// Errors: [`Error::Closed`] if the inbox is closed, all its calls have ended, and those that were watched are taken;
    /// those of a wait.
    pub fn ended(&self, most: usize, limits: &Limits<'_>) -> Result<Vec<u64>, Error> {
        let attempt = |state: &mut State<Q, A>| {
            if state.ended.is_empty() {
                return state.is_over().then_some(Err(Error::Closed));
            }
            let count = most.min(state.ended.len());
            Some(Ok((state.ended.drain(..count).collect(), Woken::new())))
        };
        self.state.wait(limits, (|state| &mut state.watchers, ()), attempt, |_, _| Woken::new())
    }
}

impl<Q, A> State<Q, A> {
    /// The thread to wake for a call: an idle server, or one that may become a server, which takes longer.
    fn announce(&mut self) -> Woken {
        if self.queue.is_empty() {
            return Woken::new();
        }
        let woken = self.idle.take_first();
        if woken.is_empty() { self.candidates.take_first() } else { woken }
    }

    /// Whether there are more calls than servers that will look for one.
    fn needs_server(&self) -> bool {
        let is_free = |server: &&Server<Q, A>| !server.is_running();
        self.queue.len() > self.servers.iter().flatten().filter(is_free).count()
    }

    /// Removes the calls at the front of the queue that were cancelled.
    fn remove_cancelled(&mut self) -> Vec<Arc<Call<Q, A>>> {
        let is_over = |call: &&Arc<Call<Q, A>>| call.stage() != Ok(Stage::Queued);
        let count = self.queue.iter().take_while(is_over).count();
        self.queue.drain(..count).collect()
    }

    fn current(&self) -> Vec<Current<Q, A>> {
        let servers = self.servers.iter().enumerate();
        servers.filter_map(|(number, server)| Some((number, server.as_ref()?.current.clone()?))).collect()
    }

    /// Empties the queue by steps that end calls.
    fn empty(
        &mut self,
        end: impl Fn(&Call<Q, A>) -> Result<Option<Ended<Q>>, Error>,
    ) -> Result<(Left<Q, A>, Woken), Error> {
        let (mut left, mut woken) = (Vec::new(), Woken::new());
        for call in std::mem::take(&mut self.queue) {
            let (request, mut more) = self.note(&call, end(&call)?);
            woken.append(&mut more);
            left.push((call, request));
        }
        woken.append(&mut self.tell_if_over());
        Ok((left, woken))
    }

    /// Notes that a call has ended, if it has and somebody watches it. Returns what is left of it.
    fn note<T>(&mut self, call: &Call<Q, A>, ended: Option<Ended<T>>) -> (Option<T>, Woken) {
        let Some(ended) = ended else { return (None, Woken::new()) };
        let mut woken = Woken::new();
        if ended.is_watched {
            self.ended.push_back(call.id());
            woken = self.watchers.take_first();
        }
        (ended.left, woken)
    }

    /// Whether no call will end any more.
    fn is_over(&self) -> bool {
        let is_idle = |server: &Server<Q, A>| server.current.is_none();
        self.is_closed && self.queue.is_empty() && self.servers.iter().flatten().all(is_idle)
    }

    fn tell_if_over(&mut self) -> Woken {
        if self.is_over() { self.watchers.take_all() } else { Woken::new() }
    }
}

impl<Q, A> Server<Q, A> {
    fn is_running(&self) -> bool {
        self.current.as_ref().is_some_and(|call| call.stage() == Ok(Stage::Running))
    }

    fn runs(&self, call: &Arc<Call<Q, A>>) -> bool {
        self.is_running() && self.current.as_ref().is_some_and(|current| Arc::ptr_eq(current, call))
    }
}

/// A thread that is a server.
pub struct ServerGuard<'a, Q, A> {
    inbox: &'a Inbox<Q, A>,
    number: usize,
    /// The call that it has taken, and not ended.
    call: Option<Arc<Call<Q, A>>>,
}

impl<Q, A> ServerGuard<'_, Q, A> {
    /// Waits for the next call, and takes it. `None` if there will be none, or if the runner is dead.
    pub fn take_next(&mut self) -> Result<Option<Q>, Error> {
        let mut left = Vec::new();
        let (number, own) = (self.number, &mut self.call);
        let mut attempt = |state: &mut State<Q, A>| {
            let server = state.servers[number].as_mut().expect("the guard exists");
            if !server.runner.is_alive() {
                return Some(Ok((None, Woken::new())));
            }
            while let Some(call) = state.queue.pop_front() {
                match call.take() {
                    Ok(Some(request)) => {
                        (server.current, server.is_interrupted) = (Some(Arc::clone(&call)), false);
                        *own = Some(call);
                        return Some(Ok((Some(request), Woken::new())));
                    }
                    Ok(None) => left.push(call), // it was cancelled
                    Err(error) => return Some(Err(error)),
                }
            }
            state.is_closed.then(|| Ok((None, state.tell_if_over()))) // the last calls may have been cancelled
        };
        let limits = Limits::new(None, None)?;
        loop {
            let waiters: fn(&mut State<Q, A>) -> &mut Waiters<()> = |state| &mut state.idle;
            match self.inbox.state.wait(&limits, (waiters, ()), &mut attempt, |_, _| Woken::new()) {
                Err(Error::Interrupted) => (), // signals are not for servers
                result => return result,
            }
        }
    }

    /// Ends the call that this server has taken.
    pub fn finish(&mut self, outcome: A) -> Result<(), Error> {
        let Some(call) = self.call.take() else { return Ok(()) };
        let ended = call.finish(outcome)?;
        let left = self.inbox.state.change(|state| {
            let (left, mut woken) = state.note(&call, Some(ended));
            let current = state.servers[self.number].as_mut().and_then(|server| server.current.take());
            woken.append(&mut state.tell_if_over());
            Ok(((left, current), woken))
        });
        left.map(drop)
    }
}

impl<Q, A> Drop for ServerGuard<'_, Q, A> {
    fn drop(&mut self) {
        // Unless there was a panic, the server has no call. In the child of a fork, this does nothing.
        let call = self.call.take();
        let left = self.inbox.state.change(|state| {
            let ended = call.as_ref().map(|call| call.fail((self.inbox.lost)())).transpose()?.flatten();
            let mut woken = call.as_ref().map(|call| state.note(call, ended).1).unwrap_or_default();
            let server = state.servers[self.number].take();
            woken.append(&mut state.announce()); // somebody else has to run what this thread was woken for
            woken.append(&mut state.tell_if_over());
            Ok((server, woken))
        });
        drop(left);
    }
}

#[cfg(all(test, loom))]
mod model;
#[cfg(all(test, not(loom)))]
mod tests;
