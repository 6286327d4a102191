//! Writes what is committed though it is generated from the source: the header, and the same for ctypes. Its test
//! compares the two files with what it would write.

use std::fs;
use std::path::{Path, PathBuf};

mod header;
mod signatures;

/// The header's chapters, in its order. What is not exported from one of them is not in the header, and the
/// test of exported symbols fails.
const CHAPTERS: [&str; 13] = [
    "abi/status",
    "library",
    "cpu",
    "abi/last_error",
    "compat",
    "multiples",
    "control",
    "threads",
    "sums",
    "primes",
    "functions",
    "interp",
    "requests",
];

fn in_project(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(path)
}

fn chapters() -> impl Iterator<Item = PathBuf> {
    CHAPTERS.iter().map(|chapter| in_project("src/capi").join(chapter).with_extension("rs"))
}

fn signatures() -> String {
    let sources: Vec<String> =
        chapters().map(|file| fs::read_to_string(file).expect("a chapter reads")).collect();
    signatures::generate(&sources)
}

/// The files' paths in the project, and what belongs into them.
fn generated() -> [(&'static str, String); 2] {
    [("include/ungil.h", header::generate()), ("python/ungil/_native/signatures.py", signatures())]
}

fn main() {
    for (path, text) in generated() {
        fs::write(in_project(path), text).unwrap_or_else(|error| panic!("{path}: {error}"));
    }
}

#[test]
fn committed_files_match_the_source() {
    for (path, text) in generated() {
        let committed =
            fs::read_to_string(in_project(path)).unwrap_or_else(|error| panic!("{path}: {error}"));
        assert!(committed == text, "{path} is out of date: run `make header`");
    }
}
