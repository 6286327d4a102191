//! The segment at the end of a copy, which holds its new tables.

use object::LittleEndian as LE;
use object::elf::{DT_STRSZ, DynamicTag, PF_R, PT_GNU_PROPERTY, PT_GNU_RELRO, PT_LOAD, PT_NOTE, ProgramType};

use super::image::{Image, Segment};
use super::malformed::{Malformed, NO_MEMORY};
use super::string_table::StringTableBuilder;

/// New tables, and the dynamic entries that will refer to them.
pub(crate) struct AppendedSegment {
    page_size: u64,
    vaddr: u64,
    bytes: Vec<u8>,
    dyn_entries: Vec<NewDynEntry>,
}

/// The value that the entry of `tag` gets. If there is none, the entry of `old_tag` becomes one.
struct NewDynEntry {
    tag: DynamicTag,
    old_tag: DynamicTag,
    value: u64,
}

impl AppendedSegment {
    /// An empty one, at the first page after all others.
    pub(crate) fn new(image: &Image) -> Result<Self, Malformed> {
        const TOO_HIGH: Malformed = Malformed("its addresses are too high");
        let page_size = image.page_size();
        let end = |segment: &Segment| segment.p_vaddr.get(LE).checked_add(segment.p_memsz.get(LE));
        let loaded = image.segments().iter().filter(|segment| segment.p_type.get(LE) == PT_LOAD);
        let ends = loaded.map(end).collect::<Option<Vec<_>>>().ok_or(TOO_HIGH)?;
        let highest = ends.into_iter().max().expect("`Image::parse` found a loaded segment");
        let vaddr = highest.checked_next_multiple_of(page_size).ok_or(TOO_HIGH)?;
        // No library is that large, and the dynamic loader would reserve all these addresses.
        if vaddr > u64::from(u32::MAX) {
            return Err(TOO_HIGH);
        }
        Ok(Self { page_size, vaddr, bytes: Vec::new(), dyn_entries: Vec::new() })
    }

    /// Adds a table that `tag` will refer to, instead of the one that `tag` or `old_tag` refers to now.
    pub(crate) fn replace_table(&mut self, tag: DynamicTag, old_tag: DynamicTag, table: &[u8]) {
        self.bytes.resize(self.bytes.len().next_multiple_of(8), 0);
        let value = self.vaddr + self.bytes.len() as u64;
        self.dyn_entries.push(NewDynEntry { tag, old_tag, value });
        self.bytes.extend_from_slice(table);
    }

    /// Its address.
    pub(crate) fn vaddr(&self) -> u64 {
        self.vaddr
    }

    /// Adds the new names, which must be the first table.
    pub(crate) fn add_names(&mut self, names: &StringTableBuilder<'_>) {
        assert!(self.bytes.is_empty(), "the names are at the start of the segment");
        self.dyn_entries.push(NewDynEntry { tag: DT_STRSZ, old_tag: DT_STRSZ, value: names.len() });
        self.bytes.extend_from_slice(names.added());
    }

    /// Appends the segment to the image.
    pub(crate) fn append_to(self, image: &mut Image) -> Result<(), Malformed> {
        for entry in &self.dyn_entries {
            set_dyn_entry(image, entry);
        }
        let offset = (image.bytes.len() as u64).next_multiple_of(self.page_size);
        image.bytes.resize(offset as usize).map_err(|_| NO_MEMORY)?;
        self.insert_header(image.segments_mut(), offset)?;
        image.bytes.extend(&self.bytes).map_err(|_| NO_MEMORY)
    }

    /// Writes the segment's program header over one that only tools look at, or that only adds protection; and moves it
    /// after the other loaded ones, as these must be in the order of their addresses.
    fn insert_header(&self, headers: &mut [Segment], offset: u64) -> Result<(), Malformed> {
        let position = |kind: ProgramType| headers.iter().position(|header| header.p_type.get(LE) == kind);
        let spare = [PT_NOTE, PT_GNU_PROPERTY, PT_GNU_RELRO].into_iter().find_map(position);
        let spare = spare.ok_or(Malformed("it has no program header to spare"))?;
        let last = headers.iter().rposition(|header| header.p_type.get(LE) == PT_LOAD);
        let last = last.expect("`Image::parse` found a loaded segment");
        let header = &mut headers[spare];
        header.p_type.set(LE, PT_LOAD);
        header.p_flags.set(LE, PF_R);
        header.p_offset.set(LE, offset);
        header.p_vaddr.set(LE, self.vaddr);
        header.p_paddr.set(LE, self.vaddr);
        header.p_filesz.set(LE, self.bytes.len() as u64);
        header.p_memsz.set(LE, self.bytes.len() as u64);
        header.p_align.set(LE, self.page_size);
        if spare < last {
            headers[spare..=last].rotate_left(1);
        } else {
            headers[last + 1..=spare].rotate_right(1);
        }
        Ok(())
    }
}

/// A tag that no dynamic loader knows, from the range that is free for any use: it is ignored.
const IGNORED_TAG: DynamicTag = DynamicTag(0x6000_0fff);

/// Sets the entry of the new tag; if there is none, the entry of the old tag becomes one. No entry of the old tag is
/// left.
fn set_dyn_entry(image: &mut Image, new: &NewDynEntry) {
    let entries = image.dyn_entries_mut();
    let position = |tag| entries.iter().position(|entry| entry.d_tag.get(LE) == tag);
    let (own, old) = (position(new.tag), position(new.old_tag));
    if let Some(position) = own.or(old) {
        entries[position].d_tag.set(LE, new.tag);
        entries[position].d_val.set(LE, new.value);
    }
    if let Some(old) = old.filter(|_| new.tag != new.old_tag && own.is_some()) {
        entries[old].d_tag.set(LE, IGNORED_TAG);
    }
}
