//! A closure as the unwind boundary calls it: a function and a pointer to its data.

use std::ffi::c_void;

pub(super) type Thunk = unsafe extern "C-unwind" fn(*mut c_void);

/// A function to call, then its result.
pub(super) struct PendingCall<F, R> {
    function: Option<F>,
    result: Option<R>,
}

impl<R, F: FnOnce() -> R> PendingCall<F, R> {
    pub(super) fn new(function: F) -> Self {
        Self { function: Some(function), result: None }
    }

    /// Calls the function of the `PendingCall` that `data` points to.
    ///
    /// # Safety
    /// `data` points to a value of this very type, which nothing else accesses during the call.
    pub(super) unsafe extern "C-unwind" fn thunk(data: *mut c_void) {
        // SAFETY: by this function's contract the value exists, has this type, and is accessed by nothing else.
        let call = unsafe { &mut *data.cast::<Self>() };
        call.result = call.function.take().map(|function| function());
    }

    pub(super) fn into_result(self) -> Option<R> {
        self.result
    }
}
