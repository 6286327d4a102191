//! The control of a call. While the call runs, the control's owner reads its progress, cancels it or gives it a
//! deadline, from any thread.
//!
//! | type | role |
//! |---|---|
//! | [`Control`] | the control, for its owner |
//! | [`ActiveCall`] | guard: the control is in use by a call |
//! | [`ControlRef`] | the control as the call's threads use it; or none |
//! | [`Poller`] | frequent checks of the control |
//!
//! A control consists of atomics, so no fork can leave a lock taken. It uses `sys` and `error`; `pool` and `exchange` use it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::error::Error;
use crate::sys::parker::Parker;
use crate::sys::process;
use crate::sys::sync::{AtomicBool, AtomicU64, Ordering};

/// What a call shares with the owner of its control.
#[derive(Debug)]
pub struct Control {
    /// The process whose call uses the control, or one of the two constants below.
    user: AtomicU64,
    cancelled: AtomicBool,
    /// Nanoseconds since `created`, or `NEVER`.
    deadline: AtomicU64,
    created: Instant,
    done: AtomicU64,
    total: AtomicU64,
    /// What the call parks on if it waits: it is woken when it is to stop.
    parker: Arc<Parker>,
}

/// No call uses the control.
const NOBODY: u64 = 0;
/// No call may use the control any more.
const CLOSED: u64 = u64::MAX;

/// No deadline.
const NEVER: u64 = u64::MAX;

impl Control {
    /// A control that no call uses yet: not cancelled, without a deadline.
    pub fn new() -> Self {
        Self {
            user: AtomicU64::new(NOBODY),
            cancelled: AtomicBool::new(false),
            deadline: AtomicU64::new(NEVER),
            created: Instant::now(),
            done: AtomicU64::new(0),
            total: AtomicU64::new(0),
            parker: Arc::new(Parker::new()),
        }
    }

    /// Stops the call that uses the control, and any later one.
    pub fn cancel(&self) {
        self.cancelled.store(true, Ordering::Relaxed);
        self.parker.unpark();
    }

    /// Stops the call when this much time has passed from now; `None` removes the deadline.
    pub fn set_deadline(&self, after: Option<Duration>) {
        let nanoseconds = |after: Duration| self.created.elapsed().saturating_add(after).as_nanos();
        let deadline = after.map_or(NEVER, |after| nanoseconds(after).try_into().unwrap_or(NEVER));
        self.deadline.store(deadline, Ordering::Relaxed);
        self.parker.unpark();
    }

    /// How many items of the latest call are done, and how many it has in all; both are 0 before the first call.
    ///
    /// During a call the first number never decreases. When the call has succeeded, the two are equal.
    pub fn progress(&self) -> (u64, u64) {
        loop {
            let total = self.total.load(Ordering::Acquire);
            let done = self.done.load(Ordering::Acquire);
            if self.total.load(Ordering::Relaxed) == total {
                return (done.min(total), total);
            }
        }
    }

    /// Begins a call of this many items, which uses the control until the guard is dropped.
    ///
    /// Errors: [`Error::ControlInUse`] while another call uses it.
    pub fn begin(&self, items: u64) -> Result<ActiveCall<'_>, Error> {
        let own = process::token();
        let take = |user| match user {
            CLOSED => None,
            user if user == own => None,
            _ => Some(own), // nobody, or a call of the parent process, which a fork has copied
        };
        self.user
            .fetch_update(Ordering::Acquire, Ordering::Relaxed, take)
            .map_err(|_| Error::ControlInUse)?;
        // In this order, so that nobody combines this call's total with the progress of the last call.
        self.done.store(0, Ordering::Relaxed);
        self.total.store(items, Ordering::Release);
        Ok(ActiveCall(self))
    }

    /// Lets no call begin from now on.
    ///
    /// Errors: [`Error::ControlInUse`] while a call uses the control.
    pub fn close(&self) -> Result<(), Error> {
        let own = process::token();
        let close = |user| (user != own).then_some(CLOSED);
        let outcome = self.user.fetch_update(Ordering::Acquire, Ordering::Relaxed, close);
        outcome.map(|_| ()).map_err(|_| Error::ControlInUse)
    }

    fn deadline(&self) -> Option<Instant> {
        let deadline = self.deadline.load(Ordering::Relaxed);
        // A time that the clock does not have never comes.
        (deadline != NEVER).then(|| self.created.checked_add(Duration::from_nanos(deadline))).flatten()
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

/// A call that uses a control.
pub struct ActiveCall<'a>(&'a Control);

impl ActiveCall<'_> {
    /// The control, for the threads of the call.
    pub fn control(&self) -> ControlRef<'_> {
        ControlRef { control: Some(self.0), unit: 1 }
    }
}

impl Drop for ActiveCall<'_> {
    fn drop(&mut self) {
        self.0.user.store(NOBODY, Ordering::Release);
    }
}

/// A call's control, if it has one: the call's threads check it, and report progress to it, between chunks of work.
#[derive(Clone, Copy)]
pub struct ControlRef<'a> {
    control: Option<&'a Control>,
    /// How many of the control's items one item of the work counts for.
    unit: u64,
}

impl ControlRef<'_> {
    /// For a call that uses no control.
    pub const fn none() -> Self {
        Self { control: None, unit: 1 }
    }

    /// The same control, for work whose items are blocks of `unit` items each; the last block may have fewer.
    pub fn with_unit(self, unit: u64) -> Self {
        Self { unit, ..self }
    }

    /// The same control, for work that does not report its progress.
    pub fn without_progress(self) -> Self {
        self.with_unit(0)
    }

    /// Whether the call uses no control.
    pub fn is_none(&self) -> bool {
        self.control.is_none()
    }

    /// Whether to continue. Errors: [`Error::Cancelled`], [`Error::TimedOut`].
    pub fn check(&self) -> Result<(), Error> {
        self.control.map_or(Ok(()), Control::check)
    }

    /// The time after which `check` fails, at present.
    pub fn deadline(&self) -> Option<Instant> {
        self.control.and_then(Control::deadline)
    }

    /// What a call that waits has to park on, so that a cancellation or another deadline wakes it.
    pub(crate) fn parker(&self) -> Option<&Arc<Parker>> {
        self.control.map(|control| &control.parker)
    }

    /// A check to make before each of many items, whether they are short or long.
    pub fn poller(&self) -> Poller<'_> {
        Poller { control: self.control, until_deadline: 0 }
    }

    /// Reports that this many more items are done.
    pub fn advance(&self, items: u64) {
        if let Some(control) = self.control {
            control.done.fetch_add(items * self.unit, Ordering::Release);
        }
    }
}

/// Checks a call's control before each item.
pub struct Poller<'a> {
    control: Option<&'a Control>,
    /// How many items to begin before the next check of the deadline, which reads the clock.
    until_deadline: u32,
}

impl Poller<'_> {
    /// How many items may begin after a deadline has passed: few enough to take less than 10 ms if each takes 1 ms.
    const STRIDE: u32 = 8;

    /// Whether to begin the next item. Errors: [`Error::Cancelled`], [`Error::TimedOut`]. Cost: a nanosecond, or three
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
