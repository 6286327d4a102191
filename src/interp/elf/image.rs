//! A shared object as the dynamic loader sees it: segments, dynamic section, symbols and strings (System V ABI, chapter
//! 5; "ELF-64 Object File Format"). Sections are dropped.
//!
//! Nothing in a file is trusted: each address is looked up in the segments that the file contains, and a number that is
//! out of range is an error that names it.

use std::ops::Range;

use object::elf::{
    DT_GNU_HASH, DT_HASH, DT_JMPREL, DT_NULL, DT_PLTRELSZ, DT_RELA, DT_RELASZ, DT_STRSZ, DT_STRTAB,
    DT_SYMENT, DT_SYMTAB, Dyn64, DynamicTag, ELFCLASS64, ELFDATA2LSB, ELFMAG, EM_AARCH64, EM_X86_64, ET_DYN,
    EV_CURRENT, FileHeader64, GnuHashHeader, HashHeader, PT_DYNAMIC, PT_LOAD, ProgramHeader64, Rela64,
    SHN_UNDEF, Sym64,
};
use object::pod::{Pod, from_bytes, from_bytes_mut, slice_from_bytes, slice_from_bytes_mut};
use object::{LittleEndian as LE, U32};

use super::buffer::Buffer;
use super::malformed::{Malformed, NO_MEMORY};

pub(crate) type Segment = ProgramHeader64<LE>;
pub(crate) type Symbol = Sym64<LE>;
pub(crate) type DynEntry = Dyn64<LE>;
pub(crate) type Relocation = Rela64<LE>;

// So these can be read at any offset: neither a file nor a vector of bytes guarantees an alignment.
const _: () = assert!(
    align_of::<FileHeader64<LE>>() == 1
        && align_of::<Segment>() == 1
        && align_of::<Symbol>() == 1
        && align_of::<DynEntry>() == 1
        && align_of::<HashHeader<LE>>() == 1
        && align_of::<GnuHashHeader<LE>>() == 1
        && align_of::<Relocation>() == 1
        && align_of::<U32<LE>>() == 1
);

/// More than any shared object has.
const MAX_SEGMENTS: usize = 256;

pub(super) const TOO_SHORT: &str = "it is too short for an ELF header";
const OUTSIDE_DYNAMIC: &str = "the dynamic section is outside the segments";
const OUTSIDE_HASH: &str = "the hash table is outside the segments";
pub(super) const OUTSIDE_RELOCATIONS: &str = "the relocations are outside the segments";

/// The loadable part of a shared object, in memory.
#[derive(Debug, Clone)]
pub struct Image {
    pub(crate) bytes: Buffer,
    /// The program headers.
    segments: Range<usize>,
    /// The dynamic section, up to its DT_NULL.
    dynamic: Range<usize>,
    strings: Range<usize>,
    symbols: Range<usize>,
}

/// The value of type `T` at an offset.
pub(crate) fn get<'a, T: Pod>(bytes: &'a [u8], at: usize, what: &'static str) -> Result<&'a T, Malformed> {
    let rest = bytes.get(at..).ok_or(Malformed(what))?;
    from_bytes(rest).map(|(value, _)| value).map_err(|()| Malformed(what))
}

/// `count` values of type `T` at an offset.
pub(super) fn get_all<'a, T: Pod>(
    bytes: &'a [u8],
    at: usize,
    count: usize,
    what: &'static str,
) -> Result<&'a [T], Malformed> {
    let rest = bytes.get(at..).ok_or(Malformed(what))?;
    slice_from_bytes(rest, count).map(|(values, _)| values).map_err(|()| Malformed(what))
}

/// As `get_all`, to change them.
pub(super) fn get_all_mut<'a, T: Pod>(
    bytes: &'a mut [u8],
    at: usize,
    count: usize,
    what: &'static str,
) -> Result<&'a mut [T], Malformed> {
    let rest = bytes.get_mut(at..).ok_or(Malformed(what))?;
    slice_from_bytes_mut(rest, count).map(|(values, _)| values).map_err(|()| Malformed(what))
}

pub(super) fn to_usize(number: u64, what: &'static str) -> Result<usize, Malformed> {
    usize::try_from(number).map_err(|_| Malformed(what))
}

pub(super) fn range(start: usize, len: usize, what: &'static str) -> Result<Range<usize>, Malformed> {
    Ok(start..start.checked_add(len).ok_or(Malformed(what))?)
}

impl Image {
    /// Parses a file's bytes, and keeps those that are loaded.
    pub fn parse(file: &[u8]) -> Result<Self, Malformed> {
        Self::of(Buffer::try_from(file).map_err(|_| NO_MEMORY)?)
    }

    /// As `parse`.
    pub(super) fn of(file: Buffer) -> Result<Self, Malformed> {
        let mut image = Self::of_headers(file)?;
        image.find_dynamic()?;
        image.find_tables()?;
        Ok(image)
    }

    /// With the program headers alone.
    pub(super) fn of_headers(mut file: Buffer) -> Result<Self, Malformed> {
        let (at, segments) = header(&file)?;
        let (count, end) = (segments.len(), loaded_end(segments)?);
        if end > file.len() {
            return Err(Malformed("a segment is outside the file: it is truncated"));
        }
        file.resize(end).map_err(|_| NO_MEMORY)?;
        let what = "the program headers are outside the loaded segments";
        let mut image = Self {
            segments: range(at, count * size_of::<Segment>(), what)?,
            bytes: file,
            dynamic: 0..0,
            strings: 0..0,
            symbols: 0..0,
        };
        get_all::<Segment>(&image.bytes, at, count, what)?;
        image.drop_sections();
        Ok(image)
    }

    pub(super) fn find_tables(&mut self) -> Result<(), Malformed> {
        let value = |tag, what| self.dyn_value(tag).ok_or(Malformed(what));
        if value(DT_SYMENT, "there is no DT_SYMENT")? != size_of::<Symbol>() as u64 {
            return Err(Malformed("its symbols have an unknown size"));
        }
        let len = to_usize(value(DT_STRSZ, "there is no DT_STRSZ")?, "the string table is too long")?;
        let what = "the string table is outside the segments";
        let mut strings = self.rest_of_segment(value(DT_STRTAB, "there is no DT_STRTAB")?, what)?;
        strings.end = strings.end.min(strings.start.saturating_add(len));
        let count = self.count_symbols()?;
        let what = "the symbol table is outside the segments";
        let len = count.checked_mul(size_of::<Symbol>()).ok_or(Malformed(what))?;
        let symbols = self.file_range(value(DT_SYMTAB, "there is no DT_SYMTAB")?, len, what)?;
        (self.strings, self.symbols) = (strings, symbols);
        Ok(())
    }

    pub(super) fn dynamic_segment(&self) -> Result<Range<usize>, Malformed> {
        let segment = self.segments().iter().find(|segment| segment.p_type.get(LE) == PT_DYNAMIC);
        let segment = segment.ok_or(Malformed("there is no dynamic section"))?;
        let len = to_usize(segment.p_filesz.get(LE), OUTSIDE_DYNAMIC)?;
        self.file_range(segment.p_vaddr.get(LE), len, OUTSIDE_DYNAMIC)
    }

    pub(super) fn find_dynamic(&mut self) -> Result<(), Malformed> {
        let section = self.dynamic_segment()?;
        let count = section.len() / size_of::<DynEntry>();
        let entries = get_all::<DynEntry>(&self.bytes, section.start, count, OUTSIDE_DYNAMIC)?;
        let end = entries.iter().position(|entry| entry.d_tag.get(LE) == DT_NULL);
        let end = end.ok_or(Malformed("the dynamic section has no end"))?;
        self.dynamic = section.start..section.start + end * size_of::<DynEntry>();
        Ok(())
    }

    /// The file does not say how many symbols there are, but its hash table does.
    pub(super) fn count_symbols(&self) -> Result<usize, Malformed> {
        match (self.dyn_value(DT_HASH), self.dyn_value(DT_GNU_HASH)) {
            (Some(vaddr), _) => self.count_by_hash(vaddr),
            (None, Some(vaddr)) => self.count_by_gnu_hash(vaddr),
            (None, None) => Err(Malformed("there is no hash table")),
        }
    }

    /// The System V table has one chain entry for each symbol.
    fn count_by_hash(&self, vaddr: u64) -> Result<usize, Malformed> {
        let table = self.file_range(vaddr, size_of::<HashHeader<LE>>(), OUTSIDE_HASH)?;
        let header = get::<HashHeader<LE>>(&self.bytes, table.start, OUTSIDE_HASH)?;
        Ok(header.chain_count.get(LE) as usize)
    }

    /// The GNU table has one hash for each defined symbol; the chain of the last bucket ends with the last symbol.
    fn count_by_gnu_hash(&self, vaddr: u64) -> Result<usize, Malformed> {
        const OUTSIDE: Malformed = Malformed(OUTSIDE_HASH);
        let table = self.file_range(vaddr, size_of::<GnuHashHeader<LE>>(), OUTSIDE_HASH)?;
        let header = get::<GnuHashHeader<LE>>(&self.bytes, table.start, OUTSIDE_HASH)?;
        let (first, bloom) = (header.symbol_base.get(LE) as usize, header.bloom_count.get(LE) as usize);
        let bucket_count = header.bucket_count.get(LE) as usize;
        let buckets_at = bloom.checked_mul(8).and_then(|len| table.end.checked_add(len)).ok_or(OUTSIDE)?;
        let buckets = get_all::<U32<LE>>(&self.bytes, buckets_at, bucket_count, OUTSIDE_HASH)?;
        let last = buckets.iter().map(|start| start.get(LE) as usize).max();
        let Some(last) = last.filter(|&last| last >= first) else {
            // Nothing is defined. GNU ld's table does not count the other symbols then.
            return Ok(first.max(self.count_by_relocations()?));
        };
        // The low bit of a chain's last hash is set.
        let chains = self.bytes.get(buckets_at + size_of_val(buckets)..).ok_or(OUTSIDE)?;
        let hashes = slice_from_bytes::<U32<LE>>(chains, chains.len() / 4).map_err(|()| OUTSIDE)?.0;
        let chain = hashes.get(last - first..).ok_or(OUTSIDE)?;
        let end = chain.iter().position(|hash| hash.get(LE) & 1 == 1);
        Ok(last + end.ok_or(Malformed("the hash table has no end"))? + 1)
    }

    /// The symbols up to the last one that a relocation refers to.
    fn count_by_relocations(&self) -> Result<usize, Malformed> {
        let mut count = 0;
        for table in self.relocations()? {
            let len = table.len() / size_of::<Relocation>();
            let entries = get_all::<Relocation>(&self.bytes, table.start, len, OUTSIDE_RELOCATIONS)?;
            let symbols = entries.iter().map(|entry| entry.r_sym(LE, false) as usize);
            count = symbols.max().map_or(count, |last| count.max(last.saturating_add(1)));
        }
        Ok(count)
    }

    /// Where in the file the relocations are that may refer to symbols.
    pub(super) fn relocations(&self) -> Result<Vec<Range<usize>>, Malformed> {
        let tables = [(DT_RELA, DT_RELASZ), (DT_JMPREL, DT_PLTRELSZ)];
        let tables = tables.into_iter().filter_map(|(tag, len)| self.dyn_value(tag).zip(self.dyn_value(len)));
        let range =
            |(vaddr, len)| self.file_range(vaddr, to_usize(len, OUTSIDE_RELOCATIONS)?, OUTSIDE_RELOCATIONS);
        tables.map(range).collect()
    }

    /// Where in the file a range of virtual addresses lies.
    pub(crate) fn file_range(
        &self,
        vaddr: u64,
        len: usize,
        what: &'static str,
    ) -> Result<Range<usize>, Malformed> {
        let rest = self.rest_of_segment(vaddr, what)?;
        let range = range(rest.start, len, what)?;
        if range.end <= rest.end { Ok(range) } else { Err(Malformed(what)) }
    }

    /// What the file has of a segment, from a virtual address on.
    fn rest_of_segment(&self, vaddr: u64, what: &'static str) -> Result<Range<usize>, Malformed> {
        let loaded = self.segments().iter().filter(|segment| segment.p_type.get(LE) == PT_LOAD);
        let rests = loaded.filter_map(|segment| {
            let offset = vaddr.checked_sub(segment.p_vaddr.get(LE))?;
            let len = segment.p_filesz.get(LE).checked_sub(offset)?;
            Some((segment.p_offset.get(LE).checked_add(offset)?, len))
        });
        // It may be the end of one and the start of another.
        let (start, len) = rests.max_by_key(|(_, len)| *len).ok_or(Malformed(what))?;
        range(to_usize(start, what)?, to_usize(len, what)?, what)
    }

    /// Section headers lie after the loaded part; the dynamic loader does not need them.
    fn drop_sections(&mut self) {
        let (header, _) =
            from_bytes_mut::<FileHeader64<LE>>(&mut self.bytes).expect("`parse` checked the header");
        header.e_shoff.set(LE, 0);
        header.e_shnum.set(LE, 0);
        header.e_shstrndx.set(LE, SHN_UNDEF);
    }

    /// The values of type `T` in a range of the file that was checked when the file was parsed.
    fn slice_of<T: Pod>(&self, range: &Range<usize>) -> &[T] {
        let bytes = &self.bytes[range.clone()];
        slice_from_bytes(bytes, bytes.len() / size_of::<T>()).expect("the range was checked by `parse`").0
    }

    fn slice_of_mut<T: Pod>(&mut self, range: Range<usize>) -> &mut [T] {
        let bytes = &mut self.bytes[range];
        let count = bytes.len() / size_of::<T>();
        slice_from_bytes_mut(bytes, count).expect("the range was checked by `parse`").0
    }

    pub(crate) fn segments(&self) -> &[Segment] {
        self.slice_of(&self.segments)
    }

    pub(crate) fn segments_mut(&mut self) -> &mut [Segment] {
        self.slice_of_mut(self.segments.clone())
    }

    pub(crate) fn dyn_entries(&self) -> &[DynEntry] {
        self.slice_of(&self.dynamic)
    }

    pub(crate) fn dyn_entries_mut(&mut self) -> &mut [DynEntry] {
        self.slice_of_mut(self.dynamic.clone())
    }

    /// The value of the first dynamic entry with this tag.
    pub(crate) fn dyn_value(&self, tag: DynamicTag) -> Option<u64> {
        self.dyn_values(tag).next()
    }

    /// The values of all dynamic entries with this tag.
    pub(crate) fn dyn_values(&self, tag: DynamicTag) -> impl Iterator<Item = u64> {
        let entries = self.dyn_entries().iter().filter(move |entry| entry.d_tag.get(LE) == tag);
        entries.map(|entry| entry.d_val.get(LE))
    }

    pub(crate) fn symbols(&self) -> &[Symbol] {
        self.slice_of(&self.symbols)
    }

    pub(crate) fn symbols_mut(&mut self) -> &mut [Symbol] {
        self.slice_of_mut(self.symbols.clone())
    }

    /// The string table, as far as it is in one segment.
    #[cfg(test)]
    pub(crate) fn string_table(&self) -> &[u8] {
        &self.bytes[self.strings.clone()]
    }

    /// The string that begins at `offset` of the string table, without its NUL.
    pub(crate) fn string(&self, offset: u64) -> Result<&[u8], Malformed> {
        let rest = self.strings_from(offset).ok_or(Malformed("a name is outside the string table"))?;
        let end = rest.iter().position(|&byte| byte == 0).ok_or(Malformed("a name has no end"))?;
        Ok(&rest[..end])
    }

    /// The string table from an offset on. It need not be in one segment: that of a copy is in two.
    fn strings_from(&self, offset: u64) -> Option<&[u8]> {
        let near = &self.bytes[self.strings.clone()];
        if let Some(rest) = usize::try_from(offset).ok().and_then(|offset| near.get(offset..)) {
            return Some(rest);
        }
        let len = self.dyn_value(DT_STRSZ)?.checked_sub(offset)?;
        let rest = self.rest_of_segment(self.dyn_value(DT_STRTAB)?.checked_add(offset)?, "").ok()?;
        let end = rest.end.min(rest.start.saturating_add(usize::try_from(len).ok()?));
        self.bytes.get(rest.start..end)
    }

    /// More than the names of all its symbols take. Because names may share their tails, a small malformed file can have
    /// many long ones.
    pub(crate) fn max_names_len(&self) -> usize {
        (16 * self.bytes.len() + (1 << 20)).min(u32::MAX as usize)
    }

    /// The largest page size that the file's machine may have.
    pub(crate) fn page_size(&self) -> u64 {
        let (header, _) = from_bytes::<FileHeader64<LE>>(&self.bytes).expect("`parse` checked the header");
        if header.e_machine.get(LE) == EM_AARCH64 { 1 << 16 } else { 1 << 12 }
    }
}

/// The offset of the program headers, and the headers.
pub(super) fn header(file: &[u8]) -> Result<(usize, &[Segment]), Malformed> {
    const OUTSIDE: &str = "the program headers are outside the file";
    let header = get::<FileHeader64<LE>>(file, 0, TOO_SHORT)?;
    check_header(header)?;
    let at = to_usize(header.e_phoff.get(LE), OUTSIDE)?;
    let count = usize::from(header.e_phnum.get(LE));
    if count > MAX_SEGMENTS {
        return Err(Malformed("there are too many program headers"));
    }
    Ok((at, get_all::<Segment>(file, at, count, OUTSIDE)?))
}

pub(super) fn check_header(header: &FileHeader64<LE>) -> Result<(), Malformed> {
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
        (machine == EM_X86_64 || machine == EM_AARCH64, "it is for a machine other than x86-64 and aarch64"),
        (
            usize::from(header.e_phentsize.get(LE)) == size_of::<Segment>(),
            "its program headers have an unknown size",
        ),
    ];
    checks.into_iter().find(|(good, _)| !good).map_or(Ok(()), |(_, what)| Err(Malformed(what)))
}

/// The end of the loaded part of the file.
pub(super) fn loaded_end(segments: &[Segment]) -> Result<usize, Malformed> {
    let loaded = segments.iter().filter(|segment| segment.p_type.get(LE) == PT_LOAD);
    let end = |segment: &Segment| segment.p_offset.get(LE).checked_add(segment.p_filesz.get(LE));
    let ends =
        loaded.map(end).collect::<Option<Vec<u64>>>().ok_or(Malformed("a segment is outside the file"))?;
    let end = ends.into_iter().max().ok_or(Malformed("there is nothing to load"))?;
    to_usize(end, "a segment is outside the file")
}
