//! All interleavings of a call and the owner of its control, by loom. `make test-loom` runs them.
//!
//! [`Control`] needs each of its orderings above `Relaxed`. If one of them is replaced by `Relaxed`, these models fail:
//!
//! | ordering | models that fail |
//! |---|---|
//! | of `begin`'s claim, or of the store that ends a call | `calls_that_follow_each_other_are_in_order` |
//! | of `close` | `closing_a_control_sees_what_its_calls_did` |
//! | of the store of a call's total, of `advance`, of either of `progress`'s first loads | `progress_is_of_one_call` |

use super::Control;
use crate::error::Error;
use crate::pool::{Call, Grain};
use crate::sys::sync::{Arc, UnsafeCell, thread};

/// A call that is cancelled while it runs either completes or stops, and its progress agrees.
#[test]
fn cancelled_or_complete() {
    loom::model(|| {
        let control = Arc::new(Control::new());
        let owner = thread::spawn({
            let control = control.clone();
            move || control.cancel()
        });
        let running = control.begin(2).unwrap();
        let call = Call::new(running.control(), 1);
        let outcome = call.for_each(2, Grain::Fixed(1), |_| Ok(()));
        drop(running);
        let (done, total) = control.progress();
        match outcome {
            Ok(()) => assert_eq!((done, total), (2, 2)),
            Err(error) => {
                assert_eq!(error, Error::Cancelled);
                assert!(done < 2 && total == 2);
            }
        }
        owner.join().unwrap();
        let next = control.begin(1).unwrap();
        assert_eq!(next.control().check(), Err(Error::Cancelled));
    });
}

/// Of two calls at the same time one is refused. The owner sees the progress of one call, and it never decreases.
#[test]
fn one_call_at_a_time_and_progress_does_not_fall() {
    loom::model(|| {
        let control = Arc::new(Control::new());
        let call = |control: &Control| {
            let running = control.begin(2)?;
            running.control().advance(1);
            running.control().advance(1);
            Ok::<(), Error>(())
        };
        let other = thread::spawn({
            let control = control.clone();
            move || call(&control)
        });
        let first = control.progress();
        let second = control.progress();
        assert!(first.0 <= first.1 && second.0 <= second.1);
        assert!(second.1 < 2 || second.0 >= first.0, "{first:?}, then {second:?}");
        let own = call(&control);
        let outcomes = [own, other.join().unwrap()];
        assert!(outcomes.contains(&Ok(())));
        assert!(outcomes.iter().all(|outcome| matches!(outcome, Ok(()) | Err(Error::ControlInUse))));
    });
}

/// Data that calls and the owner share besides the control, without any ordering of its own. Loom checks the order of
/// the accesses.
struct Shared {
    control: Control,
    calls: UnsafeCell<usize>,
}

// SAFETY: the number is accessed by the call that uses the control, of which there is one at a time, and by the owner
// after `close`; loom fails the test if two accesses are not ordered.
unsafe impl Sync for Shared {}

impl Shared {
    fn new() -> Arc<Self> {
        Arc::new(Self { control: Control::new(), calls: UnsafeCell::new(0) })
    }

    /// Counts itself, if no other call uses the control.
    fn call(&self) {
        if let Ok(_running) = self.control.begin(1) {
            // SAFETY: only one call at a time uses the control.
            self.calls.with_mut(|calls| unsafe { *calls += 1 });
        }
    }
}

#[test]
fn calls_that_follow_each_other_are_in_order() {
    loom::model(|| {
        let shared = Shared::new();
        let other = thread::spawn({
            let shared = shared.clone();
            move || shared.call()
        });
        shared.call();
        other.join().unwrap();
    });
}

#[test]
fn closing_a_control_sees_what_its_calls_did() {
    loom::model(|| {
        let shared = Shared::new();
        let caller = thread::spawn({
            let shared = shared.clone();
            move || shared.call()
        });
        if shared.control.close().is_ok() {
            // SAFETY: no call uses the control, and none begins any more.
            let calls = shared.calls.with(|calls| unsafe { *calls });
            assert!(calls <= 1);
        }
        caller.join().unwrap();
    });
}

/// After a complete call of one length, a call of another length is in progress. The owner never sees the done items of
/// one with the total of the other.
#[test]
fn progress_is_of_one_call() {
    loom::model(|| {
        let control = Arc::new(Control::new());
        let first = control.begin(2).unwrap();
        first.control().advance(2);
        drop(first);
        let caller = thread::spawn({
            let control = control.clone();
            move || {
                let second = control.begin(5).unwrap();
                second.control().advance(1);
            }
        });
        let seen = control.progress();
        assert!([(2, 2), (0, 2), (0, 5), (1, 5)].contains(&seen), "{seen:?}");
        caller.join().unwrap();
        assert_eq!(control.progress(), (1, 5));
    });
}
