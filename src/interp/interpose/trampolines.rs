//! Functions that copies call in place of `dlopen`, `dlsym` and `dlvsym`: of each one for each copy, which so knows
//! whose call it is.
//!
//! The C library looks a symbol up as its caller would: what RTLD_DEFAULT and RTLD_NEXT find depends on the library
//! that the call returns to. So the gates of `dlsym` and `dlvsym` have no frame when they leave a call to the C library:
//! they jump there, with the registers and the stack that they were called with.

use std::arch::naked_asm;
use std::ffi::{CStr, c_char, c_int, c_void};

use crate::interp::interpose::substitutes::{self, Found, MOST};
use crate::interp::loading::dl::dlvsym;

type Open = unsafe extern "C" fn(*const c_char, c_int) -> *mut c_void;
type Symbol = unsafe extern "C" fn(*mut c_void, *const c_char) -> *mut c_void;
type Version = unsafe extern "C" fn(*mut c_void, *const c_char, *const c_char) -> *mut c_void;

/// The functions of one copy.
#[derive(Clone, Copy)]
pub(crate) struct Gates {
    pub(crate) open: Open,
    pub(crate) symbol: Symbol,
    pub(crate) version: Version,
}

/// Those of a copy.
pub(crate) fn of(number: usize) -> Gates {
    GATES[number / ROW][number % ROW]
}

unsafe extern "C" fn open_gate<const HIGH: usize, const LOW: usize>(
    path: *const c_char,
    flags: c_int,
) -> *mut c_void {
    // SAFETY: the caller's contract is dlopen's.
    unsafe { substitutes::dlopen(HIGH * ROW + LOW, path, flags) }
}

/// Where a symbol gate looks first: what it finds is the answer.
///
/// # Safety
/// As for dlsym: `name` is a C string.
unsafe extern "C" fn find(handle: *mut c_void, name: *const c_char, _: usize, number: usize) -> Found {
    // SAFETY: by this function's contract.
    unsafe { substitutes::find(number, handle, name, None) }
}

/// Where a gate of `dlvsym` looks first.
///
/// # Safety
/// As for dlvsym: both are C strings.
unsafe extern "C" fn find_version(
    handle: *mut c_void,
    name: *const c_char,
    version: *const c_char,
    number: usize,
) -> Found {
    // SAFETY: by this function's contract.
    unsafe { substitutes::find(number, handle, name, Some(CStr::from_ptr(version))) }
}

#[cfg(target_arch = "x86_64")]
macro_rules! symbol_gate {
    ($number:expr, $find:path, $function:path) => {
        naked_asm!(
            ".cfi_startproc",
            "push rdi",
            "push rsi",
            "push rdx",
            ".cfi_def_cfa_offset 32",
            "mov ecx, {number}",
            "call {find}",
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
            find = sym $find,
            function = sym $function,
        )
    };
}

#[cfg(target_arch = "aarch64")]
macro_rules! symbol_gate {
    ($number:expr, $find:path, $function:path) => {
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
            "bl {find}",
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
            find = sym $find,
            function = sym $function,
        )
    };
}

#[unsafe(naked)]
unsafe extern "C" fn dlsym_gate<const HIGH: usize, const LOW: usize>(
    handle: *mut c_void,
    name: *const c_char,
) -> *mut c_void {
    symbol_gate!(HIGH * ROW + LOW, find, libc::dlsym)
}

#[unsafe(naked)]
unsafe extern "C" fn dlvsym_gate<const HIGH: usize, const LOW: usize>(
    handle: *mut c_void,
    name: *const c_char,
    version: *const c_char,
) -> *mut c_void {
    symbol_gate!(HIGH * ROW + LOW, find_version, dlvsym)
}

const ROW: usize = 32;
static GATES: [[Gates; ROW]; MOST / ROW] = rows();

/// `[make!(0), make!(1), …, make!(31)]`
macro_rules! thirty_two {
    ($make:ident) => {
        thirty_two!($make: 0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25 26 27 28 29 30 31)
    };
    ($make:ident: $($number:literal)*) => {
        [$($make!($number)),*]
    };
}

const fn row<const HIGH: usize>() -> [Gates; ROW] {
    macro_rules! gates {
        ($low:literal) => {
            Gates {
                open: open_gate::<HIGH, $low>,
                symbol: dlsym_gate::<HIGH, $low>,
                version: dlvsym_gate::<HIGH, $low>,
            }
        };
    }
    thirty_two!(gates)
}

const fn rows() -> [[Gates; ROW]; MOST / ROW] {
    macro_rules! row_of {
        ($high:literal) => {
            row::<$high>()
        };
    }
    thirty_two!(row_of)
}
