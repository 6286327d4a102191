use std::ffi::{CStr, c_char, c_void};
use std::fs;
use std::ptr::NonNull;

use object::LittleEndian as LE;
use object::elf::{DT_HASH, DT_NEEDED, DT_RUNPATH, DT_SONAME, EM_AARCH64, PT_LOAD, SHN_ABS, STB_GNU_UNIQUE};

use super::{InterposedFunction, expand_origin, rewrite_libpython, rewrite_library};
use crate::interp::elf::buffer::Buffer;
use crate::interp::elf::image::Image;
use crate::interp::elf::malformed::Malformed;
use crate::interp::elf::small_object::{SYMBOLS, small_object};
use crate::interp::elf::symbols::{PythonSymbols, SymbolPrefix, needed_python_names};
use crate::interp::elf::version_files::{version_files, version_files_not_needed};
use crate::interp::loading::dl::Library;
use crate::interp::loading::memfile::PrivateFile;
use crate::interp::tests::{extension_modules, libpythons};

const INTERPOSED: [InterposedFunction; 2] = [
    InterposedFunction { name: "dlopen", address: 0x1234, in_libpython: true },
    InterposedFunction { name: "abort", address: 0x5678, in_libpython: true },
];

/// A copy that belongs to a libpython with these symbols.
fn copy_for(python: &PythonSymbols, image: Image) -> Result<Buffer, Malformed> {
    let is_own = |name: &[u8]| python.contains(name) || name == b"dlopen";
    rewrite_library(image, &SymbolPrefix::new(7), b"own.so", b"/here", is_own, |needed| {
        needed.starts_with(b"libc.").then(|| b"libother.so".to_vec())
    })
}

fn load(bytes: &[u8]) -> Library {
    let file = PrivateFile::new(c"libpython", bytes).unwrap();
    // SAFETY: the file is a copy of CPython's library, whose only initialisers are those that the compiler adds.
    unsafe { Library::open(file.path(), libc::RTLD_NOW | libc::RTLD_GLOBAL) }.unwrap()
}

fn version(library: Library, prefix: &SymbolPrefix) -> String {
    let function = library.symbol(&prefix.mangle("Py_GetVersion")).expect("Py_GetVersion");
    // SAFETY: Py_GetVersion takes nothing and returns a static C string, and may be called before Python starts.
    unsafe {
        let function = std::mem::transmute::<NonNull<c_void>, extern "C" fn() -> *const c_char>(function);
        CStr::from_ptr(function()).to_str().unwrap().to_owned()
    }
}

#[test]
#[cfg_attr(miri, ignore = "it looks for files, and loads libraries")]
fn copies_of_real_libpythons_load_side_by_side_under_names_of_their_own() {
    for (i, path) in libpythons("copies of real libpythons").into_iter().enumerate() {
        let image = Image::read(&path).unwrap();
        let mut addresses = Vec::new();
        for copy in 0..3 {
            let prefix = SymbolPrefix::new(1_000_000 + 10 * i + copy);
            let bytes = rewrite_libpython(image.clone(), &prefix, &INTERPOSED).unwrap();
            assert_loadable(&Image::parse(&bytes).unwrap());
            let library = load(&bytes);
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            let expected = name
                .trim_start_matches("libpython")
                .trim_end_matches(".so.1.0")
                .trim_end_matches('m')
                .to_owned();
            assert!(version(library, &prefix).starts_with(&expected), "{name}");
            assert!(library.symbol("Py_GetVersion").is_none(), "{name}: the old name is gone");
            assert_eq!(library.symbol(&prefix.mangle("dlopen")).unwrap().addr().get(), 0x1234);
            assert_eq!(library.symbol(&prefix.mangle("abort")).unwrap().addr().get(), 0x5678);
            addresses.push(library.symbol(&prefix.mangle("PyType_Type")).expect("PyType_Type"));
        }
        addresses.sort();
        addresses.dedup();
        assert_eq!(addresses.len(), 3);
    }
}

/// The loaded segments of a file: offset, address and end of each.
fn loaded(image: &Image) -> impl Iterator<Item = [u64; 3]> {
    let loaded = image.segments().iter().filter(|segment| segment.p_type.get(LE) == PT_LOAD);
    loaded.map(|segment| {
        let [offset, from, len] =
            [&segment.p_offset, &segment.p_vaddr, &segment.p_memsz].map(|it| it.get(LE));
        [offset, from, from + len]
    })
}

/// Checks that the system can map the loaded segments with the largest pages of the file's machine: on aarch64 there are
/// kernels with pages of 64 KiB, which map nothing at a finer grain.
fn assert_loadable(image: &Image) {
    let page = image.page_size();
    let mut end_before = 0;
    for [offset, from, end] in loaded(image) {
        assert_eq!(offset % page, from % page, "the segment at {from:#x}");
        assert!(from / page >= end_before, "the segment at {from:#x} is in a page of the one before");
        end_before = end.div_ceil(page);
    }
}

#[test]
fn the_new_tables_are_in_pages_of_their_own_whatever_pages_the_machine_has() {
    let x86_64 = small_object(false, true);
    let mut aarch64 = x86_64.clone();
    aarch64[18..20].copy_from_slice(&EM_AARCH64.0.to_le_bytes()); // e_machine
    for (file, page) in [(x86_64, 1 << 12), (aarch64, 1 << 16)] {
        let before = Image::parse(&file).unwrap();
        let highest = loaded(&before).map(|[_, _, end]| end).max().unwrap();
        let copy = rewrite_libpython(before, &SymbolPrefix::new(7), &INTERPOSED).unwrap();
        let after = Image::parse(&copy).unwrap();
        let [offset, from, _] = loaded(&after).last().unwrap();
        assert_eq!([offset % page, from % page, from], [0, 0, highest.next_multiple_of(page)]);
        assert_eq!(after.segments().iter().map(|segment| segment.p_align.get(LE)).max(), Some(page));
    }
}

fn needed(image: &Image) -> String {
    let names =
        image.dyn_values(DT_NEEDED).map(|offset| String::from_utf8_lossy(image.string(offset).unwrap()));
    names.collect::<Vec<_>>().join(" ")
}

#[test]
#[cfg_attr(miri, ignore = "it looks for files, and loads libraries")]
fn each_extension_module_of_the_standard_library_can_be_rewritten() {
    const TEST: &str = "copies of extension modules";
    for path in libpythons(TEST) {
        let python = PythonSymbols::exported_by(&Image::read(&path).unwrap()).unwrap();
        for file in &extension_modules(TEST, &path) {
            let before = Image::parse(&fs::read(file).unwrap()).unwrap();
            assert!(!needed_python_names(&before).unwrap().is_empty(), "{}", file.display());
            let after = Image::parse(&copy_for(&python, before.clone()).unwrap()).unwrap();
            let rest = needed_python_names(&after).unwrap();
            assert!(rest.is_empty(), "{} of {}", file.display(), path.display());
            assert_eq!(before.symbols().len(), after.symbols().len());
            assert_eq!(needed(&before).replace("libc.so.6", "libother.so"), needed(&after));
        }
    }
}

#[test]
fn origin_in_a_search_path_is_expanded() {
    for (path, expected) in [
        ("$ORIGIN", "/a"),
        ("${ORIGIN}/../x.libs:/usr/lib", "/a/../x.libs:/usr/lib"),
        ("/b:$ORIGIN/c:$LIB:$", "/b:/a/c:$LIB:$"),
        ("", ""),
    ] {
        assert_eq!(expand_origin(path.as_bytes(), b"/a"), expected.as_bytes());
    }
}

/// What exports one of the symbols that the small object needs.
fn small_libpython() -> Image {
    let mut image = Image::parse(&small_object(false, true)).unwrap();
    let symbol = names(&image).iter().position(|name| name == "PyLong_FromLong").unwrap();
    image.symbols_mut()[symbol].st_shndx.set(LE, SHN_ABS);
    image
}

/// The names of the symbols, in their order.
fn names(image: &Image) -> Vec<String> {
    let name = |offset| String::from_utf8(image.string(offset).unwrap().to_vec()).unwrap();
    image.symbols().iter().map(|symbol| name(u64::from(symbol.st_name.get(LE)))).collect()
}

/// The symbol that a dynamic loader finds by a name, in the System V hash table.
fn looked_up(image: &Image, name: &str) -> Option<usize> {
    let table = image.file_range(image.dyn_value(DT_HASH)?, 8, "a hash table").unwrap();
    let word = |at: usize| {
        let start = table.start + 4 * at;
        u32::from_le_bytes(image.bytes[start..start + 4].try_into().unwrap())
    };
    let buckets = word(0);
    let bucket = object::elf::hash(name.as_bytes()) % buckets;
    let mut symbol = word(2 + bucket as usize) as usize;
    while symbol != 0 && names(image)[symbol] != name {
        symbol = word(2 + buckets as usize + symbol) as usize;
    }
    (symbol != 0).then_some(symbol)
}

/// An object with each kind of hash table, and one whose tables are not aligned.
fn small_objects() -> impl Iterator<Item = Image> {
    let all = [(false, true), (true, true), (false, false)];
    all.into_iter()
        .map(|(has_gnu_hash, is_aligned)| Image::parse(&small_object(has_gnu_hash, is_aligned)).unwrap())
}

#[test]
fn a_small_library_is_rewritten() {
    for before in small_objects() {
        assert_eq!(names(&before), SYMBOLS.map(|(name, _)| name));
        assert_eq!(
            needed_python_names(&before).unwrap(),
            [b"PyLong_FromLong".as_slice(), b"PyOther_Function"]
        );
        let python = PythonSymbols::exported_by(&small_libpython()).unwrap();
        let after = Image::parse(&copy_for(&python, before).unwrap()).unwrap();
        let expected = SYMBOLS.map(|(name, is_defined)| match name {
            "PyLong_FromLong" | "dlopen" if !is_defined => SymbolPrefix::new(7).mangle(name),
            _ => name.to_owned(),
        });
        assert_eq!(names(&after), expected);
        assert_eq!(needed(&after), "libother.so libpython3.11.so.1.0");
        let text = |tag| after.string(after.dyn_value(tag).unwrap()).unwrap();
        assert_eq!(text(DT_SONAME), b"ungil7_own.so");
        let files = version_files(&after).unwrap();
        let files = files.iter().map(|file| after.string(u64::from(file.name)).unwrap());
        assert_eq!(files.collect::<Vec<_>>(), [b"libother.so".as_slice(), b"libunlisted.so"]);
        assert_eq!(version_files_not_needed(&after).unwrap(), [b"libunlisted.so"]);
        assert_eq!(text(DT_RUNPATH), b"/here/../libs:/usr/lib");
        assert!(after.symbols().iter().all(|symbol| symbol.st_bind() != STB_GNU_UNIQUE));
    }
}

#[test]
fn a_small_libpython_is_rewritten() {
    let prefix = SymbolPrefix::new(7);
    for before in small_objects() {
        let after = Image::parse(&rewrite_libpython(before, &prefix, &INTERPOSED).unwrap()).unwrap();
        let found = |name: &str| looked_up(&after, &prefix.mangle(name)).map(|at| after.symbols()[at]);
        assert_eq!(found("Py_GetVersion").unwrap().st_value.get(LE), 0x1000);
        for function in INTERPOSED {
            assert_eq!(found(function.name).unwrap().st_value.get(LE), function.address as u64);
        }
        assert!(looked_up(&after, "Py_GetVersion").is_none() && looked_up(&after, "own").is_some());
        assert!(found("PyLong_FromLong").is_none(), "an undefined symbol is not found");
        assert_eq!(after.symbols().len(), SYMBOLS.len() + INTERPOSED.len());
    }
}

/// The result is an error or a copy, whatever is wrong with the file.
fn rewrite_in_each_way(file: &[u8]) {
    let Ok(image) = Image::parse(file) else { return };
    let _ = PythonSymbols::exported_by(&image).and_then(|python| copy_for(&python, image.clone()));
    let _ = version_files_not_needed(&image);
    let _ = rewrite_libpython(image, &SymbolPrefix::new(1), &INTERPOSED);
}

/// Truncates the file at every `cut` bytes, and changes every `step`th byte among its first 8192.
fn damage(file: &[u8], cut: usize, step: usize, values: &[u8]) {
    (0..file.len()).step_by(cut).for_each(|len| rewrite_in_each_way(&file[..len]));
    for at in (0..file.len().min(8192)).step_by(step) {
        for &value in values {
            let mut damaged = file.to_vec();
            damaged[at] = value;
            rewrite_in_each_way(&damaged);
        }
    }
}

#[test]
fn a_small_object_that_is_damaged_is_an_error_or_a_copy() {
    for has_gnu_hash in [false, true] {
        if cfg!(miri) {
            damage(&small_object(has_gnu_hash, true), 421, 193, &[0xff]);
        } else {
            damage(&small_object(has_gnu_hash, true), 1, 1, &[0, 1, 3, 8, 0x7f, 0x80, 0xff]);
        }
    }
}

/// Truncated anywhere, or with any byte of its headers changed, a file is an error or a copy.
#[test]
#[cfg_attr(miri, ignore = "it looks for files, and loads libraries")]
fn a_real_library_that_is_damaged_is_an_error_or_a_copy() {
    const TEST: &str = "damaged extension modules";
    let modules = libpythons(TEST).into_iter().flat_map(|path| extension_modules(TEST, &path));
    // The smallest consists mostly of what a copy changes.
    if let Some(file) = modules.min_by_key(|file| fs::metadata(file).unwrap().len()) {
        damage(&fs::read(file).unwrap(), 97, 1, &[0, 1, 0x7f, 0x80, 0xff]);
    }
}
