//! Python's objects, in safe hands: only a thread that holds a Python's lock can come by them, and each reference is
//! given back once. Each call that can run Python code, and so wait for the lock, can be abandoned.

use std::ffi::{CStr, c_char};
use std::ptr::{self, NonNull};
use std::thread;

use crate::interp::cpython::ffi::{Api, Object, PROGRAM};
use crate::interp::exit::abandon::call_abandonable;
use crate::interp::exit::at_exit::is_ending;

/// Shows that this thread holds the lock of one Python.
#[derive(Clone, Copy)]
pub(crate) struct Gil<'a> {
    pub(crate) api: &'a Api,
}

/// A Python exception is set on this thread.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct PyErrSet;

/// A reference to an object.
pub(crate) struct PyRef<'a> {
    held: Gil<'a>,
    object: NonNull<Object>,
}

impl Drop for PyRef<'_> {
    fn drop(&mut self) {
        // An abandoned call unwinds without the lock; and no objects have to end any more.
        if thread::panicking() || is_ending() {
            return;
        }
        let (api, object) = (self.held.api, self.as_ptr());
        // SAFETY: the reference is this one's, and the lock is held.
        call_abandonable(|| unsafe { (api.Py_DecRef)(object) });
    }
}

impl<'a> PyRef<'a> {
    pub(crate) fn as_ptr(&self) -> *mut Object {
        self.object.as_ptr()
    }

    /// The object, for someone else to give the reference back.
    pub(crate) fn into_ptr(self) -> *mut Object {
        let object = self.as_ptr();
        std::mem::forget(self);
        object
    }

    /// What is in a bytes object.
    pub(crate) fn content(&self) -> Result<&[u8], PyErrSet> {
        let (mut start, mut len): (*mut c_char, isize) = (ptr::null_mut(), 0);
        // SAFETY: Python checks the object's type, and writes both on success only.
        unsafe {
            if (self.held.api.PyBytes_AsStringAndSize)(self.as_ptr(), &mut start, &mut len) != 0 {
                return Err(PyErrSet);
            }
            Ok(std::slice::from_raw_parts(start.cast_const().cast(), len as usize))
        }
    }

    /// The items of a tuple.
    pub(crate) fn items(&self) -> Result<Vec<PyRef<'a>>, PyErrSet> {
        let api = self.held.api;
        // SAFETY: Python checks that it is a tuple, and the lock is held.
        let len = unsafe { (api.PyTuple_Size)(self.as_ptr()) };
        if len < 0 {
            return Err(PyErrSet);
        }
        // SAFETY: as above; an item is borrowed from the tuple.
        let item = |i| unsafe { self.held.borrowed((api.PyTuple_GetItem)(self.as_ptr(), i)) };
        (0..len).map(item).collect()
    }
}

impl<'a> Gil<'a> {
    /// # Safety
    /// This thread holds the lock of the Python that these functions are of, as long as this is used.
    pub(crate) unsafe fn new(api: &'a Api) -> Self {
        Self { api }
    }

    /// # Safety
    /// The object, if there is one, comes with a reference that nobody else gives back.
    pub(crate) unsafe fn owned(self, object: *mut Object) -> Result<PyRef<'a>, PyErrSet> {
        NonNull::new(object).map(|object| PyRef { held: self, object }).ok_or(PyErrSet)
    }

    /// # Safety
    /// The object, if there is one, is there until this has taken a reference of its own.
    unsafe fn borrowed(self, object: *mut Object) -> Result<PyRef<'a>, PyErrSet> {
        if !object.is_null() {
            // SAFETY: by this function's contract.
            unsafe { (self.api.Py_IncRef)(object) };
        }
        // SAFETY: the reference was just taken.
        unsafe { self.owned(object) }
    }

    pub(crate) fn bytes(self, content: &[u8]) -> Result<PyRef<'a>, PyErrSet> {
        // SAFETY: Python copies as many bytes as there are; the reference is new.
        unsafe {
            let len = content.len() as isize;
            self.owned((self.api.PyBytes_FromStringAndSize)(content.as_ptr().cast(), len))
        }
    }

    pub(crate) fn tuple(self, items: Vec<PyRef<'a>>) -> Result<PyRef<'a>, PyErrSet> {
        // SAFETY: the reference is new; the tuple has room for the items, and takes their references.
        unsafe {
            let len = items.len() as isize;
            let tuple = self.owned(call_abandonable(|| (self.api.PyTuple_New)(len)))?;
            for (i, item) in items.into_iter().enumerate() {
                (self.api.PyTuple_SetItem)(tuple.as_ptr(), i as isize, item.into_ptr());
            }
            Ok(tuple)
        }
    }

    /// Calls a function.
    ///
    /// # Safety
    /// `function` is an object of this Python's.
    pub(crate) unsafe fn call(
        self,
        function: NonNull<Object>,
        arguments: Vec<PyRef<'a>>,
    ) -> Result<PyRef<'a>, PyErrSet> {
        let arguments = self.tuple(arguments)?;
        let (function, arguments) = (function.as_ptr(), arguments.as_ptr());
        // SAFETY: objects of this Python's; the result's reference is new.
        unsafe { self.owned(call_abandonable(|| (self.api.PyObject_CallObject)(function, arguments))) }
    }

    /// Calls a function of one bytes object.
    ///
    /// # Safety
    /// As for `call`.
    pub(crate) unsafe fn call_with_bytes(
        self,
        function: NonNull<Object>,
        content: &[u8],
    ) -> Result<PyRef<'a>, PyErrSet> {
        let arguments = vec![self.bytes(content)?];
        // SAFETY: by this function's contract.
        unsafe { self.call(function, arguments) }
    }

    /// Runs a program in a namespace of its own, which is returned.
    pub(crate) fn run(self, source: &CStr, name: &CStr) -> Result<PyRef<'a>, PyErrSet> {
        let api = self.api;
        // SAFETY: C strings; each object is checked before it is used, and references are new unless borrowed.
        unsafe {
            let globals = self.owned(call_abandonable(|| (api.PyDict_New)()))?;
            let scope = globals.as_ptr();
            let builtins = (api.PyEval_GetBuiltins)();
            call_abandonable(|| (api.PyDict_SetItemString)(scope, c"__builtins__".as_ptr(), builtins));
            let (source, name) = (source.as_ptr(), name.as_ptr());
            let code = self.owned(call_abandonable(|| (api.Py_CompileString)(source, name, PROGRAM)))?;
            let code = code.as_ptr();
            self.owned(call_abandonable(|| (api.PyEval_EvalCode)(code, scope, scope)))?;
            Ok(globals)
        }
    }

    /// What a namespace has under this name.
    pub(crate) fn get(self, namespace: &PyRef<'a>, name: &CStr) -> Option<PyRef<'a>> {
        // SAFETY: a dictionary, and a C string; what it gives is borrowed.
        unsafe { self.borrowed((self.api.PyDict_GetItemString)(namespace.as_ptr(), name.as_ptr())) }.ok()
    }

    /// What `str` makes of an object.
    pub(crate) fn text(self, object: &PyRef<'a>) -> Result<String, PyErrSet> {
        // SAFETY: an object of this Python's; the references are new.
        unsafe {
            let object = object.as_ptr();
            let text = self.owned(call_abandonable(|| (self.api.PyObject_Str)(object)))?;
            let bytes = self.owned((self.api.PyUnicode_AsUTF8String)(text.as_ptr()))?;
            Ok(String::from_utf8_lossy(bytes.content()?).into_owned())
        }
    }

    /// The exception that is set, which then is not set any more: its type, itself and its traceback, as far as there
    /// are any.
    pub(crate) fn exception(self, _: PyErrSet) -> Vec<PyRef<'a>> {
        let mut parts = [ptr::null_mut(); 3];
        let [kind, value, traceback] = &mut parts;
        // SAFETY: Python writes NULL, or an object whose reference is the caller's.
        unsafe {
            (self.api.PyErr_Fetch)(kind, value, traceback);
            call_abandonable(|| (self.api.PyErr_NormalizeException)(kind, value, traceback));
            parts.into_iter().filter_map(|part| self.owned(part).ok()).collect()
        }
    }

    /// What the exception that is set says, which then is not set any more.
    pub(crate) fn exception_text(self, raised: PyErrSet) -> String {
        let parts = self.exception(raised);
        let text = parts.get(1).and_then(|value| self.text(value).map_err(|raised| self.forget(raised)).ok());
        text.unwrap_or_else(|| "an exception that cannot be told".to_owned())
    }

    /// Forgets the exception that is set.
    pub(crate) fn forget(self, _: PyErrSet) {
        // SAFETY: the lock is held.
        call_abandonable(|| unsafe { (self.api.PyErr_Clear)() });
    }
}
