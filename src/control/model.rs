//! All interleavings of a call and its control's owner, by loom. `make test-loom` runs them.

use super::Control;
use crate::error::Error;
use crate::pool::{Call, Grain};
use crate::sync::{Arc, thread};

/// A call that is cancelled while it runs is done or stopped, and its progress says the same.
#[test]
fn cancelled_or_complete() {
    loom::model(|| {
        let control = Arc::new(Control::new());
        let owner = thread::spawn({
            let control = control.clone();
            move || control.cancel()
        });
        let running = control.begin(2).unwrap();
        let call = Call::under(running.run(), 1);
        let outcome = call.for_each(2, Grain::Exactly(1), |_| Ok(()));
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
        assert_eq!(next.run().check(), Err(Error::Cancelled));
    });
}

/// Of two calls at once one is refused; what is seen of their progress is some call's, and does not fall.
#[test]
fn one_call_at_a_time_and_progress_does_not_fall() {
    loom::model(|| {
        let control = Arc::new(Control::new());
        let call = |control: &Control| {
            let running = control.begin(2)?;
            running.run().advance(1);
            running.run().advance(1);
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
