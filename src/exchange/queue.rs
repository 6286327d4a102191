//! Queues of messages, for any number of senders and receivers.

use std::collections::VecDeque;

use super::message::Message;
use super::shared::Shared;
use super::wait::{Limits, Place, Waiters, Woken};
use crate::error::Error;

/// A queue of messages: those that were put first are taken first.
pub struct Queue {
    capacity: usize,
    state: Shared<State>,
}

struct State {
    messages: VecDeque<Message>,
    is_closed: bool,
    /// Messages that were put, and for which nobody has called `task_done`.
    unfinished: u64,
    getters: Waiters<()>,
    putters: Waiters<()>,
    joiners: Waiters<()>,
}

impl State {
    fn push(&mut self, message: Message) -> Woken {
        self.messages.push_back(message);
        self.unfinished += 1;
        self.getters.take_first()
    }

    fn finish(&mut self, messages: u64) -> Woken {
        self.unfinished -= messages;
        if self.unfinished == 0 { self.joiners.take_all() } else { Woken::new() }
    }

    /// Returns the messages that are discarded, which are to be dropped without the lock: release callbacks may do anything.
    fn close(&mut self, discard: bool) -> (VecDeque<Message>, Woken) {
        self.is_closed = true;
        let discarded = if discard { std::mem::take(&mut self.messages) } else { VecDeque::new() };
        let mut woken = self.getters.take_all();
        woken.append(&mut self.putters.take_all());
        // `task_done` may have been called for messages that nobody has taken.
        let done = self.unfinished.min(discarded.len() as u64);
        woken.append(&mut self.finish(done));
        (discarded, woken)
    }
}

impl Queue {
    /// A queue for so many messages, or for any number if `capacity` is 0.
    pub fn new(capacity: usize) -> Self {
        let state = State {
            messages: VecDeque::new(),
            is_closed: false,
            unfinished: 0,
            getters: Waiters::new(),
            putters: Waiters::new(),
            joiners: Waiters::new(),
        };
        Self { capacity: if capacity == 0 { usize::MAX } else { capacity }, state: Shared::new(state) }
    }

    fn wait<T>(
        &self,
        limits: &Limits<'_>,
        waiters: fn(&mut State) -> &mut Waiters<()>,
        attempt: impl FnMut(&mut State) -> Option<Result<(T, Woken), Error>>,
    ) -> Result<T, Error> {
        self.state.wait(limits, Place::new(waiters, ()), attempt, |_, _| Woken::new())
    }

    /// Puts a message into the queue, when it has room. After an error, the message is still the caller's.
    ///
    /// Errors: [`Error::Closed`], [`Error::Forked`], and those of a wait.
    pub fn put(&self, message: Message, limits: &Limits<'_>) -> Result<(), (Error, Message)> {
        let mut message = Some(message);
        let attempt = |state: &mut State| {
            if state.is_closed {
                return Some(Err(Error::Closed));
            }
            let has_room = state.messages.len() < self.capacity;
            has_room.then(|| Ok(((), state.push(message.take().expect("it is put once")))))
        };
        let outcome = self.wait(limits, |state| &mut state.putters, attempt);
        outcome.map_err(|error| (error, message.expect("it was not put")))
    }

    /// Takes the first message, when there is one.
    ///
    /// Errors: [`Error::Closed`] if the queue is closed and empty, [`Error::Forked`], and those of a wait.
    pub fn get(&self, limits: &Limits<'_>) -> Result<Message, Error> {
        let attempt = |state: &mut State| match state.messages.pop_front() {
            Some(message) => Some(Ok((message, state.putters.take_first()))),
            None => state.is_closed.then_some(Err(Error::Closed)),
        };
        self.wait(limits, |state| &mut state.getters, attempt)
    }

    /// Puts back a message that was taken and could not be used: it is the first again, whether or not there is room.
    pub fn put_back(&self, message: Message) {
        // In the child of a fork, the message would be lost with the queue in any case.
        let _ = self.state.change(|state| {
            state.messages.push_front(message);
            Ok(((), state.getters.take_first()))
        });
    }

    /// The number of messages.
    ///
    /// Errors: [`Error::Forked`].
    pub fn length(&self) -> Result<usize, Error> {
        self.state.read(|state| state.messages.len())
    }

    /// Lets no more messages be put. Those that are there can be taken; with `discard`, they are dropped, and count as
    /// done.
    ///
    /// Errors: [`Error::Forked`].
    pub fn close(&self, discard: bool) -> Result<(), Error> {
        self.state.change(|state| Ok(state.close(discard))).map(drop)
    }

    /// Says that the work for a message which was taken is done.
    ///
    /// Errors: [`Error::Invalid`] if that was said for all messages; [`Error::Forked`].
    pub fn task_done(&self) -> Result<(), Error> {
        let expected = "one for which fewer messages are done than were put";
        self.state.change(|state| match state.unfinished {
            0 => Err(Error::Invalid { parameter: "queue", expected }),
            _ => Ok(((), state.finish(1))),
        })
    }

    /// Waits until all messages that were put are done.
    ///
    /// Errors: [`Error::Forked`], and those of a wait.
    pub fn join(&self, limits: &Limits<'_>) -> Result<(), Error> {
        let attempt = |state: &mut State| (state.unfinished == 0).then(|| Ok(((), Woken::new())));
        self.wait(limits, |state| &mut state.joiners, attempt)
    }
}
