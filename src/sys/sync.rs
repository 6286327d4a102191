//! The standard synchronisation types; in a model (`--cfg loom`) those of loom, which tries all their interleavings.

use std::sync::{LockResult, PoisonError};

/// Locks a mutex, whether or not a thread panicked while it held the lock.
///
/// The crate has one policy for poisoned mutexes: it ignores the poison. What its mutexes guard is valid after each
/// statement, so a panic leaves nothing half done.
pub(crate) fn lock<T>(mutex: &std::sync::Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    unpoisoned(mutex.lock())
}

/// The same policy for whatever else says that a mutex was poisoned: `wait`, `into_inner`, loom's mutex.
pub(crate) fn unpoisoned<T>(result: LockResult<T>) -> T {
    result.unwrap_or_else(PoisonError::into_inner)
}

#[cfg(not(loom))]
mod real {
    pub(crate) use std::sync::atomic::{AtomicBool, AtomicPtr, AtomicU64, AtomicUsize, Ordering};
    pub(crate) use std::sync::{Mutex, MutexGuard};
    pub(crate) use std::thread;

    pub(crate) use crossbeam_utils::Backoff;
    pub(crate) use crossbeam_utils::sync::{Parker, Unparker};

    /// The standard cell, accessed as loom's is, which sees whether accesses are in order.
    #[derive(Debug)]
    pub(crate) struct UnsafeCell<T>(std::cell::UnsafeCell<T>);

    impl<T> UnsafeCell<T> {
        pub(crate) const fn new(value: T) -> Self {
            Self(std::cell::UnsafeCell::new(value))
        }

        /// A read: other threads may read meanwhile.
        #[inline(always)]
        pub(crate) fn with<R>(&self, read: impl FnOnce(*const T) -> R) -> R {
            read(self.0.get())
        }

        /// A write: no other thread may access the value meanwhile.
        #[inline(always)]
        pub(crate) fn with_mut<R>(&self, write: impl FnOnce(*mut T) -> R) -> R {
            write(self.0.get())
        }
    }
}

#[cfg(loom)]
mod model {
    pub(crate) use loom::cell::UnsafeCell;
    pub(crate) use loom::sync::atomic::{AtomicBool, AtomicPtr, AtomicU64, AtomicUsize, Ordering};
    pub(crate) use loom::sync::{Arc, Condvar, Mutex, MutexGuard};

    /// Gives up at once: spinning would only add interleavings.
    pub(crate) struct Backoff;

    impl Backoff {
        pub(crate) fn new() -> Self {
            Self
        }
        pub(crate) fn is_completed(&self) -> bool {
            true
        }
        pub(crate) fn snooze(&self) {}
    }

    /// Loom has no parker, and its `thread::park` forgets a wake-up that comes while its thread waits elsewhere.
    pub(crate) struct Parker(Unparker);

    #[derive(Clone)]
    pub(crate) struct Unparker(Arc<(Mutex<bool>, Condvar)>);

    impl Parker {
        pub(crate) fn new() -> Self {
            Self(Unparker(Arc::new((Mutex::new(false), Condvar::new()))))
        }
        pub(crate) fn unparker(&self) -> &Unparker {
            &self.0
        }
        pub(crate) fn park(&self) {
            let (token, came) = &*self.0.0;
            let mut token = token.lock().unwrap();
            while !*token {
                token = came.wait(token).unwrap();
            }
            *token = false;
        }
    }

    impl Unparker {
        pub(crate) fn unpark(&self) {
            let (token, came) = &*self.0;
            *token.lock().unwrap() = true;
            came.notify_one();
        }
    }

    pub(crate) mod thread {
        pub(crate) use loom::thread::{spawn, yield_now};

        use super::{Parker, Unparker};

        loom::thread_local! {
            static PARKER: Parker = Parker::new();
        }

        pub(crate) type Thread = Unparker;

        pub(crate) fn current() -> Thread {
            PARKER.with(|parker| parker.unparker().clone())
        }
        pub(crate) fn park() {
            PARKER.with(Parker::park);
        }
    }
}

#[cfg(loom)]
pub(crate) use model::*;
#[cfg(not(loom))]
pub(crate) use real::*;
