//! What the library says of itself.

use std::ffi::{CStr, c_char};

const VERSION: &CStr = match CStr::from_bytes_with_nul(concat!(env!("CARGO_PKG_VERSION"), "\0").as_bytes()) {
    Ok(version) => version,
    Err(_) => panic!("the version has a NUL inside"),
};

/// The library's version, "major.minor.patch", as ASCII.
///
/// Returns a static string, never NULL; do not free it.
/// Thread-safety: any thread, any time.
/// Cost: a few nanoseconds.
#[unsafe(no_mangle)]
pub extern "C" fn ungil_version() -> *const c_char {
    VERSION.as_ptr()
}

/// The version of the binary interface: the number that ends the SONAME, libungil.so.0.
///
/// Programs that were linked or declared against another number must not use the library. Within one number,
/// functions and error values are only ever added.
///
/// Thread-safety: any thread, any time.
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
