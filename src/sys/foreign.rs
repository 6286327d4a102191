//! Calls of functions that are not this library's: the caller's, and Python's. They may not return but unwind, and there
//! is one policy for that:
//!
//! - *Forced unwinding* ends a thread in glibc: `pthread_exit`, `pthread_cancel`. Python before 3.14 does that to threads
//!   that come back to it after its end. Other threads may be at work for the frames below, so the thread stops here for
//!   good; it keeps no process from ending. (It is also what Python 3.14 does.) musl ends threads without unwinding, and
//!   nothing can be done here.
//! - *An exception*, of C++ or another language, or a panic of another Rust library: the process ends by `abort`, with a
//!   line on stderr. Nobody could make an error of it, as nothing can be known of its object; and a call that does not
//!   return would hide it.
//! - *A panic of this library's* goes on, to the export, which makes an error of it (`capi/guard.rs`).
//!
//! The frame of [`outside`] has a personality routine of its own, which the unwinder asks before it takes anything off
//! the stack: so both stops happen where the function is, with its frames there for a debugger. Where there is no such
//! routine (see [`barrier`]), a panic of this library's inside `outside` aborts as well.

use std::ffi::c_void;
use std::thread;
use std::time::Duration;

/// Calls functions from outside, which may never return, as the module says. `call` does nothing else that has to be
/// undone: frames of its own have nothing to drop when a function unwinds.
///
/// Cost: some nanoseconds. Many calls that take no longer share one.
#[inline]
pub(crate) fn call_foreign<R>(call: impl FnOnce() -> R) -> R {
    let mut both = (Some(call), None);
    // SAFETY: the pointer is to what `run` is made for, and nobody else looks at it meanwhile.
    unsafe { barrier::enter(run_for(&both), (&raw mut both).cast()) };
    both.1.expect("the barrier returns when the call has")
}

type Run = unsafe extern "C-unwind" fn(*mut c_void);

/// `run` for this call's type, which has no name.
fn run_for<R, F: FnOnce() -> R>(_: &(Option<F>, Option<R>)) -> Run {
    run::<R, F>
}

/// # Safety
/// A pointer to a call and the place of its result, which are this function's meanwhile.
unsafe extern "C-unwind" fn run<R, F: FnOnce() -> R>(both: *mut c_void) {
    // SAFETY: by this function's contract.
    let (call, result) = unsafe { &mut *both.cast::<(Option<F>, Option<R>)>() };
    *result = call.take().map(|call| call());
}

/// Keeps the frame that it is in, whose memory other threads use: a panic there ends the process. So would forced
/// unwinding that begins in this library (asynchronous cancellation), but there the thread stops.
pub(crate) struct NotUnwound;

impl Drop for NotUnwound {
    #[cold]
    fn drop(&mut self) {
        if thread::panicking() {
            abort("ungil: a defect: a panic where other threads use what it would free\n");
        }
        park_forever();
    }
}

/// Never returns. (`thread::park` would want thread-local data, which may be gone while a thread ends.)
pub(crate) fn park_forever() -> ! {
    loop {
        thread::sleep(Duration::from_secs(3600));
    }
}

#[cfg(unix)]
fn abort(line: &str) -> ! {
    // SAFETY: the bytes are there. Whether they can be written changes nothing.
    unsafe { libc::write(libc::STDERR_FILENO, line.as_ptr().cast(), line.len()) };
    std::process::abort()
}

#[cfg(not(unix))]
fn abort(line: &str) -> ! {
    eprint!("{line}");
    std::process::abort()
}

#[cfg(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64"), not(miri)))]
mod barrier {
    use std::arch::naked_asm;
    use std::ffi::{c_int, c_void};
    use std::thread;

    use super::{Run, abort, park_forever};

    /// `run(data)`, under `personality`. A pointer to that is in the unwind table, as a distance (0x1b).
    ///
    /// # Safety
    /// As for `run`.
    #[cfg(target_arch = "x86_64")]
    #[unsafe(naked)]
    pub(crate) unsafe extern "C-unwind" fn enter(run: Run, data: *mut c_void) {
        naked_asm!(
            ".cfi_startproc",
            ".cfi_personality 0x1b, {personality}",
            "push rbp",
            ".cfi_def_cfa_offset 16",
            ".cfi_offset rbp, -16",
            "mov rbp, rsp",
            ".cfi_def_cfa_register rbp",
            "mov rax, rdi",
            "mov rdi, rsi",
            "call rax",
            "pop rbp",
            ".cfi_def_cfa rsp, 8",
            "ret",
            ".cfi_endproc",
            personality = sym personality,
        )
    }

    /// As for x86-64.
    ///
    /// # Safety
    /// As for `run`.
    #[cfg(target_arch = "aarch64")]
    #[unsafe(naked)]
    pub(crate) unsafe extern "C-unwind" fn enter(run: Run, data: *mut c_void) {
        naked_asm!(
            ".cfi_startproc",
            ".cfi_personality 0x1b, {personality}",
            "stp x29, x30, [sp, #-16]!",
            ".cfi_def_cfa_offset 16",
            ".cfi_offset x30, -8",
            ".cfi_offset x29, -16",
            "mov x29, sp",
            ".cfi_def_cfa x29, 16",
            "mov x2, x0",
            "mov x0, x1",
            "blr x2",
            ".cfi_def_cfa sp, 16",
            "ldp x29, x30, [sp], #16",
            ".cfi_def_cfa_offset 0",
            ".cfi_restore x30",
            ".cfi_restore x29",
            "ret",
            ".cfi_endproc",
            personality = sym personality,
        )
    }

    /// What the unwinder asks about the frame of `enter`: in its search for a handler, when there is an exception; and
    /// where there is no search, before the frame goes.
    extern "C" fn personality(
        _version: c_int,
        actions: c_int,
        _class: u64,
        _exception: *mut c_void,
        _context: *mut c_void,
    ) -> c_int {
        const FORCED: c_int = 8;
        const CONTINUE: c_int = 8;
        if actions & FORCED != 0 {
            park_forever();
        }
        // A panic of this library's own: std counts those of its copy in this library.
        if thread::panicking() {
            return CONTINUE;
        }
        abort(
            "ungil: a function that it called threw an exception (C++'s, or another language's): \
             it must return, so the process ends\n",
        )
    }
}

/// As well as Rust's own routine lets it: a function that must not unwind aborts for an exception, with a message of
/// Rust's, and not for forced unwinding, which comes to the frame below it.
#[cfg(not(any(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64")), miri)))]
mod barrier {
    use std::ffi::c_void;
    use std::hint::black_box;
    use std::mem::{forget, transmute};

    use super::{Run, park_forever};

    type MustReturn = unsafe extern "C" fn(Run, *mut c_void);
    type MayUnwind = unsafe extern "C-unwind" fn(Run, *mut c_void);

    /// # Safety
    /// As for `run`.
    pub(crate) unsafe fn enter(run: Run, data: *mut c_void) {
        let stop_if_unwound = Stop;
        // SAFETY: the types differ in nothing but what the compiler may take for granted here: that nothing unwinds out
        // of it, which forced unwinding does.
        let must_return = black_box(unsafe { transmute::<MustReturn, MayUnwind>(must_return) });
        // SAFETY: by this function's contract.
        unsafe { must_return(run, data) };
        forget(stop_if_unwound);
    }

    /// # Safety
    /// As for `run`.
    unsafe extern "C" fn must_return(run: Run, data: *mut c_void) {
        // SAFETY: by this function's contract.
        unsafe { run(data) }
    }

    struct Stop;

    impl Drop for Stop {
        #[cold]
        fn drop(&mut self) {
            park_forever();
        }
    }
}

/// Miri runs no assembly, and nothing unwinds there but panics.
#[cfg(miri)]
mod barrier {
    use std::ffi::c_void;

    use super::Run;

    /// # Safety
    /// As for `run`.
    pub(crate) unsafe fn enter(run: Run, data: *mut c_void) {
        // SAFETY: by this function's contract.
        unsafe { run(data) }
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn what_the_call_returns_comes_back() {
        let text = String::from("of the caller's");
        assert_eq!(call_foreign(|| text.len()), 15);
        assert_eq!(call_foreign(|| text), "of the caller's");
        call_foreign(|| ());
    }

    #[cfg(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64")))]
    #[test]
    fn a_panic_of_the_librarys_own_goes_through() {
        for depth in 0..3 {
            let nested =
                || call_foreign(|| if depth == 1 { call_foreign(|| panic!("own")) } else { panic!("own") });
            let payload = std::panic::catch_unwind(nested).unwrap_err();
            assert_eq!(payload.downcast_ref::<&str>(), Some(&"own"));
        }
    }
}
