//! Values that a process has one of, and that the child of a fork makes anew. A child has its parent's memory but none
//! of its threads, and one of those may hold a lock inside the value.

use crate::sys::atomic_ref::AtomicRef;
use crate::sys::process;

/// One value per process, made when it is first used, and never freed.
pub(crate) struct ForkLocal<T: 'static> {
    current: AtomicRef<Entry<T>>,
    make: fn() -> T,
}

struct Entry<T> {
    process: u64,
    value: T,
}

impl<T: Send + Sync> ForkLocal<T> {
    pub(crate) const fn new(make: fn() -> T) -> Self {
        Self { current: AtomicRef::none(), make }
    }

    /// This process's value. Threads that need it first at the same time may each make one; all get the same one.
    pub(crate) fn get(&'static self) -> &'static T {
        let current = self.current.get();
        let own = current.filter(|entry| entry.process == process::token());
        &own.unwrap_or_else(|| self.replace(current)).value
    }

    /// Replaces none, or the parent process's entry.
    fn replace(&'static self, old: Option<&'static Entry<T>>) -> &'static Entry<T> {
        let entry = Entry { process: process::token(), value: (self.make)() };
        self.current.replace_boxed(old, Box::new(entry))
    }
}
