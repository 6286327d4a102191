//! The versions of the library.

use std::ffi::{CStr, c_char};

const VERSION: &CStr = match CStr::from_bytes_with_nul(concat!(env!("CARGO_PKG_VERSION"), "\0").as_bytes()) {
    Ok(version) => version,
    Err(_) => panic!("the version contains a NUL"),
};

/// The library's version, "major.minor.patch", as ASCII.
///
/// Returns a static string, never NULL; do not free it.
/// Thread-safety: any thread, at any time.
/// Cost: a few nanoseconds.
#[unsafe(no_mangle)]
pub extern "C" fn ungil_version() -> *const c_char {
    VERSION.as_ptr()
}

/// The version of the binary interface, which is the number at the end of the SONAME, libungil.so.0.
///
/// A program that was built for another version must not use the library. Within one version, functions and error values
/// are added but never changed or removed.
///
/// Thread-safety: any thread, at any time.
/// Cost: a few nanoseconds.
#[unsafe(no_mangle)]
pub extern "C" fn ungil_abi_version() -> i32 {
    const { parse(env!("CARGO_PKG_VERSION_MAJOR")) }
}

const fn parse(digits: &str) -> i32 {
    match i32::from_str_radix(digits, 10) {
        Ok(number) => number,
        Err(_) => panic!("the major version is not a number"),
    }
}
