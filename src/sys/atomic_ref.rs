//! References that are published to all threads without a lock, so that no fork can leave a lock held.

use std::ptr;
use std::sync::atomic::{AtomicPtr, Ordering};

/// A reference to a value that is never freed, or none yet. Threads that publish at the same time agree on one value.
pub(crate) struct AtomicRef<T: 'static>(AtomicPtr<T>);

impl<T: Sync> AtomicRef<T> {
    pub(crate) const fn none() -> Self {
        Self(AtomicPtr::new(ptr::null_mut()))
    }

    /// What was published last.
    #[inline]
    pub(crate) fn get(&self) -> Option<&'static T> {
        // SAFETY: the pointer is null, or came from a `&'static T` or from a box that is never freed after it was
        // published. `Acquire` pairs with the publisher's `Release`, so the value is complete. `T: Sync` lets all
        // threads have the reference.
        unsafe { self.0.load(Ordering::Acquire).as_ref() }
    }

    /// Publishes `new` if `old` is still what is published. The error is what another thread has published instead.
    pub(crate) fn replace(&self, old: Option<&'static T>, new: &'static T) -> Result<(), &'static T> {
        self.exchange(old, ptr::from_ref(new).cast_mut())
    }

    /// Publishes `new` if `old` is still what is published, and drops it otherwise. Returns what is published then.
    pub(crate) fn replace_boxed(&self, old: Option<&'static T>, new: Box<T>) -> &'static T {
        let new = Box::into_raw(new);
        match self.exchange(old, new) {
            // SAFETY: the box was published just now, so it is never freed, and only shared from now on.
            Ok(()) => unsafe { &*new },
            Err(first) => {
                // SAFETY: the pointer came from `into_raw`, and was not published, so this is its only owner.
                drop(unsafe { Box::from_raw(new) });
                first
            }
        }
    }

    /// As `replace`, for a pointer that may be published.
    fn exchange(&self, old: Option<&'static T>, new: *mut T) -> Result<(), &'static T> {
        let old = old.map_or(ptr::null_mut(), |old| ptr::from_ref(old).cast_mut());
        match self.0.compare_exchange(old, new, Ordering::AcqRel, Ordering::Acquire) {
            Ok(_) => Ok(()),
            // SAFETY: null is never stored after the start. So if `old` is not what was there, something was published
            // there, which is never freed; `Acquire` makes it complete.
            Err(first) => Err(unsafe { &*first }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::AtomicRef;

    #[test]
    fn a_reference_is_published_only_in_place_of_the_expected_one() {
        static PUBLISHED: AtomicRef<u32> = AtomicRef::none();
        assert_eq!(PUBLISHED.get(), None);
        assert_eq!(PUBLISHED.replace(None, &1), Ok(()));
        let first = PUBLISHED.get();
        assert_eq!(PUBLISHED.replace(None, &2), Err(&1));
        assert_eq!(*PUBLISHED.replace_boxed(None, Box::new(3)), 1);
        assert_eq!(*PUBLISHED.replace_boxed(first, Box::new(4)), 4);
        assert_eq!(*PUBLISHED.replace_boxed(first, Box::new(5)), 4);
        assert_eq!(PUBLISHED.get(), Some(&4));
    }
}
