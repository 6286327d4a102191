//! Skipped tests: each prints a line, and `make test-rust` counts them. For tests alone.

use std::collections::BTreeSet;
use std::env;
use std::fs::File;
use std::io::{Write, stderr};
use std::sync::Mutex;

use crate::sys::sync::lock;

/// Reports that a test, or a part of it, is skipped: once per text.
pub(crate) fn skip(what: &str, why: &str) {
    static REPORTED: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());
    let line = format!("SKIP {what}: {why}\n");
    if !lock(&REPORTED).insert(line.clone()) {
        return;
    }
    // Not by a macro: the test runner hides the macros' output if the test passes.
    stderr().write_all(line.as_bytes()).expect("stderr is writable");
    if let Some(list) = env::var_os("UNGIL_SKIPS") {
        let file = File::options().create(true).append(true).open(list);
        file.and_then(|mut file| file.write_all(line.as_bytes())).expect("the list of skips is writable");
    }
}

/// Like [`skip`], because something that can be installed is missing. A failure if `UNGIL_REQUIRE_ALL` is set.
pub(crate) fn missing(what: &str, why: &str) {
    assert!(env::var_os("UNGIL_REQUIRE_ALL").is_none(), "{what} may not be skipped: {why}");
    skip(what, why);
}
