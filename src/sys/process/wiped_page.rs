//! A page that the kernel fills with zeros in a child, however the child is made (Linux 4.14).

use std::ptr;
use std::sync::atomic::AtomicU64;

use super::cleared_variable;

/// The kernel rounds any length up to a page.
const LENGTH: usize = size_of::<AtomicU64>();

/// A new page, or the variable if the kernel has no such pages.
pub(crate) fn new_cell() -> &'static AtomicU64 {
    new_page().unwrap_or_else(cleared_variable::new_cell)
}

fn new_page() -> Option<&'static AtomicU64> {
    const ACCESS: libc::c_int = libc::PROT_READ | libc::PROT_WRITE;
    const KIND: libc::c_int = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS;
    // SAFETY: this maps new memory at an address that the kernel chooses, so it changes no existing memory.
    let page = unsafe { libc::mmap(ptr::null_mut(), LENGTH, ACCESS, KIND, -1, 0) };
    if page == libc::MAP_FAILED {
        return None;
    }
    // SAFETY: the page is new, aligned for any type, and zero, which is a valid AtomicU64. Only `discard` unmaps it,
    // whose callers have the last reference.
    let cell = unsafe { &*page.cast::<AtomicU64>() };
    // An emulator may accept any advice, and ignore it. Advice that does not exist shows that.
    if advise(cell, -1) || !advise(cell, libc::MADV_WIPEONFORK) {
        discard(cell);
        return None;
    }
    Some(cell)
}

/// Whether the kernel accepted the advice about one of `new_page`'s pages.
fn advise(cell: &AtomicU64, advice: libc::c_int) -> bool {
    // SAFETY: the page is mapped. MADV_WIPEONFORK changes nothing in this process, and -1 is no advice.
    unsafe { libc::madvise(cell.as_ptr().cast(), LENGTH, advice) == 0 }
}

/// Waits until the forks in progress have copied the memory: the kernel takes this advice under the same lock.
pub(crate) fn wait_for_forks(cell: &'static AtomicU64) {
    if !cleared_variable::is(cell) {
        advise(cell, libc::MADV_WIPEONFORK);
    }
}

/// Frees a cell that no other thread has seen, and that is not used any more.
pub(crate) fn discard(cell: &'static AtomicU64) {
    if !cleared_variable::is(cell) {
        // SAFETY: the cell is one of `new_page`'s, alone in its page, and by this function's rule nothing uses it.
        unsafe { libc::munmap(cell.as_ptr().cast(), LENGTH) };
    }
}
