//! Trampolines: each copy calls functions of its own in place of `dlopen`, `dlsym` and `dlvsym`, so that these know
//! which copy the call comes from.
//!
//! The C library looks a symbol up as its caller would: what RTLD_DEFAULT and RTLD_NEXT find depends on the library
//! that the call returns to. So the trampolines of `dlsym` and `dlvsym` have no frame when they leave a call to the C
//! library: they jump there, with the registers and the stack that they were called with.

use std::arch::naked_asm;
use std::ffi::{CStr, c_char, c_int, c_void};

use super::copies::MAX_COPIES;
use super::dlfcn::{self, Lookup};
use crate::interp::loading::dl::dlvsym;

type Dlopen = unsafe extern "C" fn(*const c_char, c_int) -> *mut c_void;
type Dlsym = unsafe extern "C" fn(*mut c_void, *const c_char) -> *mut c_void;
type Dlvsym = unsafe extern "C" fn(*mut c_void, *const c_char, *const c_char) -> *mut c_void;

/// The functions of one copy.
#[derive(Clone, Copy)]
pub(super) struct Trampolines {
    pub(super) dlopen: Dlopen,
    pub(super) dlsym: Dlsym,
    pub(super) dlvsym: Dlvsym,
}

/// The trampolines of copy `number`.
pub(super) fn of(number: usize) -> Trampolines {
    TRAMPOLINES[number / ROW][number % ROW]
}

unsafe extern "C" fn dlopen_trampoline<const HIGH: usize, const LOW: usize>(
    path: *const c_char,
    flags: c_int,
) -> *mut c_void {
    // SAFETY: the arguments are the caller's, under the contract of dlopen.
    unsafe { dlfcn::dlopen(HIGH * ROW + LOW, path, flags) }
}

/// Called by the trampolines of `dlsym`: if there is an answer, it is the result.
///
/// # Safety
/// The contract of dlsym: `name` is a C string.
unsafe extern "C" fn lookup(handle: *mut c_void, name: *const c_char, _: usize, number: usize) -> Lookup {
    // SAFETY: by this function's contract, `name` is a C string.
    unsafe { dlfcn::lookup(number, handle, name, None) }
}

/// Called by the trampolines of `dlvsym`.
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
macro_rules! symbol_trampoline {
    ($number:expr, $lookup:path, $function:path) => {
        naked_asm!(
            ".cfi_startproc",
            "push rdi",
            "push rsi",
            "push rdx",
            ".cfi_def_cfa_offset 32",
            "mov ecx, {number}",
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
            number = const $number,
            lookup = sym $lookup,
            function = sym $function,
        )
    };
}

#[cfg(target_arch = "aarch64")]
macro_rules! symbol_trampoline {
    ($number:expr, $lookup:path, $function:path) => {
        naked_asm!(
            ".cfi_startproc",
            "stp x29, x30, [sp, #-48]!",
            ".cfi_def_cfa_offset 48",
            ".cfi_offset x29, -48",
            ".cfi_offset x30, -40",
            "mov x29, sp",
            "stp x0, x1, [sp, #16]",
            "str x2, [sp, #32]",
            "mov x3, #{number}",
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
            number = const $number,
            lookup = sym $lookup,
            function = sym $function,
        )
    };
}

#[unsafe(naked)]
unsafe extern "C" fn dlsym_trampoline<const HIGH: usize, const LOW: usize>(
    handle: *mut c_void,
    name: *const c_char,
) -> *mut c_void {
    symbol_trampoline!(HIGH * ROW + LOW, lookup, libc::dlsym)
}

#[unsafe(naked)]
unsafe extern "C" fn dlvsym_trampoline<const HIGH: usize, const LOW: usize>(
    handle: *mut c_void,
    name: *const c_char,
    version: *const c_char,
) -> *mut c_void {
    symbol_trampoline!(HIGH * ROW + LOW, lookup_version, dlvsym)
}

/// The table has rows, so that a macro of 32 steps writes each of its dimensions. A copy's number is HIGH * ROW + LOW.
const ROW: usize = 32;
static TRAMPOLINES: [[Trampolines; ROW]; MAX_COPIES / ROW] = table();

/// `[make!(0), make!(1), …, make!(31)]`
macro_rules! array_of_32 {
    ($make:ident) => {
        array_of_32!($make: 0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25 26 27 28 29 30 31)
    };
    ($make:ident: $($number:literal)*) => {
        [$($make!($number)),*]
    };
}

const fn row<const HIGH: usize>() -> [Trampolines; ROW] {
    macro_rules! trampolines {
        ($low:literal) => {
            Trampolines {
                dlopen: dlopen_trampoline::<HIGH, $low>,
                dlsym: dlsym_trampoline::<HIGH, $low>,
                dlvsym: dlvsym_trampoline::<HIGH, $low>,
            }
        };
    }
    array_of_32!(trampolines)
}

const fn table() -> [[Trampolines; ROW]; MAX_COPIES / ROW] {
    macro_rules! row_of {
        ($high:literal) => {
            row::<$high>()
        };
    }
    array_of_32!(row_of)
}
