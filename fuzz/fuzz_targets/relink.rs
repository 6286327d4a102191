//! Any bytes as a shared object: an error, or a copy that reads again; never a crash, and no memory out of proportion.
#![no_main]

use libfuzzer_sys::fuzz_target;
use ungil::interp::elf::image::{Image, Malformed};
use ungil::interp::elf::rewrite::{SymbolPrefix, InterposedFunction, rewrite_library, rewrite_libpython, uses_python};

fn check(file: &[u8]) -> Result<(), Malformed> {
    let image = Image::parse(file.to_vec())?;
    uses_python(&image)?;
    let prefix = SymbolPrefix::new(7);
    let substitutes = [InterposedFunction { name: "dlopen", address: 0x1234 }];
    for copy in [
        rewrite_libpython(image.clone(), &prefix, &substitutes),
        rewrite_library(image, &prefix, b"own.so", b"/folder", &["dlopen"], |name| Some(name.to_vec())),
    ] {
        let copy = copy?;
        assert!(copy.len() <= 64 * file.len() + (1 << 20), "{} bytes of {}", copy.len(), file.len());
    }
    Ok(())
}

fuzz_target!(|file: &[u8]| {
    // What is wrong with a file is its matter.
    let _ = check(file);
});
