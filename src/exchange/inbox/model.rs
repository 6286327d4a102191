//! All interleavings of those who submit, cancel, wait and watch with a server, by loom. `make test-loom` runs them.

use super::*;
use crate::sys::sync::{AtomicUsize, Ordering, thread};

struct Fake;

impl Runner for Fake {
    fn interrupt(&self) -> bool {
        true
    }

    fn is_alive(&self) -> bool {
        true
    }
}

type TestInbox = Inbox<u64, u64>;
type TestCall = Call<u64, u64>;

const LOST: u64 = u64::MAX;

fn start() -> (Arc<TestInbox>, Arc<TestCall>) {
    let inbox = Arc::new(Inbox::new(|| LOST));
    let call = Arc::new(Call::new(1, 5));
    (inbox, call)
}

/// A server that runs calls until the inbox is closed and empty; it returns how many.
fn serve(inbox: &Arc<TestInbox>) -> thread::JoinHandle<usize> {
    let inbox = Arc::clone(inbox);
    thread::spawn(move || {
        let mut server = inbox.serve(&Fake).unwrap();
        let mut count = 0;
        while let Some(request) = server.take_next().unwrap() {
            server.finish(request + 1).unwrap();
            count += 1;
        }
        count
    })
}

fn wait(call: &TestCall) -> Option<u64> {
    let limits = Limits::new(None, None).unwrap();
    call.wait(&limits).unwrap().map(|outcome| *outcome)
}

/// Tries the interleavings with up to three preemptions, which are those that find faults. All would take an hour.
fn model(run: impl Fn() + Sync + Send + 'static) {
    let mut model = loom::model::Builder::new();
    model.preemption_bound = Some(3);
    model.check(run);
}

/// No wake is lost: neither the server's, whether it waits before the call comes or after, nor the waiting thread's.
#[test]
fn a_call_is_run_and_its_end_is_seen() {
    model(|| {
        let (inbox, call) = start();
        let server = serve(&inbox);
        inbox.submit(&call).unwrap();
        assert_eq!(wait(&call), Some(6));
        inbox.close().unwrap();
        assert_eq!(server.join().unwrap(), 1);
    });
}

/// A call is either cancelled or run.
#[test]
fn a_call_is_cancelled_or_run() {
    model(|| {
        let (inbox, call) = start();
        inbox.submit(&call).unwrap();
        inbox.close().unwrap();
        let server = serve(&inbox);
        let is_cancelled = inbox.cancel(&call).unwrap();
        assert_eq!(server.join().unwrap(), usize::from(!is_cancelled));
        assert_eq!(wait(&call), (!is_cancelled).then_some(6));
    });
}

/// Who watches a call is told once, unless it had ended; and nobody waits for ever when the inbox is closed.
#[test]
fn a_watched_call_is_told_once() {
    model(|| {
        let (inbox, call) = start();
        inbox.submit(&call).unwrap();
        inbox.close().unwrap();
        let server = serve(&inbox);
        let has_ended = call.watch().unwrap() == Stage::Over;
        let limits = Limits::new(None, None).unwrap();
        if !has_ended {
            assert_eq!(inbox.ended(0, 9, &limits), Ok(vec![1]));
        }
        assert_eq!(inbox.ended(0, 9, &limits), Err(Error::Closed));
        server.join().unwrap();
    });
}

/// A call that is given up has one outcome, and a server's comes too late.
#[test]
fn a_call_that_is_given_up_ends_once() {
    model(|| {
        let (inbox, call) = start();
        inbox.submit(&call).unwrap();
        inbox.close().unwrap();
        assert_eq!(call.watch(), Ok(Stage::Queued));
        let server = serve(&inbox);
        inbox.give_up(true).unwrap();
        let first = wait(&call);
        server.join().unwrap();
        assert_eq!(wait(&call), first);
        let limits = Limits::new(None, None).unwrap();
        assert_eq!(inbox.ended(0, 9, &limits), Ok(vec![1]));
        assert_eq!(inbox.ended(0, 9, &limits), Err(Error::Closed));
    });
}

/// With two servers and one call, one of them runs it, and both end.
#[test]
fn servers_share_calls() {
    model(|| {
        let (inbox, call) = start();
        let servers = [serve(&inbox), serve(&inbox)];
        inbox.submit(&call).unwrap();
        inbox.close().unwrap();
        let counts = servers.map(|server| server.join().unwrap());
        assert_eq!(counts.iter().sum::<usize>(), 1);
        assert_eq!(wait(&call), Some(6));
    });
}

/// Two calls run side by side on two servers that wait, though the first wakes one of them, which wakes the other.
#[test]
fn calls_that_come_together_run_side_by_side() {
    model(|| {
        let (inbox, call) = start();
        let running = Arc::new(AtomicUsize::new(0));
        let servers = [(); 2].map(|()| {
            let (inbox, running) = (Arc::clone(&inbox), Arc::clone(&running));
            thread::spawn(move || {
                let mut server = inbox.serve(&Fake).unwrap();
                let request = server.take_next().unwrap().expect("there is a call for each");
                running.fetch_add(1, Ordering::SeqCst);
                while running.load(Ordering::SeqCst) < 2 {
                    thread::yield_now();
                }
                server.finish(request).unwrap();
            })
        });
        inbox.submit(&call).unwrap();
        inbox.submit(&Arc::new(Call::new(2, 6))).unwrap();
        for server in servers {
            server.join().unwrap();
        }
    });
}

/// A thread that waits to become a server hears of a call.
#[test]
fn a_candidate_is_told_of_a_call() {
    model(|| {
        let (inbox, call) = start();
        let candidate = thread::spawn({
            let inbox = Arc::clone(&inbox);
            move || inbox.await_call(&Limits::new(None, None).unwrap())
        });
        inbox.submit(&call).unwrap();
        assert_eq!(candidate.join().unwrap(), Ok(true));
    });
}

/// A call that another thread resumes while its server defers it ends once: by its second request, or because it was given
/// up. The server does not wait for ever.
#[test]
fn a_deferred_call_is_resumed_or_given_up() {
    for gives_up in [false, true] {
        model(move || {
            let (inbox, call) = start();
            inbox.submit(&call).unwrap();
            inbox.close().unwrap();
            let mut server = inbox.serve(&Fake).unwrap();
            assert_eq!(server.take_next(), Ok(Some(5)));
            let other = Arc::clone(&inbox);
            let thread = thread::spawn(move || {
                let is_resumed = other.resume(1, 7).unwrap();
                if gives_up {
                    other.give_up(true).unwrap();
                }
                is_resumed
            });
            server.defer().unwrap();
            let mut count = 0;
            while let Some(request) = server.take_next().unwrap() {
                server.finish(request + 1).unwrap();
                count += 1;
            }
            assert!(thread.join().unwrap());
            assert!(count == 1 || gives_up);
            let outcome = wait(&call);
            assert!(outcome == Some(8) || (gives_up && outcome == Some(LOST)));
        });
    }
}
