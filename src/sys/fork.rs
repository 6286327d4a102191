//! Things that a process has one of, and that the child of a fork makes anew: it has its parent's memory, but none of
//! its threads, and a lock may be held by one of those.

use std::ptr;
use std::sync::atomic::{AtomicPtr, Ordering};

use crate::sys::process;

/// A value per process, made when it is first asked for, and never freed.
pub(crate) struct ForkLocal<T: 'static> {
    current: AtomicPtr<Entry<T>>,
    make: fn() -> T,
}

struct Entry<T> {
    process: u64,
    value: T,
}

impl<T: Send + Sync> ForkLocal<T> {
    pub(crate) const fn new(make: fn() -> T) -> Self {
        Self { current: AtomicPtr::new(ptr::null_mut()), make }
    }

    /// This process's value.
    pub(crate) fn get(&'static self) -> &'static T {
        let current = self.current.load(Ordering::Acquire);
        // SAFETY: an entry that is published is never freed, and only shared references to it are given out. The Acquire
        // above sees it whole.
        let own = unsafe { current.as_ref() }.filter(|entry| entry.process == process::token());
        &own.unwrap_or_else(|| self.replace(current)).value
    }

    /// Publishes an entry in place of none, or of the parent process's.
    fn replace(&'static self, old: *mut Entry<T>) -> &'static Entry<T> {
        let new = Box::into_raw(Box::new(Entry { process: process::token(), value: (self.make)() }));
        match self.current.compare_exchange(old, new, Ordering::AcqRel, Ordering::Acquire) {
            // SAFETY: `new` is a Box's, which is published now, and so never freed.
            Ok(_) => unsafe { &*new },
            Err(first) => {
                // SAFETY: `new` was not published, so nobody else has it. `first` was, and is not NULL, as nobody stores
                // NULL; so it is never freed.
                unsafe {
                    drop(Box::from_raw(new));
                    &*first
                }
            }
        }
    }
}
