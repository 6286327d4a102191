//! One isolated interpreter: a private copy of libpython, started, and entered by any thread.

use std::collections::HashMap;
use std::ffi::{OsStr, c_char};
use std::fmt;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicPtr, AtomicU32, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::{fs, ptr, thread};

use super::elf::Image;
use super::library::{Library, Scope};
use super::needed::needed_beside;
use super::private_file::PrivateFile;
use super::python::{Api, MethodDef, ONE_ARGUMENT, Object, PROGRAM};
use super::relink::{Marker, copy_of_extension, copy_of_libpython, uses_python};

const BOOTSTRAP: &str = concat!(include_str!("bootstrap.py"), "\0");

/// Why an interpreter could not be started, or what went wrong in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Trouble {
    /// It could not be started: what failed, and the file.
    Start(String),
    /// Python code ended with an exception: the traceback.
    Python(String),
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Start(text) | Self::Python(text) => f.write_str(text),
        }
    }
}

impl std::error::Error for Trouble {}

/// An interpreter. It is never freed: Python code may leave threads behind.
pub struct Interpreter {
    api: Api,
    marker: Marker,
    /// The dispatcher's function, which takes and gives bytes.
    dispatch: AtomicPtr<Object>,
    /// Copies of extension modules that are about to be loaded, by their paths.
    copies: Mutex<HashMap<Vec<u8>, PrivateFile>>,
}

// SAFETY: Python objects are only touched by threads that hold the copy's lock; the rest is Sync.
unsafe impl Sync for Interpreter {}
// SAFETY: as above.
unsafe impl Send for Interpreter {}

/// Interpreters by the object that their native function is bound to, by its address.
static BOUND: Mutex<Option<HashMap<usize, &'static Interpreter>>> = Mutex::new(None);

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Interpreter {
    /// Starts a private copy of the shared libpython in this file.
    pub fn start(libpython: &Path) -> Result<&'static Self, Trouble> {
        static NUMBERS: AtomicU32 = AtomicU32::new(0);
        let failed = |what: &dyn fmt::Display| Trouble::Start(format!("{}: {what}", libpython.display()));
        let marker = Marker::new(NUMBERS.fetch_add(1, Ordering::Relaxed));
        let file = fs::read(libpython).map_err(|error| failed(&error))?;
        let copy = copy_of_libpython(&file, &marker).map_err(|error| failed(&error))?;
        let copy = PrivateFile::new(c"libpython", &copy).map_err(|error| failed(&error))?;
        // SAFETY: libpython has no initialisers of its own.
        let library =
            unsafe { Library::load(copy.path(), Scope::Everybody) }.map_err(|error| failed(&error))?;
        let api = Api::of(library, &marker).map_err(|error| failed(&error))?;
        let home = home_of(libpython).ok_or_else(|| failed(&"its standard library is not beside it"))?;
        let interpreter =
            Self { api, marker, dispatch: AtomicPtr::new(ptr::null_mut()), copies: Mutex::default() };
        // Python takes the thread that starts it for its main thread, and remembers its stack: that thread is nobody's.
        let boot = thread::Builder::new().name("ungil-start".to_owned()).stack_size(8 << 20);
        let started = boot.spawn(move || interpreter.boot(&home)).map_err(|error| failed(&error))?.join();
        started.unwrap_or_else(|_| Err(failed(&"a panic")))
    }

    fn boot(self, home: &Path) -> Result<&'static Self, Trouble> {
        let interpreter: &'static Self = Box::leak(Box::new(self));
        let api = &interpreter.api;
        // SAFETY: the copy has not started; its variable and the home are there for good.
        unsafe {
            *api.Py_NoSiteFlag = 1; // no extension module may load before the import hook stands
            (api.Py_SetPythonHome)(Box::leak(wide(home)).as_ptr());
            (api.Py_InitializeEx)(0);
        }
        // SAFETY: this thread has the copy's lock from its start until it is given up.
        let dispatch = unsafe { interpreter.run_bootstrap() };
        // SAFETY: as above.
        unsafe { (interpreter.api.PyEval_SaveThread)() };
        let dispatch =
            dispatch.ok_or_else(|| Trouble::Start("the import hook could not be set".to_owned()))?;
        interpreter.dispatch.store(dispatch, Ordering::Release);
        Ok(interpreter)
    }

    /// The dispatcher, if the source ran to its end.
    ///
    /// # Safety
    /// This thread has the copy's lock.
    unsafe fn run_bootstrap(&'static self) -> Option<*mut Object> {
        let api = &self.api;
        // SAFETY: the caller has the lock; each object is checked before it is used.
        unsafe {
            let bound = some(api, (api.PyBytes_FromStringAndSize)(c"ungil".as_ptr(), 5))?;
            lock(&BOUND).get_or_insert_default().insert(bound.addr(), self);
            let doc = c"Copies extension modules.".as_ptr();
            let method = MethodDef { name: c"native".as_ptr(), function: native, flags: ONE_ARGUMENT, doc };
            let function = (api.PyCFunction_NewEx)(Box::leak(Box::new(method)), bound, ptr::null_mut());
            let globals = some(api, (api.PyDict_New)())?;
            (api.PyDict_SetItemString)(globals, c"__builtins__".as_ptr(), (api.PyEval_GetBuiltins)());
            (api.PyDict_SetItemString)(globals, c"native".as_ptr(), some(api, function)?);
            let code =
                (api.Py_CompileString)(BOOTSTRAP.as_ptr().cast(), c"<ungil bootstrap>".as_ptr(), PROGRAM);
            some(api, (api.PyEval_EvalCode)(some(api, code)?, globals, globals))?;
            some(api, (api.PyDict_GetItemString)(globals, c"dispatch".as_ptr()))
        }
    }

    /// Runs source in `__main__`. It may be called from any thread, and waits where another is in this interpreter.
    pub fn exec(&self, source: &str) -> Result<(), Trouble> {
        self.request("exec", source).map(|_| ())
    }

    /// The text of an expression's value, in `__main__`.
    pub fn eval(&self, expression: &str) -> Result<String, Trouble> {
        self.request("eval", expression)
    }

    fn request(&self, way: &str, text: &str) -> Result<String, Trouble> {
        let request = format!("{way} {text}");
        // SAFETY: the interpreter has started, and never ends.
        let state = unsafe { (self.api.PyGILState_Ensure)() };
        // SAFETY: this thread has the copy's lock.
        let response = unsafe { self.call(self.dispatch.load(Ordering::Acquire), request.as_bytes()) };
        // SAFETY: as above.
        unsafe { (self.api.PyGILState_Release)(state) };
        let response = response.ok_or_else(|| Trouble::Python("out of memory".to_owned()))?;
        let response = String::from_utf8_lossy(&response).into_owned();
        match response.split_once(' ') {
            Some(("ok", result)) => Ok(result.to_owned()),
            Some((_, traceback)) => Err(Trouble::Python(traceback.to_owned())),
            None => Err(Trouble::Python(response)),
        }
    }

    /// What a Python function makes of bytes, if it does not raise.
    ///
    /// # Safety
    /// This thread has the copy's lock.
    unsafe fn call(&self, function: *mut Object, bytes: &[u8]) -> Option<Vec<u8>> {
        let api = &self.api;
        // SAFETY: the caller has the lock; each object is checked before it is used, and given back once.
        unsafe {
            let arguments = some(api, (api.PyTuple_New)(1))?;
            (api.PyTuple_SetItem)(arguments, 0, some(api, self.bytes(bytes))?);
            let result = some(api, (api.PyObject_CallObject)(function, arguments));
            (api.Py_DecRef)(arguments);
            let result = result?;
            let content = self.content(result).map(<[u8]>::to_vec);
            (api.Py_DecRef)(result);
            content
        }
    }

    /// # Safety
    /// This thread has the copy's lock.
    unsafe fn bytes(&self, content: &[u8]) -> *mut Object {
        // SAFETY: Python copies as many bytes as there are.
        unsafe { (self.api.PyBytes_FromStringAndSize)(content.as_ptr().cast(), content.len() as isize) }
    }

    /// What is in a bytes object, as long as that is there.
    ///
    /// # Safety
    /// This thread has the copy's lock, and the object outlives the result.
    unsafe fn content<'a>(&self, object: *mut Object) -> Option<&'a [u8]> {
        let (mut start, mut len): (*mut c_char, isize) = (ptr::null_mut(), 0);
        // SAFETY: Python checks the object's type, and writes both on success only.
        unsafe {
            if (self.api.PyBytes_AsStringAndSize)(object, &mut start, &mut len) != 0 {
                (self.api.PyErr_Clear)();
                return None;
            }
            Some(std::slice::from_raw_parts(start.cast_const().cast(), len as usize))
        }
    }

    /// The import hook's requests.
    fn answer(&self, request: &[u8]) -> Option<Vec<u8>> {
        if let Some(path) = request.strip_prefix(b"drop ") {
            lock(&self.copies).remove(path);
            return Some(Vec::new());
        }
        let original = Path::new(OsStr::from_bytes(request.strip_prefix(b"copy ")?));
        let image = Image::parse(&fs::read(original).ok()?).ok()?;
        if !uses_python(&image).ok()? {
            return Some(original.as_os_str().as_bytes().to_vec());
        }
        for library in needed_beside(original, &image).ok()? {
            // SAFETY: the extension module would have it loaded. Where it cannot be, the module's loading tells why.
            let _ = unsafe { Library::load(&library, Scope::ThoseThatNeedIt) };
        }
        let copy = copy_of_extension(image, &self.marker).ok()?;
        let copy = PrivateFile::new(c"extension", &copy).ok()?;
        let path = copy.path().as_os_str().as_bytes().to_vec();
        lock(&self.copies).insert(path.clone(), copy);
        Some(path)
    }
}

/// The object, if there is one; else the error that is set is forgotten.
///
/// # Safety
/// This thread has the copy's lock.
unsafe fn some(api: &Api, object: *mut Object) -> Option<*mut Object> {
    if object.is_null() {
        // SAFETY: by this function's contract.
        unsafe { (api.PyErr_Clear)() };
        return None;
    }
    Some(object)
}

/// What Python code calls as `native`.
unsafe extern "C-unwind" fn native(bound: *mut Object, argument: *mut Object) -> *mut Object {
    let interpreter = lock(&BOUND).as_ref().and_then(|all| all.get(&bound.addr()).copied());
    let Some(interpreter) = interpreter else { return ptr::null_mut() };
    // SAFETY: Python calls this with its lock held, and keeps the argument until it returns.
    unsafe {
        let answer = interpreter.content(argument).and_then(|request| interpreter.answer(request));
        answer.map_or(ptr::null_mut(), |answer| interpreter.bytes(&answer))
    }
}

/// The folder that has libpython's standard library: the prefix of both, or of a Debian package's.
fn home_of(libpython: &Path) -> Option<PathBuf> {
    let name = libpython.file_name()?.to_str()?;
    let version = name.strip_prefix("libpython")?.split(".so").next()?.trim_end_matches(['m', 't', 'd']);
    let landmark = format!("lib/python{version}/os.py");
    libpython.ancestors().skip(2).find(|prefix| prefix.join(&landmark).exists()).map(Path::to_owned)
}

/// A path as Python's C API takes it.
fn wide(path: &Path) -> Box<[libc::wchar_t]> {
    let text = path.to_string_lossy();
    text.chars().map(|character| character as libc::wchar_t).chain([0]).collect()
}

#[cfg(test)]
mod tests;
