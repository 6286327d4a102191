//! SIGCHLD, for copies that have a handler: event loops wait for the ends of their children by it. The system sends the
//! signal to the host, so a thread looks for children that have ended, as long as there are such handlers.

use std::collections::HashSet;
use std::mem;
use std::sync::{Condvar, Mutex};
use std::thread;
use std::time::Duration;

use super::delivery::deliver;
use super::records;
use crate::sys::fork::ForkLocal;
use crate::sys::signals::with_blocked_signals;
use crate::sys::sync::{lock, unpoisoned};

/// How often the thread looks; and how often while the child that it finds is the same, which nobody waits for.
const SHORTEST: Duration = Duration::from_millis(10);
const LONGEST: Duration = Duration::from_millis(320);

#[derive(Default)]
struct Watch {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    /// The copies that have a handler.
    copies: HashSet<usize>,
    has_thread: bool,
}

static WATCH: ForkLocal<Watch> = ForkLocal::new(Watch::default);

/// Copy `number` has a handler of SIGCHLD, or has none any more.
pub(super) fn set_handled(number: usize, is_handled: bool) {
    let watch = WATCH.get();
    let mut state = lock(&watch.state);
    if !is_handled {
        state.copies.remove(&number);
        return;
    }
    state.copies.insert(number);
    if !state.has_thread {
        let builder = thread::Builder::new().name("ungil-children".to_owned());
        state.has_thread = with_blocked_signals(|| builder.spawn(|| watch.run())).is_ok();
    }
    watch.changed.notify_all();
}

impl Watch {
    /// The life of the thread.
    fn run(&self) {
        let (mut last, mut pause) = (0, SHORTEST);
        loop {
            let mut state = lock(&self.state);
            while state.copies.is_empty() {
                state = unpoisoned(self.changed.wait(state));
                (last, pause) = (0, SHORTEST);
            }
            let copies: Vec<usize> = state.copies.iter().copied().collect();
            drop(state);
            let child = ended_child();
            pause = if child != 0 && child == last { (2 * pause).min(LONGEST) } else { SHORTEST };
            last = child;
            for number in copies.into_iter().filter(|_| child != 0) {
                if let Some(signals) = records::of(number) {
                    let _ = deliver(number, signals, libc::SIGCHLD); // its default action is none
                }
            }
            thread::sleep(pause);
        }
    }
}

/// A child that has ended, and that nobody has waited for yet; 0 if there is none.
fn ended_child() -> libc::pid_t {
    // SAFETY: zeros are a valid value of the structure, which the kernel writes. The child is left as it is.
    unsafe {
        let mut info: libc::siginfo_t = mem::zeroed();
        let how = libc::WEXITED | libc::WNOHANG | libc::WNOWAIT;
        if libc::waitid(libc::P_ALL, 0, &mut info, how) == 0 { info.si_pid() } else { 0 }
    }
}
