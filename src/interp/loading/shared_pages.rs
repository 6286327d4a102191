//! The pages of a loaded copy that are equal to the original's: they are mapped from the original's file, which is in
//! memory once for the host, all interpreters and all processes. Those that the dynamic loader does not need are not even
//! written to the copy's own file. What that is not needed for any more is given back to the system.
//!
//! Threads may run the library's code meanwhile. The kernel replaces a mapping under the lock that it handles page
//! faults under, so that a thread sees the old page or the new one, and these are equal.
//!
//! From then on, the copy depends on the original's file as any loaded library does: if the file is replaced (as package
//! managers do it), nothing changes; if it is overwritten in place, the library changes under the program.

use std::ffi::{c_int, c_void};
use std::fs::File;
use std::io;
use std::ops::Range;
use std::os::fd::AsRawFd;
use std::os::unix::fs::FileExt;
use std::slice;

use object::LittleEndian as LE;
use object::elf::{PF_R, PF_W, PF_X, PT_GNU_RELRO, PT_LOAD};

use super::dl::Library;
use super::memfile::PrivateFile;
use super::private_pages::{make_private, runs};
use crate::interp::elf::image::Segment;
use crate::interp::elf::reading::{MissingPages, read_segments};

/// How much is compared at once: little enough for the C library to take the memory from its heap, and not to map it.
const CHUNK: usize = 1 << 16;

/// Shares the pages of a library that was loaded from `copy`, of which `missing` are not there yet. What cannot be shared
/// stays as it is. After an error, pages may be missing.
pub(crate) fn share_pages(library: Library, copy: &PrivateFile, missing: &MissingPages) -> io::Result<()> {
    missing.check()?;
    let is_shared = try_share(library, copy, missing).is_ok();
    // Otherwise the copy keeps its own pages, which are as good. And the child of a fork may still have them.
    if is_shared && copy.is_unforked() { Ok(()) } else { missing.write(&copy.open()?) }
}

fn try_share(library: Library, copy: &PrivateFile, missing: &MissingPages) -> io::Result<()> {
    let (original, file) = (&missing.original, copy.open()?);
    let page = page_size()?;
    let base = library.map().ok_or(io::ErrorKind::Unsupported)?.base;
    let segments = read_segments(&file).map_err(io::Error::other)?;
    let all = loaded_pages(&segments, base, page);
    let mut users = FileUsers::new(file.metadata()?.len(), page);
    all.iter().for_each(|segment| users.add(segment.offset, segment.len));
    for segment in &all {
        let parts = |of_file: &[Range<usize>]| -> Vec<_> {
            of_file.iter().filter_map(|range| segment.part(range)).collect()
        };
        let mut replaced = parts(&missing.ranges);
        if all.iter().filter(|other| other.overlaps(segment)).count() > 1 {
            // One is mapped over the other.
            if replaced.is_empty() { continue } else { return Err(io::ErrorKind::Unsupported.into()) }
        }
        if !segment.is_data {
            replaced.extend(parts(&missing.used_up));
        }
        for range in segment.detach(original, &file, &replaced, page)? {
            users.remove(segment.offset + range.start as u64, range.len());
        }
    }
    if copy.is_unforked() { users.give_back_unused(&file) } else { Ok(()) }
}

/// The pages of all segments. Those that the loader made read-only when it had relocated them count as such.
fn loaded_pages(headers: &[Segment], base: usize, page: usize) -> Vec<LoadedPages> {
    let of_kind = |kind| headers.iter().filter(move |header| header.p_type.get(LE) == kind);
    let relocated = of_kind(PT_GNU_RELRO).next().and_then(|header| {
        let end = header.p_vaddr.get(LE).checked_add(header.p_memsz.get(LE))?;
        Some((header.p_vaddr.get(LE), base.checked_add(usize::try_from(end).ok()?)? / page * page))
    });
    let mut all = Vec::new();
    for header in of_kind(PT_LOAD) {
        let Some(pages) = LoadedPages::of(header, base, page) else { continue };
        match relocated {
            Some((start, end)) if start == header.p_vaddr.get(LE) && pages.contains(end) => {
                let (first, rest) = pages.split_at(end);
                all.extend([LoadedPages { access: libc::PROT_READ, ..first }, rest]);
            }
            _ => all.push(pages),
        }
    }
    all
}

/// Pages of one segment, which have the same access.
struct LoadedPages {
    address: usize,
    len: usize,
    /// In the file.
    offset: u64,
    access: c_int,
    /// Whether they are of a writable segment. Some of these may be read-only by now.
    is_data: bool,
}

impl LoadedPages {
    /// Those that a program header is about. `None` if there are none.
    fn of(header: &Segment, base: usize, page: usize) -> Option<Self> {
        let start = base.checked_add(usize::try_from(header.p_vaddr.get(LE)).ok()?)?;
        let len = usize::try_from(header.p_filesz.get(LE)).ok()?;
        let address = start / page * page;
        let len = start.checked_add(len)?.checked_next_multiple_of(page)? - address;
        let offset = header.p_offset.get(LE) / page as u64 * page as u64;
        let flags = header.p_flags.get(LE);
        let access = [(PF_R, libc::PROT_READ), (PF_W, libc::PROT_WRITE), (PF_X, libc::PROT_EXEC)];
        let access =
            access.into_iter().filter(|(flag, _)| flags.contains(*flag)).fold(0, |all, (_, one)| all | one);
        (len > 0).then_some(Self { address, len, offset, access, is_data: flags.contains(PF_W) })
    }

    /// The pages before an address, and those from there on.
    fn split_at(self, address: usize) -> (Self, Self) {
        let len = address - self.address;
        let rest = Self { address, len: self.len - len, offset: self.offset + len as u64, ..self };
        (Self { len, ..self }, rest)
    }

    fn contains(&self, address: usize) -> bool {
        self.address < address && address < self.address + self.len
    }

    fn overlaps(&self, other: &Self) -> bool {
        self.address < other.address + other.len && other.address < self.address + self.len
    }

    /// Where a part of the file is in these pages, from the start. `None` if it is not.
    fn part(&self, of_file: &Range<usize>) -> Option<Range<usize>> {
        let start = self.offset as usize;
        let range = of_file.start.max(start)..of_file.end.min(start + self.len);
        (!range.is_empty()).then(|| range.start - start..range.end - start)
    }

    /// Makes as many pages as possible independent of the copy's file. The original's replace those in `replaced`, and those
    /// that are equal. The result is where all these are, from the start.
    fn detach(
        &self,
        original: &File,
        copy: &File,
        replaced: &[Range<usize>],
        page: usize,
    ) -> io::Result<Vec<Range<usize>>> {
        let mut detached = self.share(original, copy, replaced, page)?;
        if self.is_data {
            detached.extend(make_private(self.address, self.len, page).unwrap_or_default());
        }
        Ok(detached)
    }

    fn share(
        &self,
        original: &File,
        copy: &File,
        replaced: &[Range<usize>],
        page: usize,
    ) -> io::Result<Vec<Range<usize>>> {
        let mut is_equal = vec![false; self.len / page];
        for range in replaced {
            is_equal[range.start / page..range.end / page].fill(true);
        }
        // What is writable may change meanwhile. And some systems can make memory executable, but not readable.
        if self.access & (libc::PROT_READ | libc::PROT_WRITE) == libc::PROT_READ {
            for present in runs(&is_equal, false, page) {
                self.compare(original, present, &mut is_equal, page)?;
            }
        }
        let equal = runs(&is_equal, true, page);
        for range in &equal {
            if let Err(error) = self.map(original, range) {
                // Before Linux 6.12, a mapping that failed may have removed the old one.
                self.map(copy, range)?;
                return Err(error);
            }
        }
        Ok(equal)
    }

    /// Finds out which pages in a range are equal to the original's, whose file is read: if it is truncated meanwhile,
    /// memory that is mapped from it cannot be.
    fn compare(
        &self,
        original: &File,
        range: Range<usize>,
        is_equal: &mut [bool],
        page: usize,
    ) -> io::Result<()> {
        // SAFETY: the loader mapped these pages readable, and the library is never unloaded. Nothing writes to them: they
        // are read-only, and relocations in them were applied before the library was loaded.
        let own = unsafe { slice::from_raw_parts((self.address + range.start) as *const u8, range.len()) };
        let mut buffer = vec![0; CHUNK.next_multiple_of(page).min(range.len())];
        for (number, own) in own.chunks(buffer.len()).enumerate() {
            let start = range.start + number * buffer.len();
            let read = &mut buffer[..own.len()];
            // Pages after the file's end cannot be used.
            let end = read_zero_extended(original, read, self.offset + start as u64)?;
            for at in (0..end).step_by(page) {
                is_equal[(start + at) / page] = own[at..at + page] == read[at..at + page];
            }
        }
        Ok(())
    }

    /// Maps a range of the segment from a file.
    fn map(&self, file: &File, range: &Range<usize>) -> io::Result<()> {
        let kind = libc::MAP_PRIVATE | libc::MAP_FIXED;
        let address = (self.address + range.start) as *mut c_void;
        let offset = (self.offset + range.start as u64) as libc::off_t;
        // SAFETY: the range belongs to the library, which is never unloaded, and gets the content and the access that it
        // has already.
        let mapped = unsafe { libc::mmap(address, range.len(), self.access, kind, file.as_raw_fd(), offset) };
        if mapped == libc::MAP_FAILED { Err(io::Error::last_os_error()) } else { Ok(()) }
    }
}

/// Reads as a mapping of the file would show it: zeros follow its end. The result is how many bytes are the file's.
fn read_zero_extended(file: &File, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
    let mut end = 0;
    while end < buffer.len() {
        match file.read_at(&mut buffer[end..], offset + end as u64)? {
            0 => break,
            count => end += count,
        }
    }
    buffer[end..].fill(0);
    Ok(end)
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
        const PUNCH: c_int = libc::FALLOC_FL_PUNCH_HOLE | libc::FALLOC_FL_KEEP_SIZE;
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

pub(crate) fn page_size() -> io::Result<usize> {
    // SAFETY: it only reads a constant of the system.
    let size = unsafe { libc::sysconf(libc::_SC_PAGESIZE) };
    usize::try_from(size).ok().filter(|size| size.is_power_of_two()).ok_or(io::ErrorKind::Unsupported.into())
}
