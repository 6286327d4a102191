//! The CPU level of the kernels.

use std::ffi::{CStr, c_char};

use crate::cpu::{self, Level};

fn name(level: Level) -> &'static CStr {
    match level {
        Level::Scalar => c"scalar",
        #[cfg(target_arch = "aarch64")]
        Level::Neon => c"neon",
        Level::Avx2 => c"avx2",
        Level::Avx512 => c"avx512",
    }
}

/// The highest CPU level that this machine supports: "scalar", "avx2" or "avx512" on x86-64, "neon" on aarch64.
///
/// avx2 means AVX2, FMA, BMI1, BMI2, LZCNT and POPCNT. avx512 adds AVX-512 F, BW, CD, DQ, VL and IFMA (Intel since
/// Ice Lake, AMD since Zen 4). neon is Advanced SIMD, which every 64-bit Arm processor has. scalar is any other machine:
/// the results are the same, but test() takes longer than a plain C loop, and so does compPi_ctypes() where there is no
/// instruction for fused multiply-add: it has to round as that does.
///
/// Returns a static string, never NULL; do not free it.
/// Thread-safety: any thread, at any time.
/// Cost: a few nanoseconds.
#[unsafe(no_mangle)]
pub extern "C" fn ungil_cpu_detected() -> *const c_char {
    name(cpu::detected()).as_ptr()
}

/// The CPU level that this library uses: the detected level, or the one in the environment variable UNGIL_CPU if that
/// is lower (see "Environment" above). Results do not depend on it, to the bit.
///
/// Returns a static string, never NULL; do not free it.
/// Thread-safety: any thread, at any time.
/// Cost: a few nanoseconds.
#[unsafe(no_mangle)]
pub extern "C" fn ungil_cpu_active() -> *const c_char {
    name(cpu::active()).as_ptr()
}
