use std::io::Write;
use std::path::{Path, PathBuf};
use std::thread;

use super::{Interpreter, Trouble};
use crate::interp::tests::{libpythons, version};

#[test]
fn copies_run_python_each_with_variables_of_its_own() {
    let is_supported = |path: &PathBuf| !matches!(version(path).as_str(), "3.6" | "3.7");
    for libpython in libpythons().into_iter().filter(is_supported) {
        let all: Vec<_> = (0..3).map(|_| Interpreter::start(&libpython).unwrap()).collect();
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

/// With the packages of a venv of this project's: numpy finds its own libraries by its place.
#[test]
fn numpy_runs_in_several_copies_at_once() {
    let venv = Path::new(env!("CARGO_MANIFEST_DIR")).join("build/venv/lib");
    let site = |libpython: &PathBuf| venv.join(format!("python{}/site-packages", version(libpython)));
    let found = libpythons().into_iter().find(|libpython| site(libpython).join("numpy").exists());
    let Some(libpython) = found else {
        let skip =
            b"SKIP numpy in copies: build/venv has none for a shared libpython (make test-python makes it)\n";
        return std::io::stderr().write_all(skip).expect("stderr is writable");
    };
    let all: Vec<_> = (0..4).map(|_| Interpreter::start(&libpython).unwrap()).collect();
    let source = format!("import sys\nsys.path.insert(0, {:?})\nimport numpy", site(&libpython));
    thread::scope(|scope| {
        for (i, interpreter) in all.iter().enumerate() {
            let source = &source;
            scope.spawn(move || {
                interpreter.exec(source).unwrap();
                let text = format!("float((numpy.eye(50) * {i} @ numpy.ones(50)).sum())");
                assert_eq!(interpreter.eval(&text).unwrap(), format!("{}.0", 50 * i));
                assert!(interpreter.eval("numpy.linalg.__file__").unwrap().contains("site-packages"));
            });
        }
    });
}
