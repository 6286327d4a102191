//! Release callbacks of the caller's: they are called when memory is not in use any more, until they are disabled. (One
//! that is written in Python must not be called after that Python has ended.)

use std::ffi::c_void;
use std::sync::Mutex;
use std::thread;
use std::time::{Duration, Instant};

use crate::sys::fork::ForkLocal;
use crate::sys::sync::lock;

/// A release callback as C passes it: it is called with the owner of memory that is not in use any more.
pub type ReleaseFn = unsafe extern "C-unwind" fn(owner: *mut c_void);

/// How long `disable` waits for calls in progress. They are short: they drop a reference or free memory. One that takes
/// longer waits for something, perhaps for the thread that calls `disable`.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(1);

/// Release callbacks, by their addresses.
#[derive(Default)]
struct Callbacks {
    disabled: Vec<usize>,
    /// Once for each call in progress; a call that never returns stays here.
    in_progress: Vec<usize>,
}

static CALLBACKS: ForkLocal<Mutex<Callbacks>> = ForkLocal::new(Mutex::default);

/// Calls the callback, unless it is disabled.
///
/// # Safety
/// The callback may be called with this owner, from this thread, if it is not disabled.
pub unsafe fn call(release: ReleaseFn, owner: *mut c_void) {
    let address = release as usize;
    {
        let mut callbacks = lock(CALLBACKS.get());
        if callbacks.disabled.contains(&address) {
            return;
        }
        callbacks.in_progress.push(address);
    }
    // SAFETY: by this function's contract, the callback may be called unless it is disabled. It was not when this call
    // was noted as in progress. `disable` waits for calls in progress, or reports that one has not returned.
    unsafe { release(owner) };
    let in_progress = &mut lock(CALLBACKS.get()).in_progress;
    // There is no entry in the child of a fork that the callback made.
    if let Some(position) = in_progress.iter().position(|&other| other == address) {
        in_progress.swap_remove(position);
    }
}

/// From now on, no call of the callback begins. Waits for calls in progress, up to a timeout, and returns whether they
/// have returned.
pub fn disable(release: ReleaseFn) -> bool {
    let address = release as usize;
    {
        let disabled = &mut lock(CALLBACKS.get()).disabled;
        if !disabled.contains(&address) {
            disabled.push(address);
        }
    }
    let last = Instant::now() + DRAIN_TIMEOUT;
    while lock(CALLBACKS.get()).in_progress.contains(&address) {
        if Instant::now() > last {
            return false;
        }
        thread::sleep(Duration::from_millis(1));
    }
    true
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicPtr, AtomicU32, Ordering::SeqCst};
    use std::sync::mpsc;

    use super::*;

    unsafe extern "C-unwind" fn counts(owner: *mut c_void) {
        // SAFETY: the test that uses this passes a pointer to a counter, which outlives the call.
        unsafe { &*owner.cast::<AtomicU32>() }.fetch_add(1, SeqCst);
    }

    unsafe extern "C-unwind" fn waits(owner: *mut c_void) {
        // SAFETY: the test that uses this passes a pointer to a receiver, and joins the thread that makes the call.
        let _ = unsafe { &*owner.cast::<mpsc::Receiver<()>>() }.recv();
    }

    #[test]
    fn a_disabled_callback_is_not_called() {
        let counts: ReleaseFn = counts; // one pointer: two to the same Rust function need not be equal
        let count = AtomicU32::new(0);
        let owner = (&raw const count).cast_mut().cast();
        // SAFETY: `owner` points to a counter, which `counts` expects.
        unsafe { call(counts, owner) };
        assert!(disable(counts));
        // SAFETY: `owner` points to a counter, which `counts` expects; it is not called, as it is disabled.
        unsafe { call(counts, owner) };
        assert!(disable(counts));
        assert_eq!(count.load(SeqCst), 1);
    }

    #[test]
    fn disabling_waits_for_calls_in_progress() {
        let waits: ReleaseFn = waits; // one pointer: two to the same Rust function need not be equal
        let (go, mut receiver) = mpsc::channel::<()>();
        let owner = AtomicPtr::new((&raw mut receiver).cast());
        thread::scope(|scope| {
            // SAFETY: `owner` points to the receiver, which `waits` expects, and which nothing else uses until the
            // scope ends.
            let calling = scope.spawn(|| unsafe { call(waits, owner.load(SeqCst)) });
            let address = waits as usize;
            while !lock(CALLBACKS.get()).in_progress.contains(&address) {
                thread::yield_now();
            }
            assert!(!disable(waits));
            go.send(()).unwrap();
            calling.join().unwrap();
            assert!(disable(waits));
        });
    }
}
