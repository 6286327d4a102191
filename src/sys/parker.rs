//! Waiting threads: each parks until another thread unparks it, a time has come, or a signal interrupts it.
//!
//! The standard library's `park` and `Condvar` go on waiting after a signal. A thread that waits for a queue must come
//! back to its Python then, which may have to raise KeyboardInterrupt, or to end.

/// Why [`Parker::park`] has returned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Parked {
    /// It was unparked, or there is no reason. What the thread waits for has to be checked again.
    Woken,
    /// The time has come.
    TimedOut,
    /// A signal handler has run on this thread. (Only Linux tells.)
    Interrupted,
}

#[cfg(all(not(loom), target_os = "linux", target_pointer_width = "64"))]
pub(crate) use futex::Parker;
#[cfg(loom)]
pub(crate) use model::Parker;
#[cfg(all(not(loom), not(all(target_os = "linux", target_pointer_width = "64"))))]
pub(crate) use portable::Parker;

#[cfg(all(not(loom), target_os = "linux", target_pointer_width = "64"))]
mod futex {
    use std::ptr;
    use std::sync::atomic::{AtomicU32, Ordering};
    use std::time::{Duration, Instant};

    use super::Parked;

    const EMPTY: u32 = 0;
    /// Unparked before it was parked: the next `park` returns at once.
    const NOTIFIED: u32 = 1;
    const PARKED: u32 = 2;

    /// What one thread parks on.
    #[derive(Debug)]
    pub(crate) struct Parker(AtomicU32);

    impl Parker {
        pub(crate) fn new() -> Self {
            Self(AtomicU32::new(EMPTY))
        }

        /// Ends the thread's `park`, or else its next one. What this thread did before, that thread sees then.
        pub(crate) fn unpark(&self) {
            if self.0.swap(NOTIFIED, Ordering::AcqRel) == PARKED {
                // SAFETY: the address is that of the atomic. The kernel only looks for threads that wait there.
                unsafe {
                    let wake = libc::FUTEX_WAKE | libc::FUTEX_PRIVATE_FLAG;
                    libc::syscall(libc::SYS_futex, self.0.as_ptr(), wake, 1)
                };
            }
        }

        /// Waits, at most until then. One thread at a time may call it.
        pub(crate) fn park(&self, until: Option<Instant>) -> Parked {
            if self.0.compare_exchange(EMPTY, PARKED, Ordering::AcqRel, Ordering::Acquire).is_err() {
                self.0.swap(EMPTY, Ordering::AcqRel);
                return Parked::Woken;
            }
            let reason = self.sleep(until.map(|until| until.saturating_duration_since(Instant::now())));
            if self.0.swap(EMPTY, Ordering::AcqRel) == NOTIFIED { Parked::Woken } else { reason }
        }

        /// Sleeps unless it was unparked meanwhile.
        fn sleep(&self, longest: Option<Duration>) -> Parked {
            let time = longest.map(|longest| libc::timespec {
                tv_sec: longest.as_secs().try_into().unwrap_or(i64::MAX),
                tv_nsec: longest.subsec_nanos().into(),
            });
            let time = time.as_ref().map_or(ptr::null(), ptr::from_ref);
            // SAFETY: the kernel reads the atomic, at its address, and the time, which is NULL or points to one.
            let result = unsafe {
                let wait = libc::FUTEX_WAIT | libc::FUTEX_PRIVATE_FLAG;
                libc::syscall(libc::SYS_futex, self.0.as_ptr(), wait, PARKED, time)
            };
            match (result < 0).then(|| std::io::Error::last_os_error().raw_os_error()).flatten() {
                Some(libc::ETIMEDOUT) => Parked::TimedOut,
                Some(libc::EINTR) => Parked::Interrupted,
                _ => Parked::Woken,
            }
        }
    }
}

#[cfg(all(not(loom), not(all(target_os = "linux", target_pointer_width = "64"))))]
mod portable {
    use std::sync::{Condvar, Mutex};
    use std::time::Instant;

    use super::Parked;
    use crate::sys::sync::{lock, unpoisoned};

    /// What one thread parks on.
    #[derive(Debug)]
    pub(crate) struct Parker {
        is_notified: Mutex<bool>,
        changed: Condvar,
    }

    impl Parker {
        pub(crate) fn new() -> Self {
            Self { is_notified: Mutex::new(false), changed: Condvar::new() }
        }

        /// Ends the thread's `park`, or else its next one. What this thread did before, that thread sees then.
        pub(crate) fn unpark(&self) {
            *lock(&self.is_notified) = true;
            self.changed.notify_one();
        }

        /// Waits, at most until then. One thread at a time may call it.
        pub(crate) fn park(&self, until: Option<Instant>) -> Parked {
            let mut is_notified = lock(&self.is_notified);
            if !*is_notified {
                is_notified = match until {
                    None => unpoisoned(self.changed.wait(is_notified)),
                    Some(until) => {
                        let longest = until.saturating_duration_since(Instant::now());
                        unpoisoned(self.changed.wait_timeout(is_notified, longest)).0
                    }
                };
            }
            if std::mem::replace(&mut *is_notified, false) {
                return Parked::Woken;
            }
            if until.is_some_and(|until| until <= Instant::now()) { Parked::TimedOut } else { Parked::Woken }
        }
    }
}

#[cfg(loom)]
mod model {
    use std::time::Instant;

    use super::Parked;

    /// What one thread parks on, by loom's: it may return once without a reason.
    #[derive(Debug)]
    pub(crate) struct Parker(loom::sync::Notify);

    impl Parker {
        pub(crate) fn new() -> Self {
            Self(loom::sync::Notify::new())
        }

        pub(crate) fn unpark(&self) {
            self.0.notify();
        }

        /// Models have no time: one that has a limit passes while other threads go on.
        pub(crate) fn park(&self, until: Option<Instant>) -> Parked {
            if until.is_some() {
                loom::thread::yield_now();
                return Parked::TimedOut;
            }
            self.0.wait();
            Parked::Woken
        }
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU32, Ordering};
    use std::thread;
    use std::time::{Duration, Instant};

    use super::*;

    #[test]
    fn an_unpark_ends_the_next_park_once() {
        let parker = Parker::new();
        parker.unpark();
        parker.unpark();
        assert_eq!(parker.park(None), Parked::Woken);
        assert_eq!(parker.park(Some(Instant::now())), Parked::TimedOut);
    }

    /// A wake that comes late, after the unpark that it belongs to was seen, ends the next park without a reason: the
    /// threads check whose turn it is.
    #[test]
    fn another_thread_wakes_it() {
        const TURNS: u32 = 200;
        let shared = Arc::new(([Parker::new(), Parker::new()], AtomicU32::new(0)));
        let take_turns = |own: u32| {
            let shared = Arc::clone(&shared);
            move || {
                let (parkers, turn) = &*shared;
                for mine in (own..TURNS).step_by(2) {
                    while turn.load(Ordering::Relaxed) != mine {
                        let until = Instant::now() + Duration::from_secs(600);
                        assert_eq!(parkers[own as usize].park(Some(until)), Parked::Woken);
                    }
                    turn.store(mine + 1, Ordering::Relaxed);
                    parkers[1 - own as usize].unpark();
                }
            }
        };
        let other = thread::spawn(take_turns(1));
        take_turns(0)();
        other.join().unwrap();
    }

    /// Whether the thread sleeps or is about to, the signal ends its `park`, as it is sent until then.
    #[test]
    #[cfg(all(target_os = "linux", not(miri)))]
    fn a_signal_interrupts_it() {
        use std::os::unix::thread::JoinHandleExt;

        extern "C" fn handle(_: libc::c_int) {}
        let signal = libc::SIGRTMIN() + 9;
        // SAFETY: zeros are a valid sigaction, and the handler does nothing. No other test uses this signal.
        unsafe {
            let mut action: libc::sigaction = std::mem::zeroed();
            action.sa_sigaction = handle as extern "C" fn(libc::c_int) as usize;
            assert_eq!(libc::sigaction(signal, &action, std::ptr::null_mut()), 0);
        }
        let waits = thread::spawn(|| Parker::new().park(None));
        while !waits.is_finished() {
            // SAFETY: the thread was not joined yet, so its number is valid.
            unsafe { libc::pthread_kill(waits.as_pthread_t(), signal) };
            thread::sleep(Duration::from_millis(1));
        }
        assert_eq!(waits.join().unwrap(), Parked::Interrupted);
    }
}
