//! The parts of a file that the dynamic loader needs to load a copy of it. All else of the copy may be missing until the
//! loader is done, and is then mapped from the original's file (`loading/shared_pages.rs`). Of most libraries that is most:
//! code and constants.

use std::iter;
use std::ops::Range;

use object::LittleEndian as LE;
use object::elf::{
    DF_TEXTREL, DT_FLAGS, DT_GNU_HASH, DT_HASH, DT_JMPREL, DT_PLTRELSZ, DT_REL, DT_RELA, DT_RELACOUNT,
    DT_RELASZ, DT_RELR, DT_RELRSZ, DT_STRSZ, DT_STRTAB, DT_SYMTAB, DT_TEXTREL, DT_VERDEF, DT_VERNEED,
    DT_VERSYM, EM_AARCH64, FileHeader64, PF_W, PT_GNU_PROPERTY, PT_LOAD, PT_NOTE, PT_TLS,
    R_AARCH64_IRELATIVE, R_X86_64_IRELATIVE, SHN_UNDEF, STT_GNU_IFUNC,
};

use super::image::{Image, Relocation, Segment, Symbol, get, get_all, range, to_usize};
use super::malformed::Malformed;

const OUTSIDE: &str = "a table is outside the segments";

/// The relocations that may refer to symbols or call functions: those behind the ones that only add the load address.
pub(super) fn other_relocations(image: &Image) -> Result<Vec<Range<usize>>, Malformed> {
    let relative = image.dyn_value(DT_RELACOUNT).unwrap_or(0);
    let relative = to_usize(relative, OUTSIDE)?.saturating_mul(size_of::<Relocation>());
    let tables = [(DT_RELA, DT_RELASZ, relative), (DT_JMPREL, DT_PLTRELSZ, 0)];
    let mut ranges = Vec::new();
    for (tag, size, skipped) in tables {
        if let Some((vaddr, len)) = image.dyn_value(tag).zip(image.dyn_value(size)) {
            let table = image.file_range(vaddr, to_usize(len, OUTSIDE)?, OUTSIDE)?;
            ranges.push(table.start.saturating_add(skipped).min(table.end)..table.end);
        }
    }
    Ok(ranges)
}

/// The parts that the loader reads or writes to: all, if it runs code of the library before it is done, or changes it. The
/// image has its tables, and the relocations that `other_relocations` tells.
pub(super) fn loader_parts(image: &Image) -> Result<Vec<Range<usize>>, Malformed> {
    if has_text_relocations(image) || image.dyn_value(DT_REL).is_some() || has_indirect_functions(image)? {
        return Ok(iter::once(0..image.bytes.len()).collect());
    }
    let mut parts = Vec::new();
    for segment in image.segments() {
        let is_needed = match segment.p_type.get(LE) {
            PT_LOAD => segment.p_flags.get(LE).contains(PF_W),
            kind => [PT_TLS, PT_NOTE, PT_GNU_PROPERTY].contains(&kind),
        };
        if is_needed {
            let (start, len) = (segment.p_offset.get(LE), segment.p_filesz.get(LE));
            parts.push(range(to_usize(start, OUTSIDE)?, to_usize(len, OUTSIDE)?, OUTSIDE)?);
        }
    }
    let tables = tables(image)?;
    let ends = image.segments().iter().filter_map(segment_end).collect::<Vec<_>>();
    for (start, len) in &tables {
        let end = match len {
            Some(len) => start.checked_add(*len).ok_or(Malformed(OUTSIDE))?,
            // At most up to the next one, or to the segment's end.
            None => {
                let starts = tables.iter().map(|(start, _)| *start);
                starts.chain(ends.iter().copied()).filter(|end| end > start).min().unwrap_or(*start)
            }
        };
        parts.push(*start..end);
    }
    Ok(parts)
}

/// Where in the file the tables start that the loader reads, and how long they are if that is said.
fn tables(image: &Image) -> Result<Vec<(usize, Option<usize>)>, Malformed> {
    let value = |tag| image.dyn_value(tag).map(|value| to_usize(value, OUTSIDE)).transpose();
    let symbols = image.symbols();
    let all = [
        (DT_SYMTAB, Some(size_of_val(symbols))),
        (DT_VERSYM, Some(symbols.len() * size_of::<u16>())),
        (DT_STRTAB, value(DT_STRSZ)?),
        (DT_RELA, value(DT_RELASZ)?),
        (DT_JMPREL, value(DT_PLTRELSZ)?),
        (DT_RELR, value(DT_RELRSZ)?),
        (DT_HASH, None),
        (DT_GNU_HASH, None),
        (DT_VERDEF, None),
        (DT_VERNEED, None),
    ];
    let mut tables = Vec::new();
    for (tag, len) in all {
        if let Some(vaddr) = image.dyn_value(tag) {
            tables.push((image.file_range(vaddr, len.unwrap_or(0), OUTSIDE)?.start, len));
        }
    }
    Ok(tables)
}

fn segment_end(segment: &Segment) -> Option<usize> {
    let end = segment.p_offset.get(LE).checked_add(segment.p_filesz.get(LE))?;
    usize::try_from(end).ok().filter(|_| segment.p_type.get(LE) == PT_LOAD)
}

/// Whether the loader writes to pages that are not writable.
fn has_text_relocations(image: &Image) -> bool {
    let flags = image.dyn_value(DT_FLAGS).unwrap_or(0);
    image.dyn_value(DT_TEXTREL).is_some() || flags & DF_TEXTREL.0 != 0
}

/// Whether there are functions whose addresses the loader gets from functions that it calls.
fn has_indirect_functions(image: &Image) -> Result<bool, Malformed> {
    let is_indirect =
        |symbol: &Symbol| symbol.st_type() == STT_GNU_IFUNC && symbol.st_shndx.get(LE) != SHN_UNDEF;
    if image.symbols().iter().any(is_indirect) {
        return Ok(true);
    }
    let header = get::<FileHeader64<LE>>(&image.bytes, 0, OUTSIDE)?;
    let kind = if header.e_machine.get(LE) == EM_AARCH64 { R_AARCH64_IRELATIVE } else { R_X86_64_IRELATIVE };
    for table in other_relocations(image)? {
        let count = table.len() / size_of::<Relocation>();
        let relocations = get_all::<Relocation>(&image.bytes, table.start, count, OUTSIDE)?;
        if relocations.iter().any(|relocation| relocation.r_type(LE, false) == kind) {
            return Ok(true);
        }
    }
    Ok(false)
}
