use std::panic::{self, AssertUnwindSafe};
use std::ptr;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use super::Interpreter;
use crate::exchange::foreign_buffer::{ForeignBuffer, ReleaseCallback};
use crate::interp::cpython::ffi::{Api, Object};
use crate::interp::cpython::gil::PyErrSet;
use crate::interp::error::InterpError;
use crate::interp::runtime::options::Options;
use crate::interp::runtime::service::ServiceCommand;
use crate::interp::runtime::start;
use crate::interp::tests::supported_libpythons;

/// Options for each libpython of a supported version, for this test.
fn supported(test: &str) -> impl Iterator<Item = Options> {
    supported_libpythons(test)
        .map(|path| Options::parse(format!("libpython={}", path.display()).as_bytes()).unwrap())
}

/// Whether another thread gets the interpreter's GIL.
fn is_free(interpreter: &'static Interpreter) -> bool {
    let (done, finished) = mpsc::channel();
    thread::spawn(move || done.send(interpreter.exec(b"x = 1")));
    finished.recv_timeout(Duration::from_secs(30)).is_ok_and(|result| result.is_ok())
}

fn start(options: &Options) -> &'static Interpreter {
    // SAFETY: the options name a libpython of CPython's; the tests' code is sound.
    unsafe { start::start(options.clone()) }.unwrap()
}

/// From a process without a Python of its own.
#[test]
#[cfg_attr(miri, ignore = "Miri does not know what it calls")]
fn copies_run_python_each_with_variables_of_its_own() {
    for options in supported("copies run Python") {
        let all: Vec<_> = (0..3).map(|_| start(&options)).collect();
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
            matches!(all[0].exec(b"raise SystemExit(3)"), Err(InterpError::Python(text)) if text.starts_with("SystemExit: 3"))
        );
        assert_eq!(all[1].eval(b"x").unwrap(), b"1");
    }
}

#[test]
#[cfg_attr(miri, ignore = "Miri does not know what it calls")]
fn a_panic_leaves_neither_the_gil_held_nor_the_interpreters_thread_dead() {
    let Some(options) = supported("a panic with the GIL").next() else { return };
    let interpreter = start(&options);
    let panics =
        || interpreter.enter(|_| -> Result<(), PyErrSet> { panic::resume_unwind(Box::new("a test's")) });
    assert!(panic::catch_unwind(AssertUnwindSafe(panics)).is_err());
    assert!(is_free(interpreter));
    interpreter.service.post(ServiceCommand::Panic);
    let (stopped, reports) = mpsc::channel();
    interpreter.stop(stopped);
    reports.recv_timeout(Duration::from_secs(30)).expect("its thread goes on serving");
}

#[test]
#[cfg_attr(miri, ignore = "Miri does not know what it calls")]
fn the_release_callback_of_a_buffer_that_python_has_no_memory_for_runs_without_the_gil() {
    extern "C-unwind" fn no_memory(_: *mut Object, _: isize) -> *mut Object {
        ptr::null_mut()
    }
    let Some(options) = supported("a buffer without memory").next() else { return };
    let interpreter = start(&options);
    let api = Box::leak(Box::new(Api { PyType_GenericAlloc: no_memory, ..*interpreter.python.api }));
    let (report, was_free) = mpsc::channel();
    let release = ReleaseCallback::new(move || report.send(is_free(interpreter)).unwrap());
    // SAFETY: the memory has no bytes.
    let buffer = unsafe { ForeignBuffer::new(ptr::null_mut(), 0, true, release) };
    let exporter = interpreter.exporter.with_api(api);
    let is_error = interpreter.enter(|gil| Ok(exporter.export(gil, buffer).is_err()));
    assert_eq!((is_error, was_free.try_recv()), (Ok(true), Ok(true)));
    assert!(is_free(interpreter));
}

#[test]
#[cfg_attr(miri, ignore = "Miri does not know what it calls")]
fn a_gil_token_of_another_python_is_refused() {
    let Some(options) = supported("GIL tokens of two Pythons").next() else { return };
    let (interpreter, other) = (start(&options), start(&options));
    // SAFETY: the memory has no bytes.
    let buffer = unsafe { ForeignBuffer::new(ptr::null_mut(), 0, true, ReleaseCallback::new(|| ())) };
    let mixes = || interpreter.enter(|gil| Ok(other.exporter.export(gil, buffer).is_ok()));
    let payload = panic::catch_unwind(AssertUnwindSafe(mixes)).unwrap_err();
    assert_eq!(payload.downcast_ref::<&str>(), Some(&"a GIL token of another Python"));
    assert!(is_free(interpreter));
}
