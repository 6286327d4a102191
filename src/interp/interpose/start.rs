//! What a copy reads while it starts, and what it is given in its place: the secret that hashes of `str` and `bytes` depend
//! on, so that all interpreters and the host have the same hashes, as processes have that were forked; and the variables of
//! the environment for options that Python takes from its command line or from there only.

use std::cell::{Cell, RefCell};
use std::ffi::{CString, c_char, c_long, c_uint, c_void};

/// The secret, as CPython has it in `_Py_HashSecret`.
pub(crate) type HashSecret = [u8; 24];

/// What a copy is given.
#[derive(Default)]
pub(crate) struct Given {
    /// In place of the first random numbers of this length.
    pub(crate) hash_secret: Option<HashSecret>,
    /// In place of variables of these names.
    pub(crate) variables: Vec<(&'static str, CString)>,
}

thread_local! {
    /// For the copy that this thread is starting, until it has taken it.
    static HASH_SECRET: Cell<Option<HashSecret>> = const { Cell::new(None) };
    /// For the copy that this thread is starting.
    static VARIABLES: RefCell<Vec<(&'static str, CString)>> = const { RefCell::new(Vec::new()) };
}

/// Runs the start of a copy, on this thread.
pub(crate) fn with_given<T>(given: Given, start: impl FnOnce() -> T) -> T {
    HASH_SECRET.set(given.hash_secret);
    VARIABLES.set(given.variables);
    let result = start();
    HASH_SECRET.set(None);
    VARIABLES.take();
    result
}

/// The variable that the copy which this thread is starting is given; the text is valid until it has started.
pub(super) fn variable(name: &[u8]) -> Option<*mut c_char> {
    let find = |variables: &RefCell<Vec<(&str, CString)>>| {
        let variables = variables.borrow();
        let found = variables.iter().find(|(other, _)| other.as_bytes() == name);
        found.map(|(_, value)| value.as_ptr().cast_mut())
    };
    VARIABLES.try_with(find).ok().flatten()
}

/// Writes the secret, if these are the bytes that a copy asks for to have one.
///
/// # Safety
/// The memory is valid for writes of `length` bytes.
unsafe fn give(memory: *mut c_void, length: usize) -> bool {
    if length != size_of::<HashSecret>() {
        return false;
    }
    let Some(secret) = HASH_SECRET.try_with(Cell::take).ok().flatten() else { return false };
    // SAFETY: by this function's contract, there is room for it.
    unsafe { memory.cast::<HashSecret>().write_unaligned(secret) };
    true
}

/// Linux's `getrandom`.
///
/// # Safety
/// The contract of getrandom: the memory is valid for writes of `length` bytes.
pub(super) unsafe extern "C" fn getrandom(memory: *mut c_void, length: usize, flags: c_uint) -> isize {
    // SAFETY: this function's contract is that of both.
    unsafe { if give(memory, length) { length as isize } else { random_bytes(memory, length, flags) } }
}

/// Random numbers of the system's. (glibc has a function for the system call since 2.25, and this library loads with older
/// ones.)
///
/// # Safety
/// The contract of getrandom.
pub(crate) unsafe fn random_bytes(memory: *mut c_void, length: usize, flags: c_uint) -> isize {
    // SAFETY: by this function's contract, the kernel may write to this memory.
    unsafe { libc::syscall(libc::SYS_getrandom, memory, length, flags) as isize }
}

/// `syscall`, by which a Python that was built for old C libraries calls `getrandom`.
///
/// # Safety
/// The contract of syscall. (It has up to six arguments; what the caller has not passed is not used.)
#[rustfmt::skip]
pub(super) unsafe extern "C" fn syscall(
    number: c_long, a: c_long, b: c_long, c: c_long, d: c_long, e: c_long, f: c_long,
) -> c_long {
    // SAFETY: for getrandom, the first two arguments are the memory and its length; all else is passed on.
    unsafe {
        if number == libc::SYS_getrandom && give(a as *mut c_void, b as usize) {
            return b;
        }
        libc::syscall(number, a, b, c, d, e, f)
    }
}

#[cfg(test)]
mod tests {
    use std::ffi::CStr;

    use super::*;

    fn text_of(name: &str) -> Option<String> {
        // SAFETY: the text is valid, as this thread is still in `with_given`.
        variable(name.as_bytes()).map(|text| unsafe { CStr::from_ptr(text) }.to_str().unwrap().to_owned())
    }

    fn read(length: usize) -> Vec<u8> {
        let mut bytes = vec![0; length];
        // SAFETY: the memory is as long as that.
        let written = unsafe { getrandom(bytes.as_mut_ptr().cast(), length, 0) };
        assert_eq!(written, length as isize);
        bytes
    }

    #[test]
    #[cfg_attr(miri, ignore = "Miri knows no system calls by number")]
    fn a_secret_is_given_once() {
        let secret: HashSecret = *b"one secret of 24 bytes..";
        with_given(Given { hash_secret: Some(secret), ..Given::default() }, || {
            assert_ne!(read(16), secret[..16]);
            assert_eq!(read(24), secret);
            assert_ne!(read(24), secret);
        });
        with_given(Given { hash_secret: Some(secret), ..Given::default() }, || {
            let mut bytes = [0; 24];
            // SAFETY: the memory is as long as that.
            let mut call =
                || unsafe { syscall(libc::SYS_getrandom, (&raw mut bytes) as c_long, 24, 0, 0, 0, 0) };
            assert_eq!(call(), 24);
            assert_eq!(bytes, secret);
        });
        with_given(Given { hash_secret: Some(secret), ..Given::default() }, || ());
        assert_ne!(read(24), secret);
    }

    #[test]
    fn variables_are_given_while_a_copy_starts() {
        let given = Given { variables: vec![("PYTHONHASHSEED", c"7".to_owned())], ..Given::default() };
        with_given(given, || {
            assert_eq!(text_of("PYTHONHASHSEED"), Some("7".to_owned()));
            assert_eq!(text_of("PYTHONHASH"), None);
        });
        assert_eq!(text_of("PYTHONHASHSEED"), None);
    }
}
