use std::panic::{self, AssertUnwindSafe};
use std::ptr;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use super::{Interpreter, PyErrSet, Task};
use crate::interp::cpython::ffi::{Api, Object};
use crate::interp::error::InterpError;
use crate::interp::foreign_buffer::{ForeignBuffer, ReleaseCallback};
use crate::interp::runtime::options::Options;
use crate::interp::tests::supported_libpythons;

/// Options for each libpython that interpreters can be of, for this test.
fn supported(test: &str) -> impl Iterator<Item = Options> {
    supported_libpythons(test)
        .map(|path| Options::parse(format!("libpython={}", path.display()).as_bytes()).unwrap())
}

/// Whether another thread gets the interpreter's lock.
fn is_free(interpreter: &'static Interpreter) -> bool {
    let (done, told) = mpsc::channel();
    thread::spawn(move || done.send(interpreter.exec(b"x = 1")));
    told.recv_timeout(Duration::from_secs(30)).is_ok_and(|result| result.is_ok())
}

fn start(options: &Options) -> &'static Interpreter {
    // SAFETY: the options name a CPython's library; what the tests run in it is harmless.
    unsafe { Interpreter::start(options.clone()) }.unwrap()
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
fn a_panic_leaves_neither_the_lock_held_nor_the_interpreters_thread_dead() {
    let Some(options) = supported("a panic with the lock").next() else { return };
    let interpreter = start(&options);
    let panics =
        || interpreter.enter(|_| -> Result<(), PyErrSet> { panic::resume_unwind(Box::new("a test's")) });
    assert!(panic::catch_unwind(AssertUnwindSafe(panics)).is_err());
    assert!(is_free(interpreter));
    interpreter.ask(Task::Panic);
    let (stopped, told) = mpsc::channel();
    interpreter.stop(stopped);
    told.recv_timeout(Duration::from_secs(30)).expect("its thread serves on");
}

#[test]
#[cfg_attr(miri, ignore = "Miri does not know what it calls")]
fn a_loan_that_python_has_no_memory_for_is_given_back_without_the_lock() {
    extern "C-unwind" fn no_memory(_: *mut Object, _: isize) -> *mut Object {
        ptr::null_mut()
    }
    let Some(options) = supported("a loan without memory").next() else { return };
    let interpreter = start(&options);
    let api = Box::leak(Box::new(Api { PyType_GenericAlloc: no_memory, ..*interpreter.api }));
    let (told, was_free) = mpsc::channel();
    let owner = ReleaseCallback::new(move || told.send(is_free(interpreter)).unwrap());
    // SAFETY: there is no memory, of length 0.
    let loan = unsafe { ForeignBuffer::new(ptr::null_mut(), 0, true, owner) };
    let is_error = interpreter.enter(|held| Ok(interpreter.lending.view(held, api, loan).is_err()));
    assert_eq!((is_error, was_free.try_recv()), (Ok(true), Ok(true)));
    assert!(is_free(interpreter));
}
