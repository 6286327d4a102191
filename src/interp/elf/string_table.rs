//! The new names of a copy.

use std::collections::HashMap;

use object::LittleEndian as LE;
use object::elf::{DT_SONAME, DT_STRTAB, DynamicTag};

use super::image::{Image, Symbol};
use super::malformed::Malformed;
use super::symbols::SymbolPrefix;
use super::version_files::version_files;

/// The new names of a copy. They follow the original string table, which stays where it is, at a distance: the loader
/// adds the offset of a name to the table's address. (Renaming in place is not possible, as a name may be the tail of
/// another one.)
pub(crate) struct StringTableBuilder<'a> {
    prefix: &'a SymbolPrefix,
    /// The new names.
    added: Vec<u8>,
    /// The offset of the first one.
    start: u32,
    max_len: usize,
    /// New offsets of renamed strings, by the old ones.
    renamed: HashMap<u32, u32>,
}

impl<'a> StringTableBuilder<'a> {
    /// New names that will lie at `vaddr`, after all that the image has.
    pub(crate) fn new(image: &Image, prefix: &'a SymbolPrefix, vaddr: u64) -> Result<Self, Malformed> {
        let start =
            image.dyn_value(DT_STRTAB).and_then(|table| u32::try_from(vaddr.checked_sub(table)?).ok());
        let start = start.ok_or(Malformed("the string table is too far away"))?;
        Ok(Self { prefix, added: Vec::new(), start, max_len: image.max_names_len(), renamed: HashMap::new() })
    }

    /// The new names.
    pub(crate) fn added(&self) -> &[u8] {
        &self.added
    }

    /// The length of the string table, with the new names.
    pub(crate) fn len(&self) -> u64 {
        u64::from(self.start) + self.added.len() as u64
    }

    /// The string at an offset.
    pub(crate) fn get<'b>(&'b self, image: &'b Image, offset: u32) -> Result<&'b [u8], Malformed> {
        match offset.checked_sub(self.start) {
            None => image.string(offset.into()),
            Some(offset) => {
                let rest =
                    self.added.get(offset as usize..).and_then(|rest| rest.split(|&byte| byte == 0).next());
                rest.ok_or(Malformed("a name is outside the string table"))
            }
        }
    }

    /// Appends a string. The result is its offset.
    pub(crate) fn add(&mut self, name: &[u8]) -> Result<u32, Malformed> {
        const TOO_LONG: Malformed = Malformed("the names are too long");
        if name.len() >= self.max_len.saturating_sub(self.added.len()) {
            return Err(TOO_LONG);
        }
        let offset = u32::try_from(self.len()).map_err(|_| TOO_LONG)?;
        self.added.extend_from_slice(name);
        self.added.push(0);
        Ok(offset)
    }

    /// As `add`, with the prefix.
    pub(crate) fn add_mangled(&mut self, name: &[u8]) -> Result<u32, Malformed> {
        self.add(&self.prefix.mangle_bytes(name))
    }

    /// The offset of a symbol's new name.
    pub(crate) fn rename(&mut self, image: &Image, symbol: &Symbol) -> Result<u32, Malformed> {
        let old = symbol.st_name.get(LE);
        if let Some(&new) = self.renamed.get(&old) {
            return Ok(new);
        }
        let new = self.add_mangled(image.string(u64::from(old))?)?;
        self.renamed.insert(old, new);
        Ok(new)
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
