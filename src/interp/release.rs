//! Functions of the caller's that are told when memory is not in use any more; and their ends. One that is in Python
//! can only be called as long as that Python runs.

use std::ffi::c_void;
use std::sync::Mutex;
use std::thread;
use std::time::{Duration, Instant};

use crate::sys::fork::ForkLocal;
use crate::sys::sync::lock;

/// A function that is called with an owner.
pub type Release = unsafe extern "C-unwind" fn(owner: *mut c_void);

/// For how long `end` waits for calls under way.
const PATIENCE: Duration = Duration::from_secs(1);

/// Functions, by their addresses.
#[derive(Default)]
struct Functions {
    ended: Vec<usize>,
    /// Once for each call. It keeps those that never return.
    under_way: Vec<usize>,
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
        functions.under_way.push(address);
    }
    // SAFETY: the caller's contract. Whoever ends the function waits for this.
    unsafe { release(owner) };
    let under_way = &mut lock(FUNCTIONS.get()).under_way;
    // None in the child of a fork that the function made.
    if let Some(place) = under_way.iter().position(|&other| other == address) {
        under_way.swap_remove(place);
    }
}

/// From now on the function is not called. Waits for calls under way, as long as patience lasts; whether they are over.
pub fn end(release: Release) -> bool {
    let address = release as usize;
    {
        let ended = &mut lock(FUNCTIONS.get()).ended;
        if !ended.contains(&address) {
            ended.push(address);
        }
    }
    let last = Instant::now() + PATIENCE;
    while lock(FUNCTIONS.get()).under_way.contains(&address) {
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
        // SAFETY: the tests give a counter of their own.
        unsafe { &*owner.cast::<AtomicU32>() }.fetch_add(1, SeqCst);
    }

    unsafe extern "C-unwind" fn waits(owner: *mut c_void) {
        // SAFETY: the test gives a receiver, and waits for this call.
        let _ = unsafe { &*owner.cast::<mpsc::Receiver<()>>() }.recv();
    }

    #[test]
    fn a_function_that_has_ended_is_not_called() {
        let counts: Release = counts; // one pointer: others to the same Rust function need not be equal
        let count = AtomicU32::new(0);
        let owner = (&raw const count).cast_mut().cast();
        // SAFETY: the owner is a counter.
        unsafe { call(counts, owner) };
        assert!(end(counts));
        // SAFETY: as above.
        unsafe { call(counts, owner) };
        assert!(end(counts));
        assert_eq!(count.load(SeqCst), 1);
    }

    #[test]
    fn the_end_waits_for_calls_under_way() {
        let waits: Release = waits; // as above
        let (go, mut gate) = mpsc::channel::<()>();
        let owner = AtomicPtr::new((&raw mut gate).cast());
        thread::scope(|scope| {
            // SAFETY: the owner is the receiver, which nobody else uses until the scope ends.
            let calling = scope.spawn(|| unsafe { call(waits, owner.load(SeqCst)) });
            let address = waits as usize;
            while !lock(FUNCTIONS.get()).under_way.contains(&address) {
                thread::yield_now();
            }
            assert!(!end(waits));
            go.send(()).unwrap();
            calling.join().unwrap();
            assert!(end(waits));
        });
    }
}
