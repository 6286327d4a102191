//! Whether a thread holds the GIL, asked without it.

use std::ffi::c_void;
use std::mem;
use std::ptr::NonNull;

use crate::interp::cpython::ffi::ThreadState;

type Current = unsafe extern "C" fn() -> *mut ThreadState;

/// The functions of one Python that tell whether a thread holds its GIL. (`PyGILState_Check` does not, if code has used
/// subinterpreters.)
#[derive(Clone, Copy)]
pub(crate) struct GilHolder {
    /// The thread state of this thread.
    own: Current,
    /// The thread state that holds the GIL, or that is attached to this thread.
    attached: Current,
}

impl GilHolder {
    /// # Safety
    /// `find` returns the addresses of the symbols of a CPython that stays loaded.
    pub(crate) unsafe fn of(find: &dyn Fn(&str) -> Option<NonNull<c_void>>) -> Option<Self> {
        // SAFETY: Python's functions of these names have this type in each version that has them. The newer of the last two
        // is there from 3.13 on.
        let function =
            |name| find(name).map(|it| unsafe { mem::transmute::<*mut c_void, Current>(it.as_ptr()) });
        let attached =
            function("PyThreadState_GetUnchecked").or_else(|| function("_PyThreadState_UncheckedGet"));
        Some(Self { own: function("PyGILState_GetThisThreadState")?, attached: attached? })
    }

    /// Whether this thread holds the GIL.
    pub(crate) fn is_this_thread(self) -> bool {
        // SAFETY: by the contract of `of`. Any thread may call these functions, as they only read.
        let (own, attached) = unsafe { ((self.own)(), (self.attached)()) };
        !own.is_null() && own == attached
    }
}
