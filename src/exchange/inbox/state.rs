//! What an inbox and its servers consist of.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use crate::error::Error;
use crate::exchange::call::{Call, Ended, Stage};
use crate::exchange::shared::Shared;
use crate::exchange::wait::{Waiters, Woken};

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
    pub(super) lost: fn() -> A,
    pub(super) state: Shared<State<Q, A>>,
}

pub(super) struct State<Q, A> {
    pub(super) queue: VecDeque<Arc<Call<Q, A>>>,
    pub(super) is_closed: bool,
    /// The outcome of all calls from now on.
    pub(super) failure: Option<Failure<A>>,
    pub(super) servers: Vec<Option<Server<Q, A>>>,
    /// Servers that wait for a call, by number.
    pub(super) idle: Waiters<usize>,
    /// A server that is about to look at the queue, whatever comes: it was woken, or spins before it waits. While there is
    /// one, no other is woken: it wakes the next if calls are left. So whoever submits calls rarely pays for a wake.
    pub(super) expected: Option<usize>,
    /// Threads that wait to become servers.
    pub(super) candidates: Waiters<()>,
    /// Watched calls that have ended, each with its group.
    pub(super) ended: VecDeque<(i32, u64)>,
    /// Threads that wait for these.
    pub(super) watchers: Waiters<()>,
}

pub(super) struct Server<Q, A> {
    pub(super) runner: &'static dyn Runner,
    /// The call that it has taken. When that has ended, the server is about to forget it.
    pub(super) current: Option<Arc<Call<Q, A>>>,
    /// Whether that was interrupted.
    pub(super) is_interrupted: bool,
    /// Calls that run without it, and will have another request for it.
    pub(super) deferred: HashMap<u64, Arc<Call<Q, A>>>,
    /// Those that have one now.
    pub(super) resumed: VecDeque<Arc<Call<Q, A>>>,
}

/// What makes the outcome of calls that cannot be run. It does no more than that.
pub type Failure<A> = Box<dyn Fn() -> A + Send>;

/// A server's call, by the server's number.
pub(super) type Current<Q, A> = (usize, Arc<Call<Q, A>>);

/// What is left of calls that have ended, to be dropped without the lock.
pub(super) type Left<Q, A> = Vec<(Arc<Call<Q, A>>, Option<Q>)>;

impl<Q, A> State<Q, A> {
    /// The thread to wake for a call: an idle server, or one that may become a server, which takes longer.
    pub(super) fn announce(&mut self) -> Woken {
        if self.queue.is_empty() || self.expected.is_some() {
            return Woken::new();
        }
        // The last that ran a call: its interpreter is in the processor's cache.
        let Some((parker, number)) = self.idle.pop_last() else { return self.candidates.take_first() };
        self.expected = Some(number);
        vec![parker]
    }

    /// Notes that this server will look at the queue at once.
    pub(super) fn expect(&mut self, server: usize) {
        self.expected.get_or_insert(server);
    }

    /// Notes that this server looks at the queue. `true` if it was expected to: the next is to be announced then.
    pub(super) fn arrive(&mut self, server: usize) -> bool {
        let is_expected = self.expected == Some(server);
        self.expected.take_if(|_| is_expected);
        is_expected
    }

    /// Whether there are more calls than servers that will look for one.
    pub(super) fn needs_server(&self) -> bool {
        let is_free = |server: &&Server<Q, A>| !server.is_running();
        self.queue.len() > self.servers.iter().flatten().filter(is_free).count()
    }

    /// Removes the calls at the front of the queue that were cancelled.
    pub(super) fn remove_cancelled(&mut self) -> Vec<Arc<Call<Q, A>>> {
        let is_over = |call: &&Arc<Call<Q, A>>| call.stage() != Ok(Stage::Queued);
        let count = self.queue.iter().take_while(is_over).count();
        self.queue.drain(..count).collect()
    }

    pub(super) fn current(&self) -> Vec<Current<Q, A>> {
        let servers = self.servers.iter().enumerate();
        servers.filter_map(|(number, server)| Some((number, server.as_ref()?.current.clone()?))).collect()
    }

    pub(super) fn close(&mut self) -> Woken {
        self.is_closed = true;
        let mut woken = self.idle.take_all();
        woken.append(&mut self.candidates.take_all());
        woken.append(&mut self.watchers.take_all());
        woken
    }

    /// All calls that run, of which servers forget those that they have deferred.
    pub(super) fn begun(&mut self) -> Vec<Arc<Call<Q, A>>> {
        let mut begun: Vec<_> = self.current().into_iter().map(|(_, call)| call).collect();
        self.servers.iter_mut().flatten().for_each(|server| begun.extend(server.take_deferred()));
        begun
    }

    pub(super) fn take_ended(&mut self, group: i32, most: usize) -> Vec<u64> {
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
    pub(super) fn empty(
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
    pub(super) fn note<T>(&mut self, call: &Call<Q, A>, ended: Option<Ended<T>>) -> (Option<T>, Woken) {
        let Some(ended) = ended else { return (None, Woken::new()) };
        let mut woken = Woken::new();
        if ended.is_watched {
            self.ended.push_back((call.group(), call.id()));
            woken = self.watchers.take_all(); // the first may be of another group
        }
        (ended.left, woken)
    }

    /// Whether no call will end any more.
    pub(super) fn is_over(&self) -> bool {
        let is_idle = |server: &Server<Q, A>| server.current.is_none() && !server.has_deferred();
        self.is_closed && self.queue.is_empty() && self.servers.iter().flatten().all(is_idle)
    }

    pub(super) fn tell_if_over(&mut self) -> Woken {
        if self.is_over() { self.watchers.take_all() } else { Woken::new() }
    }
}

impl<Q, A> Server<Q, A> {
    pub(super) fn new(runner: &'static dyn Runner) -> Self {
        let (deferred, resumed) = (HashMap::new(), VecDeque::new());
        Self { runner, current: None, is_interrupted: false, deferred, resumed }
    }

    pub(super) fn has_deferred(&self) -> bool {
        !(self.deferred.is_empty() && self.resumed.is_empty())
    }

    pub(super) fn take_deferred(&mut self) -> Vec<Arc<Call<Q, A>>> {
        self.deferred.drain().map(|(_, call)| call).chain(self.resumed.drain(..)).collect()
    }

    pub(super) fn is_running(&self) -> bool {
        self.current.as_ref().is_some_and(|call| call.stage() == Ok(Stage::Running))
    }

    pub(super) fn runs(&self, call: &Arc<Call<Q, A>>) -> bool {
        self.is_running() && self.current.as_ref().is_some_and(|current| Arc::ptr_eq(current, call))
    }
}
