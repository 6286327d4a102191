//! A server's part of an inbox: it takes calls, and ends them or leaves them to be resumed.

use std::sync::Arc;

use super::state::{Inbox, Server, State};
use crate::error::Error;
use crate::exchange::call::{Call, Stage};
use crate::exchange::wait::{Limits, Place, Woken};

/// A thread that is a server.
pub struct ServerGuard<'a, Q, A> {
    inbox: &'a Inbox<Q, A>,
    number: usize,
    /// The call that it has taken, and not ended.
    call: Option<Arc<Call<Q, A>>>,
}

impl<'a, Q, A> ServerGuard<'a, Q, A> {
    pub(super) fn new(inbox: &'a Inbox<Q, A>, number: usize) -> Self {
        Self { inbox, number, call: None }
    }

    /// Waits for the next call, and takes it. `None` if there will be none, or if the runner is dead.
    pub fn take_next(&mut self) -> Result<Option<Q>, Error> {
        let mut left = Vec::new();
        let (number, own) = (self.number, &mut self.call);
        let mut attempt = |state: &mut State<Q, A>| {
            let is_expected = state.arrive(number);
            let server = state.servers[number].as_mut().expect("the guard exists");
            if !server.runner.is_alive() {
                return Some(Ok((None, Woken::new())));
            }
            while let Some(call) = server.resumed.pop_front().or_else(|| state.queue.pop_front()) {
                match call.take() {
                    Ok(Some(request)) => {
                        (server.current, server.is_interrupted) = (Some(Arc::clone(&call)), false);
                        *own = Some(call);
                        let next = if is_expected { state.announce() } else { Woken::new() };
                        return Some(Ok((Some(request), next)));
                    }
                    Ok(None) => left.push(call), // it was cancelled
                    Err(error) => return Some(Err(error)),
                }
            }
            let is_over = state.is_closed && !server.has_deferred();
            is_over.then(|| Ok((None, state.tell_if_over()))) // the last calls may have been cancelled
        };
        let limits = Limits::new(None, None)?;
        loop {
            let place =
                Place::new(|state: &mut State<Q, A>| &mut state.idle, number).noting_looks(State::expect);
            match self.inbox.state.wait(&limits, place, &mut attempt, |_, _| Woken::new()) {
                Err(Error::Interrupted) => (), // signals are not for servers
                result => return result,
            }
        }
    }

    /// The number of the call that this server has taken.
    pub fn call_id(&self) -> Option<u64> {
        self.call.as_ref().map(|call| call.id())
    }

    /// Lets the call that this server has taken run without it, until [`Inbox::resume`] gives it another request.
    pub fn defer(&mut self) -> Result<(), Error> {
        let Some(call) = self.call.take() else { return Ok(()) };
        let left = self.inbox.state.change(|state| {
            let server = state.servers[self.number].as_mut().expect("the guard exists");
            if call.is_resumed()? {
                server.resumed.push_back(Arc::clone(&call));
            } else if call.stage()? == Stage::Running {
                server.deferred.insert(call.id(), Arc::clone(&call));
            }
            let current = server.current.take();
            Ok((current, state.tell_if_over()))
        });
        left.map(drop)
    }

    /// Fails the calls that this server has deferred.
    pub fn fail_deferred(&mut self, outcome: impl Fn() -> A) -> Result<(), Error> {
        let left = self.inbox.state.change(|state| {
            let (mut left, mut woken) = (Vec::new(), Woken::new());
            let deferred = state.servers[self.number].as_mut().map(Server::take_deferred);
            for call in deferred.into_iter().flatten() {
                let (request, mut more) = state.note(&call, call.fail(outcome())?);
                woken.append(&mut more);
                left.push((call, request));
            }
            woken.append(&mut state.tell_if_over());
            Ok((left, woken))
        });
        left.map(drop)
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
        let _ = self.fail_deferred(self.inbox.lost);
        let left = self.inbox.state.change(|state| {
            let ended = call.as_ref().map(|call| call.fail((self.inbox.lost)())).transpose()?.flatten();
            let mut woken = call.as_ref().map(|call| state.note(call, ended).1).unwrap_or_default();
            let server = state.servers[self.number].take();
            state.arrive(self.number);
            woken.append(&mut state.announce()); // somebody else has to run what this thread was to look for
            woken.append(&mut state.tell_if_over());
            Ok((server, woken))
        });
        drop(left);
    }
}
