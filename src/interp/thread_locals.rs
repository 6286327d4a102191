//! Where a thread has its own variables of a copy of libpython.
//!
//! A library that was loaded by `dlopen` asks `__tls_get_addr` for them, and CPython 3.12 and later ask at each
//! allocation. Up to glibc 2.38 that takes the slow way, with a search of all libraries, as long as the thread has not
//! seen the newest library with such variables (glibc's bug 19924): several copies slow each other down by some percent.
//! Here it is told by what the thread has seen, and the slow way is taken once.

use std::arch::asm;
use std::ffi::c_void;
use std::sync::atomic::{AtomicUsize, Ordering};

/// What code in a library hands over: the number of the library, and a variable's place in its block.
#[repr(C)]
pub(super) struct Index {
    module: usize,
    offset: usize,
}

/// An element of a thread's table of blocks (glibc's `dtv_t`). The first one's `value` is the generation of libraries
/// that the table is of; that of the element before it, how many follow.
#[repr(C)]
struct Block {
    value: usize,
    allocated: *mut c_void,
}

/// The block is not there yet.
const UNALLOCATED: usize = usize::MAX;

/// Libraries with greater numbers take glibc's way.
const KNOWN: usize = 4096;

/// A generation, by a library's number, from which on the tables have that library's block, or `UNALLOCATED` for it. (The
/// libraries that ask here are never unloaded, so that their numbers stay theirs.)
static SEEN_FROM: [AtomicUsize; KNOWN] = [const { AtomicUsize::new(usize::MAX) }; KNOWN];

unsafe extern "C" {
    fn __tls_get_addr(index: *const Index) -> *mut c_void;
}

/// As glibc's `__tls_get_addr`, which the code of libraries calls.
pub(super) unsafe extern "C" fn get_addr(index: *const Index) -> *mut c_void {
    // SAFETY: the caller hands over an index of its own library.
    let &Index { module, offset } = unsafe { &*index };
    // SAFETY: glibc's table for this thread: if it is of that generation, it has an element for the library.
    unsafe {
        let blocks = table();
        if module < KNOWN && (*blocks).value >= SEEN_FROM[module].load(Ordering::Relaxed) {
            let start = (*blocks.add(module)).value;
            if start != UNALLOCATED {
                return (start + offset) as *mut c_void;
            }
        }
        let address = __tls_get_addr(index);
        if module < KNOWN {
            SEEN_FROM[module].fetch_min((*table()).value, Ordering::Relaxed);
        }
        address
    }
}

/// This thread's table, which glibc may replace by a longer one whenever it is asked for a block.
fn table() -> *const Block {
    let table: *const Block;
    // SAFETY: the second word of a thread's control block, as the x86-64 ABI of glibc has it.
    unsafe { asm!("mov {}, qword ptr fs:[8]", out(reg) table, options(nostack, readonly, preserves_flags)) };
    table
}
