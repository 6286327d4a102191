//! Why a call stopped early.

use crate::error::Error;
use crate::sys::sync::{AtomicBool, Mutex, Ordering, unpoisoned};

/// The error of the lowest chunk that failed.
pub(super) struct Failure {
    is_reported: AtomicBool,
    lowest: Mutex<Option<(u64, Error)>>,
}

impl Failure {
    pub(super) fn none() -> Self {
        Self { is_reported: AtomicBool::new(false), lowest: Mutex::new(None) }
    }

    /// Whether a chunk has failed. A thread that learns of it late takes one chunk more, which changes no result.
    pub(super) fn is_reported(&self) -> bool {
        self.is_reported.load(Ordering::Relaxed)
    }

    /// The chunk that starts at `position` has failed.
    pub(super) fn report(&self, position: u64, error: Error) {
        let mut lowest = unpoisoned(self.lowest.lock());
        if lowest.as_ref().is_none_or(|(lowest, _)| position < *lowest) {
            *lowest = Some((position, error));
        }
        self.is_reported.store(true, Ordering::Relaxed);
    }

    pub(super) fn into_result(self) -> Result<(), Error> {
        unpoisoned(self.lowest.into_inner()).map_or(Ok(()), |(_, error)| Err(error))
    }
}
