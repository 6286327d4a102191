//! The environment's variables, as copies of Python set them.
//!
//! The C library's `setenv` may move the array of variables while another thread reads it, in `strftime` for example.
//! A Python's lock keeps its own threads apart; it knows nothing of other Pythons. Here nothing that can be read is
//! ever freed or left half written: entries are replaced, appended and moved up as whole pointers. A text stays for
//! good, once for each name and value, as it does in glibc's `setenv`.

use std::collections::HashSet;
use std::ffi::{CStr, CString, c_char, c_int};
use std::ptr;
use std::sync::Mutex;
use std::sync::atomic::{AtomicPtr, Ordering};

use crate::sys::fork::ForkLocal;
use crate::sys::sync::lock;

unsafe extern "C" {
    static mut environ: *mut *mut c_char;
}

type Entry = AtomicPtr<c_char>;

/// What this module has put there.
#[derive(Default)]
struct Own {
    texts: HashSet<&'static CStr>,
    /// The array, which is the process's as long as nobody else sets another.
    array: &'static [Entry],
}

static OWN: ForkLocal<Mutex<Own>> = ForkLocal::new(Mutex::default);

/// The pointer to the array of the process.
fn process_array() -> &'static AtomicPtr<*mut c_char> {
    // SAFETY: libc's variable is there as long as the process; others that write to it write whole pointers.
    unsafe { AtomicPtr::from_ptr(&raw mut environ) }
}

/// The entries that there are, without the NULL behind the last.
fn entries() -> &'static [Entry] {
    let first = process_array().load(Ordering::Acquire).cast::<Entry>();
    if first.is_null() {
        return &[];
    }
    // SAFETY: an array that ends with NULL. This module frees none; POSIX forbids a host to change its environment while
    // other threads use it, as it does with interpreters (see the README's limits).
    unsafe {
        let len = (0..).take_while(|&i| !(*first.add(i)).load(Ordering::Relaxed).is_null()).count();
        std::slice::from_raw_parts(first, len)
    }
}

fn has_name(entry: &Entry, name: &[u8]) -> bool {
    // SAFETY: entries are C strings.
    let text = unsafe { CStr::from_ptr(entry.load(Ordering::Acquire)) }.to_bytes();
    text.strip_prefix(name).is_some_and(|rest| rest.first() == Some(&b'='))
}

impl Own {
    /// The text, for good.
    fn keep(&mut self, text: CString) -> *mut c_char {
        if let Some(kept) = self.texts.get(text.as_c_str()) {
            return kept.as_ptr().cast_mut();
        }
        let kept: &'static CStr = Box::leak(text.into_boxed_c_str());
        self.texts.insert(kept);
        kept.as_ptr().cast_mut()
    }

    fn set(&mut self, name: &[u8], value: &[u8], overwrite: bool) {
        let entries = entries();
        let known = entries.iter().find(|entry| has_name(entry, name));
        if known.is_some() && !overwrite {
            return;
        }
        let text = CString::new([name, b"=", value].concat()).expect("they come from C strings");
        let text = self.keep(text);
        match known {
            Some(entry) => entry.store(text, Ordering::Release),
            None => self.append(entries, text),
        }
    }

    fn append(&mut self, entries: &[Entry], text: *mut c_char) {
        let end = entries.len();
        if self.array.len() < end + 2 {
            // The old one may still be read: it stays. The next one is twice as long.
            self.array = Box::leak((0..2 * (end + 2)).map(|_| Entry::default()).collect());
        }
        self.array[end + 1].store(ptr::null_mut(), Ordering::Release);
        if !ptr::eq(entries.as_ptr(), self.array.as_ptr()) {
            for (place, entry) in self.array.iter().zip(entries) {
                place.store(entry.load(Ordering::Acquire), Ordering::Release);
            }
        }
        self.array[end].store(text, Ordering::Release);
        process_array().store(self.array.as_ptr().cast_mut().cast(), Ordering::Release);
    }
}

/// Takes all entries of a name out. The others move up.
fn unset(name: &[u8]) {
    let _lock = lock(OWN.get());
    while let Some(place) = entries().iter().position(|entry| has_name(entry, name)) {
        let rest = &entries()[place..];
        for pair in rest.windows(2) {
            pair[0].store(pair[1].load(Ordering::Acquire), Ordering::Release);
        }
        rest[rest.len() - 1].store(ptr::null_mut(), Ordering::Release);
    }
}

fn is_name(name: &[u8]) -> bool {
    !name.is_empty() && !name.contains(&b'=')
}

fn invalid() -> c_int {
    // SAFETY: errno is this thread's.
    unsafe { *libc::__errno_location() = libc::EINVAL };
    -1
}

/// POSIX's `setenv`.
pub(crate) unsafe extern "C" fn setenv(name: *const c_char, value: *const c_char, overwrite: c_int) -> c_int {
    // SAFETY: the caller's contract is setenv's: C strings.
    let (name, value) = unsafe { (CStr::from_ptr(name).to_bytes(), CStr::from_ptr(value).to_bytes()) };
    if !is_name(name) {
        return invalid();
    }
    lock(OWN.get()).set(name, value, overwrite != 0);
    0
}

/// POSIX's `unsetenv`.
pub(crate) unsafe extern "C" fn unsetenv(name: *const c_char) -> c_int {
    // SAFETY: the caller's contract is unsetenv's: a C string.
    let name = unsafe { CStr::from_ptr(name) }.to_bytes();
    if !is_name(name) {
        return invalid();
    }
    unset(name);
    0
}

/// POSIX's `putenv`, but that it copies the text.
pub(crate) unsafe extern "C" fn putenv(text: *mut c_char) -> c_int {
    // SAFETY: the caller's contract is putenv's: a C string.
    let text = unsafe { CStr::from_ptr(text) }.to_bytes();
    match text.iter().position(|&byte| byte == b'=') {
        Some(0) => return invalid(),
        Some(equals) => lock(OWN.get()).set(&text[..equals], &text[equals + 1..], true),
        None => unset(text),
    }
    0
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// Held by each test that writes to the environment, or compares two looks at it.
    pub(in crate::interp) static WRITER: Mutex<()> = Mutex::new(());

    fn get(name: &CStr) -> Option<String> {
        // SAFETY: C strings; nothing is freed.
        unsafe {
            let value = libc::getenv(name.as_ptr());
            (!value.is_null()).then(|| CStr::from_ptr(value).to_str().unwrap().to_owned())
        }
    }

    #[test]
    #[cfg_attr(miri, ignore = "Miri does not know what it calls")]
    fn variables_come_change_and_go() {
        let _alone = lock(&WRITER);
        // SAFETY: C strings. Other tests only read the environment, and here nothing is freed that they may see.
        unsafe {
            for round in 0..3 {
                for i in 0..200 {
                    let name = CString::new(format!("UNGIL_V{i}")).unwrap();
                    let value = CString::new(format!("{round}")).unwrap();
                    assert_eq!(setenv(name.as_ptr(), value.as_ptr(), 1), 0);
                    assert_eq!(setenv(name.as_ptr(), c"other".as_ptr(), 0), 0);
                    assert_eq!(get(&name), Some(format!("{round}")));
                }
                assert_eq!(get(c"UNGIL_V0"), Some(format!("{round}")));
                for i in (0..200).step_by(2) {
                    let name = CString::new(format!("UNGIL_V{i}")).unwrap();
                    assert_eq!(unsetenv(name.as_ptr()), 0);
                    assert_eq!(get(&name), None);
                }
                assert_eq!(get(c"UNGIL_V199"), Some(format!("{round}")));
            }
            assert_eq!(putenv(c"UNGIL_V1=a=b".as_ptr().cast_mut()), 0);
            assert_eq!(get(c"UNGIL_V1"), Some("a=b".to_owned()));
            assert_eq!(putenv(c"UNGIL_V1".as_ptr().cast_mut()), 0);
            assert_eq!(get(c"UNGIL_V1"), None);
            for wrong in [c"", c"a=b"] {
                assert_eq!(setenv(wrong.as_ptr(), c"x".as_ptr(), 1), -1);
                assert_eq!(unsetenv(wrong.as_ptr()), -1);
            }
        }
    }
}
