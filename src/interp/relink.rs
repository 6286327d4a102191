//! Names of its own for a copy's Python symbols, so that each copy of the Python library, and the extension modules
//! that belong to it, are bound to one another and to no other copy.
//!
//! The renamed strings go into a new string table, as names may share their tails with others in the old one; with a
//! new hash table where defined symbols were renamed. Both lie in a segment that is appended to the file. Its program
//! header takes the place of one that the loader can do without.

use std::collections::HashMap;

use object::LittleEndian as LE;
use object::elf::{
    DT_GNU_HASH, DT_HASH, DT_SONAME, DT_STRSZ, DT_STRTAB, DynamicTag, EM_AARCH64, FileHeader64, PF_R,
    PT_GNU_PROPERTY, PT_GNU_RELRO, PT_LOAD, PT_NOTE, SHN_UNDEF, STB_GLOBAL, STB_GNU_UNIQUE, SymbolInfo,
};
use object::pod::from_bytes;

use super::elf::{Image, Malformed, Segment};

/// What tells one interpreter's names from all others'.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Marker(String);

impl Marker {
    /// That of the interpreter with this number.
    pub fn new(number: u32) -> Self {
        Self(format!("ungil{number}_"))
    }

    /// The name that the symbol `name` bears in the interpreter's copies.
    pub fn mark(&self, name: &str) -> String {
        format!("{}{name}", self.0)
    }

    fn bytes(&self, name: &[u8]) -> Vec<u8> {
        [self.0.as_bytes(), name].concat()
    }
}

/// Whether a symbol is CPython's. (Every symbol that libpython exports has such a name, but for a constant.)
fn is_pythons(name: &[u8]) -> bool {
    name.starts_with(b"Py") || name.starts_with(b"_Py")
}

/// A copy of libpython under names of its own. Errors: what is wrong with the file.
pub fn copy_of_libpython(file: &[u8], marker: &Marker) -> Result<Vec<u8>, Malformed> {
    let mut image = Image::parse(file)?;
    let mut names = Names::of(&image, marker);
    // PyInit_* too: the table of built-in modules refers to them.
    names.rename(&mut image, |_, name| is_pythons(name))?;
    names.rename_library(&mut image)?;
    let hash = hash_table(&image, &names)?;
    append(&mut image, names.table, Some(hash))?;
    Ok(image.bytes)
}

/// A copy of a library that uses libpython, an extension module as a rule, for the interpreter with this marker.
/// Errors: what is wrong with the file.
pub fn copy_of_extension(mut image: Image, marker: &Marker) -> Result<Vec<u8>, Malformed> {
    let mut names = Names::of(&image, marker);
    // What it defines keeps its name: PyInit_x is looked up by it.
    names.rename(&mut image, |is_defined, name| !is_defined && is_pythons(name))?;
    for symbol in image.symbols_mut() {
        // Unique symbols are those of the first copy; C++'s inline variables are such.
        if symbol.st_bind() == STB_GNU_UNIQUE {
            symbol.st_info = SymbolInfo::new(STB_GLOBAL, symbol.st_type());
        }
    }
    append(&mut image, names.table, None)?;
    Ok(image.bytes)
}

/// Whether a library needs Python's symbols, and so a copy of its own in each interpreter.
pub fn uses_python(image: &Image) -> Result<bool, Malformed> {
    for symbol in image.symbols() {
        let name = image.string(u64::from(symbol.st_name.get(LE)))?;
        if symbol.st_shndx.get(LE) == SHN_UNDEF && is_pythons(name) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// The string table as it will be: the old one, and behind it the new names.
struct Names<'a> {
    marker: &'a Marker,
    table: Vec<u8>,
    renamed: HashMap<u32, u32>,
}

impl<'a> Names<'a> {
    fn of(image: &Image, marker: &'a Marker) -> Self {
        Self { marker, table: image.bytes[image.strings.clone()].to_vec(), renamed: HashMap::new() }
    }

    fn add(&mut self, name: &[u8]) -> Result<u32, Malformed> {
        let offset =
            u32::try_from(self.table.len()).map_err(|_| Malformed("the string table is too long"))?;
        self.table.extend_from_slice(&self.marker.bytes(name));
        self.table.push(0);
        Ok(offset)
    }

    /// Renames the symbols that `chosen` picks, given whether they are defined here, and their names.
    fn rename(&mut self, image: &mut Image, chosen: impl Fn(bool, &[u8]) -> bool) -> Result<(), Malformed> {
        for i in 1..image.symbols().len() {
            let symbol = &image.symbols()[i];
            let old = symbol.st_name.get(LE);
            let name = image.string(u64::from(old))?;
            if !chosen(symbol.st_shndx.get(LE) != SHN_UNDEF, name) {
                continue;
            }
            let new = match self.renamed.get(&old) {
                Some(&new) => new,
                None => self.add(name)?,
            };
            self.renamed.insert(old, new);
            image.symbols_mut()[i].st_name.set(LE, new);
        }
        Ok(())
    }

    /// A SONAME of its own: the loader takes a library of a known one for that.
    fn rename_library(&mut self, image: &mut Image) -> Result<(), Malformed> {
        let Some(old) = image.dynamic(DT_SONAME) else { return Ok(()) };
        let new = self.add(image.string(old)?)?;
        set(image, DT_SONAME, DT_SONAME, u64::from(new));
        Ok(())
    }

    fn get(&self, offset: u32) -> Option<&[u8]> {
        self.table.get(offset as usize..)?.split(|&byte| byte == 0).next()
    }
}

/// Gives the first entry of a tag another tag and value, if there is one.
fn set(image: &mut Image, tag: DynamicTag, new_tag: DynamicTag, value: u64) {
    let entry = image.entries_mut().iter_mut().find(|entry| entry.d_tag.get(LE) == tag);
    if let Some(entry) = entry {
        entry.d_tag.set(LE, new_tag);
        entry.d_val.set(LE, value);
    }
}

/// A hash table of all symbols under their new names (System V ABI, "Hash Table"). Its order is free, where the GNU
/// table would want the symbols in another order.
fn hash_table(image: &Image, names: &Names<'_>) -> Result<Vec<u8>, Malformed> {
    let count = image.symbols().len();
    let buckets_len = (count / 2).max(1);
    let (mut buckets, mut chains) = (vec![0u32; buckets_len], vec![0u32; count]);
    for (i, symbol) in image.symbols().iter().enumerate().skip(1) {
        if symbol.st_shndx.get(LE) == SHN_UNDEF {
            continue;
        }
        let name =
            names.get(symbol.st_name.get(LE)).ok_or(Malformed("a name is outside the string table"))?;
        let bucket = &mut buckets[object::elf::hash(name) as usize % buckets_len];
        chains[i] = std::mem::replace(bucket, i as u32);
    }
    let words = [buckets_len as u32, count as u32].into_iter().chain(buckets).chain(chains);
    Ok(words.flat_map(u32::to_le_bytes).collect())
}

/// Appends the tables in a segment of their own, and makes the dynamic section refer to them.
fn append(image: &mut Image, strings: Vec<u8>, hash: Option<Vec<u8>>) -> Result<(), Malformed> {
    let page = page_size(image);
    let what = "its addresses are too high";
    let end = |segment: &Segment| segment.p_vaddr.get(LE).checked_add(segment.p_memsz.get(LE));
    let loaded = image.segments().iter().filter(|segment| segment.p_type.get(LE) == PT_LOAD);
    let highest = loaded.map(end).collect::<Option<Vec<_>>>().ok_or(Malformed(what))?;
    let highest = highest.into_iter().max().expect("there is a loaded segment");
    let address = highest.checked_next_multiple_of(page).ok_or(Malformed(what))?;
    if address > u64::from(u32::MAX) {
        return Err(Malformed(what)); // no library is that large; and the loader would reserve it all
    }

    let offset = (image.bytes.len() as u64).next_multiple_of(page);
    image.bytes.resize(offset as usize, 0);
    let mut tables = strings;
    set(image, DT_STRTAB, DT_STRTAB, address);
    set(image, DT_STRSZ, DT_STRSZ, tables.len() as u64);
    if let Some(hash) = hash {
        tables.resize(tables.len().next_multiple_of(8), 0);
        let at = address + tables.len() as u64;
        tables.extend(hash);
        // The old tables are of the old names: one entry becomes the new table's, the other is given an unused tag.
        let has_both = image.dynamic(DT_HASH).is_some() && image.dynamic(DT_GNU_HASH).is_some();
        if has_both {
            set(image, DT_GNU_HASH, UNUSED, 0);
            set(image, DT_HASH, DT_HASH, at);
        } else {
            set(image, DT_GNU_HASH, DT_HASH, at);
            set(image, DT_HASH, DT_HASH, at);
        }
    }
    insert_segment(image, offset, address, tables.len() as u64, page)?;
    image.bytes.extend(tables);
    Ok(())
}

/// A tag that no loader knows, in the range that is left to whoever wants one: it is passed over.
const UNUSED: DynamicTag = DynamicTag(0x6000_0fff);

/// The largest page that the machine may have.
fn page_size(image: &Image) -> u64 {
    let (header, _) = from_bytes::<FileHeader64<LE>>(&image.bytes).expect("it was read");
    if header.e_machine.get(LE) == EM_AARCH64 { 1 << 16 } else { 1 << 12 }
}

/// Describes the appended segment in place of a program header that only tools look at, or that only protects; behind
/// the other loaded ones, as they must stand in the order of their addresses.
fn insert_segment(
    image: &mut Image,
    offset: u64,
    address: u64,
    len: u64,
    page: u64,
) -> Result<(), Malformed> {
    let segments = image.segments_mut();
    let position = |kind| segments.iter().position(|segment| segment.p_type.get(LE) == kind);
    let spare = position(PT_NOTE).or_else(|| position(PT_GNU_PROPERTY)).or_else(|| position(PT_GNU_RELRO));
    let spare = spare.ok_or(Malformed("it has no program header to spare"))?;
    let last = segments.iter().rposition(|segment| segment.p_type.get(LE) == PT_LOAD);
    let last = last.expect("there is a loaded segment");
    let new = &mut segments[spare];
    new.p_type.set(LE, PT_LOAD);
    new.p_flags.set(LE, PF_R);
    new.p_offset.set(LE, offset);
    new.p_vaddr.set(LE, address);
    new.p_paddr.set(LE, address);
    new.p_filesz.set(LE, len);
    new.p_memsz.set(LE, len);
    new.p_align.set(LE, page);
    if spare < last {
        segments[spare..=last].rotate_left(1);
    } else {
        segments[last + 1..=spare].rotate_right(1);
    }
    Ok(())
}

#[cfg(test)]
mod tests;
