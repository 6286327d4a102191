//! Tries what this library uses of a Python's C API, in the first copy of a file: whatever its version, an interpreter
//! works, or its start says what does not.

use std::ffi::{CStr, c_void};
use std::ptr::NonNull;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;

use crate::exchange::foreign_buffer::{ForeignBuffer, ReleaseCallback};
use crate::interp::cpython::attach::RunningPython;
use crate::interp::cpython::buffer::{BufferView, ExporterType};
use crate::interp::cpython::gil::{Gil, PyErrSet, PyRef};
use crate::interp::error::InterpError;

const NAME: &CStr = c"<ungil self-test>";

/// Why a test failed.
enum Failure {
    Raised(PyErrSet),
    Wrong(String),
}

impl From<PyErrSet> for Failure {
    fn from(error: PyErrSet) -> Self {
        Self::Raised(error)
    }
}

impl From<InterpError> for Failure {
    fn from(error: InterpError) -> Self {
        Self::Wrong(error.to_string())
    }
}

type Test = fn(Gil<'_>, RunningPython) -> Result<(), Failure>;

const TESTS: [(&str, Test); 8] = [
    ("running code", run_code),
    ("the version", compare_versions),
    ("bytes", convert_bytes),
    ("an exception", raise),
    ("lending a buffer", lend_buffer),
    ("reading a buffer", read_buffer),
    ("entering from a thread", enter_from_thread),
    ("an interrupt", interrupt),
];

/// Runs all tests. The error names the one that failed, and says why.
pub(crate) fn self_test(gil: Gil<'_>, python: RunningPython) -> Result<(), String> {
    for (name, test) in TESTS {
        test(gil, python).map_err(|failure| match failure {
            Failure::Raised(error) => format!("{name}: {}", gil.take_exception_text(error)),
            Failure::Wrong(why) => format!("{name}: {why}"),
        })?;
    }
    Ok(())
}

fn expect<T: PartialEq + std::fmt::Debug>(what: &str, found: T, expected: T) -> Result<(), Failure> {
    if found == expected {
        return Ok(());
    }
    Err(Failure::Wrong(format!("{what} is {found:?} in place of {expected:?}")))
}

/// The value of a name that this code sets.
fn value_of<'py>(gil: Gil<'py>, source: &CStr, name: &CStr) -> Result<PyRef<'py>, PyErrSet> {
    let names = gil.run(source, NAME)?;
    gil.get(&names, name).ok_or(PyErrSet)
}

fn run_code(gil: Gil<'_>, _: RunningPython) -> Result<(), Failure> {
    let answer =
        value_of(gil, c"def f(n): return [i * i for i in range(n)]\nanswer = sum(f(10))", c"answer")?;
    expect("a sum", gil.text(&answer)?.as_str(), "285")
}

fn compare_versions(gil: Gil<'_>, python: RunningPython) -> Result<(), Failure> {
    let inside = value_of(gil, c"from sys import version", c"version")?;
    // SAFETY: Python returns a C string in a static buffer; up to 3.11 it is written anew, but no other thread asks yet.
    let outside = unsafe { CStr::from_ptr((python.api.Py_GetVersion)()) }.to_string_lossy();
    expect("sys.version", gil.text(&inside)?.as_str(), &outside)
}

fn convert_bytes(gil: Gil<'_>, _: RunningPython) -> Result<(), Failure> {
    let content = b"\x00\x01\xfftext";
    expect("a bytes object", gil.bytes(content)?.content()?, content)?;
    expect("an empty bytes object", gil.bytes(b"")?.content()?, b"")
}

fn raise(gil: Gil<'_>, _: RunningPython) -> Result<(), Failure> {
    let error = gil.run(c"raise ValueError('a text')", NAME).err();
    let error = error.ok_or_else(|| Failure::Wrong("nothing was raised".to_owned()))?;
    expect("its text", gil.take_exception_text(error).as_str(), "a text")
}

fn lend_buffer(gil: Gil<'_>, python: RunningPython) -> Result<(), Failure> {
    static MEMORY: [u8; 4] = *b"lent";
    let releases = Arc::new(AtomicU32::new(0));
    let counter = Arc::clone(&releases);
    let release = ReleaseCallback::new(move || {
        counter.fetch_add(1, Ordering::Relaxed);
    });
    let address = MEMORY.as_ptr().cast::<c_void>().cast_mut();
    // SAFETY: the memory is static, and read-only for Python.
    let buffer = unsafe { ForeignBuffer::new(address, MEMORY.len(), true, release) };
    let function = value_of(gil, c"def f(view): return bytes(view), b'%d' % view.readonly", c"f")?;
    let view = ExporterType::new(gil, python.api)?.export(gil, buffer)?;
    let function = NonNull::new(function.as_ptr()).ok_or(PyErrSet)?;
    // SAFETY: the function is this Python's, and its namespace, which it refers to, keeps it alive.
    let seen = unsafe { gil.call(function, vec![view]) }?.items()?;
    let seen = seen.iter().map(PyRef::content).collect::<Result<Vec<_>, _>>()?;
    expect("what Python sees", seen, vec![&MEMORY[..], b"1"])?;
    expect("the number of releases", releases.load(Ordering::Relaxed), 1)
}

fn read_buffer(gil: Gil<'_>, python: RunningPython) -> Result<(), Failure> {
    let view = BufferView::acquire(&value_of(gil, c"x = bytearray(b'read')", c"x")?, gil, python.api)?;
    let (content, is_read_only) = (view.to_vec(), view.is_read_only());
    view.release(gil);
    expect("the memory", (content.as_slice(), is_read_only), (&b"read"[..], false))
}

/// As each request does.
fn enter_from_thread(gil: Gil<'_>, python: RunningPython) -> Result<(), Failure> {
    let enter = || {
        let answer = |gil: Gil<'_>| {
            let text = value_of(gil, c"x = 6 * 7", c"x").and_then(|x| gil.text(&x));
            text.map_err(|error| gil.take_exception_text(error))
        };
        python.with_gil(answer)
    };
    // SAFETY: the token shows that this thread holds the GIL. It is taken again before the token is used.
    let state = unsafe { (gil.api.PyEval_SaveThread)() };
    let entered = thread::scope(|scope| {
        let thread = thread::Builder::new().spawn_scoped(scope, enter);
        thread.map(|thread| thread.join())
    });
    // SAFETY: the state is the one that was saved on this thread.
    unsafe { (gil.api.PyEval_RestoreThread)(state) };
    let entered = entered.map_err(|error| Failure::Wrong(format!("no thread could be started: {error}")))?;
    let answer = entered.map_err(|_| Failure::Wrong("it panicked".to_owned()))??;
    expect("a product", answer.as_deref(), Ok("42"))
}

fn interrupt(gil: Gil<'_>, python: RunningPython) -> Result<(), Failure> {
    let api = python.api;
    // SAFETY: the token shows that this thread holds the GIL. Python set the variable before it started: it has an exception
    // type that is alive as long as the copy.
    let threads =
        unsafe { (api.PyThreadState_SetAsyncExc)(libc::pthread_self(), *api.PyExc_KeyboardInterrupt) };
    expect("the number of interrupted threads", threads, 1)?;
    let error = gil.run(c"for _ in range(1000): pass", NAME).err();
    let error = error.ok_or_else(|| Failure::Wrong("the code ran on".to_owned()))?;
    let raised = gil.take_exception(error).ok_or(PyErrSet)?;
    let class = gil.class_of(&raised)?;
    expect("what was raised", gil.text(&class)?.as_str(), "<class 'KeyboardInterrupt'>")
}
