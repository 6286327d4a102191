//! An inbox: a queue of calls, the servers that run them, and the calls that ended and that somebody watches.
//!
//! While its lock is held, no request, outcome or call is dropped, and no other code runs, but for interrupts, which do not
//! wait. The locks of calls are taken while it is held, never the other way round.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use super::call::{Call, Ended, Stage};
use super::shared::Shared;
use super::wait::{Limits, Waiters, Woken};
use crate::error::Error;

mod guard;
pub use guard::ServerGuard;

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
    /// The outcome of all calls from now on.
    failure: Option<Failure<A>>,
    servers: Vec<Option<Server<Q, A>>>,
    /// Servers that wait for a call.
    idle: Waiters<()>,
    /// Threads that wait to become servers.
    candidates: Waiters<()>,
    /// Watched calls that have ended, each with its group.
    ended: VecDeque<(i32, u64)>,
    /// Threads that wait for these.
    watchers: Waiters<()>,
}

struct Server<Q, A> {
    runner: &'static dyn Runner,
    /// The call that it has taken. When that has ended, the server is about to forget it.
    current: Option<Arc<Call<Q, A>>>,
    /// Whether that was interrupted.
    is_interrupted: bool,
    /// Calls that run without it, and will have another request for it.
    deferred: HashMap<u64, Arc<Call<Q, A>>>,
    /// Those that have one now.
    resumed: VecDeque<Arc<Call<Q, A>>>,
}

/// What makes the outcome of calls that cannot be run. It does no more than that.
pub type Failure<A> = Box<dyn Fn() -> A + Send>;

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
            failure: None,
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

    /// Closes the inbox because nobody can run its calls: those that are here, and all that will be submitted, fail.
    pub fn fail(&self, failure: Failure<A>) -> Result<(), Error> {
        let left = self.state.change(|state| {
            let mut woken = state.close();
            let (mut left, mut more) = state.empty(|call| call.fail(failure()))?;
            woken.append(&mut more);
            for call in state.begun() {
                let (request, mut more) = state.note(&call, call.fail(failure())?);
                woken.append(&mut more);
                left.push((call, request));
            }
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

    fn close(&mut self) -> Woken {
        self.is_closed = true;
        let mut woken = self.idle.take_all();
        woken.append(&mut self.candidates.take_all());
        woken.append(&mut self.watchers.take_all());
        woken
    }

    /// All calls that run, of which servers forget those that they have deferred.
    fn begun(&mut self) -> Vec<Arc<Call<Q, A>>> {
        let mut begun: Vec<_> = self.current().into_iter().map(|(_, call)| call).collect();
        self.servers.iter_mut().flatten().for_each(|server| begun.extend(server.take_deferred()));
        begun
    }

    fn take_ended(&mut self, group: i32, most: usize) -> Vec<u64> {
        let mut taken = Vec::new();
        while taken.len() < most && self.ended.front().is_some_and(|(of, _)| *of == group) {
            taken.extend(self.ended.pop_front().map(|(_, id)| id));
        }
        if taken.is_empty() {
            self.ended.retain(|(of, id)| {
                let is_taken = *of == group && taken.len() < most;
                taken.extend(is_taken.then_some(*id));
                !is_taken
            });
        }
        taken
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
            self.ended.push_back((call.group(), call.id()));
            woken = self.watchers.take_all(); // the first may be of another group
        }
        (ended.left, woken)
    }

    /// Whether no call will end any more.
    fn is_over(&self) -> bool {
        let is_idle = |server: &Server<Q, A>| server.current.is_none() && !server.has_deferred();
        self.is_closed && self.queue.is_empty() && self.servers.iter().flatten().all(is_idle)
    }

    fn tell_if_over(&mut self) -> Woken {
        if self.is_over() { self.watchers.take_all() } else { Woken::new() }
    }
}

#[cfg(all(test, loom))]
mod model;
#[cfg(all(test, not(loom)))]
mod tests;
