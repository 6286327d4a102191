//! The few functions of Python's C API that a copy is driven by, looked up by the copy's own names. All of them are
//! there, with these types, from CPython 3.8 to 3.14.

use std::ffi::{c_char, c_int, c_void};
use std::fmt;

use super::library::Library;
use super::relink::Marker;

/// A Python object; only pointers to it are used.
#[repr(C)]
pub(super) struct Object {
    _private: [u8; 0],
}

/// A thread's state in an interpreter; only pointers to it are used.
#[repr(C)]
pub(super) struct ThreadState {
    _private: [u8; 0],
}

/// A C function as Python calls it (`PyCFunction`).
pub(super) type Function =
    unsafe extern "C-unwind" fn(module: *mut Object, argument: *mut Object) -> *mut Object;

/// What describes such a function (`PyMethodDef`).
#[repr(C)]
pub(super) struct MethodDef {
    pub(super) name: *const c_char,
    pub(super) function: Function,
    pub(super) flags: c_int,
    pub(super) doc: *const c_char,
}

/// The function takes one argument, as it is (`METH_O`).
pub(super) const ONE_ARGUMENT: c_int = 0x0008;

/// How a source text is read: as a whole program (`Py_file_input`).
pub(super) const PROGRAM: c_int = 257;

/// A function that a library lacks: it is no libpython of a version that is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Missing(&'static str);

impl fmt::Display for Missing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "there is no {} in it", self.0)
    }
}

impl std::error::Error for Missing {}

macro_rules! functions {
    ($($name:ident($($argument:ty),*) $(-> $result:ty)?;)*) => {
        /// The functions of one copy.
        #[allow(non_snake_case, reason = "the names are Python's")]
        pub(super) struct Api {
            /// A variable: not 0 keeps Python from importing `site` when it starts.
            pub(super) Py_NoSiteFlag: *mut c_int,
            $(pub(super) $name: unsafe extern "C-unwind" fn($($argument),*) $(-> $result)?,)*
        }

        impl Api {
            /// Looks all of them up.
            pub(super) fn of(library: Library, marker: &Marker) -> Result<Self, Missing> {
                let find = |name| library.symbol(&marker.mark(name)).ok_or(Missing(name));
                Ok(Self {
                    Py_NoSiteFlag: find("Py_NoSiteFlag")?.as_ptr().cast(),
                    $($name: {
                        let address = find(stringify!($name))?;
                        // SAFETY: the function of this name has this type, in each version that is supported.
                        unsafe { std::mem::transmute::<*mut c_void, unsafe extern "C-unwind" fn($($argument),*) $(-> $result)?>(address.as_ptr()) }
                    },)*
                })
            }
        }
    };
}

functions! {
    Py_SetPythonHome(*const libc::wchar_t);
    Py_InitializeEx(c_int);
    PyEval_SaveThread() -> *mut ThreadState;
    PyGILState_Ensure() -> c_int;
    PyGILState_Release(c_int);
    PyDict_New() -> *mut Object;
    PyDict_SetItemString(*mut Object, *const c_char, *mut Object) -> c_int;
    PyDict_GetItemString(*mut Object, *const c_char) -> *mut Object;
    PyEval_GetBuiltins() -> *mut Object;
    Py_CompileString(*const c_char, *const c_char, c_int) -> *mut Object;
    PyEval_EvalCode(*mut Object, *mut Object, *mut Object) -> *mut Object;
    PyCFunction_NewEx(*mut MethodDef, *mut Object, *mut Object) -> *mut Object;
    PyTuple_New(isize) -> *mut Object;
    PyTuple_SetItem(*mut Object, isize, *mut Object) -> c_int;
    PyObject_CallObject(*mut Object, *mut Object) -> *mut Object;
    PyBytes_FromStringAndSize(*const c_char, isize) -> *mut Object;
    PyBytes_AsStringAndSize(*mut Object, *mut *mut c_char, *mut isize) -> c_int;
    PyErr_Clear();
    Py_DecRef(*mut Object);
}
