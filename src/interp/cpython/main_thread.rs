//! The thread that Python takes for its main thread: the one that may set signal handlers, and that runs them.
//!
//! Python remembers the thread that initialised it, in a structure whose layout differs between versions. The place is
//! found by its value, and by what a function of Python's says when the value is another one.

use std::ffi::{c_int, c_void};
use std::mem::MaybeUninit;
use std::ptr::{self, NonNull};
use std::sync::atomic::{AtomicPtr, AtomicUsize, Ordering};

use crate::interp::cpython::ffi::{Find, MainThreadApi, ThreadState};
use crate::interp::cpython::gil::Gil;

/// A thread, and its thread state.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Thread {
    identifier: usize,
    state: *mut ThreadState,
}

/// Where one Python remembers its main thread.
pub(crate) struct MainThread {
    api: MainThreadApi,
    identifier: &'static AtomicUsize,
    /// From Python 3.13 on: the thread state that is told of signals.
    state: Option<&'static AtomicPtr<ThreadState>>,
    /// The thread that initialised Python.
    first: Thread,
}

// SAFETY: the addresses are those of functions and variables of a Python that is never unloaded, and of a thread state that
// is never freed. They are used by code that holds that Python's GIL.
unsafe impl Send for MainThread {}
// SAFETY: the variables are atomic, and nothing else changes.
unsafe impl Sync for MainThread {}

impl MainThread {
    /// Looks for the place, on the thread that initialised Python, before there are others. `None` if it is not found:
    /// then no other thread can be the main one.
    ///
    /// # Safety
    /// `find` returns the addresses of the symbols of the token's Python, which is never unloaded.
    pub(crate) unsafe fn find(_: Gil<'_>, find: Find<'_>) -> Option<Self> {
        // SAFETY: by this function's contract.
        let api = unsafe { MainThreadApi::of(find) }.ok()?;
        // SAFETY: the token shows that this thread holds the GIL.
        let first = unsafe { Thread::current(&api) };
        let words = words_of(find("_PyRuntime")?);
        let position = words.iter().position(|word| {
            word.load(Ordering::Relaxed) == first.identifier && is_place(&api, word, first.identifier)
        })?;
        let state = words.get(position + 1).filter(|word| word.load(Ordering::Relaxed) == first.state.addr());
        // SAFETY: the word has the address of a thread state: Python's variable is a pointer. It has the type's size and
        // alignment, and is only used by this type from now on, or by Python.
        let state = state.map(|word| unsafe { AtomicPtr::from_ptr(ptr::from_ref(word).cast_mut().cast()) });
        Some(Self { api, identifier: &words[position], state, first })
    }

    /// The calling thread.
    pub(crate) fn current(&self, _: Gil<'_>) -> Thread {
        // SAFETY: the token shows that this thread holds the GIL.
        unsafe { Thread::current(&self.api) }
    }

    /// Whether this is Python's main thread now.
    pub(crate) fn is(&self, identifier: libc::pthread_t) -> bool {
        self.identifier.load(Ordering::Relaxed) == identifier as usize
    }

    /// Whether Python has a pointer to the main thread's state.
    pub(crate) fn has_state(&self) -> bool {
        self.state.is_some()
    }

    /// Makes a thread the main one. Its thread state must not be freed while it is.
    pub(crate) fn set(&self, thread: Thread) {
        self.identifier.store(thread.identifier, Ordering::Relaxed);
        if let Some(state) = self.state {
            state.store(thread.state, Ordering::Release);
        }
    }

    /// Makes the thread that initialised Python the main one, as it was at first.
    pub(crate) fn reset(&self) {
        self.set(self.first);
    }
}

impl Thread {
    /// # Safety
    /// This thread holds the GIL of the Python with these functions.
    unsafe fn current(api: &MainThreadApi) -> Self {
        // SAFETY: pthread_self has no preconditions. The other function needs the GIL, by this function's contract.
        unsafe { Self { identifier: libc::pthread_self() as usize, state: (api.PyThreadState_Get)() } }
    }
}

/// Whether Python reads its main thread from here.
fn is_place(api: &MainThreadApi, word: &AtomicUsize, identifier: usize) -> bool {
    // SAFETY: it only compares two numbers.
    let is_main_thread = || unsafe { (api._PyOS_IsMainThread)() } != 0;
    word.store(!identifier, Ordering::Relaxed);
    let was_main_thread = is_main_thread();
    word.store(identifier, Ordering::Relaxed);
    !was_main_thread && is_main_thread()
}

/// The words of the variable at this address; none, if its size is not known.
fn words_of(variable: NonNull<c_void>) -> &'static [AtomicUsize] {
    let size = size_at(variable).unwrap_or(0);
    if !variable.cast::<AtomicUsize>().is_aligned() {
        return &[];
    }
    // SAFETY: the variable is so long, and is never unloaded. Python has no other threads yet that could use it at the
    // same time; later, only the places that were found are used.
    unsafe { std::slice::from_raw_parts(variable.cast().as_ptr(), size / size_of::<AtomicUsize>()) }
}

/// The size of the variable at this address, as its library says.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
fn size_at(variable: NonNull<c_void>) -> Option<usize> {
    const RTLD_DL_SYMENT: c_int = 1;
    let mut info = MaybeUninit::<libc::Dl_info>::uninit();
    let mut symbol: *mut libc::Elf64_Sym = ptr::null_mut();
    unsafe extern "C" {
        fn dladdr1(
            address: *const c_void,
            info: *mut libc::Dl_info,
            extra: *mut *mut c_void,
            flags: c_int,
        ) -> c_int;
    }
    // SAFETY: it takes any address, and writes to both structures what it has found, or NULL for the symbol, which is part
    // of a library that is never unloaded.
    unsafe {
        let found = dladdr1(variable.as_ptr(), info.as_mut_ptr(), (&raw mut symbol).cast(), RTLD_DL_SYMENT);
        let symbol = symbol.as_ref().filter(|_| found != 0)?;
        ptr::eq(info.assume_init().dli_saddr, variable.as_ptr()).then_some(symbol.st_size as usize)
    }
}

#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
fn size_at(_: NonNull<c_void>) -> Option<usize> {
    None
}
