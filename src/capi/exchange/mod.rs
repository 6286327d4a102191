//! The exchange: queues, counters, barriers, and inboxes of calls, which threads of any interpreter, of the host and of C
//! share.

pub(super) mod barriers;
pub(super) mod calls;
pub(super) mod counters;
pub(super) mod inboxes;
pub(super) mod objects;
pub(super) mod queues;

use std::time::Duration;

use super::abi::error::CallError;
use super::control::with_control;
use crate::error::Error;
use crate::exchange::wait::Limits;

/// Waits, for so many milliseconds at most unless that is negative, and with the control if that is not 0.
fn with_limits<T>(
    timeout_ms: i64,
    control: i32,
    wait: impl FnOnce(&Limits<'_>) -> Result<T, Error>,
) -> Result<T, CallError> {
    let timeout = u64::try_from(timeout_ms).ok().map(Duration::from_millis);
    with_control(control, |control| Ok(wait(&Limits::new(timeout, control)?)?))
}
