use std::time::Duration;

use super::Control;
use crate::error::Error;

#[test]
fn progress_is_that_of_the_latest_call() {
    let control = Control::new();
    assert_eq!(control.progress(), (0, 0));
    for items in [10, 3] {
        let running = control.begin(items).unwrap();
        assert_eq!(control.progress(), (0, items));
        running.control().advance(2);
        assert_eq!(control.progress(), (2, items));
        running.control().advance(items - 2);
        assert_eq!(control.progress(), (items, items));
    }
}

#[test]
fn progress_in_blocks_ends_at_the_total() {
    let control = Control::new();
    let running = control.begin(10).unwrap();
    let blocks = running.control().with_unit(4);
    blocks.advance(2);
    assert_eq!(control.progress(), (8, 10));
    blocks.advance(1);
    assert_eq!(control.progress(), (10, 10));
}

#[test]
fn one_call_at_a_time() {
    let control = Control::new();
    let running = control.begin(1).unwrap();
    assert_eq!(control.begin(1).err(), Some(Error::ControlInUse));
    assert_eq!(control.close(), Err(Error::ControlInUse));
    drop(running);
    drop(control.begin(1).unwrap());
    assert_eq!(control.close(), Ok(()));
    assert_eq!(control.begin(1).err(), Some(Error::ControlInUse));
}

#[test]
fn a_cancellation_before_the_call_holds() {
    let control = Control::new();
    control.cancel();
    let running = control.begin(1).unwrap();
    assert_eq!(running.control().check(), Err(Error::Cancelled));
}

#[test]
fn a_deadline_passes_is_moved_and_is_removed() {
    let control = Control::new();
    let running = control.begin(1).unwrap();
    assert_eq!(running.control().check(), Ok(()));
    for distant in [Duration::from_secs(3600), Duration::from_millis(i64::MAX as u64), Duration::MAX] {
        control.set_deadline(Some(Duration::ZERO));
        assert_eq!(running.control().check(), Err(Error::TimedOut));
        control.set_deadline(Some(distant));
        assert_eq!(running.control().check(), Ok(()));
    }
    control.set_deadline(Some(Duration::ZERO));
    control.set_deadline(None);
    assert_eq!(running.control().check(), Ok(()));
}
