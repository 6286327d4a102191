//! Free-threaded builds of Python (PEP 703): how they are recognised, and how all their threads are stopped.
//!
//! Such a build has no GIL that one thread could keep from the others. But its garbage collector stops the world: while
//! it looks at all objects, no other thread runs Python code.

use std::ffi::{c_int, c_void};
use std::mem;
use std::ptr::NonNull;

use crate::interp::cpython::ffi::{Missing, Object};
use crate::interp::cpython::version::Version;
use crate::sys::foreign::call_foreign;
use crate::sys::unwind::park_forever;

/// A function that only free-threaded builds export: their `Py_DECREF` calls it.
pub(crate) const MARK: &str = "_Py_DecRefShared";

/// The oldest free-threaded build that interpreters support: in 3.13 it was an experiment.
pub(crate) const OLDEST: Version = Version(3, 14);

type Visitor = unsafe extern "C" fn(*mut Object, *mut c_void) -> c_int;

/// Stops the world of one Python.
#[derive(Clone, Copy)]
pub(crate) struct StopTheWorld {
    visit_objects: unsafe extern "C-unwind" fn(Visitor, *mut c_void),
}

impl StopTheWorld {
    /// # Safety
    /// `find` returns the addresses of the symbols of a Python that stays loaded.
    pub(crate) unsafe fn of(find: impl Fn(&str) -> Option<NonNull<c_void>>) -> Result<Self, Missing> {
        const NAME: &str = "PyUnstable_GC_VisitObjects";
        let address = find(NAME).ok_or(Missing::of(NAME))?.as_ptr();
        // SAFETY: Python's function of this name, which it has from 3.12 on, has this type.
        let visit_objects = unsafe {
            mem::transmute::<*mut c_void, unsafe extern "C-unwind" fn(Visitor, *mut c_void)>(address)
        };
        Ok(Self { visit_objects })
    }

    /// Waits until no other thread runs Python code, and calls `body`. Then no thread ever does.
    ///
    /// # Safety
    /// This thread is attached to that Python, which is a free-threaded build.
    pub(crate) unsafe fn forever<F: Fn()>(self, body: F) -> ! {
        unsafe extern "C" fn visit<F: Fn()>(_: *mut Object, body: *mut c_void) -> c_int {
            // SAFETY: `forever` passes a pointer to its `body`, which outlives the visits.
            let body = unsafe { &*body.cast::<F>() };
            body();
            park_forever()
        }
        // SAFETY: by this function's contract, this thread may call Python. It calls `visit`, for its first object, with the
        // pointer that is given here.
        call_foreign(|| unsafe { (self.visit_objects)(visit::<F>, (&raw const body).cast_mut().cast()) });
        park_forever() // never reached: any Python has objects
    }
}
