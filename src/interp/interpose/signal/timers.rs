//! The timers of signals: `setitimer`, `getitimer` and `alarm`. A thread waits for all of them, and delivers SIGALRM.
//! The timers that measure processor time are the process's: they are refused.

use std::collections::HashMap;
use std::ffi::{c_int, c_uint};
use std::ptr;
use std::sync::{Condvar, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use super::child::is_child;
use super::delivery::deliver;
use super::records;
use crate::sys::errno::failed;
use crate::sys::fork::ForkLocal;
use crate::sys::signals::with_blocked_signals;
use crate::sys::sync::{lock, unpoisoned};

unsafe extern "C" {
    #[link_name = "setitimer"]
    fn libc_setitimer(which: c_int, new: *const libc::itimerval, old: *mut libc::itimerval) -> c_int;
    #[link_name = "getitimer"]
    fn libc_getitimer(which: c_int, current: *mut libc::itimerval) -> c_int;
}

const ITIMER_REAL: c_int = 0;

/// A timer that runs.
#[derive(Clone, Copy)]
struct Timer {
    end: Instant,
    /// Zero if it ends once.
    interval: Duration,
}

impl Timer {
    /// The timer when it has ended; `None` if it does not begin again, or would end at some time that never comes.
    fn again(self) -> Option<Self> {
        let end = Instant::now().checked_add(self.interval).filter(|_| !self.interval.is_zero());
        end.map(|end| Self { end, ..self })
    }
}

#[derive(Default)]
struct Timers {
    /// By the numbers of the copies.
    running: Mutex<Running>,
    changed: Condvar,
}

#[derive(Default)]
struct Running {
    timers: HashMap<usize, Timer>,
    has_thread: bool,
}

static TIMERS: ForkLocal<Timers> = ForkLocal::new(Timers::default);

impl Timers {
    /// Replaces the timer of a copy, or removes it. Returns the former one; or an errno, if no thread can be started.
    fn set(&'static self, number: usize, timer: Option<Timer>) -> Result<Option<Timer>, c_int> {
        let mut running = lock(&self.running);
        if timer.is_some() && !running.has_thread {
            let builder = thread::Builder::new().name("ungil-timers".to_owned());
            with_blocked_signals(|| builder.spawn(|| self.wait())).map_err(|_| libc::EAGAIN)?;
            running.has_thread = true;
        }
        let before = match timer {
            Some(timer) => running.timers.insert(number, timer),
            None => running.timers.remove(&number),
        };
        self.changed.notify_all();
        Ok(before)
    }

    /// The life of the thread.
    fn wait(&self) {
        let mut running = lock(&self.running);
        loop {
            let next = running.timers.iter().min_by_key(|(_, timer)| timer.end);
            let Some((number, timer)) = next.map(|(number, timer)| (*number, *timer)) else {
                running = unpoisoned(self.changed.wait(running));
                continue;
            };
            let rest = timer.end.saturating_duration_since(Instant::now());
            if !rest.is_zero() {
                running = unpoisoned(self.changed.wait_timeout(running, rest)).0;
                continue;
            }
            match timer.again() {
                Some(again) => running.timers.insert(number, again),
                None => running.timers.remove(&number),
            };
            drop(running);
            if let Some(signals) = records::of(number) {
                // The default action is not performed: there is no call that it could fail.
                let _ = deliver(number, signals, libc::SIGALRM);
            }
            running = lock(&self.running);
        }
    }
}

/// The time until the timer ends, and its interval.
fn value_of(timer: Option<Timer>) -> libc::itimerval {
    let zero = (Duration::ZERO, Duration::ZERO);
    let (rest, interval) = timer.map_or(zero, |timer| {
        let rest = timer.end.saturating_duration_since(Instant::now());
        (rest.max(Duration::from_micros(1)), timer.interval)
    });
    let time = |duration: Duration| libc::timeval {
        tv_sec: duration.as_secs() as libc::time_t,
        tv_usec: duration.subsec_micros().into(),
    };
    libc::itimerval { it_value: time(rest), it_interval: time(interval) }
}

/// The duration; `None` if it is not a valid time.
fn duration_of(time: libc::timeval) -> Option<Duration> {
    let micros = u32::try_from(time.tv_usec).ok().filter(|micros| *micros < 1_000_000)?;
    Some(Duration::new(u64::try_from(time.tv_sec).ok()?, micros * 1000))
}

fn timer_of(value: libc::itimerval) -> Option<Option<Timer>> {
    let (rest, interval) = (duration_of(value.it_value)?, duration_of(value.it_interval)?);
    if rest.is_zero() {
        return Some(None);
    }
    // Some time that never comes, if it is too long.
    let end = Instant::now().checked_add(rest);
    Some(end.map(|end| Timer { end, interval }))
}

/// POSIX's `setitimer`, for copy `number`.
///
/// # Safety
/// The contract of the C library's.
pub(in crate::interp::interpose) unsafe extern "C" fn setitimer(
    which: c_int,
    new: *const libc::itimerval,
    old: *mut libc::itimerval,
    number: usize,
) -> c_int {
    if is_child() {
        // SAFETY: by this function's contract.
        return unsafe { libc_setitimer(which, new, old) };
    }
    if which != ITIMER_REAL {
        return failed(libc::ENOTSUP);
    }
    // SAFETY: by this function's contract, it is null or points to a value.
    let wanted = unsafe { new.as_ref() }.map(|value| timer_of(*value));
    let before = match wanted {
        None => Ok(lock(&TIMERS.get().running).timers.get(&number).copied()),
        Some(None) => Err(libc::EINVAL),
        Some(Some(timer)) => TIMERS.get().set(number, timer),
    };
    match before {
        Err(error) => failed(error),
        Ok(before) => {
            if !old.is_null() {
                // SAFETY: by this function's contract, it points to memory for a value.
                unsafe { old.write(value_of(before)) };
            }
            0
        }
    }
}

/// POSIX's `getitimer`.
///
/// # Safety
/// The contract of the C library's.
pub(in crate::interp::interpose) unsafe extern "C" fn getitimer(
    which: c_int,
    current: *mut libc::itimerval,
    number: usize,
) -> c_int {
    if is_child() {
        // SAFETY: by this function's contract.
        return unsafe { libc_getitimer(which, current) };
    }
    // SAFETY: by this function's contract; null asks for no change.
    unsafe { setitimer(which, ptr::null(), current, number) }
}

/// POSIX's `alarm`.
pub(in crate::interp::interpose) unsafe extern "C" fn alarm(seconds: c_uint, number: usize) -> c_uint {
    if is_child() {
        // SAFETY: it has no preconditions.
        return unsafe { libc::alarm(seconds) };
    }
    let timer = (seconds > 0).then(|| Timer {
        end: Instant::now() + Duration::from_secs(seconds.into()),
        interval: Duration::ZERO,
    });
    let before = TIMERS.get().set(number, timer).ok().flatten();
    let rest = value_of(before).it_value;
    // A second that has begun counts.
    (rest.tv_sec + libc::time_t::from(rest.tv_usec > 0)) as c_uint
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_interval_of_any_length_will_do() {
        let again = |interval| Timer { end: Instant::now(), interval }.again();
        assert!(again(Duration::ZERO).is_none());
        assert!(again(Duration::from_secs(1)).is_some());
        assert!(again(Duration::MAX).is_none());
        assert!(again(Duration::from_secs(i64::MAX as u64)).is_none());
    }
}
