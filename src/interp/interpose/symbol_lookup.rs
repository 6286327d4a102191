//! `dlsym` and `dlvsym`: they find the interpreter's own symbols, or leave the call to the C library.
//!
//! The C library looks a symbol up as its caller would: what RTLD_DEFAULT and RTLD_NEXT find depends on the library
//! that the call returns to. So these have no frame when they leave a call to the C library: they jump there, with the
//! registers and the stack that they were called with.

use std::arch::naked_asm;
use std::ffi::{CStr, c_char, c_void};

use super::dlfcn::{self, Lookup};
use crate::interp::loading::dl::dlvsym as c_dlvsym;

/// Called by `dlsym`: if there is an answer, it is the result.
///
/// # Safety
/// The contract of dlsym: `name` is a C string.
unsafe extern "C" fn lookup(handle: *mut c_void, name: *const c_char, number: usize) -> Lookup {
    // SAFETY: by this function's contract, `name` is a C string.
    unsafe { dlfcn::lookup(number, handle, name, None) }
}

/// Called by `dlvsym`.
///
/// # Safety
/// The contract of dlvsym: `name` and `version` are C strings.
unsafe extern "C" fn lookup_version(
    handle: *mut c_void,
    name: *const c_char,
    version: *const c_char,
    number: usize,
) -> Lookup {
    // SAFETY: by this function's contract, both are C strings.
    unsafe { dlfcn::lookup(number, handle, name, Some(CStr::from_ptr(version))) }
}

#[cfg(target_arch = "x86_64")]
macro_rules! find_or_jump {
    ($lookup:path, $function:path) => {
        naked_asm!(
            ".cfi_startproc",
            "push rdi",
            "push rsi",
            "push rdx",
            ".cfi_def_cfa_offset 32",
            "call {lookup}",
            "mov rcx, rdx",
            "pop rdx",
            "pop rsi",
            "pop rdi",
            ".cfi_def_cfa_offset 8",
            "test rax, rax",
            "je 2f",
            "mov rax, rcx",
            "ret",
            "2:",
            "jmp qword ptr [rip + {function}@GOTPCREL]",
            ".cfi_endproc",
            lookup = sym $lookup,
            function = sym $function,
        )
    };
}

#[cfg(target_arch = "aarch64")]
macro_rules! find_or_jump {
    ($lookup:path, $function:path) => {
        naked_asm!(
            ".cfi_startproc",
            "stp x29, x30, [sp, #-48]!",
            ".cfi_def_cfa_offset 48",
            ".cfi_offset x29, -48",
            ".cfi_offset x30, -40",
            "mov x29, sp",
            "stp x0, x1, [sp, #16]",
            "str x2, [sp, #32]",
            "bl {lookup}",
            "mov x9, x0",
            "mov x10, x1",
            "ldp x0, x1, [sp, #16]",
            "ldr x2, [sp, #32]",
            "ldp x29, x30, [sp], #48",
            ".cfi_def_cfa_offset 0",
            "cbz x9, 2f",
            "mov x0, x10",
            "ret",
            "2:",
            "adrp x16, :got:{function}",
            "ldr x16, [x16, #:got_lo12:{function}]",
            "br x16",
            ".cfi_endproc",
            lookup = sym $lookup,
            function = sym $function,
        )
    };
}

/// As the C library's `dlsym`, for the copy with this number.
///
/// # Safety
/// The contract of dlsym: `name` is a C string.
#[unsafe(naked)]
pub(super) unsafe extern "C" fn dlsym(
    handle: *mut c_void,
    name: *const c_char,
    number: usize,
) -> *mut c_void {
    find_or_jump!(lookup, libc::dlsym)
}

/// As the C library's `dlvsym`, for the copy with this number.
///
/// # Safety
/// The contract of dlvsym: `name` and `version` are C strings.
#[unsafe(naked)]
pub(super) unsafe extern "C" fn dlvsym(
    handle: *mut c_void,
    name: *const c_char,
    version: *const c_char,
    number: usize,
) -> *mut c_void {
    find_or_jump!(lookup_version, c_dlvsym)
}
