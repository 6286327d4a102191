//! How the registers are saved where a call into Python begins, and how they are restored when it is abandoned.

use std::arch::naked_asm;
use std::ffi::c_void;

use crate::interp::exit::life::Life;

/// Where a call into Python began.
#[repr(C)]
pub(super) struct CallSite {
    /// The stack pointer in `run`'s frame, where the registers are saved.
    pub(super) stack_pointer: *mut c_void,
    /// The interpreter that the call is of, if it is one's.
    pub(super) life: Option<&'static Life>,
    /// The interpreter whose death abandons the call. None if it is the exit of the process.
    pub(super) dead: Option<&'static Life>,
}

/// Restores the registers that `run` has saved, relative to its stack pointer.
#[cfg(target_arch = "x86_64")]
macro_rules! restore {
    () => {
        concat!("add rsp, 8\n", "pop r15\n", "pop r14\n", "pop r13\n", "pop r12\n", "pop rbx\n", "pop rbp\n")
    };
}

/// Restores the registers that `run` has saved, and drops its frame.
#[cfg(target_arch = "aarch64")]
macro_rules! restore {
    () => {
        concat!(
            "ldp x19, x20, [sp, #16]\n",
            "ldp x21, x22, [sp, #32]\n",
            "ldp x23, x24, [sp, #48]\n",
            "ldp x25, x26, [sp, #64]\n",
            "ldp x27, x28, [sp, #80]\n",
            "ldp d8, d9, [sp, #96]\n",
            "ldp d10, d11, [sp, #112]\n",
            "ldp d12, d13, [sp, #128]\n",
            "ldp d14, d15, [sp, #144]\n",
            "ldp x29, x30, [sp], #160\n"
        )
    };
}

/// Calls `work(data)` and returns 0; or returns 1 when `resume` is called before `work` returns.
///
/// # Safety
/// `site` is valid until this returns, and `work` may be called with `data`.
// Long: most instructions come with a line for the unwinder.
#[cfg(target_arch = "x86_64")]
#[unsafe(naked)]
pub(super) unsafe extern "C-unwind" fn run(
    site: *mut CallSite,
    work: unsafe extern "C-unwind" fn(*mut c_void),
    data: *mut c_void,
) -> usize {
    naked_asm!(
        ".cfi_startproc",
        "push rbp",
        ".cfi_def_cfa_offset 16",
        ".cfi_offset rbp, -16",
        "mov rbp, rsp",
        ".cfi_def_cfa_register rbp",
        "push rbx",
        ".cfi_offset rbx, -24",
        "push r12",
        ".cfi_offset r12, -32",
        "push r13",
        ".cfi_offset r13, -40",
        "push r14",
        ".cfi_offset r14, -48",
        "push r15",
        ".cfi_offset r15, -56",
        "sub rsp, 8",
        "mov [rdi], rsp",
        "mov rdi, rdx",
        "call rsi",
        "xor eax, eax",
        restore!(),
        ".cfi_def_cfa rsp, 8",
        "ret",
        ".cfi_endproc",
    )
}

/// Makes `run` return 1.
///
/// # Safety
/// `site` was passed to a `run` on this thread that has not returned.
#[cfg(target_arch = "x86_64")]
#[unsafe(naked)]
pub(super) unsafe extern "C" fn resume(site: *mut CallSite) -> ! {
    naked_asm!("mov rsp, [rdi]", "mov eax, 1", restore!(), "ret",)
}

/// As on x86-64. It also saves the callee-saved halves of the vector registers.
///
/// # Safety
/// `site` is valid until this returns, and `work` may be called with `data`.
// Long: most instructions come with a line for the unwinder.
#[cfg(target_arch = "aarch64")]
#[unsafe(naked)]
pub(super) unsafe extern "C-unwind" fn run(
    site: *mut CallSite,
    work: unsafe extern "C-unwind" fn(*mut c_void),
    data: *mut c_void,
) -> usize {
    naked_asm!(
        ".cfi_startproc",
        "stp x29, x30, [sp, #-160]!",
        ".cfi_def_cfa_offset 160",
        ".cfi_offset x29, -160",
        ".cfi_offset x30, -152",
        "mov x29, sp",
        ".cfi_def_cfa_register x29",
        "stp x19, x20, [sp, #16]",
        ".cfi_offset x19, -144",
        ".cfi_offset x20, -136",
        "stp x21, x22, [sp, #32]",
        ".cfi_offset x21, -128",
        ".cfi_offset x22, -120",
        "stp x23, x24, [sp, #48]",
        ".cfi_offset x23, -112",
        ".cfi_offset x24, -104",
        "stp x25, x26, [sp, #64]",
        ".cfi_offset x25, -96",
        ".cfi_offset x26, -88",
        "stp x27, x28, [sp, #80]",
        ".cfi_offset x27, -80",
        ".cfi_offset x28, -72",
        "stp d8, d9, [sp, #96]",
        "stp d10, d11, [sp, #112]",
        "stp d12, d13, [sp, #128]",
        "stp d14, d15, [sp, #144]",
        "mov x9, sp",
        "str x9, [x0]",
        "mov x0, x2",
        "blr x1",
        "mov x0, #0",
        restore!(),
        ".cfi_def_cfa sp, 0",
        "ret",
        ".cfi_endproc",
    )
}

/// Makes `run` return 1.
///
/// # Safety
/// `site` was passed to a `run` on this thread that has not returned.
#[cfg(target_arch = "aarch64")]
#[unsafe(naked)]
pub(super) unsafe extern "C" fn resume(site: *mut CallSite) -> ! {
    naked_asm!("ldr x9, [x0]", "mov sp, x9", "mov x0, #1", restore!(), "ret",)
}
