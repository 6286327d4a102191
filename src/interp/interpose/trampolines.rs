//! Trampolines: each copy calls functions of its own where the function has to know which copy the call comes from.
//!
//! A trampoline puts the copy's number into the register of the argument after the last, and jumps to the function. A
//! function with variable arguments has up to [`MAX_ARGUMENTS`] of them in registers too, if none is a floating-point
//! number.
//!
//! The trampolines of a copy are written to a file, which is then mapped: the system lets that be executed if it lets a
//! copy of libpython be loaded.

use std::ffi::c_int;
use std::fs::File;
use std::io;
use std::os::fd::AsRawFd;
use std::ptr::{self, NonNull};

use crate::interp::loading::memfile::PrivateFile;

/// The most arguments that a function with a trampoline can have: one register is left for the number.
pub(super) const MAX_ARGUMENTS: u8 = 5;

/// The length of a trampoline: code, and at [`TARGET`] the address that it jumps to.
const LEN: usize = 24;
const TARGET: usize = 16;

/// What a trampoline is to call.
pub(super) struct Call {
    /// The address of the function.
    pub(super) function: usize,
    /// The number of its arguments, without the last.
    pub(super) arguments: u8,
    /// The last: the number of a copy, or another one below 65536.
    pub(super) number: usize,
}

/// Makes a trampoline for each call. The results are their addresses; they are never unmapped.
pub(super) fn make(calls: &[Call]) -> io::Result<Vec<usize>> {
    let mut bytes = Vec::with_capacity(calls.len() * LEN);
    for &Call { function, arguments, number } in calls {
        assert!(arguments <= MAX_ARGUMENTS, "no register is left for the number");
        let start = bytes.len();
        bytes.extend(code(arguments, u16::try_from(number).map_err(io::Error::other)?));
        debug_assert_eq!(bytes.len(), start + TARGET);
        bytes.extend((function as u64).to_ne_bytes());
    }
    let first = map_code(&bytes)?.addr().get();
    Ok((0..calls.len()).map(|i| first + i * LEN).collect())
}

/// `mov` of the number into the argument's register, and `jmp [rip + …]`.
#[cfg(target_arch = "x86_64")]
fn code(argument: u8, number: u16) -> [u8; TARGET] {
    /// `mov` of an immediate into edi, esi, edx, ecx, r8d, r9d.
    const MOV: [&[u8]; 6] = [&[0xbf], &[0xbe], &[0xba], &[0xb9], &[0x41, 0xb8], &[0x41, 0xb9]];
    const JMP: [u8; 2] = [0xff, 0x25];
    let mut code = MOV[usize::from(argument)].to_vec();
    code.extend(u32::from(number).to_le_bytes());
    code.extend(JMP);
    let end = code.len() + size_of::<u32>();
    code.extend(((TARGET - end) as u32).to_le_bytes());
    code.resize(TARGET, 0xcc);
    code.try_into().expect("it was resized")
}

/// `movz` of the number into the argument's register, `ldr x16` of the target, `br x16`.
#[cfg(target_arch = "aarch64")]
fn code(argument: u8, number: u16) -> [u8; TARGET] {
    const MOVZ: u32 = 0xd280_0000;
    const LDR_X16: u32 = 0x5800_0010;
    const BR_X16: u32 = 0xd61f_0200;
    const NOP: u32 = 0xd503_201f;
    const WORDS_FROM_LDR_TO_TARGET: u32 = 3;
    let movz = MOVZ | u32::from(number) << 5 | u32::from(argument);
    let words = [movz, LDR_X16 | WORDS_FROM_LDR_TO_TARGET << 5, BR_X16, NOP];
    words.map(u32::to_le_bytes).concat().try_into().expect("four words")
}

fn map_code(bytes: &[u8]) -> io::Result<NonNull<u8>> {
    let file = PrivateFile::new(c"ungil-trampolines", bytes)?;
    let file = File::open(file.path())?;
    const PROTECTION: c_int = libc::PROT_READ | libc::PROT_EXEC;
    // SAFETY: a new mapping, at an address that the kernel chooses, of a file that nobody changes.
    let address = unsafe {
        libc::mmap(ptr::null_mut(), bytes.len(), PROTECTION, libc::MAP_PRIVATE, file.as_raw_fd(), 0)
    };
    if address == libc::MAP_FAILED {
        return Err(io::Error::last_os_error());
    }
    NonNull::new(address.cast()).ok_or_else(|| io::Error::other("mapped at NULL"))
}

#[cfg(test)]
mod tests {
    use super::*;

    type Function = extern "C" fn(usize, usize, usize, usize, usize, usize) -> usize;

    /// The arguments as decimal digits.
    extern "C" fn digits(a: usize, b: usize, c: usize, d: usize, e: usize, f: usize) -> usize {
        [a, b, c, d, e, f].iter().fold(0, |digits, argument| digits * 10 + argument)
    }

    #[test]
    #[cfg_attr(miri, ignore = "Miri runs no assembly")]
    fn the_number_comes_after_the_arguments() {
        let address = (digits as Function as *const ()).addr();
        let call = |arguments| Call { function: address, arguments, number: 9 };
        let calls: Vec<_> = (0..=MAX_ARGUMENTS).map(call).collect();
        let trampolines = make(&calls).unwrap();
        let results = trampolines.into_iter().map(|address| {
            // SAFETY: the trampoline jumps to `digits`, and changes one argument.
            let trampoline: Function = unsafe { std::mem::transmute(address as *const ()) };
            trampoline(1, 2, 3, 4, 5, 6)
        });
        assert_eq!(results.collect::<Vec<_>>(), [923456, 193456, 129456, 123956, 123496, 123459]);
    }
}
