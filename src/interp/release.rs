//! Release functions of the caller's: they are called when memory is not in use any more, until they are ended. (One
//! that is written in Python must not be called after that Python has ended.)

use std::ffi::c_void;
use std::sync::Mutex;
use std::thread;
use std::time::{Duration, Instant};

use crate::sys::fork::ForkLocal;
use crate::sys::sync::lock;

/// A function that is called with the owner of memory that is not in use any more.
pub type Release = unsafe extern "C-unwind" fn(owner: *mut c_void);

/// How long `end` waits for calls in progress.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(1);

/// Release functions, by their addresses.
#[derive(Default)]
struct Functions {
    ended: Vec<usize>,
    /// Once for each call in progress; a call that never returns stays here.
    in_progress: Vec<usize>,
}

static FUNCTIONS: ForkLocal<Mutex<Functions>> = ForkLocal::new(Mutex::default);

/// Calls the function, unless it has ended.
///
/// # Safety
/// The function may be called with this owner, from this thread, if it has not ended.
pub unsafe fn call(release: Release, owner: *mut c_void) {
    let address = release as usize;
    {
        let mut functions = lock(FUNCTIONS.get());
        if functions.ended.contains(&address) {
            return;
        }
        functions.in_progress.push(address);
    }
    // SAFETY: by this function's contract, it may be called unless it has ended. It had not ended when this call was
    // noted as in progress, and `end` waits for calls in progress.
    unsafe { release(owner) };
    let in_progress = &mut lock(FUNCTIONS.get()).in_progress;
    // There is no entry in the child of a fork that the function made.
    if let Some(position) = in_progress.iter().position(|&other| other == address) {
        in_progress.swap_remove(position);
    }
}

/// From now on the function is not called. Waits for calls in progress up to a timeout; whether they have returned.
pub fn end(release: Release) -> bool {
    let address = release as usize;
    {
        let ended = &mut lock(FUNCTIONS.get()).ended;
        if !ended.contains(&address) {
            ended.push(address);
        }
    }
    let last = Instant::now() + DRAIN_TIMEOUT;
    while lock(FUNCTIONS.get()).in_progress.contains(&address) {
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
    fn a_function_that_has_ended_is_not_called() {
        let counts: Release = counts; // one pointer: two to the same Rust function need not be equal
        let count = AtomicU32::new(0);
        let owner = (&raw const count).cast_mut().cast();
        // SAFETY: `owner` points to a counter, which `counts` expects.
        unsafe { call(counts, owner) };
        assert!(end(counts));
        // SAFETY: `owner` points to a counter, which `counts` expects; it is not called, as it has ended.
        unsafe { call(counts, owner) };
        assert!(end(counts));
        assert_eq!(count.load(SeqCst), 1);
    }

    #[test]
    fn the_end_waits_for_calls_in_progress() {
        let waits: Release = waits; // one pointer: two to the same Rust function need not be equal
        let (go, mut receiver) = mpsc::channel::<()>();
        let owner = AtomicPtr::new((&raw mut receiver).cast());
        thread::scope(|scope| {
            // SAFETY: `owner` points to the receiver, which `waits` expects, and which nothing else uses until the
            // scope ends.
            let calling = scope.spawn(|| unsafe { call(waits, owner.load(SeqCst)) });
            let address = waits as usize;
            while !lock(FUNCTIONS.get()).in_progress.contains(&address) {
                thread::yield_now();
            }
            assert!(!end(waits));
            go.send(()).unwrap();
            calling.join().unwrap();
            assert!(end(waits));
        });
    }
}
