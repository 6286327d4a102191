//! Sections of code that no other thread's fork falls into. Locks of the dynamic loader's would be held forever in the
//! child: glibc frees only some of them.

use std::cell::Cell;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

/// How long a fork waits for sections, and a section for a fork. Either then goes on: one might wait for the other.
const TIMEOUT: Duration = Duration::from_secs(10);

/// How long a thread sleeps before it looks again. There is no lock to wait for: a child would have it as it was.
const PAUSE: Duration = Duration::from_micros(200);

/// Threads' sections, and forks, that are in progress.
static SECTIONS: AtomicUsize = AtomicUsize::new(0);
static FORKS: AtomicUsize = AtomicUsize::new(0);

thread_local! {
    /// How many of the sections are this thread's.
    static DEPTH: Cell<usize> = const { Cell::new(0) };
}

/// Ends a section.
struct Section;

impl Drop for Section {
    fn drop(&mut self) {
        DEPTH.set(DEPTH.get() - 1);
        SECTIONS.fetch_sub(1, Ordering::SeqCst);
    }
}

/// Runs code during which no other thread forks. This thread may. (`_Fork` and the system call do not wait.)
pub(crate) fn without_forks<R>(body: impl FnOnce() -> R) -> R {
    register();
    // A section in another one does not wait, as forks wait for that.
    let must_wait = || DEPTH.get() == 0 && FORKS.load(Ordering::SeqCst) > 0;
    let begin = Instant::now();
    loop {
        SECTIONS.fetch_add(1, Ordering::SeqCst);
        if !must_wait() || begin.elapsed() > TIMEOUT {
            break;
        }
        SECTIONS.fetch_sub(1, Ordering::SeqCst); // it does not count while it waits
        thread::sleep(PAUSE);
    }
    DEPTH.set(DEPTH.get() + 1);
    let _section = Section;
    body()
}

fn register() {
    extern "C" fn prepare() {
        FORKS.fetch_add(1, Ordering::SeqCst);
        let begin = Instant::now();
        while SECTIONS.load(Ordering::SeqCst) > DEPTH.get() && begin.elapsed() < TIMEOUT {
            thread::sleep(PAUSE);
        }
    }
    extern "C" fn parent() {
        FORKS.fetch_sub(1, Ordering::SeqCst);
    }
    extern "C" fn child() {
        // The others were of threads of its parent.
        SECTIONS.store(DEPTH.get(), Ordering::SeqCst);
        FORKS.store(0, Ordering::SeqCst);
    }
    static IS_DONE: AtomicBool = AtomicBool::new(false);
    if cfg!(not(miri)) && !IS_DONE.swap(true, Ordering::SeqCst) {
        // SAFETY: the handlers only use statics and this thread's data, and exist as long as the process, which never
        // unloads this library. If there is no memory for them, forks do not wait.
        unsafe { libc::pthread_atfork(Some(prepare), Some(parent), Some(child)) };
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;
    use std::thread;

    use super::*;

    #[test]
    fn a_section_may_contain_another_one() {
        assert_eq!(without_forks(|| without_forks(|| DEPTH.get())), 2);
        assert_eq!(DEPTH.get(), 0);
    }

    #[test]
    #[cfg_attr(miri, ignore = "Miri cannot fork")]
    fn a_fork_waits_and_its_child_does_not() {
        let (begun, has_begun) = mpsc::channel();
        let section = thread::spawn(move || {
            without_forks(|| {
                begun.send(()).unwrap();
                thread::sleep(Duration::from_millis(200));
                END.store(true, Ordering::SeqCst);
            });
        });
        static END: AtomicBool = AtomicBool::new(false);
        has_begun.recv().unwrap();
        // SAFETY: the child only uses statics, and ends without running handlers.
        let child = unsafe { libc::fork() };
        if child == 0 {
            let is_good = END.load(Ordering::SeqCst) && without_forks(|| true);
            // SAFETY: it ends this process.
            unsafe { libc::_exit(i32::from(!is_good)) };
        }
        let mut status = -1;
        // SAFETY: the process is a child of this one, and `status` may be written.
        assert_eq!(unsafe { libc::waitpid(child, &mut status, 0) }, child);
        assert_eq!(status, 0);
        section.join().unwrap();
    }
}
