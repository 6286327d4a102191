//! Process identity. A PID does not identify a process: in a PID namespace a grandchild may get its grandparent's.
//!
//! A process has a token, a number. It is kept where a fork resets it to 0 in the child: in a page that the kernel
//! wipes (`wiped_page`), or else in a variable that a handler of fork clears (`cleared_variable`).

mod cleared_variable;
#[cfg(all(any(target_os = "linux", target_os = "android"), not(miri)))]
mod wiped_page;

use std::sync::atomic::{AtomicU64, Ordering};

use crate::sys::atomic_ref::AtomicRef;
#[cfg(any(not(any(target_os = "linux", target_os = "android")), miri))]
use cleared_variable as cells;
#[cfg(all(any(target_os = "linux", target_os = "android"), not(miri)))]
use wiped_page as cells;

/// The process's token: 0 if it has not been asked for, as in the child of a fork.
static CELL: AtomicRef<AtomicU64> = AtomicRef::none();

/// The latest token of this process and its ancestors.
static LAST: AtomicU64 = AtomicU64::new(0);

/// A number that is neither 0 nor `u64::MAX`: the same in all threads of the process, and different from that of every
/// process that this one descends from. A child that shares its parent's memory, as after vfork, has its parent's.
///
/// It may be called anywhere, also in a signal handler. Cost: two loads; the first time in a process, a system call.
#[inline]
pub(crate) fn token() -> u64 {
    let token = CELL.get().map_or(0, |cell| cell.load(Ordering::Relaxed));
    if token == 0 { make() } else { token }
}

#[cold]
fn make() -> u64 {
    let own = LAST.fetch_add(1, Ordering::AcqRel) + 1;
    let cell = cell();
    // Another thread may be forking just now, and the kernel copies one page after the other. The child must not get an
    // old LAST together with anything that is made with this token. So wait until no fork is in progress.
    cells::wait_for_forks(cell);
    cell.compare_exchange(0, own, Ordering::AcqRel, Ordering::Acquire).map_or_else(|first| first, |_| own)
}

fn cell() -> &'static AtomicU64 {
    CELL.get().unwrap_or_else(|| {
        let new = cells::new_cell();
        CELL.replace(None, new).map_or_else(
            |first| {
                cells::discard(new);
                first
            },
            |()| new,
        )
    })
}

#[cfg(all(test, unix, not(loom)))]
mod tests;
