//! Which CPU level the kernels run at.

use std::ffi::{CStr, c_char};

use crate::cpu::{self, Level};

fn name(level: Level) -> &'static CStr {
    match level {
        Level::Scalar => c"scalar",
        Level::Avx2 => c"avx2",
        Level::Avx512 => c"avx512",
    }
}

/// The highest CPU level that this machine can run: "scalar", "avx2" or "avx512".
///
/// avx2 means AVX2, FMA, BMI1, BMI2, LZCNT and POPCNT; avx512 also AVX-512 F, BW, CD, DQ, VL and IFMA (Intel since
/// Ice Lake, AMD since Zen 4). scalar is for all others: it gives the same results, but test and compPi_ctypes take
/// longer than a plain C loop there, the latter several times, as it has to round as fused multiply-add does.
///
/// Returns a static string, never NULL; do not free it.
/// Thread-safety: any thread, any time.
/// Cost: a few nanoseconds.
#[unsafe(no_mangle)]
pub extern "C" fn ungil_cpu_detected() -> *const c_char {
    name(cpu::detected()).as_ptr()
}

/// The CPU level that the functions of this library run at: the detected one, or a lower one if the environment's
/// UNGIL_CPU names it (see above). Results do not depend on it, to the bit.
///
/// Returns a static string, never NULL; do not free it.
/// Thread-safety: any thread, any time.
/// Cost: a few nanoseconds.
#[unsafe(no_mangle)]
pub extern "C" fn ungil_cpu_active() -> *const c_char {
    name(cpu::active()).as_ptr()
}
