//! Reading shared objects from files: all that is loaded of one, or nothing but its tables, as some have hundreds of
//! megabytes of other content.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::ops::Range;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::Path;

use object::elf::{
    DT_GNU_HASH, DT_HASH, DT_STRSZ, DT_STRTAB, DT_SYMTAB, DT_VERNEED, DT_VERSYM, FileHeader64, GnuHashHeader,
    HashHeader, Verneed,
};
use object::{LittleEndian as LE, U32};

use super::buffer::Buffer;
use super::image::{
    Image, Segment, Symbol, TOO_SHORT, check_header, get, get_all, header, loaded_end, range, to_usize,
};
use super::loader_parts::{loader_parts, other_relocations};
use super::malformed::{Malformed, Unreadable};

/// How much is read first: the headers of nearly all files are within it.
const HEADERS_LEN: u64 = 4096;

/// How much of a chain of hashes is read at once.
const STEP: usize = 1 << 12;

const OUTSIDE: &str = "a table is outside the segments";

impl Image {
    /// Reads the part of a file that is loaded. Debug information, which is most of some files, is not read.
    pub fn read(path: &Path) -> Result<Self, Unreadable> {
        let mut file = open(path)?;
        let mut headers = Vec::new();
        Read::by_ref(&mut file).take(HEADERS_LEN).read_to_end(&mut headers)?;
        check_header(get(&headers, 0, TOO_SHORT)?)?;
        let len = file_len(&file)?;
        let end = header(&headers).and_then(|(_, segments)| loaded_end(segments)).unwrap_or(len);
        let mut bytes = Buffer::zeroed(end.min(len))?;
        file.read_exact_at(&mut bytes, 0)?;
        Ok(Self::of(bytes)?)
    }

    /// Reads the headers, the dynamic section, hashes, symbols, strings and versions. All else is zero, and takes no
    /// memory.
    pub(crate) fn read_tables(path: &Path) -> Result<Self, Unreadable> {
        Ok(Original::read(path)?.1)
    }
}

/// A file of which only the tables were read.
pub(crate) struct Original {
    file: File,
    /// What was read.
    parts: Vec<Range<usize>>,
    /// What the dynamic loader needs besides.
    loader_parts: Vec<Range<usize>>,
    /// The relocations among that.
    relocations: Vec<Range<usize>>,
    /// The length of the loaded part.
    len: usize,
}

impl Original {
    /// Reads the tables.
    pub(crate) fn read(path: &Path) -> Result<(Self, Image), Unreadable> {
        let file = open(path)?;
        let len = file_len(&file)?;
        let parts = vec![0..(HEADERS_LEN as usize).min(len), segments_range(&file)?];
        let mut bytes = Buffer::zeroed(len)?;
        for range in &parts {
            let part = bytes.get_mut(range.clone()).ok_or(Malformed(OUTSIDE))?;
            file.read_exact_at(part, range.start as u64)?;
        }
        let mut image = Image::of_headers(bytes)?;
        let mut original =
            Self { file, parts, loader_parts: Vec::new(), relocations: Vec::new(), len: image.bytes.len() };
        original.fill_tables(&mut image)?;
        // Before it is rewritten, as its tables are elsewhere then.
        for table in other_relocations(&image)? {
            original.fill(&mut image, table)?;
        }
        original.loader_parts = loader_parts(&image)?;
        original.relocations = image.relocations()?;
        Ok((original, image))
    }

    /// Writes a copy to an empty file. `copy` was made from the image: it differs from the original in the tables and
    /// after its end. All else is the file's, which the system copies.
    ///
    /// Only what the dynamic loader needs is written, in whole pages of this size. The result tells the other pages: nothing
    /// may look at them before they are mapped from the original, or written.
    pub(crate) fn write_copy(self, copy: &Buffer, to: &mut File, page: usize) -> io::Result<MissingPages> {
        to.set_len(copy.len() as u64)?;
        let end = self.len..copy.len();
        let all = self.parts.iter().chain(&self.loader_parts).chain([&end]);
        let written = whole_pages(all, page, copy.len());
        let (mut missing, mut at) = (Vec::new(), 0);
        for pages in &written {
            missing.push(at..pages.start);
            copy_range(&self.file, pages.start..pages.end.min(self.len), to)?;
            at = pages.end;
        }
        missing.push(at..self.len.next_multiple_of(page));
        missing.retain(|pages| !pages.is_empty());
        self.parts.iter().chain([&end]).try_for_each(|part| {
            let part = part.start.min(copy.len())..part.end.min(copy.len());
            to.write_all_at(&copy[part.clone()], part.start as u64)
        })?;
        let used_up = merged(self.relocations).into_iter();
        let used_up = used_up.map(|it| it.start.next_multiple_of(page)..it.end / page * page);
        Ok(MissingPages {
            ranges: missing,
            used_up: used_up.filter(|pages| !pages.is_empty()).collect(),
            original: self.file,
            len: self.len,
        })
    }

    fn fill_tables(&mut self, image: &mut Image) -> Result<(), Unreadable> {
        self.fill(image, image.dynamic_segment()?)?;
        image.find_dynamic()?;
        self.fill_hashes(image)?;
        let count = image.count_symbols()?;
        let len = |size| count.checked_mul(size).ok_or(Malformed(OUTSIDE));
        let strings_len = image.dyn_value(DT_STRSZ).and_then(|len| usize::try_from(len).ok());
        let strings_len = strings_len.ok_or(Malformed(OUTSIDE))?;
        for (tag, len) in [
            (DT_SYMTAB, len(size_of::<Symbol>())?),
            (DT_STRTAB, strings_len),
            (DT_VERSYM, len(size_of::<u16>())?),
        ] {
            match image.dyn_value(tag) {
                Some(vaddr) => self.fill(image, image.file_range(vaddr, len, OUTSIDE)?)?,
                None if tag == DT_VERSYM => {}
                None => return Err(Malformed(OUTSIDE).into()),
            }
        }
        self.fill_needed_versions(image)?;
        Ok(image.find_tables()?)
    }

    /// Reads a part of the loaded segments.
    fn fill(&mut self, image: &mut Image, range: Range<usize>) -> Result<(), Unreadable> {
        let part = image.bytes.get_mut(range.clone()).ok_or(Malformed(OUTSIDE))?;
        self.file.read_exact_at(part, range.start as u64)?;
        self.parts.push(range);
        Ok(())
    }

    /// Reads what `count_symbols` looks at.
    fn fill_hashes(&mut self, image: &mut Image) -> Result<(), Unreadable> {
        if let Some(vaddr) = image.dyn_value(DT_HASH) {
            return self.fill(image, image.file_range(vaddr, size_of::<HashHeader<LE>>(), OUTSIDE)?);
        }
        let vaddr = image.dyn_value(DT_GNU_HASH).ok_or(Malformed("there is no hash table"))?;
        let table = image.file_range(vaddr, size_of::<GnuHashHeader<LE>>(), OUTSIDE)?;
        self.fill(image, table.clone())?;
        let header = get::<GnuHashHeader<LE>>(&image.bytes, table.start, OUTSIDE)?;
        let (blooms, buckets) = (header.bloom_count.get(LE) as usize, header.bucket_count.get(LE) as usize);
        let first = header.symbol_base.get(LE) as usize;
        let start = table.end + 8 * blooms;
        let end = start + 4 * buckets;
        self.fill(image, start..end)?;
        let words = image.bytes[start..end].chunks_exact(4);
        let last = words.map(|word| u32::from_le_bytes(word.try_into().expect("4 bytes"))).max();
        match last.map(|last| last as usize).filter(|&last| last >= first) {
            Some(last) => self.fill_chain(image, end + 4 * (last - first)),
            None => image.relocations()?.into_iter().try_for_each(|table| self.fill(image, table)),
        }
    }

    /// Reads hashes up to the end of a chain, which has its low bit set.
    fn fill_chain(&mut self, image: &mut Image, mut at: usize) -> Result<(), Unreadable> {
        loop {
            let end = at.saturating_add(STEP).min(image.bytes.len());
            self.fill(image, at..end)?;
            let is_end = |hash: &[u8]| hash[0] & 1 == 1;
            if image.bytes[at..end].chunks_exact(size_of::<U32<LE>>()).any(is_end) || end == image.bytes.len()
            {
                return Ok(());
            }
            at = end;
        }
    }

    /// Reads what `version_files` looks at.
    fn fill_needed_versions(&mut self, image: &mut Image) -> Result<(), Unreadable> {
        let mut next = image.dyn_value(DT_VERNEED);
        while let Some(vaddr) = next {
            let range = image.file_range(vaddr, size_of::<Verneed<LE>>(), OUTSIDE)?;
            self.fill(image, range.clone())?;
            let step = u64::from(get::<Verneed<LE>>(&image.bytes, range.start, OUTSIDE)?.vn_next.get(LE));
            // Malformed ones are an error when they are used.
            next = if step < size_of::<Verneed<LE>>() as u64 { None } else { vaddr.checked_add(step) };
        }
        Ok(())
    }
}

/// The pages that the file of a copy has not got.
pub(crate) struct MissingPages {
    /// Where they are in the file.
    pub(crate) ranges: Vec<Range<usize>>,
    /// Pages that have nothing but relocations. They are there, but either the same as the original's, or not needed any more
    /// when the copy is loaded.
    pub(crate) used_up: Vec<Range<usize>>,
    /// The file that has them, at the same places. It is kept open, as another one may get its name.
    pub(crate) original: File,
    /// The length of its loaded part.
    len: usize,
}

impl MissingPages {
    /// An error if the original was truncated: what is mapped after its end cannot be read.
    pub(crate) fn check(&self) -> io::Result<()> {
        let is_long_enough = self.original.metadata()?.len() >= self.len as u64;
        is_long_enough.then_some(()).ok_or_else(|| io::Error::other("the file was truncated meanwhile"))
    }

    /// Writes them.
    pub(crate) fn write(&self, to: &File) -> io::Result<()> {
        self.check()?;
        let of_file = |pages: &Range<usize>| pages.start..pages.end.min(self.len);
        self.ranges.iter().try_for_each(|pages| copy_range(&self.original, of_file(pages), to))
    }
}

/// The pages that have a part of any of these ranges, in order. They end with the file, which has this length. (Notes, for
/// example, may lie behind its loaded part.)
fn whole_pages<'a>(
    ranges: impl Iterator<Item = &'a Range<usize>>,
    page: usize,
    len: usize,
) -> Vec<Range<usize>> {
    let whole =
        |range: &Range<usize>| range.start / page * page..range.end.min(len).next_multiple_of(page).min(len);
    merged(ranges.filter(|range| !range.is_empty() && range.start < len).map(whole).collect())
}

/// These ranges in order; those that touch become one.
fn merged(mut ranges: Vec<Range<usize>>) -> Vec<Range<usize>> {
    ranges.sort_by_key(|range| range.start);
    let mut merged: Vec<Range<usize>> = Vec::new();
    for range in ranges {
        match merged.last_mut().filter(|last| range.start <= last.end) {
            Some(last) => last.end = last.end.max(range.end),
            None => merged.push(range),
        }
    }
    merged
}

/// Copies a part of a file to the same place in another one.
fn copy_range(mut from: &File, range: Range<usize>, mut to: &File) -> io::Result<()> {
    if range.is_empty() {
        return Ok(());
    }
    from.seek(SeekFrom::Start(range.start as u64))?;
    to.seek(SeekFrom::Start(range.start as u64))?;
    let copied = io::copy(&mut from.take(range.len() as u64), &mut to)?;
    if copied < range.len() as u64 { Err(io::ErrorKind::UnexpectedEof.into()) } else { Ok(()) }
}

/// The program headers of a file.
pub(crate) fn read_segments(file: &File) -> Result<Vec<Segment>, Unreadable> {
    let range = segments_range(file)?;
    let mut bytes = vec![0; range.len()];
    file.read_exact_at(&mut bytes, range.start as u64)?;
    Ok(get_all(&bytes, 0, range.len() / size_of::<Segment>(), TOO_SHORT)?.to_vec())
}

/// Where in a file its program headers are.
fn segments_range(file: &File) -> Result<Range<usize>, Unreadable> {
    let mut bytes = vec![0; size_of::<FileHeader64<LE>>()];
    file.read_exact_at(&mut bytes, 0)?;
    let header = get::<FileHeader64<LE>>(&bytes, 0, TOO_SHORT)?;
    check_header(header)?;
    let at = to_usize(header.e_phoff.get(LE), TOO_SHORT)?;
    Ok(range(at, usize::from(header.e_phnum.get(LE)) * size_of::<Segment>(), TOO_SHORT)?)
}

fn file_len(file: &File) -> Result<usize, Unreadable> {
    Ok(to_usize(file.metadata()?.len(), "it is too long")?)
}

/// Opens a regular file: opening or reading anything else might block, or never end.
fn open(path: &Path) -> Result<File, Unreadable> {
    let file = File::options().read(true).custom_flags(libc::O_NONBLOCK).open(path)?;
    match file.metadata()?.is_file() {
        true => Ok(file),
        false => Err(Malformed("it is not a regular file").into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::interp::elf::rewrite::rewrite_library;
    use crate::interp::elf::small_object::small_object;
    use crate::interp::elf::symbols::{SymbolPrefix, needed_python_names};

    #[test]
    #[cfg_attr(miri, ignore = "it reads the system's files")]
    fn they_are_those_of_the_whole_file() {
        let own = std::env::current_exe().unwrap();
        let maps = std::fs::read_to_string("/proc/self/maps").unwrap();
        let loaded = maps.lines().filter_map(|line| Some(Path::new(line.get(line.find('/')?..)?)));
        let mut count = 0;
        for path in loaded.filter(|path| *path != own) {
            let Ok(whole) = Image::read(path) else { continue };
            let tables = Image::read_tables(path).unwrap();
            assert_eq!(tables.symbols().len(), whole.symbols().len(), "{}", path.display());
            assert_eq!(tables.string_table(), whole.string_table(), "{}", path.display());
            assert_eq!(needed_python_names(&tables), needed_python_names(&whole), "{}", path.display());
            count += 1;
        }
        assert!(count > 0, "no library was read: {maps}");
    }

    #[test]
    #[cfg_attr(miri, ignore = "it reads the system's files")]
    fn a_copy_is_the_same_as_of_the_whole_file() {
        let maps = std::fs::read_to_string("/proc/self/maps").unwrap();
        let libraries = maps.lines().filter_map(|line| Some(Path::new(line.get(line.find('/')?..)?)));
        let target = std::env::temp_dir().join(format!("ungil-copy-{}", std::process::id()));
        const PAGE: usize = 4096;
        for path in libraries.filter(|path| path.to_string_lossy().contains(".so")) {
            let rewrite = |image| {
                let needed = |name: &[u8]| Some([b"other-", name].concat());
                rewrite_library(image, &SymbolPrefix::new(7), b"own.so", b"/here", |_| true, needed).unwrap()
            };
            let (original, tables) = Original::read(path).unwrap();
            let mut file = File::create(&target).unwrap();
            let missing = original.write_copy(&rewrite(tables), &mut file, PAGE).unwrap();
            assert!(missing.ranges.iter().all(|range| range.start % PAGE == 0 && range.end % PAGE == 0));
            missing.write(&file).unwrap();
            let whole = rewrite(Image::read(path).unwrap());
            assert!(std::fs::read(&target).unwrap() == *whole, "{}", path.display());
        }
        std::fs::remove_file(&target).unwrap();
    }

    /// With the header of one segment elsewhere, a file is malformed or has the same copy as if it had been read as a whole.
    #[test]
    #[cfg_attr(miri, ignore = "Miri makes no files")]
    fn copies_of_damaged_files_are_whole() {
        const PAGE: usize = 64;
        let directory = std::env::temp_dir();
        let [original, target] = ["damaged", "damaged-copy"]
            .map(|name| directory.join(format!("ungil-{name}-{}", std::process::id())));
        let rewrite = |image| {
            rewrite_library(image, &SymbolPrefix::new(7), b"own.so", b"/here", |_| true, |_| None).ok()
        };
        let mut count = 0;
        for (at, value) in (64..232).flat_map(|at| [0, 1, 4, 7, 0x40, 0xff].map(|value| (at, value))) {
            let mut damaged = small_object(true, true);
            damaged[at] = value;
            std::fs::write(&original, &damaged).unwrap();
            let Ok((file, tables)) = Original::read(&original) else { continue };
            let Some(copy) = rewrite(tables) else { continue };
            let mut to = File::create(&target).unwrap();
            let missing = file.write_copy(&copy, &mut to, PAGE).unwrap();
            let bounds: Vec<_> = missing.ranges.iter().flat_map(|pages| [pages.start, pages.end]).collect();
            let are_pages = bounds.iter().all(|bound| bound % PAGE == 0);
            let are_disjoint = bounds.is_sorted() && missing.ranges.iter().all(|pages| !pages.is_empty());
            let are_inside = bounds.last() <= Some(&copy.len().next_multiple_of(PAGE));
            assert!(are_pages && are_disjoint && are_inside, "{at} {value}: {bounds:?}");
            missing.write(&to).unwrap();
            let whole = rewrite(Image::read(&original).unwrap()).unwrap();
            assert!(std::fs::read(&target).unwrap() == *whole, "{at} {value}");
            count += 1;
        }
        assert!(count > 100, "{count}");
        std::fs::remove_file(&original).unwrap();
        std::fs::remove_file(&target).unwrap();
    }

    #[test]
    #[cfg_attr(miri, ignore = "Miri makes no files")]
    fn damaged_files_are_errors() {
        let whole = small_object(true, true);
        let file = std::env::temp_dir().join(format!("ungil-tables-{}", std::process::id()));
        let read = |bytes: &[u8]| {
            std::fs::write(&file, bytes).unwrap();
            Image::read_tables(&file)
        };
        assert!(read(&whole).is_ok());
        for len in (0..whole.len()).step_by(7) {
            let _ = read(&whole[..len]);
        }
        for at in 0..whole.len().min(2048) {
            let mut damaged = whole.clone();
            damaged[at] = 0xff;
            let _ = read(&damaged); // no panic
        }
        std::fs::remove_file(&file).unwrap();
    }
}
