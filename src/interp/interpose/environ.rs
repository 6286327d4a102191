//! The environment of each interpreter: a copy of the process's, made when the interpreter is checked out. What an
//! interpreter changes reaches neither the process nor other interpreters.
//!
//! The C library's `setenv` may move the array of variables while another thread reads it. A GIL keeps the threads of
//! Python apart, but not those of its libraries. Here nothing that can be read is ever freed or left half written: entries
//! are replaced, appended and moved up as whole pointers, and `getenv` notices if they moved while it read. Texts are never
//! freed; each name and value is kept once, as in glibc's `setenv`.

use std::collections::HashSet;
use std::ffi::{CStr, CString, c_char, c_int};
use std::ptr;
use std::sync::Mutex;
use std::sync::atomic::{AtomicPtr, AtomicUsize, Ordering};

use super::copies::MAX_COPIES;
use super::start;
use crate::sys::errno::failed;
use crate::sys::fork::ForkLocal;
use crate::sys::sync::lock;

type Entry = AtomicPtr<c_char>;

/// One interpreter's environment.
struct Environment {
    /// The variable `environ`, which its libraries may read and write: an array that ends with NULL, or NULL.
    array: AtomicPtr<*mut c_char>,
    /// How many times entries have begun to move, and how many times that has ended.
    moves: AtomicUsize,
    owned: ForkLocal<Mutex<OwnedEnviron>>,
}

/// The memory that this module has put into an environment.
#[derive(Default)]
struct OwnedEnviron {
    texts: HashSet<&'static CStr>,
    /// The array, unless somebody else has set another one since.
    array: &'static [Entry],
}

static ALL: [Environment; MAX_COPIES] = [const { Environment::new() }; MAX_COPIES];

/// The address of the variable `environ` of copy `number`.
pub(super) fn variable(number: usize) -> *const () {
    (&raw const ALL[number].array).cast()
}

/// The array of copy `number`.
pub(super) fn array(number: usize) -> *const *mut c_char {
    ALL[number].array.load(Ordering::Acquire)
}

/// Makes these the variables of copy `number`, each with a NUL after it. Nothing runs in it meanwhile.
pub(crate) fn replace(number: usize, variables: &[u8]) {
    let texts = variables.split_inclusive(|&byte| byte == 0);
    let texts = texts.filter_map(|text| CString::from_vec_with_nul(text.to_vec()).ok());
    let environment = &ALL[number];
    lock(environment.owned.get()).replace(environment, texts.filter(|text| !text.is_empty()).collect());
}

impl Environment {
    const fn new() -> Self {
        let array = AtomicPtr::new(ptr::null_mut());
        Self { array, moves: AtomicUsize::new(0), owned: ForkLocal::new(Mutex::default) }
    }

    /// The value of a variable.
    fn value(&'static self, name: &[u8]) -> Option<*mut c_char> {
        let find = || self.entries().iter().find_map(|entry| value_of(entry, name));
        let before = self.moves.load(Ordering::SeqCst);
        let found = find();
        if found.is_some() || before.is_multiple_of(2) && before == self.moves.load(Ordering::SeqCst) {
            return found;
        }
        // It may have moved up meanwhile, past the entry that was read next.
        let _lock = lock(self.owned.get());
        find()
    }

    /// The current entries, without the NULL after the last.
    fn entries(&self) -> &'static [Entry] {
        let first = self.array.load(Ordering::Acquire).cast::<Entry>();
        if first.is_null() {
            return &[];
        }
        // SAFETY: the array is not null, and ends with NULL. This module never frees one; who sets another one keeps it, by
        // the contract of `environ`.
        unsafe {
            let len = (0..).take_while(|&i| !(*first.add(i)).load(Ordering::Relaxed).is_null()).count();
            std::slice::from_raw_parts(first, len)
        }
    }
}

/// The value, if the entry has this name. It is never freed.
fn value_of(entry: &Entry, name: &[u8]) -> Option<*mut c_char> {
    let text = entry.load(Ordering::Acquire);
    if text.is_null() {
        return None; // another thread has removed an entry meanwhile
    }
    // SAFETY: the entries of the environment are C strings, and none that this module set is ever freed.
    let rest = unsafe { CStr::from_ptr(text) }.to_bytes().strip_prefix(name)?;
    // SAFETY: the text begins with the name and `=`.
    (rest.first() == Some(&b'=')).then(|| unsafe { text.add(name.len() + 1) })
}

fn has_name(entry: &Entry, name: &[u8]) -> bool {
    value_of(entry, name).is_some()
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

    fn set(&mut self, environment: &Environment, name: &[u8], value: &[u8], overwrite: bool) {
        let entries = environment.entries();
        let known = entries.iter().find(|entry| has_name(entry, name));
        if known.is_some() && !overwrite {
            return;
        }
        let text = CString::new([name, b"=", value].concat()).expect("both come from C strings");
        let text = self.intern(text);
        match known {
            Some(entry) => entry.store(text, Ordering::Release),
            None => self.append(environment, entries, text),
        }
    }

    fn append(&mut self, environment: &Environment, entries: &[Entry], text: *mut c_char) {
        let end = entries.len();
        self.reserve(end + 2);
        self.array[end + 1].store(ptr::null_mut(), Ordering::Release);
        if !ptr::eq(entries.as_ptr(), self.array.as_ptr()) {
            for (slot, entry) in self.array.iter().zip(entries) {
                slot.store(entry.load(Ordering::Acquire), Ordering::Release);
            }
        }
        self.array[end].store(text, Ordering::Release);
        self.publish(environment);
    }

    fn replace(&mut self, environment: &Environment, texts: Vec<CString>) {
        self.reserve(texts.len() + 1);
        let len = texts.len();
        for (i, text) in texts.into_iter().enumerate() {
            let text = self.intern(text);
            self.array[i].store(text, Ordering::Release);
        }
        self.array[len].store(ptr::null_mut(), Ordering::Release);
        self.publish(environment);
    }

    /// Makes room for so many entries.
    fn reserve(&mut self, len: usize) {
        if self.array.len() < len {
            // The old array may still be read, so it is not freed. The new one is twice as long.
            self.array = Box::leak((0..2 * len).map(|_| Entry::default()).collect());
        }
    }

    fn publish(&self, environment: &Environment) {
        environment.array.store(self.array.as_ptr().cast_mut().cast(), Ordering::Release);
    }
}

/// Removes all entries of a name. The others move up.
fn unset(environment: &'static Environment, name: &[u8]) {
    let _lock = lock(environment.owned.get());
    environment.moves.fetch_add(1, Ordering::SeqCst);
    while let Some(position) = environment.entries().iter().position(|entry| has_name(entry, name)) {
        let rest = &environment.entries()[position..];
        for pair in rest.windows(2) {
            pair[0].store(pair[1].load(Ordering::Acquire), Ordering::Release);
        }
        rest[rest.len() - 1].store(ptr::null_mut(), Ordering::Release);
    }
    environment.moves.fetch_add(1, Ordering::SeqCst);
}

fn is_name(name: &[u8]) -> bool {
    !name.is_empty() && !name.contains(&b'=')
}

/// POSIX's `getenv`.
///
/// # Safety
/// The contract of getenv: the name is a C string.
pub(super) unsafe extern "C" fn getenv(name: *const c_char, number: usize) -> *mut c_char {
    // SAFETY: by this function's contract, it is a C string.
    let name = unsafe { CStr::from_ptr(name) }.to_bytes();
    if let Some(value) = start::variable(name) {
        return value;
    }
    if name.is_empty() { ptr::null_mut() } else { ALL[number].value(name).unwrap_or(ptr::null_mut()) }
}

/// glibc's `secure_getenv`: nothing, if the program has more rights than its user.
///
/// # Safety
/// That of `getenv`.
pub(super) unsafe extern "C" fn secure_getenv(name: *const c_char, number: usize) -> *mut c_char {
    // SAFETY: getauxval has no preconditions; for the rest, by this function's contract.
    unsafe { if libc::getauxval(libc::AT_SECURE) == 0 { getenv(name, number) } else { ptr::null_mut() } }
}

/// POSIX's `setenv`.
///
/// # Safety
/// The contract of setenv: both are C strings.
pub(super) unsafe extern "C" fn setenv(
    name: *const c_char,
    value: *const c_char,
    overwrite: c_int,
    number: usize,
) -> c_int {
    // SAFETY: by this function's contract, both are C strings.
    let (name, value) = unsafe { (CStr::from_ptr(name).to_bytes(), CStr::from_ptr(value).to_bytes()) };
    if !is_name(name) {
        return failed(libc::EINVAL);
    }
    let environment = &ALL[number];
    lock(environment.owned.get()).set(environment, name, value, overwrite != 0);
    0
}

/// POSIX's `unsetenv`.
///
/// # Safety
/// The contract of unsetenv: the name is a C string.
pub(super) unsafe extern "C" fn unsetenv(name: *const c_char, number: usize) -> c_int {
    // SAFETY: by this function's contract, it is a C string.
    let name = unsafe { CStr::from_ptr(name) }.to_bytes();
    if !is_name(name) {
        return failed(libc::EINVAL);
    }
    unset(&ALL[number], name);
    0
}

/// POSIX's `putenv`, except that it copies the text.
///
/// # Safety
/// The contract of putenv: the text is a C string.
pub(super) unsafe extern "C" fn putenv(text: *mut c_char, number: usize) -> c_int {
    // SAFETY: by this function's contract, it is a C string.
    let text = unsafe { CStr::from_ptr(text) }.to_bytes();
    let environment = &ALL[number];
    match text.iter().position(|&byte| byte == b'=') {
        Some(0) => return failed(libc::EINVAL),
        Some(equals) => {
            lock(environment.owned.get()).set(environment, &text[..equals], &text[equals + 1..], true);
        }
        None => unset(environment, text),
    }
    0
}

/// glibc's `clearenv`.
///
/// # Safety
/// None. (It is unsafe like all functions that are interposed.)
pub(super) unsafe extern "C" fn clearenv(number: usize) -> c_int {
    replace(number, b"");
    0
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::*;

    const NUMBER: usize = MAX_COPIES - 1;

    fn get(name: &CStr) -> Option<String> {
        // SAFETY: the name is a C string; the value is one too, and nothing frees it.
        unsafe {
            let value = getenv(name.as_ptr(), NUMBER);
            (!value.is_null()).then(|| CStr::from_ptr(value).to_str().unwrap().to_owned())
        }
    }

    #[test]
    #[cfg_attr(miri, ignore = "what can be read is never freed: Miri reports it as leaked")]
    fn a_thread_reads_variables_while_another_one_removes_those_before() {
        let names: Vec<_> = (0..100).map(|i| format!("UNGIL_V{i}")).collect();
        for _ in 0..500 {
            let environment: &'static Environment = Box::leak(Box::new(Environment::new()));
            let set = |name: &[u8]| lock(environment.owned.get()).set(environment, name, b"1", true);
            names.iter().for_each(|name| set(name.as_bytes()));
            set(b"UNGIL_KEPT");
            thread::scope(|scope| {
                let remover =
                    scope.spawn(|| names.iter().for_each(|name| unset(environment, name.as_bytes())));
                while !remover.is_finished() {
                    let value = environment.value(b"UNGIL_KEPT").expect("it is never removed");
                    // SAFETY: the value is a C string, which is never freed.
                    assert_eq!(unsafe { CStr::from_ptr(value) }, c"1");
                    assert_eq!(environment.value(b"UNGIL_NONE"), None);
                }
            });
        }
    }

    #[test]
    #[cfg_attr(miri, ignore = "what can be read is never freed: Miri reports it as leaked")]
    fn variables_are_set_changed_and_removed() {
        replace(NUMBER, b"UNGIL_V0=old\0UNGIL_OTHER=1\0\0UNGIL_CUT");
        assert_eq!(get(c"UNGIL_V0"), Some("old".to_owned()));
        // SAFETY: all arguments are C strings.
        unsafe {
            for round in 0..3 {
                for i in 0..200 {
                    let name = CString::new(format!("UNGIL_V{i}")).unwrap();
                    let value = CString::new(format!("{round}")).unwrap();
                    assert_eq!(setenv(name.as_ptr(), value.as_ptr(), 1, NUMBER), 0);
                    assert_eq!(setenv(name.as_ptr(), c"other".as_ptr(), 0, NUMBER), 0);
                    assert_eq!(get(&name), Some(format!("{round}")));
                }
                assert_eq!(get(c"UNGIL_V0"), Some(format!("{round}")));
                for i in (0..200).step_by(2) {
                    let name = CString::new(format!("UNGIL_V{i}")).unwrap();
                    assert_eq!(unsetenv(name.as_ptr(), NUMBER), 0);
                    assert_eq!(get(&name), None);
                }
                assert_eq!(get(c"UNGIL_V199"), Some(format!("{round}")));
            }
            assert_eq!(putenv(c"UNGIL_V1=a=b".as_ptr().cast_mut(), NUMBER), 0);
            assert_eq!(get(c"UNGIL_V1"), Some("a=b".to_owned()));
            assert_eq!(putenv(c"UNGIL_V1".as_ptr().cast_mut(), NUMBER), 0);
            assert_eq!(get(c"UNGIL_V1"), None);
            for wrong in [c"", c"a=b"] {
                assert_eq!(setenv(wrong.as_ptr(), c"x".as_ptr(), 1, NUMBER), -1);
                assert_eq!(unsetenv(wrong.as_ptr(), NUMBER), -1);
                assert_eq!(get(wrong), None);
            }
            assert_eq!(std::env::var_os("UNGIL_V3"), None);
            assert_eq!((clearenv(NUMBER), get(c"UNGIL_V3"), get(c"UNGIL_OTHER")), (0, None, None));
        }
    }
}
