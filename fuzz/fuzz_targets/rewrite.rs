//! Any bytes as a shared object: an error, or a copy; never a crash, and never a copy far larger than the input.
#![no_main]

use libfuzzer_sys::fuzz_target;
use ungil::interp::elf::image::Image;
use ungil::interp::elf::malformed::Malformed;
use ungil::interp::elf::rewrite::{InterposedFunction, rewrite_library, rewrite_libpython};
use ungil::interp::elf::symbols::{PythonSymbols, SymbolPrefix, needed_python_names};
use ungil::interp::elf::version_files::version_files_not_needed;

fn check(file: &[u8]) -> Result<(), Malformed> {
    let image = Image::parse(file)?;
    needed_python_names(&image)?;
    version_files_not_needed(&image)?;
    let python = PythonSymbols::exported_by(&image)?;
    let prefix = SymbolPrefix::new(7);
    let interposed = [InterposedFunction { name: "dlopen", address: 0x1234, in_libpython: true }];
    for copy in [
        rewrite_libpython(image.clone(), &prefix, &interposed),
        rewrite_library(
            image,
            &prefix,
            b"own.so",
            b"/directory",
            |name| python.contains(name) || name == b"dlopen",
            |name| Some(name.to_vec()),
        ),
    ] {
        let copy = copy?;
        assert!(copy.len() <= 64 * file.len() + (1 << 20), "{} bytes of {}", copy.len(), file.len());
    }
    Ok(())
}

fuzz_target!(|file: &[u8]| {
    // An error is a good outcome for a malformed file.
    let _ = check(file);
});
