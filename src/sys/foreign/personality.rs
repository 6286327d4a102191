//! The unwind boundary on Linux: a frame with a personality routine of its own.

use std::arch::naked_asm;
use std::ffi::{c_int, c_void};
use std::thread;

use super::thunk::Thunk;
use crate::sys::unwind::{abort_with, park_forever};

/// Calls `thunk(data)` in a frame that has `personality`. (0x1b: the unwind table has its distance, not its address.)
///
/// # Safety
/// `data` must be as `thunk` requires.
#[cfg(target_arch = "x86_64")]
#[unsafe(naked)]
pub(crate) unsafe extern "C-unwind" fn enter(thunk: Thunk, data: *mut c_void) {
    naked_asm!(
        ".cfi_startproc",
        ".cfi_personality 0x1b, {personality}",
        "push rbp",
        ".cfi_def_cfa_offset 16",
        ".cfi_offset rbp, -16",
        "mov rbp, rsp",
        ".cfi_def_cfa_register rbp",
        "mov rax, rdi",
        "mov rdi, rsi",
        "call rax",
        "pop rbp",
        ".cfi_def_cfa rsp, 8",
        "ret",
        ".cfi_endproc",
        personality = sym personality,
    )
}

/// Calls `thunk(data)` in a frame that has `personality`. (0x1b: the unwind table has its distance, not its address.)
///
/// # Safety
/// `data` must be as `thunk` requires.
#[cfg(target_arch = "aarch64")]
#[unsafe(naked)]
pub(crate) unsafe extern "C-unwind" fn enter(thunk: Thunk, data: *mut c_void) {
    naked_asm!(
        ".cfi_startproc",
        ".cfi_personality 0x1b, {personality}",
        "stp x29, x30, [sp, #-16]!",
        ".cfi_def_cfa_offset 16",
        ".cfi_offset x30, -8",
        ".cfi_offset x29, -16",
        "mov x29, sp",
        ".cfi_def_cfa x29, 16",
        "mov x2, x0",
        "mov x0, x1",
        "blr x2",
        ".cfi_def_cfa sp, 16",
        "ldp x29, x30, [sp], #16",
        ".cfi_def_cfa_offset 0",
        ".cfi_restore x30",
        ".cfi_restore x29",
        "ret",
        ".cfi_endproc",
        personality = sym personality,
    )
}

/// The unwinder asks this about the frame of `enter`. For an exception that is during its search for a handler; for
/// forced unwinding, which has no search, it is before the frame is removed.
extern "C" fn personality(
    _version: c_int,
    actions: c_int,
    _class: u64,
    _exception: *mut c_void,
    _context: *mut c_void,
) -> c_int {
    const FORCED: c_int = 8;
    const CONTINUE: c_int = 8;
    if actions & FORCED != 0 {
        park_forever();
    }
    // A panic of this library: std counts the panics of its copy in this library, and no others.
    if thread::panicking() {
        return CONTINUE;
    }
    abort_with(
        "ungil: a function that it called threw an exception (C++'s, or another language's): \
         it must return, so the process ends\n",
    )
}
