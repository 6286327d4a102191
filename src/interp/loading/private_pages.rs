//! The pages of a private mapping that show its file no longer.
//!
//! Without this, a copy's data would be in memory twice: in the copy's file, and in the pages that relocation wrote to.

use std::ffi::c_void;
use std::fs::File;
use std::io;
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::ptr;
use std::sync::OnceLock;

use crate::sys::fork::ForkLocal;

/// What an entry of /proc/self/pagemap says (Linux, admin-guide/mm/pagemap.rst): the page is present; it is a file's.
const IS_PRESENT: u64 = 1 << 63;
const IS_OF_FILE: u64 = 1 << 61;

/// Linux 5.14 and later.
const MADV_POPULATE_WRITE: libc::c_int = 23;

/// Makes as many of these pages private memory as possible. The result is where they are, from the start.
///
/// A page that is private stays so: the kernel copied it when it was written to.
pub(super) fn make_private(address: usize, len: usize, page: usize) -> io::Result<Vec<Range<usize>>> {
    if !is_map_true(page) {
        return Err(io::ErrorKind::Unsupported.into());
    }
    for run in runs(&is_private(address, len, page)?, false, page) {
        // SAFETY: the kernel does as if the pages were written to, and changes no content. It refuses if they may not be
        // written to.
        unsafe { libc::madvise((address + run.start) as *mut c_void, run.len(), MADV_POPULATE_WRITE) };
    }
    Ok(runs(&is_private(address, len, page)?, true, page))
}

/// For each page, whether it is private memory.
fn is_private(address: usize, len: usize, page: usize) -> io::Result<Vec<bool>> {
    const LEN: usize = size_of::<u64>();
    let mut entries = vec![0; len / page * LEN];
    File::open("/proc/self/pagemap")?.read_exact_at(&mut entries, (address / page * LEN) as u64)?;
    let entries = entries.chunks_exact(LEN).map(|entry| entry.try_into().map_or(0, u64::from_ne_bytes));
    Ok(entries.map(|entry| entry & (IS_PRESENT | IS_OF_FILE) == IS_PRESENT).collect())
}

/// Where the pages are that have this value.
pub(super) fn runs(pages: &[bool], value: bool, page: usize) -> Vec<Range<usize>> {
    let mut end = 0;
    let runs = pages.chunk_by(|one, next| one == next).map(|run| {
        let start = end;
        end += run.len() * page;
        (run[0], start..end)
    });
    runs.filter(|(found, _)| *found == value).map(|(_, range)| range).collect()
}

/// Whether the map tells of this process. In an emulator, it may be about the addresses of the emulator's process.
fn is_map_true(page: usize) -> bool {
    static IS_TRUE: ForkLocal<OnceLock<bool>> = ForkLocal::new(OnceLock::new);
    *IS_TRUE.get().get_or_init(|| try_map(page).unwrap_or(false))
}

/// Tries it on new pages of which every other one is written to.
fn try_map(page: usize) -> io::Result<bool> {
    const PAGES: usize = 8;
    let (access, kind) = (libc::PROT_READ | libc::PROT_WRITE, libc::MAP_PRIVATE | libc::MAP_ANONYMOUS);
    let len = PAGES * page;
    // SAFETY: this asks for a new mapping at an address of the system's choice, which touches no other memory.
    let start = unsafe { libc::mmap(ptr::null_mut(), len, access, kind, -1, 0) };
    if start == libc::MAP_FAILED {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the mapping is this function's own. A huge page would be there as a whole.
    unsafe { libc::madvise(start, len, libc::MADV_NOHUGEPAGE) };
    for number in (1..PAGES).step_by(2) {
        // SAFETY: the page is within the mapping, which nothing else refers to.
        unsafe { start.cast::<u8>().add(number * page).write_volatile(1) };
    }
    let found = is_private(start as usize, len, page);
    // SAFETY: the mapping is this function's own.
    unsafe { libc::munmap(start, len) };
    Ok(found?.iter().enumerate().all(|(number, is_private)| *is_private == (number % 2 == 1)))
}
