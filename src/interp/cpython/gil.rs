//! The GIL token, and safe operations on Python objects that need it.
//!
//! Only a thread that holds the GIL of a Python gets a [`Gil`], and each [`PyRef`] gives its reference back once. Every
//! call that may run Python code, and so may wait for the GIL, can be abandoned when the process exits.

use std::ffi::{CStr, c_char, c_int};
use std::marker::PhantomData;
use std::ptr::{self, NonNull};
use std::thread;

use crate::interp::cpython::ffi::{Api, ErrorIndicator, Object, PROGRAM};
use crate::interp::exit::abandon::call_abandonable;
use crate::interp::exit::at_exit::is_exiting;

/// Proof that this thread holds the GIL of one Python. (In a free-threaded build: that the thread is attached to it.)
///
/// The lifetime stands for one holding of the GIL, and so for one Python: it is invariant, and each `with_gil` has its own.
/// So the compiler rejects a use of this token with a [`PyRef`] of another Python. What outlives the holding of the
/// GIL, such as a `BufferView`, checks with [`Gil::assert_of`] that the token is of its own Python.
#[derive(Clone, Copy)]
pub(crate) struct Gil<'py> {
    pub(crate) api: &'py Api,
    /// A thread holds the GIL, so the token must not leave the thread: neither `Send` nor `Sync`.
    _of_this_thread: PhantomData<*const ()>,
    _invariant: PhantomData<fn(&'py ()) -> &'py ()>,
}

/// `Gil` and `PyRef` are neither `Send` nor `Sync`: if they were, two implementations would apply below, and the compiler
/// could not choose.
const _: () = {
    trait NotSend<Case> {
        fn check() {}
    }
    impl<T> NotSend<()> for T {}
    impl<T: Send> NotSend<u8> for T {}
    trait NotSync<Case> {
        fn check() {}
    }
    impl<T> NotSync<()> for T {}
    impl<T: Sync> NotSync<u8> for T {}
    let _ = (<Gil<'static> as NotSend<_>>::check, <Gil<'static> as NotSync<_>>::check);
    let _ = (<PyRef<'static> as NotSend<_>>::check, <PyRef<'static> as NotSync<_>>::check);
};

/// Python's error indicator is set on this thread.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct PyErrSet;

/// The version of marshal's format that Python 3.14 writes, which needs it for slices. Older ones take it for their newest.
const MARSHAL_VERSION: c_int = 5;

/// The text for a failure that set no exception, which is a defect of Python's.
const NO_EXCEPTION: &str = "Python gave no reason";

/// The text for an exception whose own `str` raises one, in the words of Python's `traceback`.
pub(crate) const STR_FAILED: &str = "<exception str() failed>";

/// A strong reference to an object.
pub(crate) struct PyRef<'py> {
    gil: Gil<'py>,
    object: NonNull<Object>,
}

impl Drop for PyRef<'_> {
    fn drop(&mut self) {
        // An abandoned call unwinds without the GIL; and when the process exits, objects need not be freed.
        if thread::panicking() || is_exiting() {
            return;
        }
        let (api, object) = (self.gil.api, self.as_ptr());
        // SAFETY: the token shows that this thread holds the GIL, and this reference is not used after its drop.
        call_abandonable(|| unsafe { (api.Py_DecRef)(object) });
    }
}

impl<'py> PyRef<'py> {
    pub(crate) fn as_ptr(&self) -> *mut Object {
        self.object.as_ptr()
    }

    /// The object. The reference now belongs to the caller.
    pub(crate) fn into_ptr(self) -> *mut Object {
        let object = self.as_ptr();
        std::mem::forget(self);
        object
    }

    /// The content of a bytes object.
    pub(crate) fn content(&self) -> Result<&[u8], PyErrSet> {
        let (mut start, mut len): (*mut c_char, isize) = (ptr::null_mut(), 0);
        // SAFETY: the token shows that this thread holds the GIL. Python checks the object's type, and writes start and
        // length only on success. A bytes object does not change, and lives as long as this reference.
        unsafe {
            if (self.gil.api.PyBytes_AsStringAndSize)(self.as_ptr(), &mut start, &mut len) != 0 {
                return Err(PyErrSet);
            }
            let start = NonNull::new(start).ok_or(PyErrSet)?;
            Ok(std::slice::from_raw_parts(start.as_ptr().cast_const().cast(), len as usize))
        }
    }

    /// The items of a tuple.
    pub(crate) fn items(&self) -> Result<Vec<PyRef<'py>>, PyErrSet> {
        let api = self.gil.api;
        // SAFETY: the token shows that this thread holds the GIL; Python checks that the object is a tuple.
        let len = unsafe { (api.PyTuple_Size)(self.as_ptr()) };
        if len < 0 {
            return Err(PyErrSet);
        }
        // SAFETY: the object is a tuple, and i less than its length. The tuple, which is alive, keeps the item alive until
        // `borrowed` has taken a reference.
        let item = |i| unsafe { self.gil.borrowed((api.PyTuple_GetItem)(self.as_ptr(), i)) };
        (0..len).map(item).collect()
    }
}

impl<'py> Gil<'py> {
    /// # Safety
    /// This thread holds the GIL of the Python with these functions for as long as the token or a copy of it is used. The
    /// lifetime `'py` is not that of another Python's token.
    pub(crate) unsafe fn new(api: &'py Api) -> Self {
        Self { api, _of_this_thread: PhantomData, _invariant: PhantomData }
    }

    /// Panics unless this is the GIL of the Python that these are functions of.
    pub(crate) fn assert_of(self, api: &Api) {
        assert!(self.api.is_same_python(api), "a GIL token of another Python");
    }

    /// Takes over a new reference; NULL stands for an error.
    ///
    /// # Safety
    /// Unless `object` is NULL, it is an object of this Python's, with a reference that the caller hands over.
    pub(crate) unsafe fn owned(self, object: *mut Object) -> Result<PyRef<'py>, PyErrSet> {
        NonNull::new(object).map(|object| PyRef { gil: self, object }).ok_or(PyErrSet)
    }

    /// Takes a reference of its own to a borrowed object; NULL stands for an error.
    ///
    /// # Safety
    /// Unless `object` is NULL, it is an object of this Python's that is alive until this returns.
    unsafe fn borrowed(self, object: *mut Object) -> Result<PyRef<'py>, PyErrSet> {
        if !object.is_null() {
            // SAFETY: by this function's contract the object is alive; this token's thread holds the GIL.
            unsafe { (self.api.Py_IncRef)(object) };
        }
        // SAFETY: if there is an object, the reference to it was taken just now, for this.
        unsafe { self.owned(object) }
    }

    pub(crate) fn bytes(self, content: &[u8]) -> Result<PyRef<'py>, PyErrSet> {
        // SAFETY: this token's thread holds the GIL. Python copies the slice's bytes into an object, and returns NULL or a
        // new reference to that.
        unsafe {
            let len = content.len() as isize;
            self.owned((self.api.PyBytes_FromStringAndSize)(content.as_ptr().cast(), len))
        }
    }

    pub(crate) fn tuple(self, items: Vec<PyRef<'py>>) -> Result<PyRef<'py>, PyErrSet> {
        // SAFETY: this token's thread holds the GIL. The new tuple is nobody else's yet and has a slot for each item, and
        // `PyTuple_SetItem` takes over the item's reference.
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
    /// `function` is an object of this Python's that is alive.
    pub(crate) unsafe fn call(
        self,
        function: NonNull<Object>,
        arguments: Vec<PyRef<'py>>,
    ) -> Result<PyRef<'py>, PyErrSet> {
        let arguments = self.tuple(arguments)?;
        let (function, arguments) = (function.as_ptr(), arguments.as_ptr());
        // SAFETY: this token's thread holds the GIL; the function is alive by this function's contract, and the tuple of
        // arguments by its reference. The result is NULL or a new reference.
        unsafe { self.owned(call_abandonable(|| (self.api.PyObject_CallObject)(function, arguments))) }
    }

    /// Calls a function with one bytes object.
    ///
    /// # Safety
    /// `function` is an object of this Python's that is alive.
    pub(crate) unsafe fn call_with_bytes(
        self,
        function: NonNull<Object>,
        content: &[u8],
    ) -> Result<PyRef<'py>, PyErrSet> {
        let arguments = vec![self.bytes(content)?];
        // SAFETY: `call` asks the same of the function as this does.
        unsafe { self.call(function, arguments) }
    }

    /// Runs a program in a new namespace, and returns that.
    pub(crate) fn run(self, source: &CStr, name: &CStr) -> Result<PyRef<'py>, PyErrSet> {
        self.evaluate(&self.code_of(source, name)?)
    }

    /// Compiles a program, for `run_compiled`. To compile takes many times longer than to run.
    pub(crate) fn compile(self, source: &CStr, name: &CStr) -> Result<Vec<u8>, PyErrSet> {
        let code = self.code_of(source, name)?;
        // SAFETY: this token's thread holds the GIL, and the code is alive by its reference. The result is NULL or a new
        // reference.
        let marshalled = unsafe {
            let marshal = self.api.PyMarshal_WriteObjectToString;
            self.owned(call_abandonable(|| marshal(code.as_ptr(), MARSHAL_VERSION)))?
        };
        marshalled.content().map(<[u8]>::to_vec)
    }

    /// As `run`, for a program that was compiled.
    ///
    /// # Safety
    /// `compile` of the same build of Python has returned it.
    pub(crate) unsafe fn run_compiled(self, program: &[u8]) -> Result<PyRef<'py>, PyErrSet> {
        let (content, len) = (program.as_ptr().cast(), program.len() as isize);
        // SAFETY: this token's thread holds the GIL. By this function's contract, Python reads what it has written. The
        // result is NULL or a new reference.
        let code = unsafe {
            let unmarshal = self.api.PyMarshal_ReadObjectFromString;
            self.owned(call_abandonable(|| unmarshal(content, len)))?
        };
        self.evaluate(&code)
    }

    fn code_of(self, source: &CStr, name: &CStr) -> Result<PyRef<'py>, PyErrSet> {
        let (compile, source, name) = (self.api.Py_CompileString, source.as_ptr(), name.as_ptr());
        // SAFETY: this token's thread holds the GIL. Source and name are C strings. The result is NULL or a new reference.
        unsafe { self.owned(call_abandonable(|| compile(source, name, PROGRAM))) }
    }

    /// Runs code in a new namespace, and returns that.
    fn evaluate(self, code: &PyRef<'py>) -> Result<PyRef<'py>, PyErrSet> {
        let (api, code) = (self.api, code.as_ptr());
        // SAFETY: this token's thread holds the GIL. The code is alive by its reference; Python checks that it is code. The
        // namespace is a new reference, which `owned` checks for NULL; the builtins are borrowed from the running Python,
        // which keeps them.
        unsafe {
            let globals = self.owned(call_abandonable(|| (api.PyDict_New)()))?;
            let scope = globals.as_ptr();
            let builtins = NonNull::new((api.PyEval_GetBuiltins)()).ok_or(PyErrSet)?.as_ptr();
            call_abandonable(|| (api.PyDict_SetItemString)(scope, c"__builtins__".as_ptr(), builtins));
            self.owned(call_abandonable(|| (api.PyEval_EvalCode)(code, scope, scope)))?;
            Ok(globals)
        }
    }

    /// The value of a name in a namespace, which is a dictionary.
    pub(crate) fn get(self, namespace: &PyRef<'py>, name: &CStr) -> Option<PyRef<'py>> {
        // SAFETY: this token's thread holds the GIL. The name is a C string, and Python checks that the namespace is a
        // dictionary, which keeps the value alive until `borrowed` has taken a reference.
        unsafe { self.borrowed((self.api.PyDict_GetItemString)(namespace.as_ptr(), name.as_ptr())) }.ok()
    }

    /// `str(object)`.
    pub(crate) fn text(self, object: &PyRef<'py>) -> Result<String, PyErrSet> {
        // SAFETY: this token's thread holds the GIL, and the object is alive by its reference. Both results are NULL or new
        // references.
        unsafe {
            let object = object.as_ptr();
            let text = self.owned(call_abandonable(|| (self.api.PyObject_Str)(object)))?;
            let bytes = self.owned((self.api.PyUnicode_AsUTF8String)(text.as_ptr()))?;
            Ok(String::from_utf8_lossy(bytes.content()?).into_owned())
        }
    }

    /// Takes the exception out of the error indicator; none, if the function that failed has set none.
    pub(crate) fn take_exception(self, _: PyErrSet) -> Option<PyRef<'py>> {
        let fetched = match &self.api.errors {
            ErrorIndicator::RaisedException(it) => {
                // SAFETY: this token's thread holds the GIL. The exception is NULL or a new reference.
                return unsafe { self.owned((it.PyErr_GetRaisedException)()) }.ok();
            }
            ErrorIndicator::FetchedException(it) => it,
        };
        let mut parts = [ptr::null_mut(); 3];
        let [kind, value, traceback] = &mut parts;
        // SAFETY: this token's thread holds the GIL. Python writes NULL or an object with a new reference to each of the
        // three, and `PyErr_NormalizeException` replaces them by others of that kind. The traceback, if there is one, fits
        // the exception, and both are alive by their references.
        unsafe {
            (fetched.PyErr_Fetch)(kind, value, traceback);
            call_abandonable(|| (fetched.PyErr_NormalizeException)(kind, value, traceback));
            let [_kind, value, traceback] = parts.map(|part| self.owned(part).ok());
            if let (Some(value), Some(traceback)) = (&value, &traceback) {
                (fetched.PyException_SetTraceback)(value.as_ptr(), traceback.as_ptr());
            }
            value
        }
    }

    /// Takes the exception out of the error indicator, and returns its message.
    pub(crate) fn take_exception_text(self, error: PyErrSet) -> String {
        let Some(exception) = self.take_exception(error) else { return NO_EXCEPTION.to_owned() };
        self.text(&exception).unwrap_or_else(|error| {
            self.clear(error);
            STR_FAILED.to_owned()
        })
    }

    /// The class of an object.
    pub(crate) fn class_of(self, object: &PyRef<'py>) -> Result<PyRef<'py>, PyErrSet> {
        // SAFETY: this token's thread holds the GIL, and the object is alive by its reference. The class is a new one.
        unsafe { self.owned((self.api.PyObject_Type)(object.as_ptr())) }
    }

    /// Clears the error indicator.
    pub(crate) fn clear(self, _: PyErrSet) {
        // SAFETY: this token's thread holds the GIL, and the error indicator is that thread's.
        call_abandonable(|| unsafe { (self.api.PyErr_Clear)() });
    }
}

/// An exception that was taken out of the error indicator, to be put back.
pub(crate) struct SavedException([*mut Object; 3]);

impl SavedException {
    /// # Safety
    /// This thread holds the GIL of the Python with these functions.
    pub(crate) unsafe fn take(api: &Api) -> Self {
        let mut parts = [ptr::null_mut(); 3];
        let [kind, value, traceback] = &mut parts;
        // SAFETY: by this function's contract, this thread may access its error indicator.
        unsafe {
            match &api.errors {
                ErrorIndicator::RaisedException(it) => *value = (it.PyErr_GetRaisedException)(),
                ErrorIndicator::FetchedException(it) => (it.PyErr_Fetch)(kind, value, traceback),
            }
        }
        Self(parts)
    }

    /// # Safety
    /// This thread holds the GIL of the Python with these functions, which the exception was taken from.
    pub(crate) unsafe fn restore(self, api: &Api) {
        let [kind, value, traceback] = self.0;
        // SAFETY: by this function's contract, this thread may access its error indicator, which takes the references over.
        unsafe {
            match &api.errors {
                ErrorIndicator::RaisedException(it) => (it.PyErr_SetRaisedException)(value),
                ErrorIndicator::FetchedException(it) => (it.PyErr_Restore)(kind, value, traceback),
            }
        }
    }
}
