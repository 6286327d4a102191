//! The copies of libpython in this process, by number, each with the loader of its libraries.

use std::ptr;
use std::sync::atomic::{AtomicPtr, Ordering};

use crate::interp::loading::loader::Loader;

/// The most copies of libpython in a process. (In practice fewer: each takes one of the process's 1024
/// pthread keys, which other libraries use too.)
pub(crate) const MAX_COPIES: usize = 1024;

static LOADERS: [AtomicPtr<Loader>; MAX_COPIES] = [const { AtomicPtr::new(ptr::null_mut()) }; MAX_COPIES];

pub(super) fn register(number: usize, loader: &'static Loader) {
    LOADERS[number].store(ptr::from_ref(loader).cast_mut(), Ordering::Release);
}

/// The loader of a copy; `None` before it is registered.
pub(super) fn loader(number: usize) -> Option<&'static Loader> {
    // SAFETY: each pointer is null or comes from a `&'static Loader`, stored with Release after the loader was made.
    unsafe { LOADERS[number].load(Ordering::Acquire).as_ref() }
}
