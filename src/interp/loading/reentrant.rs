//! A lock that the thread which holds it can take again.

use std::sync::{Condvar, Mutex};
use std::time::Duration;

use crate::sys::sync::{lock, unpoisoned};

#[derive(Default)]
pub(crate) struct ReentrantLock {
    holder: Mutex<Holder>,
    is_free: Condvar,
}

#[derive(Default)]
struct Holder {
    /// Meaningless if `times` is 0.
    thread: libc::pthread_t,
    times: usize,
}

/// Releases the lock once when it is dropped.
pub(crate) struct Guard<'a>(&'a ReentrantLock);

impl ReentrantLock {
    pub(crate) fn lock(&self) -> Guard<'_> {
        // SAFETY: pthread_self has no preconditions.
        let own = unsafe { libc::pthread_self() };
        let mut holder = lock(&self.holder);
        while holder.times > 0 && holder.thread != own {
            holder = unpoisoned(self.is_free.wait(holder));
        }
        holder.thread = own;
        holder.times += 1;
        Guard(self)
    }
}

impl ReentrantLock {
    /// Forks while no other thread holds the lock, or takes it. If another one does not release it in this time, the
    /// process forks all the same. In the child, no other thread holds it: there is none.
    pub(crate) fn fork(&self, timeout: Duration, fork: impl FnOnce() -> libc::pid_t) -> libc::pid_t {
        // SAFETY: pthread_self has no preconditions.
        let own = unsafe { libc::pthread_self() };
        let is_others = |holder: &mut Holder| holder.times > 0 && holder.thread != own;
        let waited = self.is_free.wait_timeout_while(lock(&self.holder), timeout, is_others);
        let (mut holder, _) = unpoisoned(waited);
        let process = fork();
        if process == 0 && is_others(&mut holder) {
            holder.times = 0;
        }
        // This thread may have been woken in place of one that wants the lock.
        self.is_free.notify_one();
        process
    }

    /// Releases what this thread holds, if it does: the frames that have its guards are abandoned.
    pub(crate) fn release_abandoned(&self) {
        // SAFETY: pthread_self has no preconditions.
        let own = unsafe { libc::pthread_self() };
        let mut holder = lock(&self.holder);
        if holder.times > 0 && holder.thread == own {
            holder.times = 0;
            self.is_free.notify_one();
        }
    }
}

impl Drop for Guard<'_> {
    fn drop(&mut self) {
        let mut holder = lock(&self.0.holder);
        holder.times -= 1;
        if holder.times == 0 {
            self.0.is_free.notify_one();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
    use std::thread;

    use super::ReentrantLock;

    /// Miri switches threads often.
    const ROUNDS: u32 = if cfg!(miri) { 20 } else { 1000 };

    #[test]
    fn what_an_abandoned_frame_holds_is_released_by_its_thread_only() {
        let lock = ReentrantLock::default();
        std::mem::forget((lock.lock(), lock.lock()));
        thread::scope(|scope| scope.spawn(|| lock.release_abandoned()).join()).unwrap();
        assert_eq!(lock.holder.lock().unwrap().times, 2);
        lock.release_abandoned();
        thread::scope(|scope| scope.spawn(|| drop(lock.lock())).join()).unwrap();
    }

    #[test]
    fn one_thread_at_a_time_which_may_lock_again() {
        let (lock, number) = (ReentrantLock::default(), AtomicU32::new(0));
        thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for _ in 0..ROUNDS {
                        let _outer = lock.lock();
                        let before = number.load(Relaxed);
                        drop(lock.lock());
                        let _inner = lock.lock();
                        number.store(before + 1, Relaxed);
                    }
                });
            }
        });
        assert_eq!(number.into_inner(), 4 * ROUNDS);
    }
}
