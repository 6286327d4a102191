//! A shared object as the loader sees it: segments, dynamic section, symbols and strings (System V ABI, chapter 5;
//! "ELF-64 Object File Format"). Sections are left behind.
//!
//! Nothing in a file is trusted: each place is looked up in the segments that are in the file, and each number that is
//! out of range is an error that says which.

use std::fs::File;
use std::io::Read;
use std::ops::Range;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::{fmt, io};

use object::elf::{
    DT_GNU_HASH, DT_HASH, DT_NULL, DT_STRSZ, DT_STRTAB, DT_SYMENT, DT_SYMTAB, Dyn64, DynamicTag, ELFCLASS64,
    ELFDATA2LSB, ELFMAG, EM_AARCH64, EM_X86_64, ET_DYN, EV_CURRENT, FileHeader64, GnuHashHeader, HashHeader,
    PT_DYNAMIC, PT_LOAD, ProgramHeader64, SHN_UNDEF, Sym64,
};
use object::pod::{Pod, from_bytes, from_bytes_mut, slice_from_bytes, slice_from_bytes_mut};
use object::{LittleEndian as LE, U32};

pub(crate) type Segment = ProgramHeader64<LE>;
pub(crate) type Symbol = Sym64<LE>;
pub(crate) type Entry = Dyn64<LE>;

// So they can be read at any address: neither a file nor a vector of bytes promises an alignment.
const _: () = assert!(
    align_of::<FileHeader64<LE>>() == 1
        && align_of::<Segment>() == 1
        && align_of::<Symbol>() == 1
        && align_of::<Entry>() == 1
        && align_of::<HashHeader<LE>>() == 1
        && align_of::<GnuHashHeader<LE>>() == 1
        && align_of::<U32<LE>>() == 1
);

/// Why a file is no shared object that can be copied.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Malformed(pub &'static str);

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

impl std::error::Error for Malformed {}

/// Why a file could not be read.
#[derive(Debug)]
pub enum Unreadable {
    /// The system's word for it.
    System(io::Error),
    /// What is in it is wrong.
    Malformed(Malformed),
}

impl From<io::Error> for Unreadable {
    fn from(error: io::Error) -> Self {
        Self::System(error)
    }
}

impl From<Malformed> for Unreadable {
    fn from(error: Malformed) -> Self {
        Self::Malformed(error)
    }
}

impl fmt::Display for Unreadable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::System(error) => error.fmt(f),
            Self::Malformed(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for Unreadable {}

/// More than any shared object has.
const MOST_SEGMENTS: usize = 256;

const TOO_SHORT: &str = "it is too short for an ELF header";

/// Bytes at a file's start that the headers of nearly all are in.
const HEADERS: u64 = 4096;

/// The loadable part of a shared object, in memory.
#[derive(Debug, Clone)]
pub struct Image {
    pub(crate) bytes: Vec<u8>,
    segments: Range<usize>,
    dynamic: Range<usize>,
    pub(crate) strings: Range<usize>,
    pub(crate) symbols: Range<usize>,
}

/// The value of type `T` at a place.
fn get<'a, T: Pod>(bytes: &'a [u8], at: usize, what: &'static str) -> Result<&'a T, Malformed> {
    let rest = bytes.get(at..).ok_or(Malformed(what))?;
    from_bytes(rest).map(|(value, _)| value).map_err(|()| Malformed(what))
}

/// `count` values of type `T` at a place.
fn get_all<'a, T: Pod>(
    bytes: &'a [u8],
    at: usize,
    count: usize,
    what: &'static str,
) -> Result<&'a [T], Malformed> {
    let rest = bytes.get(at..).ok_or(Malformed(what))?;
    slice_from_bytes(rest, count).map(|(values, _)| values).map_err(|()| Malformed(what))
}

fn to_usize(number: u64, what: &'static str) -> Result<usize, Malformed> {
    usize::try_from(number).map_err(|_| Malformed(what))
}

fn range(start: usize, len: usize, what: &'static str) -> Result<Range<usize>, Malformed> {
    Ok(start..start.checked_add(len).ok_or(Malformed(what))?)
}

impl Image {
    /// Reads what a file has to load: debug information, which is most of some files, is left.
    pub fn read(path: &Path) -> Result<Self, Unreadable> {
        // What is no file of bytes may never end, or never begin.
        let mut file = File::options().read(true).custom_flags(libc::O_NONBLOCK).open(path)?;
        if !file.metadata()?.is_file() {
            return Err(Malformed("it is no regular file").into());
        }
        let mut bytes = Vec::new();
        Read::by_ref(&mut file).take(HEADERS).read_to_end(&mut bytes)?;
        check_header(get(&bytes, 0, TOO_SHORT)?)?;
        let end = header(&bytes).and_then(|(_, segments)| loaded_end(segments)).unwrap_or(usize::MAX);
        file.take(end.saturating_sub(bytes.len()) as u64).read_to_end(&mut bytes)?;
        Ok(Self::parse(bytes)?)
    }

    /// Reads a file's bytes, and keeps those that are loaded. Errors say what is wrong with them.
    pub fn parse(mut file: Vec<u8>) -> Result<Self, Malformed> {
        let (at, segments) = header(&file)?;
        let (count, end) = (segments.len(), loaded_end(segments)?);
        if end > file.len() {
            return Err(Malformed("a segment is outside the file: it is truncated"));
        }
        file.truncate(end);
        let what = "the program headers are outside the loaded segments";
        let mut image = Self {
            segments: range(at, count * size_of::<Segment>(), what)?,
            bytes: file,
            dynamic: 0..0,
            strings: 0..0,
            symbols: 0..0,
        };
        get_all::<Segment>(&image.bytes, at, count, what)?;
        image.forget_sections();
        image.find_tables()?;
        Ok(image)
    }

    fn find_tables(&mut self) -> Result<(), Malformed> {
        self.dynamic = self.find_dynamic()?;
        let value = |tag, what| self.dynamic(tag).ok_or(Malformed(what));
        if value(DT_SYMENT, "there is no DT_SYMENT")? != size_of::<Symbol>() as u64 {
            return Err(Malformed("symbols have another size"));
        }
        let len = to_usize(value(DT_STRSZ, "there is no DT_STRSZ")?, "the string table is too long")?;
        let what = "the string table is outside the segments";
        let strings = self.place(value(DT_STRTAB, "there is no DT_STRTAB")?, len, what)?;
        let count = self.count_symbols()?;
        let what = "the symbol table is outside the segments";
        let len = count.checked_mul(size_of::<Symbol>()).ok_or(Malformed(what))?;
        let symbols = self.place(value(DT_SYMTAB, "there is no DT_SYMTAB")?, len, what)?;
        (self.strings, self.symbols) = (strings, symbols);
        Ok(())
    }

    fn find_dynamic(&self) -> Result<Range<usize>, Malformed> {
        let segment = self.segments().iter().find(|segment| segment.p_type.get(LE) == PT_DYNAMIC);
        let segment = segment.ok_or(Malformed("there is no dynamic section"))?;
        let what = "the dynamic section is outside the segments";
        let len = to_usize(segment.p_filesz.get(LE), what)?;
        let place = self.place(segment.p_vaddr.get(LE), len, what)?;
        let entries = get_all::<Entry>(&self.bytes, place.start, len / size_of::<Entry>(), what)?;
        let end = entries.iter().position(|entry| entry.d_tag.get(LE) == DT_NULL);
        let end = end.ok_or(Malformed("the dynamic section has no end"))?;
        Ok(place.start..place.start + end * size_of::<Entry>())
    }

    /// There is no number of symbols in the file, but a hash table has it.
    fn count_symbols(&self) -> Result<usize, Malformed> {
        const OUTSIDE: &str = "the hash table is outside the segments";
        if let Some(address) = self.dynamic(DT_HASH) {
            let place = self.place(address, size_of::<HashHeader<LE>>(), OUTSIDE)?;
            let header = get::<HashHeader<LE>>(&self.bytes, place.start, OUTSIDE)?;
            return Ok(header.chain_count.get(LE) as usize);
        }
        let address = self.dynamic(DT_GNU_HASH).ok_or(Malformed("there is no hash table"))?;
        let place = self.place(address, size_of::<GnuHashHeader<LE>>(), OUTSIDE)?;
        let header = get::<GnuHashHeader<LE>>(&self.bytes, place.start, OUTSIDE)?;
        let (first, bloom) = (header.symbol_base.get(LE) as usize, header.bloom_count.get(LE) as usize);
        let buckets = header.bucket_count.get(LE) as usize;
        let buckets_at = place.end.checked_add(bloom.checked_mul(8).ok_or(Malformed(OUTSIDE))?);
        let buckets_at = buckets_at.ok_or(Malformed(OUTSIDE))?;
        let starts = get_all::<U32<LE>>(&self.bytes, buckets_at, buckets, OUTSIDE)?;
        let Some(last) =
            starts.iter().map(|start| start.get(LE) as usize).max().filter(|&last| last >= first)
        else {
            return Ok(first); // nothing is defined
        };
        // A chain's last hash has its low bit set.
        let chains = self.bytes.get(buckets_at + size_of_val(starts)..).ok_or(Malformed(OUTSIDE))?;
        let words = slice_from_bytes::<U32<LE>>(chains, chains.len() / 4).map_err(|()| Malformed(OUTSIDE))?.0;
        let chain = words.get(last - first..).ok_or(Malformed(OUTSIDE))?;
        let end = chain.iter().position(|hash| hash.get(LE) & 1 == 1);
        Ok(last + end.ok_or(Malformed("the hash table has no end"))? + 1)
    }

    /// Where in the file an address range lies.
    pub(crate) fn place(
        &self,
        address: u64,
        len: usize,
        what: &'static str,
    ) -> Result<Range<usize>, Malformed> {
        let holds = |segment: &&Segment| {
            let offset = address.checked_sub(segment.p_vaddr.get(LE));
            segment.p_type.get(LE) == PT_LOAD
                && offset.is_some_and(|offset| offset <= segment.p_filesz.get(LE))
                && offset.and_then(|offset| offset.checked_add(len as u64)) <= Some(segment.p_filesz.get(LE))
        };
        let segment = self.segments().iter().find(holds).ok_or(Malformed(what))?;
        let offset = segment.p_offset.get(LE).checked_add(address - segment.p_vaddr.get(LE));
        range(to_usize(offset.ok_or(Malformed(what))?, what)?, len, what)
    }

    /// Section headers lie behind what is loaded; the loader does not need them.
    fn forget_sections(&mut self) {
        let (header, _) = from_bytes_mut::<FileHeader64<LE>>(&mut self.bytes).expect("it was read");
        header.e_shoff.set(LE, 0);
        header.e_shnum.set(LE, 0);
        header.e_shstrndx.set(LE, SHN_UNDEF);
    }

    pub(crate) fn segments(&self) -> &[Segment] {
        let bytes = &self.bytes[self.segments.clone()];
        slice_from_bytes(bytes, bytes.len() / size_of::<Segment>()).expect("they were read").0
    }

    pub(crate) fn segments_mut(&mut self) -> &mut [Segment] {
        let bytes = &mut self.bytes[self.segments.clone()];
        let count = bytes.len() / size_of::<Segment>();
        slice_from_bytes_mut(bytes, count).expect("they were read").0
    }

    pub(crate) fn entries(&self) -> &[Entry] {
        let bytes = &self.bytes[self.dynamic.clone()];
        slice_from_bytes(bytes, bytes.len() / size_of::<Entry>()).expect("they were read").0
    }

    pub(crate) fn entries_mut(&mut self) -> &mut [Entry] {
        let bytes = &mut self.bytes[self.dynamic.clone()];
        let count = bytes.len() / size_of::<Entry>();
        slice_from_bytes_mut(bytes, count).expect("they were read").0
    }

    /// The value of the first entry with this tag.
    pub(crate) fn dynamic(&self, tag: DynamicTag) -> Option<u64> {
        self.all(tag).next()
    }

    /// The values of all entries with this tag.
    pub(crate) fn all(&self, tag: DynamicTag) -> impl Iterator<Item = u64> {
        self.entries().iter().filter(move |entry| entry.d_tag.get(LE) == tag).map(|entry| entry.d_val.get(LE))
    }

    pub(crate) fn symbols(&self) -> &[Symbol] {
        let bytes = &self.bytes[self.symbols.clone()];
        slice_from_bytes(bytes, bytes.len() / size_of::<Symbol>()).expect("they were read").0
    }

    pub(crate) fn symbols_mut(&mut self) -> &mut [Symbol] {
        let bytes = &mut self.bytes[self.symbols.clone()];
        let count = bytes.len() / size_of::<Symbol>();
        slice_from_bytes_mut(bytes, count).expect("they were read").0
    }

    /// The string that begins at `offset` of the string table, without its NUL.
    pub(crate) fn string(&self, offset: u64) -> Result<&[u8], Malformed> {
        let table = &self.bytes[self.strings.clone()];
        let rest = usize::try_from(offset).ok().and_then(|offset| table.get(offset..));
        let rest = rest.ok_or(Malformed("a name is outside the string table"))?;
        let end = rest.iter().position(|&byte| byte == 0).ok_or(Malformed("a name has no end"))?;
        Ok(&rest[..end])
    }

    /// The largest page that the machine may have.
    pub(crate) fn page_size(&self) -> u64 {
        let (header, _) = from_bytes::<FileHeader64<LE>>(&self.bytes).expect("it was read");
        if header.e_machine.get(LE) == EM_AARCH64 { 1 << 16 } else { 1 << 12 }
    }
}

/// Where the program headers are, and what they say.
fn header(file: &[u8]) -> Result<(usize, &[Segment]), Malformed> {
    const OUTSIDE: &str = "the program headers are outside the file";
    let header = get::<FileHeader64<LE>>(file, 0, TOO_SHORT)?;
    check_header(header)?;
    let at = to_usize(header.e_phoff.get(LE), OUTSIDE)?;
    let count = usize::from(header.e_phnum.get(LE));
    if count > MOST_SEGMENTS {
        return Err(Malformed("there are too many program headers"));
    }
    Ok((at, get_all::<Segment>(file, at, count, OUTSIDE)?))
}

fn check_header(header: &FileHeader64<LE>) -> Result<(), Malformed> {
    let machine = header.e_machine.get(LE);
    let checks = [
        (header.e_ident.magic == ELFMAG, "it is not an ELF file"),
        (header.e_ident.class == ELFCLASS64, "it is not an ELF file of 64 bits"),
        (header.e_ident.data == ELFDATA2LSB, "it is not little-endian"),
        (
            header.e_ident.version == EV_CURRENT && header.e_version.get(LE) == u32::from(EV_CURRENT.0),
            "its ELF version is unknown",
        ),
        (header.e_type.get(LE) == ET_DYN, "it is not a shared object"),
        (machine == EM_X86_64 || machine == EM_AARCH64, "it is for another machine than x86-64 and aarch64"),
        (
            usize::from(header.e_phentsize.get(LE)) == size_of::<Segment>(),
            "its program headers have another size",
        ),
    ];
    checks.into_iter().find(|(good, _)| !good).map_or(Ok(()), |(_, what)| Err(Malformed(what)))
}

/// Where in the file the last loaded byte is.
fn loaded_end(segments: &[Segment]) -> Result<usize, Malformed> {
    let loaded = segments.iter().filter(|segment| segment.p_type.get(LE) == PT_LOAD);
    let end = |segment: &Segment| segment.p_offset.get(LE).checked_add(segment.p_filesz.get(LE));
    let ends =
        loaded.map(end).collect::<Option<Vec<u64>>>().ok_or(Malformed("a segment is outside the file"))?;
    let end = ends.into_iter().max().ok_or(Malformed("there is nothing to load"))?;
    to_usize(end, "a segment is outside the file")
}
