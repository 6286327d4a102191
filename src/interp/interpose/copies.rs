//! The copies of libpython in this process, by number, each with the loader of its libraries.

use std::ptr;
use std::sync::atomic::{AtomicPtr, Ordering};

use crate::interp::loading::loader::Loader;

pub(crate) use crate::interp::exit::life::MAX_COPIES;

static LOADERS: [AtomicPtr<Loader>; MAX_COPIES] = [const { AtomicPtr::new(ptr::null_mut()) }; MAX_COPIES];

pub(super) fn register(number: usize, loader: &'static Loader) {
    LOADERS[number].store(ptr::from_ref(loader).cast_mut(), Ordering::Release);
}

/// The loader of a copy; `None` before it is registered.
pub(super) fn loader(number: usize) -> Option<&'static Loader> {
    // SAFETY: each pointer is null or comes from a `&'static Loader`, stored with Release after the loader was made.
    unsafe { LOADERS[number].load(Ordering::Acquire).as_ref() }
}
