//! The control token of a call: its owner reads progress from it, cancels it and gives it a deadline, from any
//! thread, while the call runs on others.
//!
//! It is nothing but atomics, so no fork can leave it locked.

use std::time::{Duration, Instant};

use crate::error::Error;
use crate::sys::process;
use crate::sys::sync::{AtomicBool, AtomicU64, Ordering};

/// What a call and its owner share.
#[derive(Debug)]
pub struct Control {
    /// The process whose call is under this control; or one of the two below.
    user: AtomicU64,
    cancelled: AtomicBool,
    /// Nanoseconds since `created`, or `NEVER`.
    deadline: AtomicU64,
    created: Instant,
    done: AtomicU64,
    total: AtomicU64,
}

/// No call is under this control.
const NOBODY: u64 = 0;
/// No call ever will be.
const CLOSED: u64 = u64::MAX;

const NEVER: u64 = u64::MAX;

impl Control {
    /// A control that nobody uses yet: not cancelled, without a deadline.
    #[expect(clippy::new_without_default, reason = "a control remembers when it was made")]
    pub fn new() -> Self {
        Self {
            user: AtomicU64::new(NOBODY),
            cancelled: AtomicBool::new(false),
            deadline: AtomicU64::new(NEVER),
            created: Instant::now(),
            done: AtomicU64::new(0),
            total: AtomicU64::new(0),
        }
    }

    /// Stops the call that is under this control, and any later one.
    pub fn cancel(&self) {
        self.cancelled.store(true, Ordering::Relaxed);
    }

    /// Stops the call when so much time is over, counted from now; `None` takes the deadline away.
    pub fn set_deadline(&self, after: Option<Duration>) {
        let nanoseconds = |after: Duration| self.created.elapsed().saturating_add(after).as_nanos();
        let deadline = after.map_or(NEVER, |after| nanoseconds(after).try_into().unwrap_or(NEVER));
        self.deadline.store(deadline, Ordering::Relaxed);
    }

    /// How many items of the latest call are done, and how many it has; both 0 before the first call.
    ///
    /// While one call runs the first number never falls, and it is the second when the call has succeeded.
    pub fn progress(&self) -> (u64, u64) {
        loop {
            let total = self.total.load(Ordering::Acquire);
            let done = self.done.load(Ordering::Acquire);
            if self.total.load(Ordering::Relaxed) == total {
                return (done.min(total), total);
            }
        }
    }

    /// Puts a call of so many items under this control, until the guard goes.
    ///
    /// Errors: [`Error::ControlInUse`] while another call is.
    pub fn begin(&self, items: u64) -> Result<ActiveCall<'_>, Error> {
        let own = process::token();
        let take = |user| match user {
            CLOSED => None,
            user if user == own => None,
            _ => Some(own), // nobody, or a call that a fork has left behind in the parent process
        };
        self.user
            .fetch_update(Ordering::Acquire, Ordering::Relaxed, take)
            .map_err(|_| Error::ControlInUse)?;
        // In this order: who sees this call's total does not take the last one's number for what is done.
        self.done.store(0, Ordering::Relaxed);
        self.total.store(items, Ordering::Release);
        Ok(ActiveCall(self))
    }

    /// Lets no call begin from now on.
    ///
    /// Errors: [`Error::ControlInUse`] while a call is under this control.
    pub fn close(&self) -> Result<(), Error> {
        let own = process::token();
        let close = |user| (user != own).then_some(CLOSED);
        let outcome = self.user.fetch_update(Ordering::Acquire, Ordering::Relaxed, close);
        outcome.map(|_| ()).map_err(|_| Error::ControlInUse)
    }

    fn check(&self) -> Result<(), Error> {
        if self.cancelled.load(Ordering::Relaxed) {
            return Err(Error::Cancelled);
        }
        let deadline = self.deadline.load(Ordering::Relaxed);
        if deadline != NEVER && self.created.elapsed().as_nanos() >= u128::from(deadline) {
            return Err(Error::TimedOut);
        }
        Ok(())
    }
}

/// A call that is under a control.
pub struct ActiveCall<'a>(&'a Control);

impl ActiveCall<'_> {
    /// What the call's threads look at.
    pub fn token(&self) -> TokenRef<'_> {
        TokenRef { control: Some(self.0), unit: 1 }
    }
}

impl Drop for ActiveCall<'_> {
    fn drop(&mut self) {
        self.0.user.store(NOBODY, Ordering::Release);
    }
}

/// What the threads of a call look at and tell, between pieces of work.
#[derive(Clone, Copy)]
pub struct TokenRef<'a> {
    control: Option<&'a Control>,
    /// Items of the control's total that one item of the work is.
    unit: u64,
}

impl TokenRef<'_> {
    /// A call that is under no control.
    pub const fn none() -> Self {
        Self { control: None, unit: 1 }
    }

    /// The same call, for work that is told in blocks of so many items; the last block may have fewer.
    pub fn with_unit(self, unit: u64) -> Self {
        Self { unit, ..self }
    }

    /// Whether it is under no control.
    pub fn is_none(&self) -> bool {
        self.control.is_none()
    }

    /// Whether to go on. Errors: [`Error::Cancelled`], [`Error::TimedOut`].
    pub fn check(&self) -> Result<(), Error> {
        self.control.map_or(Ok(()), Control::check)
    }

    /// Whether to go on, to be asked before each of many items, whatever they take.
    pub fn poller(&self) -> Poller<'_> {
        Poller { control: self.control, until_deadline: 0 }
    }

    /// So many more items are done.
    pub fn advance(&self, items: u64) {
        if let Some(control) = self.control {
            control.done.fetch_add(items * self.unit, Ordering::Release);
        }
    }
}

/// Looks at a call's control before each item.
pub struct Poller<'a> {
    control: Option<&'a Control>,
    /// Items until the deadline is looked at, if there is one: that takes a clock.
    until_deadline: u32,
}

impl Poller<'_> {
    /// Items that may pass a deadline: so few that they take below 10 ms as long as one takes below one.
    const STRIDE: u32 = 8;

    /// Whether to begin with an item. Errors: [`Error::Cancelled`], [`Error::TimedOut`]. Cost: a nanosecond, or three
    /// with a deadline.
    #[inline]
    pub fn check(&mut self) -> Result<(), Error> {
        let Some(control) = self.control else { return Ok(()) };
        if self.until_deadline == 0 {
            self.until_deadline = Self::STRIDE;
            return control.check();
        }
        self.until_deadline -= 1;
        if control.cancelled.load(Ordering::Relaxed) { Err(Error::Cancelled) } else { Ok(()) }
    }
}

#[cfg(all(test, loom))]
mod model;
#[cfg(all(test, not(loom)))]
mod tests;
