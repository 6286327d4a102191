//! What Python writes to stderr before a fatal error ends its process: it becomes the text of the interpreter's death.
//! (Python 3.9 writes a part of it by the functions for streams.)

use std::cell::Cell;
use std::ffi::{CStr, c_char, c_int, c_void};
use std::sync::Mutex;
use std::{ptr, slice};

use crate::sys::fork::ForkLocal;
use crate::sys::sync::lock;

/// How a fatal error begins.
const BEGINNING: &[u8] = b"Fatal Python error: ";

/// How the stack of the thread that has it begins.
const STACK: &str = "Current thread ";

/// The most bytes that are kept.
const MAX_LENGTH: usize = 1 << 16;

thread_local! {
    /// Whether this thread is writing about a fatal error. (The type has no destructor, so this can be used while the
    /// thread ends.)
    static IS_FATAL: Cell<bool> = const { Cell::new(false) };
}

/// What a thread has written about a fatal error.
type Text = (libc::pthread_t, Vec<u8>);

static TEXTS: ForkLocal<Mutex<Vec<Text>>> = ForkLocal::new(Mutex::default);

unsafe extern "C" {
    static stderr: *mut libc::FILE;
}

/// As the C library's, but keeps what it writes about a fatal error.
///
/// # Safety
/// The contract of the C library's `fwrite`.
pub(super) unsafe extern "C" fn fwrite(
    bytes: *const c_void,
    size: usize,
    count: usize,
    stream: *mut libc::FILE,
) -> usize {
    // SAFETY: the C library sets `stderr` before any code runs; by this function's contract, so many bytes can be read.
    unsafe {
        if ptr::eq(stream, stderr) && size * count > 0 {
            note(slice::from_raw_parts(bytes.cast(), size * count));
        }
        libc::fwrite(bytes, size, count, stream)
    }
}

/// As `write`.
///
/// # Safety
/// The contract of the C library's `fputs`.
pub(super) unsafe extern "C" fn fputs(text: *const c_char, stream: *mut libc::FILE) -> c_int {
    // SAFETY: the C library sets `stderr` before any code runs; by this function's contract, it is a C string.
    unsafe {
        if ptr::eq(stream, stderr) {
            note(CStr::from_ptr(text).to_bytes());
        }
        libc::fputs(text, stream)
    }
}

/// As `write`.
///
/// # Safety
/// The contract of the C library's `fputc`.
pub(super) unsafe extern "C" fn fputc(character: c_int, stream: *mut libc::FILE) -> c_int {
    // SAFETY: the C library sets `stderr` before any code runs; the rest is the caller's, under the same contract.
    unsafe {
        if ptr::eq(stream, stderr) {
            note(&[character as u8]);
        }
        libc::fputc(character, stream)
    }
}

/// This thread writes to stderr.
pub(super) fn note(text: &[u8]) {
    if !IS_FATAL.get() && !text.starts_with(BEGINNING) {
        return;
    }
    IS_FATAL.set(true);
    let mut texts = lock(TEXTS.get());
    // SAFETY: it takes nothing and cannot fail.
    let thread = unsafe { libc::pthread_self() };
    let own = texts.iter().position(|(other, _)| *other == thread).unwrap_or_else(|| {
        texts.push((thread, Vec::new()));
        texts.len() - 1
    });
    let kept = &mut texts[own].1;
    kept.extend(&text[..text.len().min(MAX_LENGTH - kept.len())]);
}

/// The fatal error of this thread: the line about it, and the thread's stack.
pub(super) fn take() -> Option<(String, String)> {
    if !IS_FATAL.replace(false) {
        return None;
    }
    let mut texts = lock(TEXTS.get());
    // SAFETY: it takes nothing and cannot fail.
    let thread = unsafe { libc::pthread_self() };
    let own = texts.iter().position(|(other, _)| *other == thread)?;
    let (_, text) = texts.swap_remove(own);
    Some(parts(&String::from_utf8_lossy(&text)))
}

fn parts(text: &str) -> (String, String) {
    let line = text.lines().next().unwrap_or_default().trim_end().to_owned();
    let stack = text.find(STACK).map_or("", |start| &text[start..]);
    let end = stack.find("\n\n").unwrap_or(stack.len());
    (line, stack[..end].to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_and_the_stack_of_the_thread_are_taken() {
        let text = "Fatal Python error: f: why\nPython runtime state: initialized\n\nThread 0x1 (most recent call \
                    first):\n  File \"a\"\n\nCurrent thread 0x2 (most recent call first):\n  File \"b\"\n\nExtension";
        let expected = "Current thread 0x2 (most recent call first):\n  File \"b\"";
        assert_eq!(parts(text), ("Fatal Python error: f: why".to_owned(), expected.to_owned()));
        assert_eq!(parts(""), (String::new(), String::new()));
    }
}
