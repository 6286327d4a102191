//! The pages of a loaded copy that are equal to the original's: they are mapped from the original's file, which is in
//! memory once for the host, all interpreters and all processes. What the copy's own file is not needed for any more is
//! given back to the system.
//!
//! Threads may run the library's code meanwhile. The kernel replaces a mapping under the lock that it handles page
//! faults under, so that a thread sees the old page or the new one, and these are equal.
//!
//! From then on, the copy depends on the original's file as any loaded library does: if the file is replaced (as package
//! managers do it), nothing changes; if it is overwritten in place, the library changes under the program.

use std::ffi::c_void;
use std::fs::File;
use std::io;
use std::ops::Range;
use std::os::fd::AsRawFd;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::Path;
use std::slice;

use object::LittleEndian as LE;
use object::elf::{PF_R, PF_W, PF_X, PT_LOAD, ProgramFlags};

use super::dl::Library;
use super::memfile::PrivateFile;
use super::private_pages::make_private;
use crate::interp::elf::image::{Segment, read_segments};

/// How much is compared at once.
const CHUNK: usize = 1 << 18;

/// Shares the pages of a library that was loaded from `copy`. What cannot be shared stays as it is.
pub(crate) fn share_pages(library: Library, copy: &PrivateFile, original: &Path) {
    // After an error the copy keeps its own pages, which are as good.
    let _ = try_share(library, copy, original);
}

fn try_share(library: Library, copy: &PrivateFile, original: &Path) -> io::Result<()> {
    let original = File::options().read(true).custom_flags(libc::O_NONBLOCK).open(original)?;
    let file = copy.open()?;
    let page = page_size()?;
    let base = library.base().ok_or(io::ErrorKind::Unsupported)?;
    let segments = read_segments(&file).map_err(io::Error::other)?;
    let segments = segments.iter().filter(|segment| segment.p_type.get(LE) == PT_LOAD);
    let all: Vec<_> = segments.filter_map(|segment| LoadedSegment::of(segment, base, page)).collect();
    let mut users = FileUsers::new(file.metadata()?.len(), page);
    all.iter().for_each(|segment| users.add(segment.offset, segment.len));
    for segment in &all {
        if all.iter().filter(|other| other.overlaps(segment)).count() > 1 {
            continue; // one is mapped over the other
        }
        for range in segment.detach(&original, &file, page)? {
            users.remove(segment.offset + range.start as u64, range.len());
        }
    }
    // The child of a fork may still have the copy's pages.
    if copy.is_unforked() { users.give_back_unused(&file) } else { Ok(()) }
}

/// The pages of a segment.
struct LoadedSegment {
    address: usize,
    len: usize,
    /// In the file.
    offset: u64,
    flags: ProgramFlags,
}

impl LoadedSegment {
    /// `None` if it has no file pages.
    fn of(segment: &Segment, base: usize, page: usize) -> Option<Self> {
        let start = base.checked_add(usize::try_from(segment.p_vaddr.get(LE)).ok()?)?;
        let len = usize::try_from(segment.p_filesz.get(LE)).ok()?;
        let address = start / page * page;
        let len = start.checked_add(len)?.checked_next_multiple_of(page)? - address;
        let offset = segment.p_offset.get(LE) / page as u64 * page as u64;
        (len > 0).then_some(Self { address, len, offset, flags: segment.p_flags.get(LE) })
    }

    fn overlaps(&self, other: &Self) -> bool {
        self.address < other.address + other.len && other.address < self.address + self.len
    }

    /// Makes as many pages as possible independent of the copy's file. The result is where they are, from the segment's
    /// start.
    fn detach(&self, original: &File, copy: &File, page: usize) -> io::Result<Vec<Range<usize>>> {
        if self.flags.contains(PF_W) {
            return make_private(self.address, self.len, page);
        }
        // Some systems can make memory executable, but not readable.
        if !self.flags.contains(PF_R) {
            return Ok(Vec::new());
        }
        let mut shared = Vec::new();
        for range in self.equal_pages(original, page)? {
            if let Err(error) = self.map(original, &range) {
                // Before Linux 6.12, a mapping that failed may have removed the old one.
                self.map(copy, &range)?;
                return Err(error);
            }
            shared.push(range);
        }
        Ok(shared)
    }

    /// The runs of pages that are equal to the original's, whose file is read: if it is truncated meanwhile, memory that
    /// is mapped from it cannot be.
    fn equal_pages(&self, original: &File, page: usize) -> io::Result<Vec<Range<usize>>> {
        // SAFETY: the loader mapped these pages readable, and the library is never unloaded. Nothing writes to them: they
        // are read-only, and relocations in them were applied before the library was loaded.
        let own = unsafe { slice::from_raw_parts(self.address as *const u8, self.len) };
        let mut buffer = vec![0; CHUNK.next_multiple_of(page)];
        let mut runs: Vec<Range<usize>> = Vec::new();
        for (number, own) in own.chunks(buffer.len()).enumerate() {
            let start = number * buffer.len();
            let read = &mut buffer[..own.len()];
            read_zero_extended(original, read, self.offset + start as u64)?;
            for at in (0..own.len()).step_by(page).filter(|&at| own[at..at + page] == read[at..at + page]) {
                match runs.last_mut().filter(|run| run.end == start + at) {
                    Some(run) => run.end += page,
                    None => runs.push(start + at..start + at + page),
                }
            }
        }
        Ok(runs)
    }

    /// Maps a range of the segment from a file.
    fn map(&self, file: &File, range: &Range<usize>) -> io::Result<()> {
        let access = if self.flags.contains(PF_X) { libc::PROT_READ | libc::PROT_EXEC } else { libc::PROT_READ };
        let kind = libc::MAP_PRIVATE | libc::MAP_FIXED;
        let address = (self.address + range.start) as *mut c_void;
        let offset = (self.offset + range.start as u64) as libc::off_t;
        // SAFETY: the range belongs to the library, which is never unloaded, and gets the content and the access that it
        // has already.
        let mapped = unsafe { libc::mmap(address, range.len(), access, kind, file.as_raw_fd(), offset) };
        if mapped == libc::MAP_FAILED { Err(io::Error::last_os_error()) } else { Ok(()) }
    }
}

/// Reads as a mapping of the file would show it: zeros follow its end.
fn read_zero_extended(file: &File, mut buffer: &mut [u8], mut offset: u64) -> io::Result<()> {
    while !buffer.is_empty() {
        let count = file.read_at(buffer, offset)?;
        if count == 0 {
            buffer.fill(0);
            return Ok(());
        }
        buffer = &mut buffer[count..];
        offset += count as u64;
    }
    Ok(())
}

/// For each page of the copy's file, by how many mapped pages it is used.
struct FileUsers {
    page: usize,
    counts: Vec<u16>,
}

impl FileUsers {
    fn new(len: u64, page: usize) -> Self {
        Self { page, counts: vec![0; (len as usize).div_ceil(page)] }
    }

    fn pages(&mut self, offset: u64, len: usize) -> &mut [u16] {
        let first = (offset as usize / self.page).min(self.counts.len());
        let end = (first + len / self.page).min(self.counts.len());
        &mut self.counts[first..end]
    }

    fn add(&mut self, offset: u64, len: usize) {
        self.pages(offset, len).iter_mut().for_each(|count| *count += 1);
    }

    fn remove(&mut self, offset: u64, len: usize) {
        self.pages(offset, len).iter_mut().for_each(|count| *count -= 1);
    }

    /// Gives back the memory of the pages that nothing uses. The file keeps its length.
    fn give_back_unused(&self, file: &File) -> io::Result<()> {
        const PUNCH: libc::c_int = libc::FALLOC_FL_PUNCH_HOLE | libc::FALLOC_FL_KEEP_SIZE;
        let mut first = 0;
        for run in self.counts.chunk_by(|count, next| (*count == 0) == (*next == 0)) {
            let (offset, len) = (first * self.page, run.len() * self.page);
            first += run.len();
            // SAFETY: no page of the process shows this part of the file.
            let punch = || unsafe { libc::fallocate(file.as_raw_fd(), PUNCH, offset as i64, len as i64) };
            if run[0] == 0 && punch() != 0 {
                return Err(io::Error::last_os_error());
            }
        }
        Ok(())
    }
}

fn page_size() -> io::Result<usize> {
    // SAFETY: it only reads a constant of the system.
    let size = unsafe { libc::sysconf(libc::_SC_PAGESIZE) };
    usize::try_from(size).ok().filter(|size| size.is_power_of_two()).ok_or(io::ErrorKind::Unsupported.into())
}
