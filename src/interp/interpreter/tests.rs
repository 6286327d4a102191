use std::path::PathBuf;

use super::Interpreter;
use crate::interp::options::Options;
use crate::interp::tests::{libpythons, version};
use crate::interp::trouble::Trouble;

/// From a process without a Python of its own.
#[test]
fn copies_run_python_each_with_variables_of_its_own() {
    let is_supported = |path: &PathBuf| !matches!(version(path).as_str(), "3.6" | "3.7");
    for libpython in libpythons().into_iter().filter(is_supported) {
        let options = Options::parse(format!("libpython={}", libpython.display()).as_bytes()).unwrap();
        let all: Vec<_> = (0..3).map(|_| Interpreter::start(options.clone()).unwrap()).collect();
        for (i, interpreter) in all.iter().enumerate() {
            interpreter.exec(format!("import sys, math, json, ctypes\nx = {i}").as_bytes()).unwrap();
        }
        for (i, interpreter) in all.iter().enumerate() {
            let value = interpreter.eval(b"json.dumps([x, math.sqrt(4)])").unwrap();
            assert_eq!(String::from_utf8(value).unwrap(), format!("[{i}, 2.0]"));
        }
        let error = all[0].exec(b"1/0").unwrap_err().to_string();
        assert!(error.starts_with("ZeroDivisionError: division by zero\nTraceback"), "{error}");
        assert!(
            matches!(all[0].exec(b"raise SystemExit(3)"), Err(Trouble::Python(text)) if text.starts_with("SystemExit: 3"))
        );
        assert_eq!(all[1].eval(b"x").unwrap(), b"1");
    }
}
