//! The committed header is the one that cbindgen makes of the source. `make header` writes it.

use std::{env, fs, path::Path};

/// The header's chapters, in its order. What is not exported from one of them is not in the header, and the
/// test of exported symbols fails.
const CHAPTERS: [&str; 10] = [
    "status",
    "library",
    "cpu",
    "last_error",
    "compat",
    "multiples",
    "control",
    "sums",
    "primes",
    "functions",
];

fn generate(root: &Path) -> String {
    let config = cbindgen::Config::from_file(root.join("cbindgen.toml")).expect("cbindgen.toml reads");
    let source = |chapter| root.join("src/capi").join(chapter).with_extension("rs");
    let builder =
        CHAPTERS.iter().fold(cbindgen::Builder::new(), |all, chapter| all.with_src(source(chapter)));
    let mut header = Vec::new();
    builder.with_config(config).generate().expect("cbindgen reads the source").write(&mut header);
    String::from_utf8(header).expect("cbindgen writes UTF-8")
}

#[test]
fn committed_header_matches_the_source() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let generated = generate(root);
    let header = root.join("include/ungil.h");
    if env::var_os("UNGIL_WRITE_HEADER").is_some() {
        fs::write(&header, generated).expect("include/ungil.h is writable");
    } else {
        let committed = fs::read_to_string(&header).expect("include/ungil.h is there");
        assert!(committed == generated, "include/ungil.h is out of date: run `make header`");
    }
}
