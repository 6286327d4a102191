//! How a call runs.

use std::num::NonZero;

use super::threads;
use crate::control::{ActiveCall, Control, ControlRef};
use crate::error::Error;
use crate::pool::Call;

/// The options of a call.
#[derive(Debug, Clone, Copy, Default)]
pub struct CallOptions<'a> {
    /// The most threads that may work at it, the calling one included; `None` for the default number.
    pub threads: Option<NonZero<usize>>,
    /// The control by which other threads see its progress and stop it.
    pub control: Option<&'a Control>,
}

impl CallOptions<'_> {
    /// Runs `body` as a call of so many items.
    ///
    /// With the default number of threads, a call of at most `max_serial` items stays on the calling thread: it would
    /// be over before a worker is awake.
    ///
    /// Errors: [`Error::ControlInUse`], and those of `body`.
    pub(super) fn run<T>(
        self,
        items: u64,
        max_serial: u64,
        body: impl FnOnce(Call<'_>) -> Result<T, Error>,
    ) -> Result<T, Error> {
        let threads = threads::of_call(self.threads, items <= max_serial);
        let active = self.control.map(|control| control.begin(items)).transpose()?;
        body(Call::new(active.as_ref().map_or(ControlRef::none(), ActiveCall::control), threads))
    }
}
