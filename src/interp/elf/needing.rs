//! A shared object that has nothing but needs: the dynamic loader gives all libraries that it loads for one a common scope.

use object::elf::{
    DT_HASH, DT_NEEDED, DT_NULL, DT_STRSZ, DT_STRTAB, DT_SYMENT, DT_SYMTAB, DynamicTag, EM_AARCH64,
    EM_X86_64, ET_DYN, PF_R, PF_W, PT_DYNAMIC, PT_GNU_STACK, PT_LOAD, ProgramType,
};

use super::LARGEST_PAGE;

const HEADER: usize = 64;
const SEGMENT: usize = 56;
const SEGMENTS: usize = 3;
const DYNAMIC: usize = HEADER + SEGMENTS * SEGMENT;
const DYN_ENTRY: usize = 16;
const SYMBOL: usize = 24;

/// A shared object that needs these libraries, in this order.
pub(crate) fn library_needing(names: &[Vec<u8>]) -> Vec<u8> {
    let mut strings = vec![0];
    let mut entries: Vec<(DynamicTag, usize)> = Vec::new();
    for name in names {
        entries.push((DT_NEEDED, strings.len()));
        strings.extend(name.iter().chain(&[0]));
    }
    // One undefined symbol, as each table begins with; and a hash table of it, with one bucket.
    let symbols = DYNAMIC + (entries.len() + 6) * DYN_ENTRY;
    let hash = symbols + SYMBOL;
    let hash_table: [u32; 4] = [1, 1, 0, 0];
    let text = hash + size_of_val(&hash_table);
    entries.extend([(DT_HASH, hash), (DT_STRTAB, text), (DT_STRSZ, strings.len())]);
    entries.extend([(DT_SYMTAB, symbols), (DT_SYMENT, SYMBOL), (DT_NULL, 0)]);
    let mut bytes = header();
    bytes.extend(segment(PT_LOAD, 0, text + strings.len(), LARGEST_PAGE as u64));
    bytes.extend(segment(PT_DYNAMIC, DYNAMIC, entries.len() * DYN_ENTRY, 8));
    bytes.extend(segment(PT_GNU_STACK, 0, 0, 16));
    bytes.extend(
        entries.iter().flat_map(|&(tag, value)| [tag.0 as u64, value as u64]).flat_map(u64::to_le_bytes),
    );
    bytes.extend([0; SYMBOL]);
    bytes.extend(hash_table.into_iter().flat_map(u32::to_le_bytes));
    bytes.extend(strings);
    bytes
}

fn header() -> Vec<u8> {
    let machine = if cfg!(target_arch = "aarch64") { EM_AARCH64 } else { EM_X86_64 };
    let mut bytes = b"\x7fELF\x02\x01\x01".to_vec();
    bytes.resize(16, 0);
    bytes.extend([ET_DYN.0, machine.0].into_iter().flat_map(u16::to_le_bytes));
    bytes.extend(1u32.to_le_bytes());
    bytes.extend([0, HEADER as u64, 0].into_iter().flat_map(u64::to_le_bytes));
    bytes.extend(0u32.to_le_bytes());
    let sizes = [HEADER as u16, SEGMENT as u16, SEGMENTS as u16, 0, 0, 0];
    bytes.extend(sizes.into_iter().flat_map(u16::to_le_bytes));
    bytes
}

/// A segment that is loaded where it lies. It is writable, as some loaders write addresses into the dynamic section.
fn segment(kind: ProgramType, offset: usize, len: usize, align: u64) -> Vec<u8> {
    let flags = (PF_R | PF_W).0;
    let (offset, len) = (offset as u64, len as u64);
    let mut bytes: Vec<u8> = [kind.0, flags].into_iter().flat_map(u32::to_le_bytes).collect();
    bytes.extend([offset, offset, offset, len, len, align].into_iter().flat_map(u64::to_le_bytes));
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::interp::elf::image::Image;

    #[test]
    fn it_needs_what_it_is_to_need_in_that_order() {
        let names = [b"/proc/1/fd/3".to_vec(), b"libm.so.6".to_vec()];
        let image = Image::parse(&library_needing(&names)).unwrap();
        let found: Vec<_> = image.dyn_values(DT_NEEDED).map(|offset| image.string(offset).unwrap()).collect();
        assert_eq!(found, names);
        assert_eq!(image.symbols().len(), 1);
    }
}
