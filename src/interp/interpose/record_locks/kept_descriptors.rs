//! Descriptors that interpreters must not close: this module's own, and *parked* ones, which an interpreter has closed,
//! but which stay open as long as the host has locks on their files. An interpreter that opens the file again gets a
//! parked one, or a program that often does so would run out of descriptors.
//!
//! A bit each, so that they can be looked up in a signal handler, and at each close.

use std::ffi::c_int;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use super::host_locks::host_has_locks;
use super::request::FileId;
use crate::sys::process;

/// A set of descriptors.
struct Descriptors([AtomicU64; WORDS]);

const WORDS: usize = 1024;
const BITS: usize = u64::BITS as usize;

static KEPT: Descriptors = Descriptors([const { AtomicU64::new(0) }; WORDS]);
static PARKED: Descriptors = Descriptors([const { AtomicU64::new(0) }; WORDS]);

/// Whether there may be parked ones: most calls need to know no more.
static ARE_PARKED: AtomicBool = AtomicBool::new(false);

impl Descriptors {
    /// The word and the bit of a descriptor; `None` if it is negative or too large.
    fn place(&self, descriptor: c_int) -> Option<(&AtomicU64, u64)> {
        let index = usize::try_from(descriptor).ok()?;
        Some((self.0.get(index / BITS)?, 1 << (index % BITS)))
    }

    fn contains(&self, descriptor: c_int) -> bool {
        self.place(descriptor).is_some_and(|(word, bit)| word.load(Ordering::Acquire) & bit != 0)
    }

    /// Whether it could be added: its number may be too large.
    fn add(&self, descriptor: c_int) -> bool {
        self.place(descriptor).map(|(word, bit)| word.fetch_or(bit, Ordering::AcqRel)).is_some()
    }

    /// Whether it was in the set.
    fn remove(&self, descriptor: c_int) -> bool {
        let place = self.place(descriptor);
        place.is_some_and(|(word, bit)| word.fetch_and(!bit, Ordering::AcqRel) & bit != 0)
    }

    fn clear(&self) {
        self.0.iter().for_each(|word| word.store(0, Ordering::Release));
    }

    fn all(&self) -> impl Iterator<Item = c_int> {
        let words = self.0.iter().enumerate().filter(|(_, word)| word.load(Ordering::Acquire) != 0);
        words
            .flat_map(move |(i, _)| (i * BITS..(i + 1) * BITS).map(|index| index as c_int))
            .filter(|&descriptor| self.contains(descriptor))
    }
}

/// The process whose descriptors these are.
static PROCESS: AtomicU64 = AtomicU64::new(0);

/// To be called when an interpreter starts. In the child of a fork, the descriptors were its parent's.
pub(super) fn begin() {
    let token = process::token();
    if PROCESS.swap(token, Ordering::AcqRel) != token {
        KEPT.clear();
        PARKED.clear();
    }
}

/// Whether interpreters must not close a descriptor.
pub(super) fn is_kept(descriptor: c_int) -> bool {
    KEPT.contains(descriptor)
}

/// All descriptors that interpreters must not close, in order.
pub(super) fn all() -> impl Iterator<Item = c_int> {
    KEPT.all()
}

/// From now on interpreters cannot close a descriptor. The result is whether its number can be kept.
pub(super) fn keep(descriptor: c_int) -> bool {
    KEPT.add(descriptor)
}

/// Closes a descriptor that was kept, or parks it.
pub(super) fn close_kept(descriptor: c_int) {
    if host_has_locks(descriptor) {
        park(descriptor);
    } else {
        close(descriptor);
    }
}

/// Keeps a descriptor open as long as the host has locks on its file. The result is whether it is kept.
pub(super) fn park(descriptor: c_int) -> bool {
    close_parked();
    // SAFETY: the kernel checks the descriptor. Programs that are started do not get it.
    unsafe { libc::fcntl(descriptor, libc::F_SETFD, libc::FD_CLOEXEC) };
    ARE_PARKED.store(true, Ordering::Release);
    KEPT.add(descriptor) && PARKED.add(descriptor)
}

/// Whether there may be parked ones.
pub(super) fn are_parked() -> bool {
    ARE_PARKED.load(Ordering::Acquire)
}

/// A parked descriptor of the file, which is open as `flags` say; it is not parked any more.
pub(super) fn take_parked(file: FileId, flags: c_int) -> Option<c_int> {
    /// What must be the same.
    const MODE: c_int = libc::O_ACCMODE
        | libc::O_APPEND
        | libc::O_NONBLOCK
        | libc::O_SYNC
        | libc::O_DIRECT
        | libc::O_NOATIME
        | libc::O_PATH;
    // SAFETY: the kernel checks the descriptor.
    let flags_of = |descriptor| unsafe { libc::fcntl(descriptor, libc::F_GETFL) };
    let is_like = |&descriptor: &c_int| {
        flags_of(descriptor) & MODE == flags & MODE && FileId::of(descriptor) == Some(file)
    };
    let taken = PARKED.all().filter(is_like).find(|&descriptor| PARKED.remove(descriptor))?;
    KEPT.remove(taken);
    Some(taken)
}

/// Closes the parked descriptors whose files the host has no locks on any more.
pub(super) fn close_parked() {
    for descriptor in PARKED.all() {
        // Another thread may be here, too: the one that removes it goes on.
        if !PARKED.remove(descriptor) {
            continue;
        }
        if host_has_locks(descriptor) {
            PARKED.add(descriptor);
        } else {
            close(descriptor);
        }
    }
}

fn close(descriptor: c_int) {
    KEPT.remove(descriptor);
    // SAFETY: nobody uses the descriptor any more: it is this module's, or an interpreter has closed it.
    unsafe { libc::close(descriptor) };
}
