//! The way out for a thread that would wait forever for a copy's GIL, because the process is exiting (`at_exit.rs`) or
//! the interpreter is dead (`life.rs`), and the GIL is not released any more; and for the thread that ends it.
//!
//! The thread is deep in C: Python's evaluation loop, extension modules. These frames are abandoned, as `longjmp` does:
//! the thread continues where this library called into Python, and a Rust panic, which prints nothing, unwinds the
//! library's own frames up to the request.
//!
//! Only frames that own nothing may be skipped: C's, and those of the closure that `call_abandonable` gets. So that
//! closure is a single call into Python, or a loop over calls of a caller's function, which may call Python. Where C
//! calls back into this library, `protect_frames` wraps the library's frames, unless they own nothing either.

use std::cell::Cell;
use std::ffi::c_void;
use std::mem::{ManuallyDrop, MaybeUninit};
use std::panic::{self, AssertUnwindSafe};
use std::{ptr, thread};

use crate::interp::error::InterpError;
use crate::interp::exit::call_site::{CallSite, resume, run};
use crate::interp::exit::life::{self, Life};
use crate::sys::foreign::call_foreign;

thread_local! {
    /// The innermost call into Python on this thread; null if there is none, and inside `protect_frames`. (The type has no
    /// destructor, so this can be used while the thread ends.)
    static INNERMOST: Cell<*mut CallSite> = const { Cell::new(ptr::null_mut()) };

    /// Whether this thread is inside `protect_frames`, and in no call within that.
    static IS_PROTECTED: Cell<bool> = const { Cell::new(false) };
    /// Whether this thread's calls are never abandoned at the exit of the process.
    static WAITS_ALWAYS: Cell<bool> = const { Cell::new(false) };

    /// Whether a free-threaded Python takes this thread for attached, although its call was abandoned.
    static IS_STILL_ATTACHED: Cell<bool> = const { Cell::new(false) };
}

/// Sets `INNERMOST` and `IS_PROTECTED`, and restores them when this is dropped.
struct InnermostGuard {
    previous: *mut CallSite,
    was_protected: bool,
}

impl InnermostGuard {
    /// A null pointer stands for `protect_frames`.
    fn set(site: *mut CallSite) -> Self {
        Self { previous: INNERMOST.replace(site), was_protected: IS_PROTECTED.replace(site.is_null()) }
    }
}

impl Drop for InnermostGuard {
    fn drop(&mut self) {
        INNERMOST.set(self.previous);
        IS_PROTECTED.set(self.was_protected);
    }
}

/// The panic's payload: the interpreter that died, if that is the reason.
struct Abandoned(Option<&'static Life>);

/// Calls a function of Python, or functions of the caller's, which may call Python. Neither `call` nor any Rust function
/// that it calls may own something that must be dropped, as their frames may be skipped. If the call is abandoned, this
/// panics for `catch_abandoned`; after that, Python must not be used.
pub fn call_abandonable<R, F: FnOnce() -> R>(call: F) -> R {
    struct Packed<R, F> {
        call: ManuallyDrop<F>,
        result: MaybeUninit<R>,
    }
    unwind_if_still_attached(); // that Python would not make this thread wait
    unsafe extern "C-unwind" fn call_packed<R, F: FnOnce() -> R>(data: *mut c_void) {
        // SAFETY: `run` passes on the pointer to `packed` below, which nothing else uses meanwhile; it calls this once,
        // so `call` is taken once.
        unsafe {
            let packed = &mut *data.cast::<Packed<R, F>>();
            packed.result.write(ManuallyDrop::take(&mut packed.call)());
        }
    }
    let mut packed = Packed { call: ManuallyDrop::new(call), result: MaybeUninit::uninit() };
    let mut site = CallSite { stack_pointer: ptr::null_mut(), life: life::current(), dead: None };
    let innermost = InnermostGuard::set(&raw mut site);
    let data = (&raw mut packed).cast();
    // SAFETY: `site` and `packed` outlive the call, and `data` points to a `Packed` of the same types.
    let is_abandoned = call_foreign(|| unsafe { run(&raw mut site, call_packed::<R, F>, data) }) != 0;
    drop(innermost);
    if is_abandoned {
        // One that is not dead has overflowed the stack.
        site.dead.inspect(|life| life.end("the stack overflowed".to_owned(), Some(String::new())));
        panic::resume_unwind(Box::new(Abandoned(site.dead)));
    }
    // SAFETY: `run` returned 0: `call_packed` has returned, and so has written the result.
    unsafe { packed.result.assume_init() }
}

/// Runs this library's code where C calls it, if it owns something and may call Python in turn: its frames are not
/// skipped.
pub fn protect_frames<R>(body: impl FnOnce() -> R) -> R {
    let _innermost = InnermostGuard::set(ptr::null_mut());
    body()
}

/// Runs code that calls into Python. The outer error says that such a call was abandoned; the inner one is any other
/// panic.
pub fn catch_panics<T>(body: impl FnOnce() -> T) -> Result<thread::Result<T>, InterpError> {
    // Unwind safety: the caller resumes a panic, or drops what it left.
    match panic::catch_unwind(AssertUnwindSafe(body)) {
        Err(payload) => match payload.downcast::<Abandoned>() {
            Ok(abandoned) => Err(abandoned.0.map_or(InterpError::Exiting, Life::error)),
            Err(payload) => Ok(Err(payload)),
        },
        outcome => Ok(outcome),
    }
}

/// As `catch_panics`, but any other panic goes on.
pub(crate) fn catch_abandoned<T>(body: impl FnOnce() -> T) -> Result<T, InterpError> {
    catch_panics(body)?.or_else(|payload| panic::resume_unwind(payload))
}

/// Whether this thread is in a call that can be abandoned.
pub(crate) fn can_abandon() -> bool {
    !INNERMOST.get().is_null() && !WAITS_ALWAYS.get()
}

/// From now on no call on this thread is abandoned as the process exits. For an interpreter's own thread, which takes the
/// GIL then and runs Python, and has to wait for the GIL after each time that it releases it.
pub(crate) fn never_abandon() {
    WAITS_ALWAYS.set(true);
}

/// What this thread can do if an interpreter that it runs code of is dead.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum WayOut {
    /// Abandon its innermost call.
    Abandon,
    /// Stop forever: it is in no call.
    Stop,
    /// Nothing: frames that own something would be skipped, or another interpreter waits for this call.
    None,
}

/// What this thread can do if the interpreter is dead.
pub(crate) fn way_out_of(life: &Life) -> WayOut {
    // SAFETY: if the pointer is not null, the call of `run` has not returned, as `INNERMOST` is restored then.
    match unsafe { INNERMOST.get().as_ref() } {
        Some(site) if site.life.is_none_or(|of| of.is(life)) => WayOut::Abandon,
        None if !IS_PROTECTED.get() => WayOut::Stop,
        _ => WayOut::None,
    }
}

/// Abandons this thread's innermost call, as this interpreter is dead, or as the process exits.
///
/// # Safety
/// `can_abandon` is true, and no frame between that call and this one owns anything that must be released.
pub(crate) unsafe fn abandon_call(dead: Option<&'static Life>) -> ! {
    let site = INNERMOST.get();
    // SAFETY: by this function's contract the pointer is not null. `INNERMOST` is restored when the call returns, so it
    // has not returned, and `run`'s frame is still there.
    unsafe {
        (*site).dead = dead;
        resume(site)
    }
}

/// For the handler of a fault at the end of this thread's stack, in code at this address: this thread's innermost call, and
/// its stack pointer, if it is a call of the interpreter whose libpython has that code. The call then counts as abandoned.
/// (This uses thread-local data, which a thread in a call has.)
pub(super) fn overflowed_call(code: usize) -> Option<(*mut CallSite, *mut c_void)> {
    let site = INNERMOST.get();
    // SAFETY: if the pointer is not null, the call of `run` has not returned, as `INNERMOST` is restored then. Nothing else
    // uses the site meanwhile: its thread is in this handler.
    let site = unsafe { site.as_mut() }?;
    let life = site.life.filter(|life| life.has_code(code))?;
    site.dead = Some(life);
    Some((&raw mut *site, site.stack_pointer))
}

/// As `abandon_call`, for a thread that a free-threaded Python takes for attached by now. No later call is made on it, and
/// `abandon_outer_calls` must be called before it returns to C code that Python called.
///
/// # Safety
/// As for `abandon_call`.
pub(crate) unsafe fn abandon_attached_call() -> ! {
    IS_STILL_ATTACHED.set(true);
    // SAFETY: by this function's contract.
    unsafe { abandon_call(None) }
}

/// Goes on unwinding, up to the export, if an abandoned call left this thread attached: for a request inside of another
/// one, to whose Python the export must not return.
pub(crate) fn unwind_if_still_attached() {
    if IS_STILL_ATTACHED.get() {
        panic::resume_unwind(Box::new(Abandoned(None)));
    }
}

/// Whether the code that called this library's export must not run any more: its interpreter is dead, or an abandoned
/// call left this thread attached.
pub fn must_abandon_outer_calls() -> bool {
    can_abandon() && (IS_STILL_ATTACHED.get() || dead_of_innermost().is_some())
}

/// The interpreter of this thread's innermost call, if it is dead and frames in it may be abandoned.
fn dead_of_innermost() -> Option<&'static Life> {
    // SAFETY: if the pointer is not null, the call of `run` has not returned, as `INNERMOST` is restored then.
    unsafe { INNERMOST.get().as_ref() }?.life.filter(|life| life.is_dead() && life.may_abandon())
}

/// Abandons the call that led to this library's export, if code of that Python, to which the export would return, must
/// not run.
///
/// # Safety
/// No frame of this library between that call and this one owns anything that must be dropped.
pub unsafe fn abandon_outer_calls() {
    if must_abandon_outer_calls() {
        // SAFETY: a call can be abandoned. The frames up to it own nothing: this library's by this function's contract, and
        // C's.
        unsafe { abandon_call(dead_of_innermost()) }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering::SeqCst};

    use super::*;

    /// Stands for C code that waits for the GIL: it abandons the call.
    extern "C-unwind" fn abandons(number: u64) -> u64 {
        assert!(can_abandon());
        // SAFETY: the frames up to the call are those of this function, which own nothing; and a call can be abandoned.
        if number == 0 { unsafe { abandon_call(None) } } else { abandons(number - 1) + number }
    }

    #[test]
    #[cfg_attr(miri, ignore = "Miri runs no assembly")]
    fn an_abandoned_call_is_an_error_and_drops_what_its_callers_own() {
        struct Counts<'a>(&'a AtomicU32);
        impl Drop for Counts<'_> {
            fn drop(&mut self) {
                self.0.fetch_add(1, SeqCst);
            }
        }
        let drops = AtomicU32::new(0);
        for round in 1..=3 {
            let (before, factor) =
                (std::hint::black_box(round * 1000), std::hint::black_box(0.5 * f64::from(round)));
            let result = catch_abandoned(|| {
                let _outer = Counts(&drops);
                // A call inside a call: the inner one is abandoned, then the outer one.
                call_abandonable(|| {
                    let inner = protect_frames(|| {
                        assert!(!can_abandon());
                        let _inner = Counts(&drops);
                        catch_abandoned(|| call_abandonable(|| abandons(20)))
                    });
                    assert_eq!(inner, Err(InterpError::Exiting));
                    abandons(30)
                })
            });
            assert_eq!(result, Err(InterpError::Exiting));
            assert_eq!(drops.load(SeqCst), 2 * round);
            assert_eq!((before, factor), (round * 1000, 0.5 * f64::from(round)));
            assert!(!can_abandon());
        }
    }

    #[test]
    #[cfg_attr(miri, ignore = "Miri runs no assembly")]
    fn a_call_that_is_not_abandoned_returns() {
        assert_eq!(catch_abandoned(|| call_abandonable(|| call_abandonable(|| 5) + 1)), Ok(6));
        let panics = panic::catch_unwind(|| catch_abandoned(|| panic::resume_unwind(Box::new(7))));
        assert_eq!(panics.unwrap_err().downcast_ref::<i32>(), Some(&7));
    }
}
