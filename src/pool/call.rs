//! A call: how many threads it may use, its control, and the loops that run it.

use std::mem;
use std::ops::{Add, Range};

use super::chunks::{ChunkScheduler, ChunkSizer, Grain};
use super::failure::Failure;
use super::threads::run_in_pool;
use crate::control::{self, ControlRef};
use crate::error::Error;
use crate::sys::process;
use crate::sys::sync::{Mutex, unpoisoned};

/// How a call runs.
#[derive(Clone, Copy)]
pub struct Call<'a> {
    /// The most threads that it uses, the calling one included.
    threads: usize,
    /// The control that it uses, or none.
    pub control: ControlRef<'a>,
    /// The process that began it.
    process: u64,
}

impl Call<'_> {
    /// A call on at most `threads` threads that uses no control.
    pub fn on(threads: usize) -> Self {
        Self::new(ControlRef::none(), threads)
    }

    /// A call on at most `threads` threads that uses this control.
    pub fn new(control: ControlRef<'_>, threads: usize) -> Call<'_> {
        Call { threads, control, process: process::token() }
    }

    /// A check to make before each of many calls of a function that may fork.
    pub fn poller(&self) -> Poller<'_> {
        Poller { control: self.control.poller(), call: self }
    }

    /// Whether this is the child of a fork inside a chunk: it has neither the call's other threads nor their results.
    /// (A call on one thread continues in the child.)
    #[inline]
    fn is_in_forked_child(&self) -> bool {
        self.threads > 1 && process::token() != self.process
    }

    /// Runs `part` on chunks that make up `0..len`.
    ///
    /// An error stops the call: chunks that were begun are finished, and soon no more are begun. Of several errors the
    /// call returns that of the lowest chunk. Chunks are begun in order, so this is the error that a single thread
    /// would have met. A panic resumes in the caller, once no other thread works on the range.
    pub fn for_each(
        &self,
        len: u64,
        grain: Grain,
        part: impl Fn(Range<u64>) -> Result<(), Error> + Sync,
    ) -> Result<(), Error> {
        self.reduce(len, grain, part, |(), ()| ())
    }

    /// Like [`for_each`](Self::for_each), but returns the sum of the values that `part` returns.
    ///
    /// The order of the additions varies, so `T`'s addition must be associative and commutative (integers' is).
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
        // One thread needs no chunks, unless they are checked between or have a length on which the caller's function
        // relies.
        if self.threads <= 1 && self.control.is_none() && matches!(grain, Grain::Adaptive { .. }) {
            return part(0..len);
        }
        let chunks = ChunkScheduler::new(len, grain);
        let threads = chunks.max_count().min(self.threads as u64).max(1) as usize;
        let (total, failure) = (Mutex::new(T::default()), Failure::none());
        run_in_pool(threads - 1, &|| {
            if let Some(own) = self.run_chunks(&chunks, threads, &failure, &part, &add) {
                let mut total = unpoisoned(total.lock());
                *total = add(mem::take(&mut *total), own);
            }
        });
        if self.is_in_forked_child() {
            return Err(Error::Forked);
        }
        failure.into_result().map(|()| unpoisoned(total.into_inner()))
    }

    /// One thread's work: takes chunks until none remains, and adds their values. `None` in a forked child, where a
    /// thread that does not exist there may hold any of the call's locks.
    fn run_chunks<T: Default>(
        &self,
        chunks: &ChunkScheduler,
        threads: usize,
        failure: &Failure,
        part: &impl Fn(Range<u64>) -> Result<T, Error>,
        add: &impl Fn(T, T) -> T,
    ) -> Option<T> {
        let (mut own, mut sizer) = (T::default(), ChunkSizer::new());
        while self.may_go_on(chunks, failure)
            && let Some(chunk) = chunks.take(&mut sizer, threads)
        {
            let (start, items) = (chunk.start, chunk.end - chunk.start);
            let outcome = part(chunk);
            if self.is_in_forked_child() {
                return None;
            }
            match outcome {
                Ok(value) => {
                    own = add(mem::take(&mut own), value);
                    self.control.advance(items);
                }
                Err(error) => failure.report(start, error),
            }
        }
        Some(own)
    }

    fn may_go_on(&self, chunks: &ChunkScheduler, failure: &Failure) -> bool {
        if failure.is_reported() {
            return false;
        }
        // A cancellation that comes while the last chunk runs changes nothing: the call completes.
        if let Err(stopped) = self.control.check()
            && chunks.remain()
        {
            failure.report(u64::MAX, stopped);
            return false;
        }
        true
    }
}

/// Checks a call before each item of a chunk.
pub struct Poller<'a> {
    control: control::Poller<'a>,
    call: &'a Call<'a>,
}

impl Poller<'_> {
    /// Whether to begin the next item. Errors: [`Error::Cancelled`], [`Error::TimedOut`]; [`Error::Forked`] if the last
    /// item forked and this is the child. Cost: a nanosecond, or three with a deadline.
    #[inline]
    pub fn check(&mut self) -> Result<(), Error> {
        if self.call.is_in_forked_child() { Err(Error::Forked) } else { self.control.check() }
    }
}
