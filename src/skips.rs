//! What tests leave out: they say so, and `make test-rust` counts it.

use std::collections::BTreeSet;
use std::env;
use std::fs::File;
use std::io::{Write, stderr};
use std::sync::Mutex;

/// Says that a test, or part of it, is left out; once for each.
pub(crate) fn skip(what: &str, why: &str) {
    static SAID: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());
    let line = format!("SKIP {what}: {why}\n");
    if !SAID.lock().expect("a set of texts").insert(line.clone()) {
        return;
    }
    // Straight to stderr: what a passing test prints by macro is not shown.
    stderr().write_all(line.as_bytes()).expect("stderr is writable");
    if let Some(list) = env::var_os("UNGIL_SKIPS") {
        let file = File::options().create(true).append(true).open(list);
        file.and_then(|mut file| file.write_all(line.as_bytes())).expect("the list of skips is writable");
    }
}

/// As [`skip`], for want of something that can be installed: a failure where `UNGIL_REQUIRE_ALL` is set.
pub(crate) fn missing(what: &str, why: &str) {
    assert!(env::var_os("UNGIL_REQUIRE_ALL").is_none(), "{what} may not be left out: {why}");
    skip(what, why);
}
