use std::ffi::{CStr, c_char, c_void};
use std::fs;
use std::ptr::NonNull;

use super::{Marker, copy_of_extension, copy_of_libpython, uses_python};
use crate::interp::elf::Image;
use crate::interp::library::{Library, Scope};
use crate::interp::private_file::PrivateFile;
use crate::interp::tests::{extension_modules, libpythons};

fn load(bytes: &[u8]) -> Library {
    let file = PrivateFile::new(c"libpython", bytes).unwrap();
    // SAFETY: CPython's library has no initialisers but the C library's own.
    unsafe { Library::load(file.path(), Scope::Everybody) }.unwrap()
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
        let file = fs::read(&path).unwrap();
        let mut addresses = Vec::new();
        for copy in 0..3 {
            let marker = Marker::new(1_000_000 + 10 * i as u32 + copy);
            let library = load(&copy_of_libpython(&file, &marker).unwrap());
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            let prefix = name
                .trim_start_matches("libpython")
                .trim_end_matches(".so.1.0")
                .trim_end_matches('m')
                .to_owned();
            assert!(version(library, &marker).starts_with(&prefix), "{name}");
            assert!(library.symbol("Py_GetVersion").is_none(), "{name}: the old name is gone");
            addresses.push(library.symbol(&marker.mark("PyType_Type")).expect("PyType_Type"));
        }
        addresses.sort();
        addresses.dedup();
        assert_eq!(addresses.len(), 3);
    }
}

#[test]
fn each_extension_module_of_the_standard_library_gets_a_copy() {
    for path in libpythons() {
        let folder = extension_modules(&path);
        let files: Vec<_> =
            fs::read_dir(&folder).into_iter().flatten().flatten().map(|file| file.path()).collect();
        for file in files.iter().filter(|file| file.extension().is_some_and(|extension| extension == "so")) {
            let bytes = fs::read(file).unwrap();
            let before = Image::parse(&bytes).unwrap();
            assert!(uses_python(&before).unwrap(), "{}", file.display());
            let copy = copy_of_extension(before.clone(), &Marker::new(7)).unwrap();
            let after = Image::parse(&copy).unwrap();
            assert!(!uses_python(&after).unwrap(), "{} of {}", file.display(), path.display());
            assert_eq!(before.symbols().len(), after.symbols().len());
        }
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
        let _ = Image::parse(&bytes[..len]).and_then(|image| copy_of_extension(image, &marker));
        let _ = copy_of_libpython(&bytes[..len], &marker);
    }
    let end = bytes.len().min(8192);
    for at in 0..end {
        for value in [0, 1, 0x7f, 0x80, 0xff] {
            let mut damaged = bytes.clone();
            damaged[at] = value;
            let _ = Image::parse(&damaged).and_then(|image| copy_of_extension(image, &marker));
        }
    }
}
