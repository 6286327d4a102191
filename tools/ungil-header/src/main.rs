//! Generates `include/ungil.h` and its counterpart for ctypes, `python/ungil/_native/signatures.py`, from `src/capi`. Both
//! are committed; the test fails if they differ from what this program would write.

use std::fs;
use std::path::{Path, PathBuf};

mod header;
mod signatures;

/// The header's chapters, in its order: files of `src/capi`. An export from any other file would be missing from the
/// header, and the test of exported symbols would fail.
const CHAPTERS: [&str; 21] = [
    "abi/status",
    "library",
    "cpu",
    "abi/last_error",
    "compat",
    "control",
    "threads",
    "multiples",
    "small_divisors",
    "pi",
    "sum",
    "primes",
    "functions",
    "interp",
    "requests",
    "exchange/objects",
    "exchange/queues",
    "exchange/counters",
    "exchange/barriers",
    "exchange/inboxes",
    "exchange/calls",
];

fn in_project(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(path)
}

fn chapters() -> impl Iterator<Item = PathBuf> {
    CHAPTERS.iter().map(|chapter| in_project("src/capi").join(chapter).with_extension("rs"))
}

fn signatures() -> String {
    let sources: Vec<String> =
        chapters().map(|file| fs::read_to_string(file).expect("a chapter is a readable file")).collect();
    signatures::generate(&sources)
}

/// The paths of the files in the project, and their contents.
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
