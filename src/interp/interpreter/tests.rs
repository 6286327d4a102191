use std::path::PathBuf;

use super::{Interpreter, Trouble};
use crate::interp::tests::{libpythons, version};

#[test]
fn copies_run_python_each_with_variables_of_its_own() {
    let is_supported = |path: &PathBuf| !matches!(version(path).as_str(), "3.6" | "3.7");
    for libpython in libpythons().into_iter().filter(is_supported) {
        let start = std::time::Instant::now();
        let all: Vec<_> = (0..3).map(|_| Interpreter::start(&libpython).unwrap()).collect();
        eprintln!("{} {:?}", libpython.display(), start.elapsed() / 3);
        for (i, interpreter) in all.iter().enumerate() {
            interpreter.exec(&format!("import sys, math, json\nx = {i}")).unwrap();
        }
        for (i, interpreter) in all.iter().enumerate() {
            assert_eq!(interpreter.eval("json.dumps([x, math.sqrt(4)])").unwrap(), format!("[{i}, 2.0]"));
        }
        let error = all[0].exec("1/0").unwrap_err();
        assert!(matches!(&error, Trouble::Python(text) if text.contains("ZeroDivisionError")), "{error}");
        assert!(all[0].exec("raise SystemExit(3)").unwrap_err().to_string().contains("SystemExit: 3"));
        assert_eq!(all[1].eval("x").unwrap(), "1");
    }
}
