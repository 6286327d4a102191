//! Copies of libraries with symbol names of their own, so that each copy of libpython, and the extension modules that
//! belong to it, are bound to one another and to no other copy.
//!
//! The new names, and a new hash table of renamed definitions, lie in a segment that is appended to the file. As little as
//! possible changes elsewhere, because copies share the pages that are equal to the original's.
//!
//! The ELF writers of the `object` crate (`write::elf`, `build::elf`) are not used: they lay a file out from its
//! sections, which stripped libraries need not have, and which are not even read here. This works on the loaded
//! segments alone. All that exists stays at its address, so no code or relocation has to be understood; time and memory
//! are bounded by the size of the input, malformed or not.

use object::LittleEndian as LE;
use object::elf::{
    DT_AUXILIARY, DT_FILTER, DT_GNU_HASH, DT_HASH, DT_NEEDED, DT_RPATH, DT_RUNPATH, DT_SONAME, DT_SYMTAB,
    DT_VERSYM, SHN_ABS, SHN_UNDEF, STB_GLOBAL, STB_GNU_UNIQUE, STT_FUNC, SymbolInfo, VER_NDX_GLOBAL,
};
use object::pod::bytes_of;

use super::appended_segment::AppendedSegment;
use super::buffer::Buffer;
use super::hidden_functions::{hide_finalizers, hide_initializers};
use super::image::{Image, Symbol};
use super::malformed::Malformed;
use super::own_relocations::resolve_own;
use super::string_table::StringTableBuilder;
use super::symbols::{SymbolPrefix, is_python_symbol};

/// A function that copies call in place of another one of the same name: the C library's, or libpython's own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InterposedFunction {
    /// The name of the function that it replaces.
    pub name: &'static str,
    /// The address of the function that is called.
    pub address: usize,
    /// Whether libpython itself calls it.
    pub in_libpython: bool,
}

/// Rewrites libpython under names of its own. The copy also defines, under such names, the interposed functions. Its
/// initialisers and finalisers are hidden from the dynamic loader. An error says what is wrong with the file.
pub fn rewrite_libpython(
    mut image: Image,
    prefix: &SymbolPrefix,
    interposed: &[InterposedFunction],
) -> Result<Buffer, Malformed> {
    let mut segment = AppendedSegment::new(&image)?;
    let mut names = StringTableBuilder::new(&image, prefix, segment.vaddr())?;
    let is_interposed =
        |name: &[u8]| interposed.iter().any(|it| it.in_libpython && it.name.as_bytes() == name);
    // The original table stays as it is, so that its pages can be shared.
    let mut symbols = image.symbols().to_vec();
    let mut is_renamed = vec![false; symbols.len()];
    for (i, symbol) in symbols.iter_mut().enumerate().skip(1) {
        let name = image.string(u64::from(symbol.st_name.get(LE)))?;
        // PyInit_* too: the table of built-in modules refers to them.
        if is_python_symbol(name) || symbol.st_shndx.get(LE) == SHN_UNDEF && is_interposed(name) {
            let new = names.rename(&image, symbol)?;
            symbol.st_name.set(LE, new);
            is_renamed[i] = true;
        }
    }
    let soname = image.dyn_value(DT_SONAME).map(|offset| image.string(offset).map(<[u8]>::to_vec));
    names.rename_library(&mut image, &soname.transpose()?.unwrap_or_default())?;
    add_interposed(&mut symbols, &image, &mut names, interposed)?;
    // A symbol that is bound to an interposed function is an absolute one by now.
    let is_own = |i: usize| is_renamed[i] && symbols[i].st_shndx.get(LE) != SHN_ABS;
    resolve_own(&mut image, is_own)?;
    hide_initializers(&mut image);
    hide_finalizers(&mut image); // the process may exit before they have code
    segment.add_names(&names);
    segment.replace_table(DT_HASH, DT_GNU_HASH, &hash_table(&symbols, &image, &names)?);
    if let Some(versions) = versions(&image, symbols.len() - image.symbols().len())? {
        segment.replace_table(DT_VERSYM, DT_VERSYM, &versions);
    }
    let symbol_table: Vec<u8> = symbols.iter().flat_map(bytes_of).copied().collect();
    segment.replace_table(DT_SYMTAB, DT_SYMTAB, &symbol_table);
    segment.append_to(&mut image)?;
    Ok(image.bytes)
}

/// Rewrites a library for the interpreter with this prefix: of the symbols that it needs, those that `is_own` picks
/// become that interpreter's. What it defines keeps its name, as PyInit_x is looked up by it.
///
/// The copy's SONAME is `soname` with the prefix. It looks for libraries beside the original, which is in the directory
/// `origin`. `needed` may give another name for a library that it needs. Its initialisers and finalisers are hidden from
/// the dynamic loader. An error says what is wrong with the file.
pub fn rewrite_library(
    mut image: Image,
    prefix: &SymbolPrefix,
    soname: &[u8],
    origin: &[u8],
    is_own: impl Fn(&[u8]) -> bool,
    needed: impl Fn(&[u8]) -> Option<Vec<u8>>,
) -> Result<Buffer, Malformed> {
    let mut segment = AppendedSegment::new(&image)?;
    let mut names = StringTableBuilder::new(&image, prefix, segment.vaddr())?;
    for i in 1..image.symbols().len() {
        let symbol = &image.symbols()[i];
        if symbol.st_shndx.get(LE) == SHN_UNDEF && is_own(image.string(u64::from(symbol.st_name.get(LE)))?) {
            let new = names.rename(&image, symbol)?;
            image.symbols_mut()[i].st_name.set(LE, new);
        }
    }
    names.rename_library(&mut image, soname)?;
    for tag in [DT_NEEDED, DT_FILTER, DT_AUXILIARY] {
        names.replace_dyn_strings(&mut image, tag, &needed)?;
    }
    // The dynamic loader looks for versions in the files that it has loaded under these names.
    names.replace_version_files(&mut image, &needed)?;
    for tag in [DT_RPATH, DT_RUNPATH] {
        names.replace_dyn_strings(&mut image, tag, |path| Some(expand_origin(path, origin)))?;
    }
    for symbol in image.symbols_mut() {
        // A unique symbol, such as a C++ inline variable, would be bound to the definition in the first copy.
        if symbol.st_bind() == STB_GNU_UNIQUE {
            symbol.st_info = SymbolInfo::new(STB_GLOBAL, symbol.st_type());
        }
    }
    hide_initializers(&mut image);
    hide_finalizers(&mut image);
    segment.add_names(&names);
    segment.append_to(&mut image)?;
    Ok(image.bytes)
}

/// The spellings of the library's own directory in a search path.
pub(crate) const ORIGIN: [&[u8]; 2] = [b"$ORIGIN", b"${ORIGIN}"];

/// A search path in which `$ORIGIN` is replaced by the original's directory: the copy lies elsewhere.
fn expand_origin(path: &[u8], origin: &[u8]) -> Vec<u8> {
    let mut expanded = Vec::new();
    let mut rest = path;
    while let Some(position) = rest.iter().position(|&byte| byte == b'$') {
        let (before, from) = rest.split_at(position);
        expanded.extend_from_slice(before);
        let spelling = ORIGIN.into_iter().find(|spelling| from.starts_with(spelling));
        expanded.extend_from_slice(if spelling.is_some() { origin } else { b"$" });
        rest = &from[spelling.map_or(1, <[u8]>::len)..];
    }
    expanded.extend_from_slice(rest);
    expanded
}

/// Adds the interposed functions, as absolute addresses (glibc before 2.28 would add the load address). Those that
/// libpython defines itself, which are Python's, are replaced.
fn add_interposed(
    symbols: &mut Vec<Symbol>,
    image: &Image,
    names: &mut StringTableBuilder<'_>,
    interposed: &[InterposedFunction],
) -> Result<(), Malformed> {
    for function in interposed {
        let name = function.name.as_bytes();
        let is_own = |symbol: &Symbol| {
            symbol.st_shndx.get(LE) != SHN_UNDEF && image.string(symbol.st_name.get(LE).into()) == Ok(name)
        };
        let symbol = if is_python_symbol(name) {
            let Some(own) = image.symbols().iter().position(is_own) else {
                continue; // this version does not have it
            };
            &mut symbols[own]
        } else {
            let mut symbol = Symbol::default();
            symbol.st_name.set(LE, names.add_mangled(name)?);
            symbols.push(symbol);
            symbols.last_mut().expect("it was pushed")
        };
        symbol.st_info = SymbolInfo::new(STB_GLOBAL, STT_FUNC);
        symbol.st_shndx.set(LE, SHN_ABS);
        symbol.st_value.set(LE, function.address as u64);
    }
    Ok(())
}

/// The table of symbol versions, if there is one, with entries for `more` unversioned symbols.
fn versions(image: &Image, more: usize) -> Result<Option<Vec<u8>>, Malformed> {
    let Some(vaddr) = image.dyn_value(DT_VERSYM) else { return Ok(None) };
    let len = image.symbols().len() * size_of::<u16>();
    let table = image.file_range(vaddr, len, "the version table is outside the segments")?;
    let mut versions = image.bytes[table].to_vec();
    versions.extend(VER_NDX_GLOBAL.0.to_le_bytes().repeat(more));
    Ok(Some(versions))
}

/// A hash table of all symbols under their new names (System V ABI, "Hash Table"). It takes the symbols in any order,
/// while a GNU table would need them sorted by bucket. There are more buckets than symbols: libraries of other copies look
/// for theirs in this table too, in vain, and a bucket that is empty says so at once.
fn hash_table(
    symbols: &[Symbol],
    image: &Image,
    names: &StringTableBuilder<'_>,
) -> Result<Vec<u8>, Malformed> {
    let bucket_count = 2 * symbols.len() + 1;
    let (mut buckets, mut chains) = (vec![0u32; bucket_count], vec![0u32; symbols.len()]);
    for (i, symbol) in symbols.iter().enumerate().skip(1) {
        if symbol.st_shndx.get(LE) == SHN_UNDEF {
            continue;
        }
        let name = names.get(image, symbol.st_name.get(LE))?;
        let bucket = &mut buckets[object::elf::hash(name) as usize % bucket_count];
        chains[i] = std::mem::replace(bucket, i as u32);
    }
    let words = [bucket_count as u32, symbols.len() as u32].into_iter().chain(buckets).chain(chains);
    Ok(words.flat_map(u32::to_le_bytes).collect())
}

#[cfg(test)]
mod tests;
