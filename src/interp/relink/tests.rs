use std::ffi::{CStr, c_char, c_void};
use std::fs;
use std::ptr::NonNull;

use object::elf::DT_NEEDED;

use super::{Marker, Substitute, copy_of_libpython, copy_of_library, uses_python, with_origin};
use crate::interp::elf::{Image, Malformed};
use crate::interp::library::Library;
use crate::interp::private_file::PrivateFile;
use crate::interp::tests::{extension_modules, libpythons};

const SUBSTITUTES: [Substitute; 2] =
    [Substitute { name: "dlopen", address: 0x1234 }, Substitute { name: "abort", address: 0x5678 }];

fn copy_of(image: Image) -> Result<Vec<u8>, Malformed> {
    copy_of_library(image, &Marker::new(7), b"own.so", b"/here", &["dlopen"], |needed| {
        needed.starts_with(b"libc.").then(|| b"libother.so".to_vec())
    })
}

fn load(bytes: &[u8]) -> Library {
    let file = PrivateFile::new(c"libpython", bytes).unwrap();
    // SAFETY: CPython's library has no initialisers but the C library's own.
    unsafe { Library::open(file.path(), libc::RTLD_NOW | libc::RTLD_GLOBAL) }.unwrap()
}

fn version(library: Library, marker: &Marker) -> String {
    let function = library.symbol(&marker.mark("Py_GetVersion")).expect("Py_GetVersion");
    // SAFETY: Py_GetVersion takes nothing, gives a C string, and may be called before Python starts.
    unsafe {
        let function = std::mem::transmute::<NonNull<c_void>, extern "C" fn() -> *const c_char>(function);
        CStr::from_ptr(function()).to_str().unwrap().to_owned()
    }
}

#[test]
fn copies_of_real_libpythons_load_side_by_side_under_names_of_their_own() {
    for (i, path) in libpythons().into_iter().enumerate() {
        let image = Image::read(&path).unwrap();
        let mut addresses = Vec::new();
        for copy in 0..3 {
            let marker = Marker::new(1_000_000 + 10 * i + copy);
            let library = load(&copy_of_libpython(image.clone(), &marker, &SUBSTITUTES).unwrap());
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            let prefix = name
                .trim_start_matches("libpython")
                .trim_end_matches(".so.1.0")
                .trim_end_matches('m')
                .to_owned();
            assert!(version(library, &marker).starts_with(&prefix), "{name}");
            assert!(library.symbol("Py_GetVersion").is_none(), "{name}: the old name is gone");
            assert_eq!(library.symbol(&marker.mark("dlopen")).unwrap().addr().get(), 0x1234);
            assert_eq!(library.symbol(&marker.mark("abort")).unwrap().addr().get(), 0x5678);
            addresses.push(library.symbol(&marker.mark("PyType_Type")).expect("PyType_Type"));
        }
        addresses.sort();
        addresses.dedup();
        assert_eq!(addresses.len(), 3);
    }
}

fn needed(image: &Image) -> String {
    let names = image.all(DT_NEEDED).map(|offset| String::from_utf8_lossy(image.string(offset).unwrap()));
    names.collect::<Vec<_>>().join(" ")
}

#[test]
fn each_extension_module_of_the_standard_library_gets_a_copy() {
    for path in libpythons() {
        let folder = extension_modules(&path);
        let files: Vec<_> =
            fs::read_dir(&folder).into_iter().flatten().flatten().map(|file| file.path()).collect();
        for file in files.iter().filter(|file| file.extension().is_some_and(|extension| extension == "so")) {
            let before = Image::parse(fs::read(file).unwrap()).unwrap();
            assert!(uses_python(&before).unwrap(), "{}", file.display());
            let copy = copy_of(before.clone()).unwrap();
            let after = Image::parse(copy).unwrap();
            assert!(!uses_python(&after).unwrap(), "{} of {}", file.display(), path.display());
            assert_eq!(before.symbols().len(), after.symbols().len());
            assert_eq!(needed(&before).replace("libc.so.6", "libother.so"), needed(&after));
        }
    }
}

#[test]
fn the_librarys_own_folder_gets_its_name() {
    for (folders, expected) in [
        ("$ORIGIN", "/a"),
        ("${ORIGIN}/../x.libs:/usr/lib", "/a/../x.libs:/usr/lib"),
        ("/b:$ORIGIN/c:$LIB:$", "/b:/a/c:$LIB:$"),
        ("", ""),
    ] {
        assert_eq!(with_origin(folders.as_bytes(), b"/a"), expected.as_bytes());
    }
}

/// No part of a file is believed: cut off anywhere, or with any byte of its headers changed, it is an error or a copy.
#[test]
fn damaged_files_are_told_or_copied_but_harm_nothing() {
    let Some(path) = libpythons().into_iter().next() else { return };
    let file =
        fs::read_dir(extension_modules(&path)).unwrap().flatten().map(|file| file.path()).next().unwrap();
    let bytes = fs::read(file).unwrap();
    let marker = Marker::new(1);
    for len in (0..bytes.len()).step_by(97) {
        let Ok(image) = Image::parse(bytes[..len].to_vec()) else { continue };
        let _ = copy_of(image.clone());
        let _ = copy_of_libpython(image, &marker, &SUBSTITUTES);
    }
    let end = bytes.len().min(8192);
    for at in 0..end {
        for value in [0, 1, 0x7f, 0x80, 0xff] {
            let mut damaged = bytes.clone();
            damaged[at] = value;
            let Ok(image) = Image::parse(damaged) else { continue };
            let _ = copy_of(image.clone());
            let _ = copy_of_libpython(image, &marker, &SUBSTITUTES);
        }
    }
}
