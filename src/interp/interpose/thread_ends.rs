//! What an interpreter's libraries have called when a thread ends: destructors of its thread-specific data
//! (`pthread_key_create`), and of the thread-local variables of C++ and Rust (`__cxa_thread_atexit`).
//!
//! They may call Python. The thread may end when the interpreter is dead, and its own last call in it was abandoned: Python
//! takes it for attached, with frames that are gone, and would report a fatal error. Or it would wait for the GIL forever,
//! and so would who joins it. So destructors of a dead interpreter's libraries are not called; and one that waits for the
//! GIL when the interpreter dies, or the process exits, is abandoned, as a request is.
//!
//! A destructor is called with a value alone. So each gets a trampoline, which adds the number under which it is listed
//! here.

use std::ffi::{c_int, c_void};
use std::sync::atomic::{AtomicPtr, Ordering};
use std::{mem, ptr};

use super::trampolines;
use crate::interp::exit::abandon::{call_abandonable, catch_abandoned};
use crate::interp::exit::life::{Entered, Life};
use crate::sys::atomic_ref::AtomicRef;

type Function = unsafe extern "C-unwind" fn(*mut c_void);

/// The C library's function that those of C++ and of Rust call: a function, its argument, and the library.
type AtThreadExit = unsafe extern "C" fn(Function, *mut c_void, *mut c_void) -> c_int;

/// It is looked up, as it came with glibc 2.18.
fn at_thread_exit() -> Option<AtThreadExit> {
    static FOUND: AtomicPtr<c_void> = AtomicPtr::new(ptr::null_mut());
    let mut found = FOUND.load(Ordering::Relaxed);
    if found.is_null() {
        // SAFETY: the name is a C string, and the default scope may always be searched.
        found = unsafe { libc::dlsym(libc::RTLD_DEFAULT, c"__cxa_thread_atexit_impl".as_ptr()) };
        FOUND.store(found, Ordering::Relaxed);
    }
    // SAFETY: null is None, and the C library's function of this name is of this type.
    unsafe { mem::transmute::<*mut c_void, Option<AtThreadExit>>(found) }
}

/// Calls a destructor of copy `number`, unless its interpreter is dead.
///
/// # Safety
/// The function was registered to be called with this argument, at the end of this thread.
unsafe fn call(number: usize, function: Function, argument: *mut c_void) {
    let life = Life::of(number);
    if life.is_dead() {
        return;
    }
    let _entered = Entered::new(life);
    // SAFETY: this function's contract.
    let _ = catch_abandoned(|| call_abandonable(|| unsafe { function(argument) }));
}

/// A destructor of copy `number`.
#[derive(PartialEq, Eq)]
struct Destructor {
    number: usize,
    /// The address of the function.
    function: usize,
}

/// The most destructors that are listed. The data of a process has 1024 keys, and each copy takes at least one.
const MAX_DESTRUCTORS: usize = 1 << 14;

/// How many trampolines are made at a time.
const BLOCK: usize = 64;

/// All destructors, each once. (A list without locks, as a thread may fork while another one creates a key.)
static DESTRUCTORS: [AtomicRef<Destructor>; MAX_DESTRUCTORS] = [const { AtomicRef::none() }; MAX_DESTRUCTORS];

/// Their trampolines.
static TRAMPOLINES: [AtomicRef<Vec<usize>>; MAX_DESTRUCTORS / BLOCK] =
    [const { AtomicRef::none() }; MAX_DESTRUCTORS / BLOCK];

/// Where a destructor is listed. `None` if there are too many.
fn place_of(number: usize, function: usize) -> Option<usize> {
    let is_it = |listed: &Destructor| listed.number == number && listed.function == function;
    DESTRUCTORS.iter().position(|place| match place.get() {
        Some(listed) => is_it(listed),
        None => is_it(place.replace_boxed(None, Box::new(Destructor { number, function }))),
    })
}

/// The address of the trampoline of a place. `None` if the system does not let it be executed.
fn trampoline(place: usize) -> Option<usize> {
    let block = place / BLOCK;
    let call = |i| trampolines::Call {
        function: (call_listed as *const ()).addr(),
        arguments: 1,
        number: block * BLOCK + i,
    };
    let made = match TRAMPOLINES[block].get() {
        Some(made) => made,
        None => {
            let calls: Vec<_> = (0..BLOCK).map(call).collect();
            TRAMPOLINES[block].replace_boxed(None, Box::new(trampolines::make(&calls).ok()?))
        }
    };
    Some(made[place % BLOCK])
}

/// What a trampoline calls at the end of a thread.
unsafe extern "C" fn call_listed(value: *mut c_void, place: usize) {
    let Some(listed) = DESTRUCTORS[place].get() else { return };
    // SAFETY: the address is that of a destructor, which the C library calls with this value: that is passed on.
    unsafe {
        let function = mem::transmute::<*const (), Function>(listed.function as *const ());
        call(listed.number, function, value);
    }
}

/// What the C library is to call in place of a destructor: its trampoline, or itself if it can have none.
fn in_place_of(destructor: Option<Function>, number: usize) -> Option<Function> {
    let function = destructor?;
    let address = place_of(number, (function as *const ()).addr()).and_then(trampoline);
    // SAFETY: the trampoline jumps to `call_listed`, with one more argument.
    Some(address.map_or(function, |it| unsafe { mem::transmute::<*const (), Function>(it as *const ()) }))
}

/// As the C library's.
///
/// # Safety
/// The contract of pthread_key_create.
pub(super) unsafe extern "C" fn key_create(
    key: *mut libc::pthread_key_t,
    destructor: Option<Function>,
    number: usize,
) -> c_int {
    unsafe extern "C" {
        fn pthread_key_create(key: *mut libc::pthread_key_t, destructor: Option<Function>) -> c_int;
    }
    // SAFETY: this function's contract.
    unsafe { pthread_key_create(key, in_place_of(destructor, number)) }
}

/// C11's, with statuses of its own. The keys are the same.
///
/// # Safety
/// The contract of tss_create.
pub(super) unsafe extern "C" fn tss_create(
    key: *mut libc::pthread_key_t,
    destructor: Option<Function>,
    number: usize,
) -> c_int {
    const THRD_ERROR: c_int = 2;
    // SAFETY: this function's contract.
    if unsafe { key_create(key, destructor, number) } == 0 { 0 } else { THRD_ERROR }
}

/// A function that is called once, at the end of the thread that has registered it.
struct AtThreadEnd {
    number: usize,
    function: Function,
    argument: *mut c_void,
}

unsafe extern "C-unwind" fn call_once(registered: *mut c_void) {
    // SAFETY: the pointer is that of the box which `cxa_thread_atexit` has registered with this function.
    let AtThreadEnd { number, function, argument } =
        *unsafe { Box::from_raw(registered.cast::<AtThreadEnd>()) };
    // SAFETY: it was registered to be called so.
    unsafe { call(number, function, argument) };
}

/// As the C library's.
///
/// # Safety
/// The contract of `__cxa_thread_atexit_impl`.
pub(super) unsafe extern "C" fn cxa_thread_atexit(
    function: Function,
    argument: *mut c_void,
    library: *mut c_void,
    number: usize,
) -> c_int {
    let Some(register) = at_thread_exit() else { return -1 };
    let registered = Box::into_raw(Box::new(AtThreadEnd { number, function, argument }));
    // SAFETY: `call_once` takes this pointer, once; the library is passed on.
    let status = unsafe { register(call_once, registered.cast(), library) };
    if status != 0 {
        // SAFETY: it was not registered, so it is not called.
        drop(unsafe { Box::from_raw(registered) });
    }
    status
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
    use std::thread;

    use super::*;
    use crate::interp::exit::life::MAX_COPIES;

    static CALLED: AtomicUsize = AtomicUsize::new(0);

    unsafe extern "C-unwind" fn note(value: *mut c_void) {
        CALLED.fetch_add(value.addr(), SeqCst);
    }

    /// What is called when a thread ends that has data and thread-local variables of copy `number`.
    fn called_at_the_end_of_a_thread(number: usize) -> usize {
        thread::spawn(move || {
            let mut key = 0;
            // SAFETY: the destructor takes any value, and the key is this thread's alone.
            unsafe {
                assert_eq!(key_create(&mut key, Some(note), number), 0);
                assert_eq!(libc::pthread_setspecific(key, ptr::without_provenance(1)), 0);
                assert_eq!(tss_create(&mut key, Some(note), number), 0);
                assert_eq!(libc::pthread_setspecific(key, ptr::without_provenance(10)), 0);
                let library = (&raw const CALLED).cast_mut().cast();
                assert_eq!(cxa_thread_atexit(note, ptr::without_provenance_mut(100), library, number), 0);
            }
        })
        .join()
        .unwrap();
        CALLED.swap(0, SeqCst)
    }

    #[test]
    #[cfg_attr(miri, ignore = "Miri runs no assembly")]
    fn destructors_are_called_unless_the_interpreter_is_dead() {
        let number = MAX_COPIES - 3; // tests start fewer copies
        assert_eq!(called_at_the_end_of_a_thread(number), 111);
        assert_eq!(called_at_the_end_of_a_thread(number), 111);
        Life::of(number).end("abort() was called".to_owned(), Some(String::new()));
        assert_eq!(called_at_the_end_of_a_thread(number), 0);
    }

    #[test]
    #[cfg_attr(miri, ignore = "Miri runs no assembly")]
    fn a_destructor_is_listed_once_for_each_copy() {
        let [one, again, other] =
            [(1, 5), (1, 5), (2, 5)].map(|(number, function)| place_of(number, function));
        assert!(one.is_some() && one == again && other.is_some() && one != other);
    }
}
