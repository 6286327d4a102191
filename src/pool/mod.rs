//! One call on several threads: the range is cut into pieces, and each thread takes the next one until none
//! is left. The caller is one of the threads; the others are helpers that wait between calls.
//!
//! The protocol between callers and helpers is written down in `README.md` beside this file.

mod crew;
mod helpers;
mod idle;
mod job;
mod ordered;
mod pieces;

use std::ops::{Add, Range};

use crate::control::{self, TokenRef};
use crate::error::Error;
use crate::sys::process;
use crate::sys::sync::{AtomicBool, Mutex, Ordering};

pub use crate::sys::affinity::processors;
pub use pieces::Grain;
use pieces::{ChunkScheduler, ChunkSizer};

/// How a call runs.
#[derive(Clone, Copy)]
pub struct Call<'a> {
    /// On at most so many threads, the calling one included.
    threads: usize,
    /// Under this control, or none.
    pub token: TokenRef<'a>,
    /// The process that began it.
    process: u64,
}

impl Call<'_> {
    /// On at most so many threads, under no control.
    pub fn on(threads: usize) -> Self {
        Self::new(TokenRef::none(), threads)
    }

    /// On at most so many threads, under this control or none.
    pub fn new(token: TokenRef<'_>, threads: usize) -> Call<'_> {
        Call { threads, token, process: process::token() }
    }

    /// Whether to go on, to be asked before each of many calls of a function that may fork.
    pub fn poller(&self) -> Poller<'_> {
        Poller { control: self.token.poller(), call: self }
    }

    /// Whether this is the child of a fork inside a piece: the call's other threads are not there, nor is what they have
    /// done. (A call on one thread goes on in the child.)
    #[inline]
    fn is_left_in_child(&self) -> bool {
        self.threads > 1 && process::token() != self.process
    }

    /// Does `part` on pieces that make up `0..len`.
    ///
    /// An error stops the call: pieces that were begun are ended, and soon no other is begun. As pieces are begun in
    /// order, the error of the lowest piece that has one is the one that a single thread would have met; it comes back.
    /// A panic goes on in the caller, when no thread works at the range any more.
    pub fn for_each(
        &self,
        len: u64,
        grain: Grain,
        part: impl Fn(Range<u64>) -> Result<(), Error> + Sync,
    ) -> Result<(), Error> {
        self.reduce(len, grain, part, |(), ()| ())
    }

    /// As [`for_each`](Self::for_each); the sum of what `part` gives.
    ///
    /// ChunkScheduler are added in no fixed order, so `T`'s addition must be associative and commutative (integers' is).
    pub fn sum<T: Add<Output = T> + Default + Send>(
        &self,
        len: u64,
        grain: Grain,
        part: impl Fn(Range<u64>) -> Result<T, Error> + Sync,
    ) -> Result<T, Error> {
        self.reduce(len, grain, part, Add::add)
    }

    fn reduce<T: Default + Send>(
        &self,
        len: u64,
        grain: Grain,
        part: impl Fn(Range<u64>) -> Result<T, Error> + Sync,
        add: impl Fn(T, T) -> T + Sync,
    ) -> Result<T, Error> {
        if self.threads <= 1 && self.token.is_none() && matches!(grain, Grain::Adaptive { .. }) {
            return part(0..len);
        }
        let pieces = ChunkScheduler::new(len, grain);
        let total = Mutex::new(T::default());
        let failure = Failure::none();
        let threads = pieces.count().min(self.threads as u64).max(1) as usize;
        let take_pieces = || {
            let (mut own, mut pace) = (T::default(), ChunkSizer::new());
            while self.may_go_on(&pieces, &failure) {
                let Some(piece) = pieces.take(&mut pace, threads) else { break };
                let (start, items) = (piece.start, piece.end - piece.start);
                let outcome = part(piece);
                if self.is_left_in_child() {
                    return; // a thread that is not there may have the locks
                }
                match outcome {
                    Ok(value) => {
                        own = add(std::mem::take(&mut own), value);
                        self.token.advance(items);
                    }
                    Err(error) => failure.note(start, error),
                }
            }
            let mut total = total.lock().expect("adding does not panic");
            *total = add(std::mem::take(&mut *total), own);
        };
        helpers::work_together(threads - 1, &take_pieces);
        if self.is_left_in_child() {
            return Err(Error::Forked);
        }
        failure.into_result().map(|()| total.into_inner().expect("adding does not panic"))
    }

    fn may_go_on(&self, pieces: &ChunkScheduler, failure: &Failure) -> bool {
        if failure.is_noted() {
            return false;
        }
        // What is done is done, even if a cancellation comes while the last piece runs.
        if let Err(stopped) = self.token.check()
            && pieces.are_left()
        {
            failure.note(u64::MAX, stopped);
            return false;
        }
        true
    }
}

/// Looks at a call before each item of a piece.
pub struct Poller<'a> {
    control: control::Poller<'a>,
    call: &'a Call<'a>,
}

impl Poller<'_> {
    /// Whether to begin with an item. Errors: [`Error::Cancelled`], [`Error::TimedOut`]; [`Error::Forked`] if the last
    /// item forked and this is the child. Cost: a nanosecond, or three with a deadline.
    #[inline]
    pub fn check(&mut self) -> Result<(), Error> {
        if self.call.is_left_in_child() { Err(Error::Forked) } else { self.control.check() }
    }
}

/// The error of the lowest piece that has one.
struct Failure {
    noted: AtomicBool,
    lowest: Mutex<Option<(u64, Error)>>,
}

impl Failure {
    fn none() -> Self {
        Self { noted: AtomicBool::new(false), lowest: Mutex::new(None) }
    }

    fn is_noted(&self) -> bool {
        self.noted.load(Ordering::Relaxed)
    }

    fn note(&self, position: u64, error: Error) {
        let mut lowest = self.lowest.lock().expect("nothing panics here");
        if lowest.as_ref().is_none_or(|(lowest, _)| position < *lowest) {
            *lowest = Some((position, error));
        }
        self.noted.store(true, Ordering::Relaxed);
    }

    fn into_result(self) -> Result<(), Error> {
        let lowest = self.lowest.into_inner().expect("nothing panics here");
        lowest.map_or(Ok(()), |(_, error)| Err(error))
    }
}

#[cfg(all(test, loom))]
mod model;
#[cfg(all(test, not(loom)))]
mod tests;
