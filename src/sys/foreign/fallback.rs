//! The unwind boundary where there is no personality routine for it: as good as Rust's own routine allows. A function that must
//! not unwind aborts on an exception, with Rust's message. Forced unwinding it lets pass, to the frame below.

use std::ffi::c_void;
use std::hint::black_box;
use std::mem::{forget, transmute};

use super::thunk::Thunk;
use crate::sys::unwind::park_forever;

type MustReturn = unsafe extern "C" fn(Thunk, *mut c_void);
type MayUnwind = unsafe extern "C-unwind" fn(Thunk, *mut c_void);

/// Calls `thunk(data)`.
///
/// # Safety
/// `data` must be as `thunk` requires.
pub(super) unsafe fn enter(thunk: Thunk, data: *mut c_void) {
    let guard = ParkOnUnwind;
    // SAFETY: the types have the same arguments and the same calling convention. The second one only keeps the compiler
    // from assuming that nothing unwinds out of the call, as forced unwinding does.
    let must_return = black_box(unsafe { transmute::<MustReturn, MayUnwind>(must_return) });
    // SAFETY: this function's caller vouches for `data`.
    unsafe { must_return(thunk, data) };
    forget(guard);
}

/// # Safety
/// `data` must be as `thunk` requires.
unsafe extern "C" fn must_return(thunk: Thunk, data: *mut c_void) {
    // SAFETY: this function's caller vouches for `data`.
    unsafe { thunk(data) }
}

struct ParkOnUnwind;

impl Drop for ParkOnUnwind {
    #[cold]
    fn drop(&mut self) {
        park_forever();
    }
}
