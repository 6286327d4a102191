//! What is committed though it is generated from the source: the header, and the same for ctypes. `make header`
//! writes both.

use std::path::{Path, PathBuf};
use std::{env, fs};

mod header;
mod signatures;

/// The header's chapters, in its order. What is not exported from one of them is not in the header, and the
/// test of exported symbols fails.
const CHAPTERS: [&str; 12] = [
    "status",
    "library",
    "cpu",
    "last_error",
    "compat",
    "multiples",
    "control",
    "threads",
    "sums",
    "primes",
    "functions",
    "interp",
];

fn in_project(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

fn chapters() -> impl Iterator<Item = PathBuf> {
    CHAPTERS.iter().map(|chapter| in_project("src/capi").join(chapter).with_extension("rs"))
}

fn write_or_compare(path: &str, generated: &str) {
    let file = in_project(path);
    if env::var_os("UNGIL_WRITE_GENERATED").is_some() {
        fs::write(&file, generated).unwrap_or_else(|error| panic!("{path}: {error}"));
    } else {
        let committed = fs::read_to_string(&file).unwrap_or_else(|error| panic!("{path}: {error}"));
        assert!(committed == generated, "{path} is out of date: run `make header`");
    }
}

#[test]
fn committed_header_matches_the_source() {
    write_or_compare("include/ungil.h", &header::generate());
}

#[test]
fn committed_signatures_match_the_source() {
    let sources: Vec<String> =
        chapters().map(|file| fs::read_to_string(file).expect("a chapter reads")).collect();
    write_or_compare("python/ungil/_signatures.py", &signatures::generate(&sources));
}
