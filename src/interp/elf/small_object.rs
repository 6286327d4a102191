//! A shared object in memory, for tests. It has little more than the tables that are rewritten, and cannot be loaded.

use object::elf::{
    DT_GNU_HASH, DT_HASH, DT_NEEDED, DT_NULL, DT_RUNPATH, DT_SONAME, DT_STRSZ, DT_STRTAB, DT_SYMENT,
    DT_SYMTAB, DT_VERNEED, DT_VERSYM, EM_X86_64, ET_DYN, PT_DYNAMIC, PT_LOAD, PT_NOTE, ProgramType,
    STB_GLOBAL, STB_GNU_UNIQUE, STT_FUNC, STT_OBJECT,
};

/// Its symbols: their names, and whether it defines them. The undefined ones come first, as the GNU hash table
/// requires.
pub(crate) const SYMBOLS: [(&str, bool); 8] = [
    ("", false),
    ("PyLong_FromLong", false),
    ("PyOther_Function", false),
    ("dlopen", false),
    ("malloc", false),
    ("Py_GetVersion", true),
    ("own", true),
    ("inline_variable", true),
];

const HEADER: usize = 64;
const SEGMENT: usize = 56;
const SEGMENTS: usize = 3;
const SYMBOL: usize = 24;

#[derive(Default)]
struct Bytes(Vec<u8>);

impl Bytes {
    fn u16s(&mut self, numbers: &[u16]) {
        numbers.iter().for_each(|number| self.0.extend(number.to_le_bytes()));
    }

    fn u32s(&mut self, numbers: &[u32]) {
        numbers.iter().for_each(|number| self.0.extend(number.to_le_bytes()));
    }

    fn u64s(&mut self, numbers: &[u64]) {
        numbers.iter().for_each(|number| self.0.extend(number.to_le_bytes()));
    }

    /// Appends a table at an offset that is `misalignment` bytes past a multiple of 8. The result is the offset and the
    /// table's length.
    fn table(&mut self, table: &[u8], misalignment: usize) -> (u64, u64) {
        self.0.resize(self.0.len().next_multiple_of(8) + misalignment, 0);
        let at = self.0.len() as u64;
        self.0.extend_from_slice(table);
        (at, table.len() as u64)
    }
}

/// Names, each followed by a NUL; the first is empty.
struct Strings(Vec<u8>);

impl Strings {
    fn add(&mut self, text: &str) -> u64 {
        let at = self.0.len() as u64;
        self.0.extend(text.bytes().chain([0]));
        at
    }
}

fn symbol_table(strings: &mut Strings) -> Bytes {
    let mut table = Bytes::default();
    table.u64s(&[0; SYMBOL / 8]);
    for (name, is_defined) in &SYMBOLS[1..] {
        let is_unique = *name == "inline_variable";
        let (bind, kind) = if is_unique { (STB_GNU_UNIQUE, STT_OBJECT) } else { (STB_GLOBAL, STT_FUNC) };
        table.u32s(&[strings.add(name) as u32]);
        table.0.extend([bind.0 << 4 | kind.0, 0]);
        table.u16s(&[u16::from(*is_defined)]);
        table.u64s(&[if *is_defined { 0x1000 } else { 0 }, 8]);
    }
    table
}

/// The versions that it needs of two files, given their names: one of each.
fn needed_versions(files: [u64; 2]) -> Bytes {
    const ENTRY: u32 = 16;
    let mut table = Bytes::default();
    for (file, next) in files.into_iter().zip([2 * ENTRY, 0]) {
        table.u16s(&[1, 1]);
        table.u32s(&[file as u32, ENTRY, next]);
        table.u32s(&[0; ENTRY as usize / 4]);
    }
    table
}

/// With one bucket: the first symbol that is defined, and those after it.
fn gnu_hash_table() -> Bytes {
    let first = SYMBOLS.iter().position(|(_, is_defined)| *is_defined).expect("some are defined");
    let mut table = Bytes::default();
    table.u32s(&[1, first as u32, 1, 0, !0, !0, first as u32]);
    table.u32s(&vec![2; SYMBOLS.len() - first - 1]);
    table.u32s(&[3]); // a chain's end
    table
}

/// With one bucket, which all symbols are in.
fn hash_table() -> Bytes {
    let mut table = Bytes::default();
    table.u32s(&[1, SYMBOLS.len() as u32, SYMBOLS.len() as u32 - 1, 0]);
    table.u32s(&(0..SYMBOLS.len() as u32 - 1).collect::<Vec<_>>());
    table
}

fn segment(kind: ProgramType, at: u64, len: u64) -> Bytes {
    let mut segment = Bytes::default();
    segment.u32s(&[kind.0, 4]);
    segment.u64s(&[at, at, at, len, len, 8]);
    segment
}

/// The object's bytes, with a hash table of one kind or the other, and tables that are aligned or are not. Virtual
/// addresses are file offsets.
pub(crate) fn small_object(has_gnu_hash: bool, is_aligned: bool) -> Vec<u8> {
    let misalignment = if is_aligned { 0 } else { 3 };
    let mut strings = Strings(vec![0]);
    let symbols = symbol_table(&mut strings);
    let texts = [
        (DT_NEEDED, strings.add("libc.so.6")),
        (DT_NEEDED, strings.add("libpython3.11.so.1.0")),
        (DT_SONAME, strings.add("small.so")),
        (DT_RUNPATH, strings.add("$ORIGIN/../libs:/usr/lib")),
    ];
    let needed_versions = needed_versions([texts[0].1, strings.add("libunlisted.so")]);
    let mut file = Bytes(vec![0; HEADER + SEGMENTS * SEGMENT]);
    let (symbols, _) = file.table(&symbols.0, misalignment);
    let hash = if has_gnu_hash { gnu_hash_table() } else { hash_table() };
    let (hash, _) = file.table(&hash.0, misalignment);
    let (versions, _) = file.table(&[1; 2 * SYMBOLS.len()], misalignment);
    let (needed_versions, _) = file.table(&needed_versions.0, misalignment);
    let (strings, strings_len) = file.table(&strings.0, misalignment);
    let hash_tag = if has_gnu_hash { DT_GNU_HASH } else { DT_HASH };
    let tables = [
        (hash_tag, hash),
        (DT_STRTAB, strings),
        (DT_SYMTAB, symbols),
        (DT_STRSZ, strings_len),
        (DT_SYMENT, SYMBOL as u64),
        (DT_VERSYM, versions),
        (DT_VERNEED, needed_versions),
        (DT_NULL, 0),
    ];
    let mut entries = Bytes::default();
    texts.into_iter().chain(tables).for_each(|(tag, value)| entries.u64s(&[tag.0 as u64, value]));
    let (dynamic, dynamic_len) = file.table(&entries.0, misalignment);
    let header = header(file.0.len() as u64, dynamic, dynamic_len);
    file.0[..header.0.len()].copy_from_slice(&header.0);
    file.0
}

/// The file's header and the program headers.
fn header(len: u64, dynamic: u64, dynamic_len: u64) -> Bytes {
    let mut header = Bytes(b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0".to_vec());
    header.u16s(&[ET_DYN.0, EM_X86_64.0]);
    header.u32s(&[1]);
    header.u64s(&[0, HEADER as u64, 0]);
    header.u32s(&[0]);
    header.u16s(&[HEADER as u16, SEGMENT as u16, SEGMENTS as u16, 0, 0, 0]);
    for segment in
        [segment(PT_LOAD, 0, len), segment(PT_DYNAMIC, dynamic, dynamic_len), segment(PT_NOTE, 0, 8)]
    {
        header.0.extend(segment.0);
    }
    header
}
