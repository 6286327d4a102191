use std::ffi::c_void;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use super::barrier::{Barrier, Manner, Presence, Status};
use super::counter::{Condition, Counter};
use super::foreign_buffer::{ForeignBuffer, ReleaseCallback};
use super::message::Message;
use super::queue::Queue;
use super::wait::Limits;
use crate::control::Control;
use crate::error::Error;

fn message(text: &str) -> Message {
    Message::new(0, text.as_bytes(), Vec::new())
}

fn text_of(message: Message) -> String {
    String::from_utf8(message.bytes().to_vec()).unwrap()
}

/// Limits of a call that does not wait.
fn at_once() -> Limits<'static> {
    Limits::new(Some(Duration::ZERO), None).unwrap()
}

fn put(queue: &Queue, text: &str) -> Result<(), Error> {
    queue.put(message(text), &at_once()).map_err(|(error, _)| error)
}

fn get(queue: &Queue) -> Result<String, Error> {
    queue.get(&at_once()).map(text_of)
}

#[test]
fn messages_come_in_order_and_a_full_queue_takes_no_more() {
    let queue = Queue::new(2);
    assert_eq!(get(&queue), Err(Error::WaitedTooLong));
    assert_eq!([put(&queue, "one"), put(&queue, "two")], [Ok(()), Ok(())]);
    let (error, back) = queue.put(message("three"), &at_once()).unwrap_err();
    assert_eq!((error, text_of(back)), (Error::WaitedTooLong, "three".to_owned()));
    assert_eq!((queue.length(), get(&queue)), (Ok(2), Ok("one".to_owned())));
    queue.put_back(message("one again"));
    assert_eq!((get(&queue), get(&queue)), (Ok("one again".to_owned()), Ok("two".to_owned())));
}

#[test]
fn a_message_has_a_tag_bytes_and_memory() {
    let queue = Queue::new(0);
    let lent = lent(&Arc::default());
    queue.put(Message::new(-7, b"bytes", vec![lent]), &at_once()).unwrap_or_else(|_| panic!());
    let message = queue.get(&at_once()).unwrap();
    assert_eq!((message.tag(), message.bytes()), (-7, b"bytes".as_slice()));
    assert_eq!(
        message.buffers().map(|(_, length, read_only)| (length, read_only)).collect::<Vec<_>>(),
        [(3, true)]
    );
}

/// Memory that counts its releases.
fn lent(releases: &Arc<AtomicUsize>) -> ForeignBuffer {
    static MEMORY: [u8; 3] = [1, 2, 3];
    let releases = Arc::clone(releases);
    let release = ReleaseCallback::new(move || _ = releases.fetch_add(1, Ordering::Relaxed));
    let address = (&raw const MEMORY).cast_mut().cast::<c_void>();
    // SAFETY: the memory is static, and marked as read-only.
    unsafe { ForeignBuffer::new(address, MEMORY.len(), true, release) }
}

#[test]
fn memory_is_released_once_when_nobody_has_it_and_not_after_a_failed_put() {
    let releases = Arc::default();
    let lend = || Message::new(0, b"", vec![lent(&releases), lent(&releases)]);
    let released = || releases.load(Ordering::Relaxed);
    let queue = Queue::new(2);
    (0..2).for_each(|_| queue.put(lend(), &at_once()).unwrap_or_else(|_| panic!()));
    queue.put(lend(), &at_once()).unwrap_err().1.disown();
    assert_eq!(released(), 0);
    drop(queue.get(&at_once()).unwrap());
    assert_eq!(released(), 2);
    drop(queue); // with a message in it
    assert_eq!(released(), 4);
}

#[test]
fn a_closed_queue_is_drained_and_then_fails() {
    for discard in [false, true] {
        let queue = Arc::new(Queue::new(1));
        put(&queue, "last").unwrap();
        let waiting = thread::spawn({
            let queue = Arc::clone(&queue);
            move || queue.put(message("too late"), &Limits::none()).map_err(|(error, _)| error)
        });
        let_others_run();
        queue.close(discard).unwrap();
        assert_eq!(waiting.join().unwrap(), Err(Error::Closed));
        if !discard {
            assert_eq!(get(&queue), Ok("last".to_owned()));
            queue.task_done().unwrap();
        }
        assert_eq!((get(&queue), put(&queue, "no")), (Err(Error::Closed), Err(Error::Closed)));
        queue.join(&Limits::none()).unwrap(); // what was discarded counts as done
        assert!(matches!(queue.task_done(), Err(Error::Invalid { .. })));
        queue.close(discard).unwrap();
    }
}

/// Lets other threads run. (Whether they wait by then makes no difference to the results.)
fn let_others_run() {
    (0..100).for_each(|_| thread::yield_now());
}

#[test]
fn many_senders_and_receivers_lose_nothing() {
    const THREADS: usize = 4;
    let rounds = if cfg!(miri) { 20 } else { 5000 };
    let queue = Queue::new(3);
    let sum = AtomicUsize::new(0);
    thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                for number in 1..=rounds {
                    let message = Message::new(number as i64, b"", Vec::new());
                    assert!(queue.put(message, &Limits::none()).is_ok());
                }
            });
            scope.spawn(|| {
                for _ in 0..rounds {
                    let message = queue.get(&Limits::none()).unwrap();
                    sum.fetch_add(message.tag() as usize, Ordering::Relaxed);
                    queue.task_done().unwrap();
                }
            });
        }
        queue.join(&Limits::none()).unwrap();
    });
    assert_eq!(sum.into_inner(), THREADS * rounds * (rounds + 1) / 2);
    assert_eq!(queue.length(), Ok(0));
}

#[test]
fn a_control_stops_a_wait_at_once() {
    let (queue, control) = (Queue::new(0), Control::new());
    let forever = |control| queue.get(&Limits::new(None, Some(control)).unwrap()).map(text_of);
    for cancel in
        [(|control| control.set_deadline(Some(Duration::ZERO))) as fn(&Control), |control| control.cancel()]
    {
        let outcome = thread::scope(|scope| {
            let waiting = scope.spawn(|| forever(&control));
            let_others_run();
            cancel(&control);
            waiting.join().unwrap()
        });
        assert!(matches!(outcome, Err(Error::TimedOut | Error::Cancelled)));
        control.set_deadline(None);
    }
    assert_eq!(forever(&control), Err(Error::Cancelled));
    put(&queue, "there").unwrap();
    assert_eq!(forever(&control), Ok("there".to_owned())); // what is there is taken
    assert_eq!(control.progress(), (1, 1));
}

#[test]
fn a_deadline_that_is_moved_is_noticed() {
    let (queue, control) = (Queue::new(0), Control::new());
    control.set_deadline(Some(Duration::from_secs(3600)));
    thread::scope(|scope| {
        let wait = || queue.get(&Limits::new(Some(Duration::from_secs(7200)), Some(&control)).unwrap());
        let waiting = scope.spawn(wait);
        let_others_run();
        control.set_deadline(Some(Duration::from_millis(1)));
        assert_eq!(waiting.join().unwrap().map(text_of), Err(Error::TimedOut));
    });
    control.set_deadline(Some(Duration::from_secs(3600)));
    let short = Limits::new(Some(Duration::from_millis(1)), Some(&control)).unwrap();
    assert_eq!(queue.get(&short).map(text_of), Err(Error::WaitedTooLong));
    assert!(matches!(Limits::new(None, Some(&control)), Err(Error::ControlInUse)));
}

#[test]
fn counters_change_and_are_waited_for() {
    let counter = Counter::new(5);
    assert_eq!((counter.add(-7), counter.value()), (Ok(-2), Ok(-2)));
    assert_eq!((counter.exchange(i64::MAX), counter.compare_exchange(1, 2)), (Ok(-2), Ok(i64::MAX)));
    assert_eq!(counter.add(1), Err(Error::Overflow { result: "int64_t" }));
    assert_eq!((counter.compare_exchange(i64::MAX, 3), counter.value()), (Ok(i64::MAX), Ok(3)));
    let wait = |lowest, highest, change| counter.wait(Condition { lowest, highest, change }, &at_once());
    assert_eq!((wait(4, 9, 1), wait(3, 3, -3), counter.value()), (Err(Error::WaitedTooLong), Ok(3), Ok(0)));
    assert_eq!(wait(0, 0, i64::MIN), Ok(0));
    assert_eq!(wait(i64::MIN, 0, -1), Err(Error::Overflow { result: "int64_t" }));
}

/// As many threads wait as there are changes, and each takes one, whatever they need.
#[test]
fn a_counter_wakes_all_that_can_go_on() {
    let rounds = if cfg!(miri) { 3 } else { 300 };
    for _ in 0..rounds {
        let counter = Counter::new(0);
        thread::scope(|scope| {
            for change in [-1, -2, -1, 0, -3] {
                let counter = &counter;
                let condition = Condition { lowest: (-change).max(1), highest: i64::MAX, change };
                scope.spawn(move || counter.wait(condition, &Limits::none()).unwrap());
            }
            for _ in 0..8 {
                counter.add(1).unwrap();
            }
        });
        assert_eq!(counter.value(), Ok(1));
    }
}

const PLAIN: Manner = Manner { holds: false, breaks: false, stays_for: None };
const BREAKS: Manner = Manner { breaks: true, ..PLAIN };
const HOLDS: Manner = Manner { holds: true, ..PLAIN };
const STAYS: Manner = Manner { stays_for: Some(1), ..PLAIN };

#[test]
fn a_barrier_releases_all_parties_in_each_phase() {
    let phases = if cfg!(miri) { 3 } else { 300 };
    let (barrier, arrived) = (Barrier::new(3), AtomicUsize::new(0));
    thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                for phase in 0..phases {
                    arrived.fetch_add(1, Ordering::Relaxed);
                    let number = barrier.wait(HOLDS, &mut Presence::Comes, &Limits::none()).unwrap();
                    if number == 2 {
                        assert_eq!(arrived.load(Ordering::Relaxed), 3 * (phase + 1)); // nobody goes on before the release
                        barrier.release().unwrap();
                    }
                }
            });
        }
    });
    assert_eq!(barrier.status(), Ok(Status { waiting: 0, is_broken: false }));
}

/// Some wait in slices, and others leave and come again.
#[test]
fn the_parties_of_a_phase_have_different_numbers() {
    let phases = if cfg!(miri) { 3 } else { 200 };
    let barrier = Barrier::new(3);
    let short = || Limits::new(Some(Duration::from_micros(50)), None).unwrap();
    let pass = |manner: Manner| {
        let mut party = Presence::Comes;
        loop {
            match barrier.wait(manner, &mut party, &short()) {
                Err(Error::WaitedTooLong) => thread::yield_now(),
                outcome => return outcome.unwrap(),
            }
            if manner.stays_for.is_none() {
                party = Presence::Comes;
            }
        }
    };
    let numbers = thread::scope(|scope| {
        let threads = [STAYS, PLAIN, STAYS]
            .map(|manner| scope.spawn(move || (0..phases).map(|_| pass(manner)).collect::<Vec<_>>()));
        threads.map(|thread| thread.join().unwrap())
    });
    let [first, second, third] = numbers;
    for ((first, second), third) in first.into_iter().zip(second).zip(third) {
        let mut of_phase = [first, second, third];
        of_phase.sort();
        assert_eq!(of_phase, [0, 1, 2]);
    }
}

/// A party that has come, and whose wait has stopped.
fn staying(barrier: &Barrier) -> Presence {
    let mut party = Presence::Comes;
    assert_eq!(barrier.wait(STAYS, &mut party, &at_once()), Err(Error::WaitedTooLong));
    party
}

fn is_invalid<T>(outcome: Result<T, Error>) -> bool {
    matches!(outcome, Err(Error::Invalid { parameter: "arrival", .. }))
}

#[test]
fn a_party_that_stays_learns_how_its_phase_ended() {
    let barrier = Barrier::new(2);
    let mut first = staying(&barrier);
    assert_eq!(barrier.wait(HOLDS, &mut Presence::Comes, &at_once()), Ok(1));
    let breaking = Manner { breaks: true, ..STAYS };
    let mut next = Presence::Comes;
    for party in [&mut first, &mut next] {
        let before = *party;
        assert_eq!(barrier.wait(breaking, party, &at_once()), Err(Error::WaitedTooLong));
        assert_eq!(*party, before); // nothing breaks while the phase is held
    }
    barrier.release().unwrap();
    let mut second = staying(&barrier);
    let mut copy = first;
    assert_eq!(barrier.wait(STAYS, &mut first, &at_once()), Ok(0));
    for party in [&mut first, &mut copy] {
        assert!(is_invalid(barrier.wait(STAYS, party, &at_once())), "it has gone");
    }
    barrier.reset().unwrap();
    let mut third = staying(&barrier);
    let mut copy = second;
    assert_eq!(barrier.wait(STAYS, &mut second, &at_once()), Err(Error::Broken));
    assert!(is_invalid(barrier.wait(STAYS, &mut copy, &at_once())), "it has been told");
    assert_eq!(barrier.wait(breaking, &mut third, &at_once()), Err(Error::WaitedTooLong));
    assert_eq!((third, barrier.status()), (Presence::Gone, Ok(Status { waiting: 0, is_broken: true })));
}

#[test]
fn a_party_that_stays_holds_the_others_in_its_own_phase() {
    let holds = Manner { holds: true, ..STAYS };
    let barrier = Barrier::new(2);
    let held = || {
        let (first, mut last) = (staying(&barrier), Presence::Comes);
        assert_eq!(barrier.wait(holds, &mut last, &at_once()), Ok(1));
        (first, last)
    };
    let (mut first, mut last) = held();
    assert_eq!(barrier.wait(holds, &mut last, &at_once()), Ok(1));
    assert_eq!((last, barrier.wait(holds, &mut first, &at_once())), (Presence::Gone, Ok(0)));

    let (mut first, mut last) = held();
    barrier.reset().unwrap();
    let (mut of_next, mut last_of_next) = held();
    assert_eq!(barrier.wait(holds, &mut last, &at_once()), Err(Error::Broken)); // and not the next phase
    assert_eq!(barrier.wait(holds, &mut first, &at_once()), Err(Error::Broken));
    assert_eq!(barrier.wait(holds, &mut of_next, &at_once()), Err(Error::WaitedTooLong));
    assert_eq!(barrier.wait(holds, &mut last_of_next, &at_once()), Ok(1));
    assert_eq!(barrier.wait(holds, &mut of_next, &at_once()), Ok(0));

    let (mut first, last) = held();
    let Presence::Stays(last) = last else { panic!("{last:?}") };
    barrier.leave(last, 1).unwrap();
    assert_eq!(barrier.wait(holds, &mut first, &at_once()), Err(Error::Broken));
    assert_eq!(barrier.status(), Ok(Status { waiting: 0, is_broken: true }));
}

#[test]
fn a_party_leaves() {
    let barrier = Barrier::new(3);
    let waiting = || barrier.status().unwrap().waiting;
    let name = |party| if let Presence::Stays(name) = party { name } else { panic!("{party:?}") };
    let mut party = staying(&barrier);
    assert!(is_invalid(barrier.leave(name(party), 2)), "it stays for somebody else");
    barrier.leave(name(party), 1).unwrap();
    let other = staying(&barrier); // which has the same number
    assert!(is_invalid(barrier.leave(name(party), 1)));
    assert!(is_invalid(barrier.wait(STAYS, &mut party, &at_once())));
    assert_eq!(waiting(), 1);
    barrier.reset().unwrap();
    let now = staying(&barrier);
    barrier.leave(name(other), 1).unwrap();
    assert_eq!(waiting(), 1);
    barrier.leave(name(now), 1).unwrap();
    assert!(is_invalid(barrier.leave(name(now), 1)));
}

#[test]
fn parties_leave_with_the_one_that_they_stay_for() {
    let other = Manner { stays_for: Some(2), holds: true, ..STAYS };
    let barrier = Barrier::new(2);
    let status = || barrier.status().map(|status| (status.waiting, status.is_broken)).unwrap();
    let mut party = staying(&barrier);
    barrier.forget(2);
    assert_eq!(status(), (1, false));
    barrier.forget(1);
    assert_eq!(status(), (0, false));
    assert!(is_invalid(barrier.wait(STAYS, &mut party, &at_once())));

    let (mut party, mut last) = (staying(&barrier), Presence::Comes);
    assert_eq!(barrier.wait(other, &mut last, &at_once()), Ok(1));
    barrier.forget(2); // which holds the others
    assert!(is_invalid(barrier.wait(other, &mut last, &at_once())));
    assert_eq!(barrier.wait(STAYS, &mut party, &at_once()), Err(Error::Broken));
    assert_eq!(status(), (0, true));
}

#[test]
fn a_barrier_breaks() {
    let barrier = Barrier::new(2);
    assert_eq!(barrier.wait(PLAIN, &mut Presence::Comes, &at_once()), Err(Error::WaitedTooLong));
    assert_eq!(barrier.status(), Ok(Status { waiting: 0, is_broken: false }));
    assert_eq!(barrier.wait(BREAKS, &mut Presence::Comes, &at_once()), Err(Error::WaitedTooLong));
    assert_eq!(barrier.wait(PLAIN, &mut Presence::Comes, &Limits::none()), Err(Error::Broken));
    barrier.reset().unwrap();
    assert_eq!(barrier.release(), Err(Error::Broken)); // nobody holds it
    for end in [Barrier::abort, Barrier::reset] {
        barrier.reset().unwrap();
        thread::scope(|scope| {
            let waiting = scope.spawn(|| barrier.wait(PLAIN, &mut Presence::Comes, &Limits::none()));
            while barrier.status().unwrap().waiting == 0 {
                thread::yield_now();
            }
            end(&barrier).unwrap();
            assert_eq!(waiting.join().unwrap(), Err(Error::Broken));
        });
    }
}
