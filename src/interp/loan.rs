//! Memory that goes to an interpreter.

use std::ffi::c_void;

use crate::outside::outside;

/// Memory of an owner's.
pub struct Loan {
    /// Where it is.
    pub address: *mut c_void,
    /// Its length in bytes.
    pub len: usize,
    /// Whether nobody may write to it.
    pub read_only: bool,
    /// Told when the last view of it is gone, from any thread.
    pub owner: Owner,
}

/// Whom to tell that a loan is over, which happens when this goes.
pub struct Owner(Option<Box<dyn FnOnce() + Send>>);

impl Owner {
    /// `tell` may be called from any thread, and may wait for whatever it likes.
    pub fn new(tell: impl FnOnce() + Send + 'static) -> Self {
        Self(Some(Box::new(tell)))
    }
}

impl Drop for Owner {
    fn drop(&mut self) {
        if let Some(tell) = self.0.take() {
            outside(tell);
        }
    }
}
