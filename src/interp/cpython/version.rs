//! Versions of Python, and the oldest one that interpreters support. There is no newest one: what a later version lacks or
//! does in another way is found when its first interpreter starts.

use std::ffi::{c_char, c_void};
use std::fmt;
use std::ptr::NonNull;
use std::sync::atomic::{AtomicU8, Ordering};
use std::thread;
use std::time::{Duration, Instant};

/// A version of Python: major and minor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Version(pub(crate) u32, pub(crate) u32);

impl Version {
    pub(crate) const OLDEST: Self = Self(3, 9);

    pub(crate) fn is_supported(self) -> bool {
        self >= Self::OLDEST
    }

    /// Reads the start of a text such as "3.11.7 (main, …", which `Py_GetVersion` returns.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let mut numbers = text.split(|character: char| !character.is_ascii_digit());
        Some(Self(numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?))
    }

    /// The version of the Python whose symbols `find` looks up.
    ///
    /// Until 3.11, Python writes the text of its version anew at each call, and while another thread is calling, the text
    /// may be empty. This waits for that thread.
    ///
    /// # Safety
    /// `find` returns the addresses of a Python's symbols, and that Python stays loaded.
    pub(crate) unsafe fn of_python(find: impl Fn(&str) -> Option<NonNull<c_void>>) -> Option<Self> {
        type GetVersion = extern "C" fn() -> *const c_char;
        const TIMEOUT: Duration = Duration::from_secs(10);
        let get_version = find("Py_GetVersion")?;
        // SAFETY: Python's function of this name has this type in all versions, and may be called at any time.
        let text = unsafe { std::mem::transmute::<NonNull<c_void>, GetVersion>(get_version) }();
        if text.is_null() {
            return None;
        }
        let start = Instant::now();
        loop {
            // SAFETY: the text is in a static buffer of that Python, which stays loaded.
            let version = Self::parse(&unsafe { read_shared_text(text) });
            if version.is_some() || start.elapsed() > TIMEOUT {
                return version;
            }
            thread::yield_now();
        }
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.0, self.1)
    }
}

/// Copies the start of a C string that another thread may be writing to, byte by byte up to a NUL.
///
/// # Safety
/// `text` points to a C string that stays allocated while this runs.
unsafe fn read_shared_text(text: *const c_char) -> String {
    const LONGEST: usize = 16;
    let bytes = (0..LONGEST).map(|i| {
        // SAFETY: no byte before this one was NUL, so this one belongs to the string, too: whatever another thread is
        // writing, the buffer has a NUL after the longest text. Python writes single bytes, and a relaxed atomic load may
        // return any of them.
        unsafe { AtomicU8::from_ptr(text.cast_mut().cast::<u8>().add(i)) }.load(Ordering::Relaxed)
    });
    bytes.take_while(|&byte| byte != 0).map(char::from).collect()
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::Ordering::SeqCst;

    use super::*;

    static TEXT: [AtomicU8; 5] = [AtomicU8::new(0), byte(1), byte(2), byte(3), AtomicU8::new(0)];

    const fn byte(at: usize) -> AtomicU8 {
        AtomicU8::new(b"3.11"[at])
    }

    /// Behaves like Python 3.11's while another thread calls it.
    extern "C" fn get_version() -> *const c_char {
        thread::spawn(|| {
            thread::sleep(Duration::from_millis(20));
            TEXT[0].store(b'3', SeqCst);
        });
        TEXT.as_ptr().cast()
    }

    #[test]
    #[cfg_attr(miri, ignore = "a thread writes to a text that another reads, as in Python 3.11")]
    fn a_version_that_another_thread_asks_for_too() {
        // SAFETY: the function is of the right type, and its text static.
        let version = unsafe { Version::of_python(|_| NonNull::new(get_version as *mut c_void)) };
        assert_eq!(version, Some(Version(3, 11)));
    }

    #[test]
    fn versions_have_an_order_and_no_upper_bound() {
        assert!(!Version(2, 7).is_supported() && !Version(3, 8).is_supported());
        assert!(
            Version::OLDEST.is_supported() && Version(3, 99).is_supported() && Version(4, 0).is_supported()
        );
        assert!(Version(3, 9) < Version(3, 10));
    }
}
