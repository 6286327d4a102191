//! The allocator for the larger blocks of a copy of Python: it maps memory, and caches blocks of one size.
//!
//! CPython 3.11 and later map a chunk of 16 KiB, for frames, for each thread that enters, and unmap it when the thread
//! leaves. With its page faults that takes longer than a short request. So some of these chunks are kept for reuse.

use std::ffi::c_void;
use std::ptr;

use crossbeam::queue::ArrayQueue;

use crate::interp::cpython::ffi::ArenaAllocator;
use crate::sys::fork::ForkLocal;

/// The size of CPython's first chunk of a thread's data stack (`_PY_DATA_STACK_CHUNK_SIZE`).
const DATA_STACK_CHUNK: usize = 16 << 10;

const MAX_CACHED_CHUNKS: usize = 64;

pub(crate) const ALLOCATOR: ArenaAllocator = ArenaAllocator { context: ptr::null_mut(), allocate, free };

/// A mapped chunk that is not in use.
struct Chunk(*mut c_void);

// SAFETY: Python has freed the chunk, so that this is the one pointer to it; any thread may use or unmap the memory.
unsafe impl Send for Chunk {}

static CACHE: ForkLocal<ArrayQueue<Chunk>> = ForkLocal::new(|| ArrayQueue::new(MAX_CACHED_CHUNKS));

unsafe extern "C" fn allocate(_: *mut c_void, size: usize) -> *mut c_void {
    if let Some(Chunk(chunk)) = (size == DATA_STACK_CHUNK).then(|| CACHE.get().pop()).flatten() {
        return chunk;
    }
    let (access, kind) = (libc::PROT_READ | libc::PROT_WRITE, libc::MAP_PRIVATE | libc::MAP_ANONYMOUS);
    // SAFETY: this asks for a new mapping at an address of the system's choice, which touches no other memory.
    let block = unsafe { libc::mmap(ptr::null_mut(), size, access, kind, -1, 0) };
    if block == libc::MAP_FAILED { ptr::null_mut() } else { block }
}

unsafe extern "C" fn free(_: *mut c_void, block: *mut c_void, size: usize) {
    if size == DATA_STACK_CHUNK && CACHE.get().push(Chunk(block)).is_ok() {
        return;
    }
    // SAFETY: Python frees a whole block that came from `allocate`, with its size, and does not use it any more.
    unsafe { libc::munmap(block, size) };
}
