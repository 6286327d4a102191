//! The string table of a copy.

use std::collections::HashMap;

use object::LittleEndian as LE;
use object::elf::{DT_SONAME, DynamicTag, SHN_UNDEF};

use super::image::{Image, Malformed};
use super::symbols::SymbolPrefix;
use super::version_files::version_files;

/// Builds a copy's string table: the original one, followed by the new names. Renaming in place is not possible, as a
/// name may be the tail of another one.
pub(crate) struct StringTableBuilder<'a> {
    prefix: &'a SymbolPrefix,
    table: Vec<u8>,
    max_len: usize,
    /// New offsets of renamed strings, by the old ones.
    renamed: HashMap<u32, u32>,
}

impl<'a> StringTableBuilder<'a> {
    pub(crate) fn new(image: &Image, prefix: &'a SymbolPrefix) -> Self {
        let table = image.string_table().to_vec();
        Self { prefix, table, max_len: image.max_names_len(), renamed: HashMap::new() }
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        &self.table
    }

    /// The string at an offset.
    pub(crate) fn get(&self, offset: u32) -> Option<&[u8]> {
        self.table.get(offset as usize..)?.split(|&byte| byte == 0).next()
    }

    /// Appends a string. The result is its offset.
    pub(crate) fn add(&mut self, name: &[u8]) -> Result<u32, Malformed> {
        let offset = self.table.len();
        if name.len() >= self.max_len.saturating_sub(offset) {
            return Err(Malformed("the names are too long"));
        }
        self.table.extend_from_slice(name);
        self.table.push(0);
        Ok(offset as u32)
    }

    /// As `add`, with the prefix.
    pub(crate) fn add_mangled(&mut self, name: &[u8]) -> Result<u32, Malformed> {
        self.add(&self.prefix.mangle_bytes(name))
    }

    /// Renames the symbols that `chosen` picks, given whether they are defined in this library, and their names.
    pub(crate) fn rename_symbols(
        &mut self,
        image: &mut Image,
        chosen: impl Fn(bool, &[u8]) -> bool,
    ) -> Result<(), Malformed> {
        for i in 1..image.symbols().len() {
            let symbol = &image.symbols()[i];
            let old = symbol.st_name.get(LE);
            let name = image.string(u64::from(old))?;
            if !chosen(symbol.st_shndx.get(LE) != SHN_UNDEF, name) {
                continue;
            }
            let new = match self.renamed.get(&old) {
                Some(&new) => new,
                None => self.add_mangled(name)?,
            };
            self.renamed.insert(old, new);
            image.symbols_mut()[i].st_name.set(LE, new);
        }
        Ok(())
    }

    /// Gives the copy the SONAME `soname` with the prefix: the dynamic loader does not load a library whose SONAME it
    /// knows.
    pub(crate) fn rename_library(&mut self, image: &mut Image, soname: &[u8]) -> Result<(), Malformed> {
        let position = image.dyn_entries().iter().position(|entry| entry.d_tag.get(LE) == DT_SONAME);
        let Some(position) = position else { return Ok(()) };
        let new = self.add_mangled(soname)?;
        image.dyn_entries_mut()[position].d_val.set(LE, u64::from(new));
        Ok(())
    }

    /// Replaces the strings of the dynamic entries with this tag for which `other` gives another string.
    pub(crate) fn replace_dyn_strings(
        &mut self,
        image: &mut Image,
        tag: DynamicTag,
        other: impl Fn(&[u8]) -> Option<Vec<u8>>,
    ) -> Result<(), Malformed> {
        for i in 0..image.dyn_entries().len() {
            let entry = &image.dyn_entries()[i];
            if entry.d_tag.get(LE) != tag {
                continue;
            }
            if let Some(name) = other(image.string(entry.d_val.get(LE))?) {
                let new = self.add(&name)?;
                image.dyn_entries_mut()[i].d_val.set(LE, u64::from(new));
            }
        }
        Ok(())
    }
    /// Replaces the names of the files that define the versions of symbols, where `other` gives another name.
    pub(crate) fn replace_version_files(
        &mut self,
        image: &mut Image,
        other: impl Fn(&[u8]) -> Option<Vec<u8>>,
    ) -> Result<(), Malformed> {
        for entry in version_files(image)? {
            if let Some(name) = other(image.string(u64::from(entry.name))?) {
                let new = self.add(&name)?;
                image.bytes[entry.field].copy_from_slice(&new.to_le_bytes());
            }
        }
        Ok(())
    }
}
