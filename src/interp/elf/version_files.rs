//! The files that a library expects the versions of its symbols in (DT_VERNEED; Linux Standard Base, "Symbol Versioning").

use std::mem::offset_of;
use std::ops::Range;

use object::LittleEndian as LE;
use object::elf::{DT_NEEDED, DT_VERNEED, Verneed};

use super::image::{Image, get};
use super::malformed::Malformed;

type Entry = Verneed<LE>;

// So it can be read at any offset.
const _: () = assert!(align_of::<Entry>() == 1);

/// An entry's file.
pub(crate) struct VersionFile {
    /// Where its name is in the string table.
    pub(crate) name: u32,
    /// Where the entry says so.
    pub(crate) field: Range<usize>,
}

/// The file of each entry.
pub(crate) fn version_files(image: &Image) -> Result<Vec<VersionFile>, Malformed> {
    const OUTSIDE: &str = "the table of needed versions is outside the segments";
    let mut files = Vec::new();
    let mut next = image.dyn_value(DT_VERNEED);
    // As the dynamic loader does, this counts on the last entry's `vn_next`, not on DT_VERNEEDNUM.
    while let Some(vaddr) = next {
        let at = image.file_range(vaddr, size_of::<Entry>(), OUTSIDE)?.start;
        let entry = get::<Entry>(&image.bytes, at, OUTSIDE)?;
        let field = at + offset_of!(Entry, vn_file);
        files.push(VersionFile { name: entry.vn_file.get(LE), field: field..field + size_of::<u32>() });
        next = match entry.vn_next.get(LE) {
            0 => None,
            step if (step as usize) < size_of::<Entry>() => {
                return Err(Malformed("the entries of needed versions overlap"));
            }
            step => Some(vaddr.checked_add(u64::from(step)).ok_or(Malformed(OUTSIDE))?),
        };
    }
    Ok(files)
}

/// The files among them that the library does not need. The dynamic loader aborts the process if such a one is not
/// loaded when it checks the versions.
pub fn version_files_not_needed(image: &Image) -> Result<Vec<&[u8]>, Malformed> {
    let needed = image.dyn_values(DT_NEEDED).map(|offset| image.string(offset));
    let needed = needed.collect::<Result<Vec<_>, _>>()?;
    let files = version_files(image)?.into_iter().map(|file| image.string(u64::from(file.name)));
    files.filter(|file| !file.as_ref().is_ok_and(|file| needed.contains(file))).collect()
}
