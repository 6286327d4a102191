use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use super::*;

/// A runner that counts its interrupts, of calls that run or of none.
struct Fake {
    is_dead: AtomicBool,
    runs: AtomicBool,
    interrupts: AtomicUsize,
}

static RUNNERS: Mutex<Vec<&Fake>> = Mutex::new(Vec::new());

impl Fake {
    fn new() -> &'static Self {
        let (is_dead, runs) = (AtomicBool::new(false), AtomicBool::new(true));
        let runner = Box::leak(Box::new(Self { is_dead, runs, interrupts: AtomicUsize::new(0) }));
        RUNNERS.lock().unwrap().push(runner); // a leak for Miri otherwise
        runner
    }
}

impl Runner for Fake {
    fn interrupt(&self) -> bool {
        let runs = self.runs.load(Ordering::SeqCst);
        self.interrupts.fetch_add(usize::from(runs), Ordering::SeqCst);
        runs
    }

    fn is_alive(&self) -> bool {
        !self.is_dead.load(Ordering::SeqCst)
    }
}

const LOST: u64 = u64::MAX;

fn inbox() -> Inbox<u64, u64> {
    Inbox::new(|| LOST)
}

fn submitted(inbox: &Inbox<u64, u64>, number: u64) -> Arc<Call<u64, u64>> {
    let call = Arc::new(Call::new(number, number));
    inbox.submit(&call).unwrap();
    call
}

fn now() -> Limits<'static> {
    Limits::new(Some(Duration::ZERO), None).unwrap()
}

fn outcome(call: &Call<u64, u64>) -> Result<Option<u64>, Error> {
    call.wait(&now()).map(|outcome| outcome.map(|outcome| *outcome))
}

#[test]
fn calls_are_run_in_order_until_the_inbox_is_closed_and_empty() {
    let inbox = inbox();
    let calls: Vec<_> = (0..5).map(|number| submitted(&inbox, number)).collect();
    assert_eq!(inbox.cancel(&calls[2]), Ok(true));
    assert_eq!(inbox.cancel(&calls[2]), Ok(true), "it is cancelled");
    inbox.close().unwrap();
    assert_eq!(inbox.submit(&Arc::new(Call::new(9, 9))), Err(Error::Closed));
    let mut server = inbox.serve(Fake::new()).unwrap();
    let mut order = Vec::new();
    while let Some(request) = server.take_next().unwrap() {
        assert_eq!(inbox.cancel(&calls[request as usize]), Ok(false), "it runs");
        assert_eq!(inbox.counts().unwrap().running, 1);
        server.finish(10 * request).unwrap();
        order.push(request);
    }
    assert_eq!(order, [0, 1, 3, 4]);
    assert_eq!(
        calls.iter().map(|call| outcome(call).unwrap()).collect::<Vec<_>>(),
        [Some(0), Some(10), None, Some(30), Some(40)]
    );
    assert_eq!(inbox.counts().unwrap(), Counts { waiting: 1, ..Counts::default() });
}

#[test]
fn a_call_wakes_a_server_and_its_end_wakes_those_who_wait() {
    let inbox = inbox();
    thread::scope(|scope| {
        let serve = || {
            let mut server = inbox.serve(Fake::new()).unwrap();
            while let Some(request) = server.take_next().unwrap() {
                server.finish(request + 1).unwrap();
            }
        };
        scope.spawn(serve);
        scope.spawn(serve);
        for number in 0..if cfg!(miri) { 20 } else { 200 } {
            let call = submitted(&inbox, number);
            let limits = || Limits::new(None, None).unwrap();
            let other = scope.spawn({
                let call = Arc::clone(&call);
                move || *call.wait(&limits()).unwrap().unwrap()
            });
            assert_eq!(*call.wait(&limits()).unwrap().unwrap(), number + 1);
            assert_eq!(other.join().unwrap(), number + 1);
        }
        inbox.close().unwrap();
    });
}

fn sleeping(inbox: &Inbox<u64, u64>) -> usize {
    inbox.state.read(|state| state.idle.len()).unwrap()
}

#[test]
fn the_server_that_slept_last_is_woken_if_none_is_expected() {
    let inbox = inbox();
    let all_sleep = |count| {
        while sleeping(&inbox) < count {
            thread::yield_now();
        }
    };
    let answer = |call: &Call<u64, u64>| *call.wait(&Limits::none()).unwrap().unwrap();
    thread::scope(|scope| {
        for number in 0..2 {
            let inbox = &inbox;
            scope.spawn(move || {
                let mut server = inbox.serve(Fake::new()).unwrap();
                while server.take_next().unwrap().is_some() {
                    server.finish(number).unwrap();
                }
            });
            all_sleep(number as usize + 1);
        }
        assert_eq!(answer(&submitted(&inbox, 5)), 1);
        all_sleep(2);
        let other = 9;
        inbox.state.change(|state| Ok((state.expect(other), Woken::new()))).unwrap();
        let call = submitted(&inbox, 6);
        assert_eq!(sleeping(&inbox), 2, "the other one is expected");
        inbox
            .state
            .change(|state| {
                assert!(state.arrive(other));
                Ok(((), state.announce()))
            })
            .unwrap();
        assert_eq!(answer(&call), 1);
        inbox.close().unwrap();
    });
}

#[test]
fn watched_calls_are_told_once_however_they_end() {
    let inbox = inbox();
    let calls: Vec<_> = (0..6).map(|number| submitted(&inbox, number)).collect();
    for call in &calls[1..] {
        assert_eq!(call.watch(), Ok(Stage::Queued));
    }
    assert_eq!(inbox.ended(0, 9, &now()), Err(Error::WaitedTooLong));
    let mut server = inbox.serve(Fake::new()).unwrap();
    for _ in 0..2 {
        let request = server.take_next().unwrap().unwrap();
        server.finish(request).unwrap();
    }
    assert_eq!(inbox.cancel(&calls[2]), Ok(true));
    assert_eq!(server.take_next(), Ok(Some(3)));
    inbox.close().unwrap();
    inbox.give_up(true).unwrap();
    assert_eq!(calls[5].watch(), Ok(Stage::Over));
    assert_eq!(inbox.ended(0, 2, &now()), Ok(vec![1, 2]));
    assert_eq!(inbox.ended(0, 9, &now()), Ok(vec![4, 5, 3]));
    assert_eq!(inbox.ended(0, 9, &now()), Err(Error::WaitedTooLong), "a call still runs, for nobody");
    server.finish(3).unwrap();
    assert_eq!(server.take_next(), Ok(None));
    assert_eq!(inbox.ended(0, 9, &now()), Err(Error::Closed));
    let outcomes: Vec<_> = calls.iter().map(|call| outcome(call).unwrap()).collect();
    assert_eq!(outcomes, [Some(0), Some(1), None, Some(LOST), Some(LOST), Some(LOST)]);
}

#[test]
fn stop_cancels_what_is_queued_and_interrupts_what_runs() {
    let inbox = inbox();
    let calls: Vec<_> = (0..3).map(|number| submitted(&inbox, number)).collect();
    let (busy, idle) = (Fake::new(), Fake::new());
    let mut server = inbox.serve(busy).unwrap();
    let _other = inbox.serve(idle).unwrap();
    assert_eq!(server.take_next(), Ok(Some(0)));
    busy.runs.store(false, Ordering::SeqCst);
    thread::scope(|scope| {
        let stop = scope.spawn(|| inbox.stop().unwrap());
        while inbox.counts().unwrap().queued > 0 {
            thread::yield_now();
        }
        let late = submitted(&inbox, 9);
        busy.runs.store(true, Ordering::SeqCst); // the server begins to run the call
        stop.join().unwrap();
        assert_eq!(late.stage(), Ok(Stage::Queued));
    });
    assert_eq!(busy.interrupts.load(Ordering::SeqCst), 1);
    assert_eq!(idle.interrupts.load(Ordering::SeqCst), 0);
    assert_eq!((outcome(&calls[1]), outcome(&calls[2])), (Ok(None), Ok(None)));
    let counts = inbox.counts().unwrap();
    assert_eq!((counts.running, counts.interrupted), (1, 1));
    server.finish(7).unwrap();
    assert_eq!(outcome(&calls[0]), Ok(Some(7)));
    inbox.stop().unwrap();
    assert_eq!(busy.interrupts.load(Ordering::SeqCst), 1, "its call has ended");
}

#[test]
fn a_dead_server_leaves_its_calls_to_others() {
    let inbox = inbox();
    let dying = Fake::new();
    thread::scope(|scope| {
        let dead = scope.spawn(|| {
            let mut server = inbox.serve(dying).unwrap();
            assert_eq!(server.take_next(), Ok(None));
        });
        while inbox.counts().unwrap().waiting == 0 {
            thread::yield_now();
        }
        let heir = scope.spawn(|| inbox.await_call(&Limits::new(None, None).unwrap()));
        while inbox.counts().unwrap().waiting < 2 {
            thread::yield_now();
        }
        assert_eq!(inbox.await_call(&now()), Err(Error::WaitedTooLong), "there is no call");
        dying.is_dead.store(true, Ordering::SeqCst);
        let call = submitted(&inbox, 1);
        assert_eq!(heir.join().unwrap(), Ok(true));
        dead.join().unwrap();
        let mut server = inbox.serve(Fake::new()).unwrap();
        assert_eq!(server.take_next(), Ok(Some(1)));
        drop(server); // as if the server had panicked
        assert_eq!(outcome(&call), Ok(Some(LOST)));
    });
}

#[test]
fn nobody_becomes_a_server_for_calls_that_were_cancelled() {
    let inbox = inbox();
    submitted(&inbox, 1);
    assert_eq!(inbox.await_call(&now()), Ok(true));
    inbox.cancel_queued().unwrap();
    let second = submitted(&inbox, 2);
    assert_eq!(inbox.cancel(&second), Ok(true));
    assert_eq!(inbox.await_call(&now()), Err(Error::WaitedTooLong));
    inbox.close().unwrap();
    assert_eq!(inbox.await_call(&now()), Ok(false));
}

#[test]
fn a_deferred_call_goes_on_without_its_server() {
    let inbox = inbox();
    let calls: Vec<_> = (0..4).map(|number| submitted(&inbox, number)).collect();
    let mut server = inbox.serve(Fake::new()).unwrap();
    for call in &calls[..2] {
        assert_eq!(server.take_next(), Ok(Some(call.id())));
        server.defer().unwrap();
        assert_eq!((call.stage(), outcome(call)), (Ok(Stage::Running), Err(Error::WaitedTooLong)));
    }
    assert_eq!(inbox.cancel(&calls[1]), Ok(false), "it runs");
    assert_eq!(inbox.counts().unwrap(), Counts { queued: 2, waiting: 1, ..Counts::default() });
    assert_eq!(inbox.resume(1, 11), Ok(true));
    assert_eq!(inbox.resume(1, 12), Ok(false), "it has a request");
    assert_eq!(inbox.resume(3, 13), Ok(false), "it is not deferred");
    assert_eq!(server.take_next(), Ok(Some(11)), "before calls that have not begun");
    server.finish(111).unwrap();
    assert_eq!(server.take_next(), Ok(Some(2)));
    assert_eq!(inbox.resume(2, 21), Ok(true), "before it is deferred");
    for request in [21, 22] {
        server.defer().unwrap();
        assert_eq!(inbox.resume(2, 22), Ok(request == 22), "once");
        assert_eq!(server.take_next(), Ok(Some(request)));
    }
    server.finish(222).unwrap();
    assert_eq!(inbox.resume(2, 23), Ok(false), "it is over");
    let outcomes: Vec<_> = calls.iter().map(|call| outcome(call).ok().flatten()).collect();
    assert_eq!(outcomes, [None, Some(111), Some(222), None]);
}

#[test]
fn a_closed_inbox_waits_for_deferred_calls() {
    let inbox = inbox();
    let call = submitted(&inbox, 0);
    let mut server = inbox.serve(Fake::new()).unwrap();
    assert_eq!(server.take_next(), Ok(Some(0)));
    server.defer().unwrap();
    inbox.close().unwrap();
    assert_eq!(call.watch(), Ok(Stage::Running));
    assert_eq!(inbox.ended(0, 9, &now()), Err(Error::WaitedTooLong), "a call has not ended");
    let resumed = thread::scope(|scope| {
        let server = scope.spawn(|| server.take_next());
        assert_eq!(inbox.resume(0, 1), Ok(true));
        server.join().unwrap()
    });
    assert_eq!(resumed, Ok(Some(1)));
    server.finish(5).unwrap();
    assert_eq!(server.take_next(), Ok(None));
    assert_eq!(inbox.ended(0, 9, &now()), Ok(vec![0]));
    assert_eq!(inbox.ended(0, 9, &now()), Err(Error::Closed));
}

type Calls = Vec<Arc<Call<u64, u64>>>;

/// An inbox with three calls, of which a server has deferred two, one of them with another request.
fn deferred(
    runner: &'static Fake,
    check: impl Fn(&Inbox<u64, u64>, ServerGuard<'_, u64, u64>, &Calls),
) -> Vec<Option<u64>> {
    let inbox = inbox();
    let calls: Calls = (0..3).map(|number| submitted(&inbox, number)).collect();
    let mut server = inbox.serve(runner).unwrap();
    for _ in 0..2 {
        server.take_next().unwrap();
        server.defer().unwrap();
    }
    assert_eq!(inbox.resume(1, 1), Ok(true));
    check(&inbox, server, &calls);
    calls.iter().map(|call| outcome(call).ok().flatten()).collect()
}

#[test]
fn deferred_calls_end_with_their_server() {
    let runner = Fake::new();
    let outcomes = deferred(runner, |_, server, _| drop(server)); // a panic
    assert_eq!(outcomes, [Some(LOST), Some(LOST), None]);
    let outcomes = deferred(runner, |inbox, _, _| {
        inbox.give_up(true).unwrap();
        assert_eq!(inbox.resume(0, 1), Ok(false));
    });
    assert_eq!(outcomes, [Some(LOST); 3]);
    deferred(runner, |inbox, _server, calls| {
        inbox.stop().unwrap();
        assert_eq!((outcome(&calls[2]), outcome(&calls[0])), (Ok(None), Err(Error::WaitedTooLong)));
    });
    assert_eq!(runner.interrupts.load(Ordering::SeqCst), 0);
    let outcomes = deferred(runner, |inbox, mut server, calls| {
        inbox.fail(Box::new(|| 7)).unwrap();
        assert_eq!(outcome(&calls[0]), Err(Error::WaitedTooLong), "its server knows what it has lost");
        runner.is_dead.store(true, Ordering::SeqCst);
        assert_eq!(server.take_next(), Ok(None));
        server.fail_deferred(|| 8).unwrap();
        assert_eq!(outcome(&submitted(inbox, 9)), Ok(Some(7)));
    });
    assert_eq!(outcomes, [Some(8), Some(8), Some(7)]);
}

#[test]
fn each_group_collects_the_ends_of_its_own_calls() {
    let inbox = inbox();
    let calls: Vec<_> = (0..6).map(|id| Arc::new(Call::of_group(id as i32 % 2, id, id))).collect();
    for call in &calls {
        inbox.submit(call).unwrap();
        call.watch().unwrap();
    }
    inbox.cancel_queued().unwrap();
    assert_eq!(inbox.ended(1, 2, &now()), Ok(vec![1, 3]));
    assert_eq!(inbox.ended(0, 9, &now()), Ok(vec![0, 2, 4]));
    assert_eq!(inbox.ended(2, 9, &now()), Err(Error::WaitedTooLong));
    assert_eq!(inbox.ended(1, 9, &now()), Ok(vec![5]));
}
