//! All interleavings of threads that use one queue, counter or barrier, by loom. `make test-loom` runs them.
//!
//! A thread that is not woken, or a wake-up that goes to one which gives up, is a deadlock, which loom reports. With one of
//! these steps left out, these models fail:
//!
//! | step | models that fail |
//! |---|---|
//! | `push` wakes a receiver | `a_message_wakes_a_receiver` |
//! | `get` wakes a sender | `room_wakes_a_sender` |
//! | `close` wakes all | `closing_wakes_senders_and_receivers` |
//! | a thread tries once more before it gives up | `a_receiver_that_gives_up_leaves_the_message_to_others` |
//! | `Control::cancel` wakes | `a_cancellation_wakes` |
//! | a counter wakes again after each change | `a_counter_wakes_those_that_can_go_on` |

use std::time::Duration;

use super::barrier::{Barrier, Manner, Presence};
use super::counter::{Condition, Counter};
use super::message::Message;
use super::queue::Queue;
use super::wait::Limits;
use crate::control::Control;
use crate::error::Error;
use crate::sys::sync::{Arc, thread};

fn put(queue: &Queue, tag: i64) -> Result<(), Error> {
    queue.put(Message::new(tag, b"", Vec::new()), &Limits::none()).map_err(|(error, _)| error)
}

fn get(queue: &Queue) -> Result<i64, Error> {
    queue.get(&Limits::none()).map(|message| message.tag())
}

fn spawn<T: Send + 'static, R: 'static>(
    shared: &Arc<T>,
    work: impl FnOnce(&T) -> R + 'static,
) -> thread::JoinHandle<R> {
    let shared = Arc::clone(shared);
    thread::spawn(move || work(&shared))
}

/// Two receivers, two messages: each gets one.
#[test]
fn a_message_wakes_a_receiver() {
    let mut model = loom::model::Builder::new();
    model.preemption_bound = Some(3);
    model.check(|| {
        let queue = Arc::new(Queue::new(0));
        let receivers = [spawn(&queue, get), spawn(&queue, get)];
        put(&queue, 1).unwrap();
        put(&queue, 2).unwrap();
        let mut received = receivers.map(|receiver| receiver.join().unwrap().unwrap());
        received.sort();
        assert_eq!(received, [1, 2]);
    });
}

/// Three messages through a queue that has room for one.
#[test]
fn room_wakes_a_sender() {
    let mut model = loom::model::Builder::new();
    model.preemption_bound = Some(3);
    model.check(|| {
        let queue = Arc::new(Queue::new(1));
        let sender = spawn(&queue, |queue| (1..=3).map(|tag| put(queue, tag)).collect::<Result<(), _>>());
        assert_eq!((1..=3).map(|_| get(&queue).unwrap()).collect::<Vec<_>>(), [1, 2, 3]);
        sender.join().unwrap().unwrap();
    });
}

/// A sender and a receiver that wait when the queue is closed. Nothing is lost: what was put is received, or discarded.
#[test]
fn closing_wakes_senders_and_receivers() {
    for discard in [false, true] {
        let mut model = loom::model::Builder::new();
        model.preemption_bound = Some(3);
        model.check(move || {
            let queue = Arc::new(Queue::new(1));
            let sender = spawn(&queue, |queue| (put(queue, 1), put(queue, 2)));
            let receiver = spawn(&queue, get);
            queue.close(discard).unwrap();
            let sent = sender.join().unwrap();
            let received = receiver.join().unwrap();
            assert!(sent.0.is_ok() || sent.1.is_err());
            assert!([Ok(1), Err(Error::Closed)].contains(&received));
            assert_eq!(put(&queue, 3), Err(Error::Closed));
            let left = queue.length().unwrap();
            if discard {
                assert_eq!(left, 0);
            } else {
                let put = usize::from(sent.0.is_ok()) + usize::from(sent.1.is_ok());
                assert_eq!(put, usize::from(received.is_ok()) + left);
            }
        });
    }
}

/// A receiver whose time has passed takes the message that it was woken for, or the other receiver gets it.
#[test]
fn a_receiver_that_gives_up_leaves_the_message_to_others() {
    let mut model = loom::model::Builder::new();
    model.preemption_bound = Some(3);
    model.check(|| {
        let queue = Arc::new(Queue::new(0));
        let impatient = spawn(&queue, |queue| {
            let limits = Limits::new(Some(Duration::from_secs(3600)), None).unwrap();
            queue.get(&limits).map(|message| message.tag())
        });
        let patient = spawn(&queue, get);
        put(&queue, 1).unwrap();
        match impatient.join().unwrap() {
            Ok(1) => put(&queue, 2).unwrap(),
            outcome => assert_eq!(outcome, Err(Error::WaitedTooLong)),
        }
        patient.join().unwrap().unwrap();
        assert_eq!(queue.length(), Ok(0));
    });
}

#[test]
fn a_cancellation_wakes() {
    loom::model(|| {
        let shared = Arc::new((Queue::new(0), Control::new()));
        let receiver = spawn(&shared, |(queue, control)| {
            let limits = Limits::new(None, Some(control)).unwrap();
            queue.get(&limits).map(|message| message.tag())
        });
        shared.1.cancel();
        assert_eq!(receiver.join().unwrap(), Err(Error::Cancelled));
    });
}

/// One that is cancelled, and is woken for a message at the same time, does not lose it.
#[test]
fn a_cancelled_receiver_loses_no_message() {
    let mut model = loom::model::Builder::new();
    model.preemption_bound = Some(3);
    model.check(|| {
        let shared = Arc::new((Queue::new(0), Control::new()));
        let cancelled = spawn(&shared, |(queue, control)| {
            let limits = Limits::new(None, Some(control)).unwrap();
            queue.get(&limits).map(|message| message.tag())
        });
        let sender = spawn(&shared, |(queue, _)| put(queue, 1).unwrap());
        shared.1.cancel();
        if cancelled.join().unwrap() == Err(Error::Cancelled) {
            assert_eq!(get(&shared.0), Ok(1));
        }
        sender.join().unwrap();
    });
}

/// A thread needs 2, and is woken for them; then another one is faster, and takes 1. The third needs what is left.
#[test]
fn a_counter_wakes_those_that_can_go_on() {
    let mut model = loom::model::Builder::new();
    model.preemption_bound = Some(2);
    model.check(|| {
        let counter = Arc::new(Counter::new(0));
        let take = |many: i64| {
            let condition = Condition { lowest: many, highest: i64::MAX, change: -many };
            move |counter: &Counter| counter.wait(condition, &Limits::none()).unwrap()
        };
        let (two, one) = (spawn(&counter, take(2)), spawn(&counter, take(1)));
        counter.add(2).unwrap();
        let at_once = Limits::new(Some(Duration::ZERO), None).unwrap();
        let condition = Condition { lowest: 1, highest: i64::MAX, change: -1 };
        if counter.wait(condition, &at_once).is_ok() {
            one.join().unwrap();
            counter.add(2).unwrap();
        } else {
            counter.add(1).unwrap();
            one.join().unwrap();
        }
        two.join().unwrap();
        assert_eq!(counter.value(), Ok(0));
    });
}

/// Two parties pass twice, and have different numbers each time.
#[test]
fn parties_pass_a_barrier_together() {
    let mut model = loom::model::Builder::new();
    model.preemption_bound = Some(3);
    model.check(|| {
        let barrier = Arc::new(Barrier::new(2));
        let manner = Manner { holds: true, breaks: false, stays_for: None };
        let pass = move |barrier: &Barrier| {
            let number = barrier.wait(manner, &mut Presence::Comes, &Limits::none())?;
            if number == 1 { barrier.release().map(|()| number) } else { Ok(number) }
        };
        let other = spawn(&barrier, move |barrier| [pass(barrier), pass(barrier)]);
        let own = [pass(&barrier), pass(&barrier)];
        let other = other.join().unwrap();
        for (own, other) in own.into_iter().zip(other) {
            assert_eq!(own.unwrap() + other.unwrap(), 1);
        }
    });
}

/// One party waits twice in vain, and both pass, whenever the other one comes, holds and releases.
#[test]
fn a_party_that_stays_passes() {
    loom::model(|| {
        let barrier = Arc::new(Barrier::new(2));
        let manner = Manner { holds: true, breaks: false, stays_for: Some(1) };
        let pass = move |barrier: &Barrier, attempts: usize| {
            let (mut party, at_once) = (Presence::Comes, || Limits::new(Some(Duration::ZERO), None).unwrap());
            let wait = |_| barrier.wait(manner, &mut party, &at_once()).ok();
            let number = (0..attempts).find_map(wait);
            let number = number.map_or_else(|| barrier.wait(manner, &mut party, &Limits::none()), Ok)?;
            if number == 1 { barrier.wait(manner, &mut party, &at_once()) } else { Ok(number) }
        };
        let other = spawn(&barrier, move |barrier| pass(barrier, 0));
        let own = pass(&barrier, 2);
        assert_eq!(own.unwrap() + other.join().unwrap().unwrap(), 1);
    });
}
