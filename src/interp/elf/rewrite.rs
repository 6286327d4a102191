//! Names of its own for a copy's Python symbols, so that each copy of the Python library, and the extension modules
//! that belong to it, are bound to one another and to no other copy.
//!
//! The renamed strings go into a new string table, as names may share their tails with others in the old one; with a
//! new hash table where defined symbols were renamed. All new tables lie in a segment that is appended to the file. Its
//! program header takes the place of one that the loader can do without.

use std::collections::HashMap;

use object::LittleEndian as LE;
use object::elf::{
    DT_GNU_HASH, DT_HASH, DT_NEEDED, DT_RPATH, DT_RUNPATH, DT_SONAME, DT_STRSZ, DT_STRTAB, DT_SYMTAB,
    DT_VERSYM, DynamicTag, PF_R, PT_GNU_PROPERTY, PT_GNU_RELRO, PT_LOAD, PT_NOTE, SHN_ABS, SHN_UNDEF,
    STB_GLOBAL, STB_GNU_UNIQUE, STT_FUNC, SymbolInfo, VER_NDX_GLOBAL,
};
use object::pod::bytes_of;

use crate::interp::elf::image::{Image, Malformed, Segment, Symbol};

/// What tells one interpreter's names from all others'.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SymbolPrefix(String);

impl SymbolPrefix {
    /// That of the interpreter with this number.
    pub fn new(number: usize) -> Self {
        Self(format!("ungil{number}_"))
    }

    /// The name that the symbol `name` bears in the interpreter's copies.
    pub fn mangle(&self, name: &str) -> String {
        format!("{}{name}", self.0)
    }

    /// A text without the marks of this interpreter's.
    pub fn demangle(&self, text: &str) -> String {
        text.replace(&self.0, "")
    }

    fn bytes(&self, name: &[u8]) -> Vec<u8> {
        [self.0.as_bytes(), name].concat()
    }
}

/// A function that copies call in place of the C library's of the same name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InterposedFunction {
    /// The C library's name for it.
    pub name: &'static str,
    /// Where it is.
    pub address: usize,
}

/// Whether a symbol is CPython's. (Every symbol that libpython exports has such a name, but for a constant.)
pub fn is_pythons(name: &[u8]) -> bool {
    name.starts_with(b"Py") || name.starts_with(b"_Py")
}

/// A copy of libpython under names of its own, which also defines, under such names, what all copies of this
/// interpreter call in place of the C library's functions. Errors: what is wrong with the file.
pub fn rewrite_libpython(
    mut image: Image,
    prefix: &SymbolPrefix,
    substitutes: &[InterposedFunction],
) -> Result<Vec<u8>, Malformed> {
    let mut names = Names::of(&image, prefix);
    let is_substitute = |name: &[u8]| substitutes.iter().any(|it| it.name.as_bytes() == name);
    // PyInit_* too: the table of built-in modules refers to them.
    names.rename(&mut image, |is_defined, name| is_pythons(name) || !is_defined && is_substitute(name))?;
    let soname =
        image.dynamic(DT_SONAME).map(|offset| image.string(offset).map(<[u8]>::to_vec)).transpose()?;
    names.rename_library(&mut image, &soname.unwrap_or_default())?;
    let symbols = with_substitutes(&image, &mut names, substitutes)?;
    let mut tables = Tables::new(&image)?;
    tables.replace(DT_HASH, DT_GNU_HASH, &hash_table(&symbols, &names)?);
    if let Some(versions) = versions(&image, symbols.len() - image.symbols().len())? {
        tables.replace(DT_VERSYM, DT_VERSYM, &versions);
    }
    tables.replace(DT_SYMTAB, DT_SYMTAB, &symbols.iter().flat_map(bytes_of).copied().collect::<Vec<_>>());
    tables.replace_strings(&names);
    tables.append(&mut image)?;
    Ok(image.bytes)
}

/// A copy of a library for the interpreter with this prefix: what it needs of Python, and the `substitutes`, are that
/// interpreter's; what it defines keeps its name, as PyInit_x is looked up by it.
///
/// It is known as `soname`, and looks for libraries beside the original, which is in the folder `origin`. Those that it
/// needs are replaced where `needed` gives another's name. Errors: what is wrong with the file.
pub fn rewrite_library(
    mut image: Image,
    prefix: &SymbolPrefix,
    soname: &[u8],
    origin: &[u8],
    substitutes: &[&str],
    needed: impl Fn(&[u8]) -> Option<Vec<u8>>,
) -> Result<Vec<u8>, Malformed> {
    let mut names = Names::of(&image, prefix);
    let is_substitute = |name: &[u8]| substitutes.iter().any(|it| it.as_bytes() == name);
    names.rename(&mut image, |is_defined, name| !is_defined && (is_pythons(name) || is_substitute(name)))?;
    names.rename_library(&mut image, soname)?;
    names.change(&mut image, DT_NEEDED, &needed)?;
    for tag in [DT_RPATH, DT_RUNPATH] {
        names.change(&mut image, tag, |folders| Some(with_origin(folders, origin)))?;
    }
    for symbol in image.symbols_mut() {
        // Unique symbols are those of the first copy; C++'s inline variables are such.
        if symbol.st_bind() == STB_GNU_UNIQUE {
            symbol.st_info = SymbolInfo::new(STB_GLOBAL, symbol.st_type());
        }
    }
    let mut tables = Tables::new(&image)?;
    tables.replace_strings(&names);
    tables.append(&mut image)?;
    Ok(image.bytes)
}

/// A list of folders, with the library's own folder by its name: the copy lies elsewhere.
fn with_origin(folders: &[u8], origin: &[u8]) -> Vec<u8> {
    let mut whole = Vec::new();
    let mut rest = folders;
    while let Some(position) = rest.iter().position(|&byte| byte == b'$') {
        let (before, from) = rest.split_at(position);
        whole.extend_from_slice(before);
        let spelling = ORIGIN.into_iter().find(|spelling| from.starts_with(spelling));
        whole.extend_from_slice(if spelling.is_some() { origin } else { b"$" });
        rest = &from[spelling.map_or(1, <[u8]>::len)..];
    }
    whole.extend_from_slice(rest);
    whole
}

/// How a list of folders names the library's own.
pub(crate) const ORIGIN: [&[u8]; 2] = [b"$ORIGIN", b"${ORIGIN}"];

/// Whether a library defines a symbol of this name.
pub fn defines(image: &Image, name: &[u8]) -> Result<bool, Malformed> {
    for symbol in image.symbols() {
        let is_it = image.string(u64::from(symbol.st_name.get(LE)))? == name;
        if is_it && symbol.st_shndx.get(LE) != SHN_UNDEF {
            return Ok(true);
        }
    }
    Ok(false)
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
    prefix: &'a SymbolPrefix,
    table: Vec<u8>,
    /// Where names share their tails, a small file can have many long ones: that is no library.
    most: usize,
    renamed: HashMap<u32, u32>,
}

impl<'a> Names<'a> {
    fn of(image: &Image, prefix: &'a SymbolPrefix) -> Self {
        let table = image.bytes[image.strings.clone()].to_vec();
        let most = (16 * image.bytes.len() + (1 << 20)).min(u32::MAX as usize);
        Self { prefix, table, most, renamed: HashMap::new() }
    }

    fn add(&mut self, name: &[u8]) -> Result<u32, Malformed> {
        let offset = self.table.len();
        if name.len() >= self.most.saturating_sub(offset) {
            return Err(Malformed("the names are too long"));
        }
        self.table.extend_from_slice(name);
        self.table.push(0);
        Ok(offset as u32)
    }

    fn add_marked(&mut self, name: &[u8]) -> Result<u32, Malformed> {
        self.add(&self.prefix.bytes(name))
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
                None => self.add_marked(name)?,
            };
            self.renamed.insert(old, new);
            image.symbols_mut()[i].st_name.set(LE, new);
        }
        Ok(())
    }

    /// A SONAME of its own: the loader takes a library of a known one for that.
    fn rename_library(&mut self, image: &mut Image, soname: &[u8]) -> Result<(), Malformed> {
        let position = image.entries().iter().position(|entry| entry.d_tag.get(LE) == DT_SONAME);
        let Some(position) = position else { return Ok(()) };
        let new = self.add_marked(soname)?;
        image.entries_mut()[position].d_val.set(LE, u64::from(new));
        Ok(())
    }

    /// Changes the strings of all entries of a tag for which there is another.
    fn change(
        &mut self,
        image: &mut Image,
        tag: DynamicTag,
        other: impl Fn(&[u8]) -> Option<Vec<u8>>,
    ) -> Result<(), Malformed> {
        for i in 0..image.entries().len() {
            let entry = &image.entries()[i];
            if entry.d_tag.get(LE) != tag {
                continue;
            }
            if let Some(name) = other(image.string(entry.d_val.get(LE))?) {
                let new = self.add(&name)?;
                image.entries_mut()[i].d_val.set(LE, u64::from(new));
            }
        }
        Ok(())
    }

    fn get(&self, offset: u32) -> Option<&[u8]> {
        self.table.get(offset as usize..)?.split(|&byte| byte == 0).next()
    }
}

/// The symbols with the substitutes, as absolute addresses (glibc 2.28 and later take them for that): in place of the
/// library's own of the name, or behind all others if it is the C library's.
fn with_substitutes(
    image: &Image,
    names: &mut Names<'_>,
    substitutes: &[InterposedFunction],
) -> Result<Vec<Symbol>, Malformed> {
    let mut symbols = image.symbols().to_vec();
    for substitute in substitutes {
        let name = names.prefix.bytes(substitute.name.as_bytes());
        let is_own = |symbol: &Symbol| {
            symbol.st_shndx.get(LE) != SHN_UNDEF && names.get(symbol.st_name.get(LE)) == Some(&name)
        };
        let symbol = match symbols.iter().position(is_own) {
            Some(own) => &mut symbols[own],
            None if is_pythons(substitute.name.as_bytes()) => continue, // this version has none
            None => {
                let mut symbol = Symbol::default();
                symbol.st_name.set(LE, names.add(&name)?);
                symbols.push(symbol);
                symbols.last_mut().expect("it was pushed")
            }
        };
        symbol.st_info = SymbolInfo::new(STB_GLOBAL, STT_FUNC);
        symbol.st_shndx.set(LE, SHN_ABS);
        symbol.st_value.set(LE, substitute.address as u64);
    }
    Ok(symbols)
}

/// The table of the symbols' versions, if there is one, with so many more that have none.
fn versions(image: &Image, more: usize) -> Result<Option<Vec<u8>>, Malformed> {
    let Some(address) = image.dynamic(DT_VERSYM) else { return Ok(None) };
    let len = image.symbols().len() * size_of::<u16>();
    let place = image.place(address, len, "the version table is outside the segments")?;
    let mut versions = image.bytes[place].to_vec();
    versions.extend(VER_NDX_GLOBAL.0.to_le_bytes().repeat(more));
    Ok(Some(versions))
}

/// A hash table of all symbols under their new names (System V ABI, "Hash Table"). Its order is free, where the GNU
/// table would want the symbols in another order.
fn hash_table(symbols: &[Symbol], names: &Names<'_>) -> Result<Vec<u8>, Malformed> {
    let buckets_len = (symbols.len() / 2).max(1);
    let (mut buckets, mut chains) = (vec![0u32; buckets_len], vec![0u32; symbols.len()]);
    for (i, symbol) in symbols.iter().enumerate().skip(1) {
        if symbol.st_shndx.get(LE) == SHN_UNDEF {
            continue;
        }
        let name =
            names.get(symbol.st_name.get(LE)).ok_or(Malformed("a name is outside the string table"))?;
        let bucket = &mut buckets[object::elf::hash(name) as usize % buckets_len];
        chains[i] = std::mem::replace(bucket, i as u32);
    }
    let words = [buckets_len as u32, symbols.len() as u32].into_iter().chain(buckets).chain(chains);
    Ok(words.flat_map(u32::to_le_bytes).collect())
}

/// New tables, which lie in a segment of their own behind the others.
struct Tables {
    page: u64,
    address: u64,
    bytes: Vec<u8>,
    /// Entries of the dynamic section that change: the tag, another one that will do, and the new value.
    entries: Vec<(DynamicTag, DynamicTag, u64)>,
}

impl Tables {
    fn new(image: &Image) -> Result<Self, Malformed> {
        let what = "its addresses are too high";
        let page = image.page_size();
        let end = |segment: &Segment| segment.p_vaddr.get(LE).checked_add(segment.p_memsz.get(LE));
        let loaded = image.segments().iter().filter(|segment| segment.p_type.get(LE) == PT_LOAD);
        let highest = loaded.map(end).collect::<Option<Vec<_>>>().ok_or(Malformed(what))?;
        let highest = highest.into_iter().max().expect("there is a loaded segment");
        let address = highest.checked_next_multiple_of(page).ok_or(Malformed(what))?;
        if address > u64::from(u32::MAX) {
            return Err(Malformed(what)); // no library is that large; and the loader would reserve it all
        }
        Ok(Self { page, address, bytes: Vec::new(), entries: Vec::new() })
    }

    /// A table that `tag` will refer to, in place of the one that `tag` or `old_tag` does.
    fn replace(&mut self, tag: DynamicTag, old_tag: DynamicTag, table: &[u8]) {
        self.bytes.resize(self.bytes.len().next_multiple_of(8), 0);
        self.entries.push((tag, old_tag, self.address + self.bytes.len() as u64));
        self.bytes.extend_from_slice(table);
    }

    fn replace_strings(&mut self, names: &Names<'_>) {
        self.replace(DT_STRTAB, DT_STRTAB, &names.table);
        self.entries.push((DT_STRSZ, DT_STRSZ, names.table.len() as u64));
    }

    fn append(self, image: &mut Image) -> Result<(), Malformed> {
        for (tag, old_tag, value) in self.entries {
            change(image, tag, old_tag, value);
        }
        let offset = (image.bytes.len() as u64).next_multiple_of(self.page);
        image.bytes.resize(offset as usize, 0);
        insert_segment(image, offset, self.address, self.bytes.len() as u64, self.page)?;
        image.bytes.extend(self.bytes);
        Ok(())
    }
}

/// A tag that no loader knows, in the range that is left to whoever wants one: it is passed over.
const UNUSED: DynamicTag = DynamicTag(0x6000_0fff);

/// Makes the first entry of `tag` say `value`; or that of `old_tag`, which then is one of `tag`. No entry of `old_tag`
/// is left.
fn change(image: &mut Image, tag: DynamicTag, old_tag: DynamicTag, value: u64) {
    let entries = image.entries_mut();
    let is = |tag| entries.iter().position(|entry| entry.d_tag.get(LE) == tag);
    let (new, old) = (is(tag), is(old_tag));
    if let Some(position) = new.or(old) {
        entries[position].d_tag.set(LE, tag);
        entries[position].d_val.set(LE, value);
    }
    if let Some(old) = old.filter(|_| tag != old_tag && new.is_some()) {
        entries[old].d_tag.set(LE, UNUSED);
    }
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
