//! The process's environment, as copies of Python change it.
//!
//! The C library's `setenv` may move the array of variables while another thread reads it, in `strftime` for example. A
//! GIL keeps the threads of its own Python apart, but not those of other Pythons. Here nothing that can be read is ever
//! freed or left half written: entries are replaced, appended and moved up as whole pointers. Texts are never freed;
//! each name and value is kept once, as in glibc's `setenv`.

use std::collections::HashSet;
use std::ffi::{CStr, CString, c_char, c_int};
use std::ptr;
use std::sync::Mutex;
use std::sync::atomic::{AtomicPtr, Ordering};

use super::errno::failed;
use crate::sys::fork::ForkLocal;
use crate::sys::sync::lock;

unsafe extern "C" {
    static mut environ: *mut *mut c_char;
}

type Entry = AtomicPtr<c_char>;

/// The memory that this module has put into the environment.
#[derive(Default)]
struct OwnedEnviron {
    texts: HashSet<&'static CStr>,
    /// The process's array, unless somebody else has set another one since.
    array: &'static [Entry],
}

static OWNED: ForkLocal<Mutex<OwnedEnviron>> = ForkLocal::new(Mutex::default);

/// The process's pointer to the array.
fn process_array() -> &'static AtomicPtr<*mut c_char> {
    // SAFETY: libc's variable is never freed and is aligned. All that write it store whole pointers, so no torn one is
    // read.
    unsafe { AtomicPtr::from_ptr(&raw mut environ) }
}

/// The current entries, without the NULL after the last.
fn entries() -> &'static [Entry] {
    let first = process_array().load(Ordering::Acquire).cast::<Entry>();
    if first.is_null() {
        return &[];
    }
    // SAFETY: the array is not null, and ends with NULL. This module never frees one. A host's `setenv` may, but POSIX
    // forbids that while other threads use the environment; the README lists it as a limit.
    unsafe {
        let len = (0..).take_while(|&i| !(*first.add(i)).load(Ordering::Relaxed).is_null()).count();
        std::slice::from_raw_parts(first, len)
    }
}

fn has_name(entry: &Entry, name: &[u8]) -> bool {
    // SAFETY: the entries of the environment are C strings, and none that this module set is ever freed.
    let text = unsafe { CStr::from_ptr(entry.load(Ordering::Acquire)) }.to_bytes();
    text.strip_prefix(name).is_some_and(|rest| rest.first() == Some(&b'='))
}

impl OwnedEnviron {
    /// The one copy of a text, which is never freed.
    fn intern(&mut self, text: CString) -> *mut c_char {
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
        let text = CString::new([name, b"=", value].concat()).expect("both come from C strings");
        let text = self.intern(text);
        match known {
            Some(entry) => entry.store(text, Ordering::Release),
            None => self.append(entries, text),
        }
    }

    fn append(&mut self, entries: &[Entry], text: *mut c_char) {
        let end = entries.len();
        if self.array.len() < end + 2 {
            // The old array may still be read, so it is not freed. The new one is twice as long.
            self.array = Box::leak((0..2 * (end + 2)).map(|_| Entry::default()).collect());
        }
        self.array[end + 1].store(ptr::null_mut(), Ordering::Release);
        if !ptr::eq(entries.as_ptr(), self.array.as_ptr()) {
            for (slot, entry) in self.array.iter().zip(entries) {
                slot.store(entry.load(Ordering::Acquire), Ordering::Release);
            }
        }
        self.array[end].store(text, Ordering::Release);
        process_array().store(self.array.as_ptr().cast_mut().cast(), Ordering::Release);
    }
}

/// Removes all entries of a name. The others move up.
fn unset(name: &[u8]) {
    let _lock = lock(OWNED.get());
    while let Some(position) = entries().iter().position(|entry| has_name(entry, name)) {
        let rest = &entries()[position..];
        for pair in rest.windows(2) {
            pair[0].store(pair[1].load(Ordering::Acquire), Ordering::Release);
        }
        rest[rest.len() - 1].store(ptr::null_mut(), Ordering::Release);
    }
}

fn is_name(name: &[u8]) -> bool {
    !name.is_empty() && !name.contains(&b'=')
}

/// POSIX's `setenv`.
pub(crate) unsafe extern "C" fn setenv(name: *const c_char, value: *const c_char, overwrite: c_int) -> c_int {
    // SAFETY: the contract of setenv, which the caller follows, is that both are C strings.
    let (name, value) = unsafe { (CStr::from_ptr(name).to_bytes(), CStr::from_ptr(value).to_bytes()) };
    if !is_name(name) {
        return failed(libc::EINVAL);
    }
    lock(OWNED.get()).set(name, value, overwrite != 0);
    0
}

/// POSIX's `unsetenv`.
pub(crate) unsafe extern "C" fn unsetenv(name: *const c_char) -> c_int {
    // SAFETY: the contract of unsetenv, which the caller follows, is that the name is a C string.
    let name = unsafe { CStr::from_ptr(name) }.to_bytes();
    if !is_name(name) {
        return failed(libc::EINVAL);
    }
    unset(name);
    0
}

/// POSIX's `putenv`, except that it copies the text.
pub(crate) unsafe extern "C" fn putenv(text: *mut c_char) -> c_int {
    // SAFETY: the contract of putenv, which the caller follows, is that the text is a C string.
    let text = unsafe { CStr::from_ptr(text) }.to_bytes();
    match text.iter().position(|&byte| byte == b'=') {
        Some(0) => return failed(libc::EINVAL),
        Some(equals) => lock(OWNED.get()).set(&text[..equals], &text[equals + 1..], true),
        None => unset(text),
    }
    0
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// Held by each test that writes to the environment, or reads it twice and compares.
    pub(in crate::interp) static WRITER: Mutex<()> = Mutex::new(());

    fn get(name: &CStr) -> Option<String> {
        // SAFETY: the name is a C string; the value is one too, and nothing frees it.
        unsafe {
            let value = libc::getenv(name.as_ptr());
            (!value.is_null()).then(|| CStr::from_ptr(value).to_str().unwrap().to_owned())
        }
    }

    #[test]
    #[cfg_attr(miri, ignore = "Miri does not know what it calls")]
    fn variables_are_set_changed_and_removed() {
        let _alone = lock(&WRITER);
        // SAFETY: all arguments are C strings. Other tests may read the environment meanwhile, but nothing is freed.
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
