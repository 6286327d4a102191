//! The standard library's synchronisation types. In a model (`--cfg loom`) they are loom's, which tries all
//! interleavings of their operations.

use std::sync::{LockResult, PoisonError};

/// Locks a mutex, whether or not a thread panicked while it held the lock.
///
/// The crate has one policy for poisoned mutexes: it ignores the poison. What its mutexes guard is valid after each
/// statement, so a panic leaves nothing half done.
pub(crate) fn lock<T>(mutex: &std::sync::Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    unpoisoned(mutex.lock())
}

/// Applies that policy to other results: those of `Condvar::wait`, of `Mutex::into_inner`, and of loom's mutexes.
pub(crate) fn unpoisoned<T>(result: LockResult<T>) -> T {
    result.unwrap_or_else(PoisonError::into_inner)
}

#[cfg(not(loom))]
mod real {
    pub(crate) use std::sync::Mutex;
    pub(crate) use std::sync::atomic::{AtomicBool, AtomicPtr, AtomicU64, AtomicUsize, Ordering};
    pub(crate) use std::thread;

    pub(crate) use crossbeam::utils::Backoff;

    /// The standard cell with the interface of loom's, which checks the order of the accesses.
    #[derive(Debug)]
    pub(crate) struct UnsafeCell<T>(std::cell::UnsafeCell<T>);

    impl<T> UnsafeCell<T> {
        pub(crate) const fn new(value: T) -> Self {
            Self(std::cell::UnsafeCell::new(value))
        }

        /// A read: other threads may read at the same time.
        #[inline(always)]
        pub(crate) fn with<R>(&self, read: impl FnOnce(*const T) -> R) -> R {
            read(self.0.get())
        }

        /// A write: no other thread may access the value at the same time.
        #[inline(always)]
        pub(crate) fn with_mut<R>(&self, write: impl FnOnce(*mut T) -> R) -> R {
            write(self.0.get())
        }
    }
}

#[cfg(loom)]
mod model {
    pub(crate) use loom::cell::UnsafeCell;
    #[cfg(test)]
    pub(crate) use loom::sync::Arc;
    pub(crate) use loom::sync::Mutex;
    pub(crate) use loom::sync::atomic::{AtomicBool, AtomicPtr, AtomicU64, AtomicUsize, Ordering};

    /// Stops spinning at once, as spinning would only add interleavings.
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

    /// The part of `std::thread` that is used, with a `park` of its own: loom's forgets an `unpark` that comes while
    /// the thread waits for something else.
    pub(crate) mod thread {
        use std::sync::Arc;

        use loom::sync::Notify;
        #[cfg(test)]
        pub(crate) use loom::thread::yield_now;

        /// A thread by its token: whether it was unparked. (The count of its owners is not loom's: it orders nothing
        /// else, and each change of it would add interleavings.)
        #[derive(Clone)]
        pub(crate) struct Thread(Arc<Notify>);

        loom::thread_local! {
            static CURRENT: std::cell::RefCell<Thread> = std::cell::RefCell::new(Thread::new());
        }

        impl Thread {
            fn new() -> Self {
                Self(Arc::new(Notify::new()))
            }

            pub(crate) fn unpark(&self) {
                self.0.notify();
            }
        }

        pub(crate) fn current() -> Thread {
            CURRENT.with(|current| current.borrow().clone())
        }

        /// It may return once without an `unpark`, as the real one may.
        pub(crate) fn park() {
            current().0.wait();
        }

        pub(crate) struct JoinHandle<T> {
            #[cfg_attr(not(test), expect(dead_code, reason = "only tests join"))]
            handle: loom::thread::JoinHandle<T>,
            thread: Thread,
        }

        impl<T> JoinHandle<T> {
            pub(crate) fn thread(&self) -> &Thread {
                &self.thread
            }
            #[cfg(test)]
            pub(crate) fn join(self) -> std::thread::Result<T> {
                self.handle.join()
            }
        }

        pub(crate) fn spawn<T: 'static>(work: impl FnOnce() -> T + 'static) -> JoinHandle<T> {
            let thread = Thread::new();
            let own = thread.clone();
            let handle = loom::thread::spawn(move || {
                CURRENT.with(|current| *current.borrow_mut() = own);
                work()
            });
            JoinHandle { handle, thread }
        }

        /// Builds any thread: models have no use for names and stacks.
        pub(crate) struct Builder;

        impl Builder {
            pub(crate) fn new() -> Self {
                Self
            }
            pub(crate) fn name(self, _: String) -> Self {
                self
            }
            pub(crate) fn stack_size(self, _: usize) -> Self {
                self
            }
            pub(crate) fn spawn<T: 'static>(
                self,
                work: impl FnOnce() -> T + 'static,
            ) -> std::io::Result<JoinHandle<T>> {
                Ok(spawn(work))
            }
        }
    }
}

#[cfg(loom)]
pub(crate) use model::*;
#[cfg(not(loom))]
pub(crate) use real::*;
