//! Any bytes as a shared object: an error, or a copy that reads again; never a crash, and no memory out of proportion.
#![no_main]

use libfuzzer_sys::fuzz_target;
use ungil::interp::elf::image::{Image, Malformed};
use ungil::interp::elf::rewrite::{SymbolPrefix, Substitute, copy_of_library, copy_of_libpython, uses_python};

fn check(file: &[u8]) -> Result<(), Malformed> {
    let image = Image::parse(file.to_vec())?;
    uses_python(&image)?;
    let marker = SymbolPrefix::new(7);
    let substitutes = [Substitute { name: "dlopen", address: 0x1234 }];
    for copy in [
        copy_of_libpython(image.clone(), &marker, &substitutes),
        copy_of_library(image, &marker, b"own.so", b"/folder", &["dlopen"], |name| Some(name.to_vec())),
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
