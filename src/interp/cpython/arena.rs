//! Where copies of Python get larger blocks of memory from: the system, but for one kind of block.
//!
//! CPython 3.11 and later give each thread that enters a block for its frames, 16 KiB, and unmap it when the thread
//! leaves: with its page faults that takes longer than a short request. So a few of these are kept.

use std::ffi::c_void;
use std::ptr;

use crossbeam_queue::ArrayQueue;

use crate::interp::cpython::ffi::ArenaAllocator;
use crate::sys::fork::ForkLocal;

const FRAMES: usize = 16 << 10;
const KEPT: usize = 64;

pub(crate) const ALLOCATOR: ArenaAllocator = ArenaAllocator { context: ptr::null_mut(), allocate, free };

/// A block that nobody uses.
struct Block(*mut c_void);

// SAFETY: nobody else knows of the block.
unsafe impl Send for Block {}

static BLOCKS: ForkLocal<ArrayQueue<Block>> = ForkLocal::new(|| ArrayQueue::new(KEPT));

unsafe extern "C" fn allocate(_: *mut c_void, size: usize) -> *mut c_void {
    if let Some(Block(block)) = (size == FRAMES).then(|| BLOCKS.get().pop()).flatten() {
        return block;
    }
    let (access, kind) = (libc::PROT_READ | libc::PROT_WRITE, libc::MAP_PRIVATE | libc::MAP_ANONYMOUS);
    // SAFETY: a new mapping, wherever the system wants.
    let block = unsafe { libc::mmap(ptr::null_mut(), size, access, kind, -1, 0) };
    if block == libc::MAP_FAILED { ptr::null_mut() } else { block }
}

unsafe extern "C" fn free(_: *mut c_void, block: *mut c_void, size: usize) {
    if size == FRAMES && BLOCKS.get().push(Block(block)).is_ok() {
        return;
    }
    // SAFETY: Python gives back a whole block that it got from `allocate`, and does not use any more.
    unsafe { libc::munmap(block, size) };
}
