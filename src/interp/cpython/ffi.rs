//! Declarations of the part of Python's C API that this library uses. Each Python has a table of the functions, looked up
//! by its own names. All supported versions have them, with these types.

use std::ffi::{c_char, c_int, c_uint, c_ulong, c_void};
use std::fmt;
use std::ptr::NonNull;

/// A Python object; only pointers to it are used.
#[repr(C)]
pub(crate) struct Object {
    _private: [u8; 0],
}

/// A thread's state in an interpreter; only pointers to it are used.
#[repr(C)]
pub(crate) struct ThreadState {
    _private: [u8; 0],
}

/// `PyPreConfig`: the first part of the configuration. (As outside Windows; all fields are of type int.)
#[repr(C)]
#[derive(Default)]
pub(crate) struct PreConfig {
    pub(crate) config_init: c_int,
    pub(crate) parse_argv: c_int,
    pub(crate) isolated: c_int,
    pub(crate) use_environment: c_int,
    pub(crate) configure_locale: c_int,
    pub(crate) coerce_c_locale: c_int,
    pub(crate) coerce_c_locale_warn: c_int,
    pub(crate) utf8_mode: c_int,
    pub(crate) dev_mode: c_int,
    pub(crate) allocator: c_int,
    /// Space for fields that a later version may add.
    _reserved: [c_int; 22],
}

/// `PyStatus`: the outcome of an initialisation.
#[repr(C)]
pub(crate) struct Status {
    pub(crate) kind: c_int,
    pub(crate) function: *const c_char,
    pub(crate) message: *const c_char,
    pub(crate) exit_code: c_int,
}

/// `Py_buffer`: the memory that an object exports.
#[repr(C)]
pub(crate) struct Buffer {
    pub(crate) address: *mut c_void,
    pub(crate) object: *mut Object,
    pub(crate) len: isize,
    pub(crate) item_size: isize,
    pub(crate) read_only: c_int,
    pub(crate) dimensions: c_int,
    pub(crate) format: *mut c_char,
    pub(crate) shape: *mut isize,
    pub(crate) strides: *mut isize,
    pub(crate) suboffsets: *mut isize,
    pub(crate) internal: *mut c_void,
}

/// `PyType_Spec`: the specification of a type.
#[repr(C)]
pub(crate) struct TypeSpec {
    pub(crate) name: *const c_char,
    pub(crate) basic_size: c_int,
    pub(crate) item_size: c_int,
    pub(crate) flags: c_uint,
    pub(crate) slots: *mut TypeSlot,
}

/// `PyType_Slot`: one of a type's functions.
#[repr(C)]
pub(crate) struct TypeSlot {
    pub(crate) slot: c_int,
    pub(crate) function: *const c_void,
}

/// `PyObjectArenaAllocator`: the allocator for larger blocks of memory.
#[repr(C)]
pub(crate) struct ArenaAllocator {
    pub(crate) context: *mut c_void,
    pub(crate) allocate: unsafe extern "C" fn(*mut c_void, usize) -> *mut c_void,
    pub(crate) free: unsafe extern "C" fn(*mut c_void, *mut c_void, usize),
}

/// `Py_file_input`: compile the source as a whole program.
pub(crate) const PROGRAM: c_int = 257;

/// A symbol that a library lacks: it is not a libpython of a supported version.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Missing(pub(crate) &'static str);

impl fmt::Display for Missing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "it does not define {}", self.0)
    }
}

impl std::error::Error for Missing {}

macro_rules! api {
    (
        variables { $($variable:ident: $type:ty;)* }
        functions { $($name:ident($($argument:ty),*) $(-> $result:ty)?;)* }
    ) => {
        /// The functions and variables of one Python.
        #[allow(non_snake_case, reason = "the names are Python's")]
        #[derive(Clone, Copy)]
        pub(crate) struct Api {
            $(pub(crate) $variable: *mut $type,)*
            $(pub(crate) $name: unsafe extern "C-unwind" fn($($argument),*) $(-> $result)?,)*
        }

        // SAFETY: these are addresses, which any thread may have. To call a function, or to read a variable, is unsafe, and
        // left to code that holds the GIL where Python asks for that.
        unsafe impl Send for Api {}
        // SAFETY: nothing changes the table, so that threads may read it at the same time.
        unsafe impl Sync for Api {}

        impl Api {
            /// Whether both are tables of the same Python. (The address of a variable of a Python's is no other Python's.)
            pub(crate) fn is_same_python(&self, other: &Self) -> bool {
                std::ptr::eq(self.PyBaseObject_Type, other.PyBaseObject_Type)
            }

            /// Looks up all of them by `find`.
            ///
            /// # Safety
            /// `find` returns the addresses of the symbols of a Python of a supported version.
            pub(crate) unsafe fn of(find: impl Fn(&str) -> Option<NonNull<c_void>>) -> Result<Self, Missing> {
                let find = |name| find(name).ok_or(Missing(name));
                Ok(Self {
                    $($variable: find(stringify!($variable))?.as_ptr().cast(),)*
                    $($name: {
                        let address = find(stringify!($name))?;
                        // SAFETY: the address is that of Python's function of this name, which has this type in each
                        // supported version.
                        unsafe { std::mem::transmute::<*mut c_void, unsafe extern "C-unwind" fn($($argument),*) $(-> $result)?>(address.as_ptr()) }
                    },)*
                })
            }
        }
    };
}

api! {
    variables {
        PyExc_KeyboardInterrupt: *mut Object;
        PyBaseObject_Type: Object;
    }
    functions {
        Py_GetVersion() -> *const c_char;
        PyPreConfig_InitPythonConfig(*mut PreConfig);
        Py_PreInitialize(*const PreConfig) -> Status;
        Py_SetProgramName(*const libc::wchar_t);
        Py_SetPythonHome(*const libc::wchar_t);
        Py_InitializeEx(c_int);
        PyObject_SetArenaAllocator(*mut ArenaAllocator);
        PyEval_SaveThread() -> *mut ThreadState;
        PyEval_RestoreThread(*mut ThreadState);
        PyGILState_Ensure() -> c_int;
        PyGILState_Release(c_int);
        PyThreadState_SetAsyncExc(c_ulong, *mut Object) -> c_int;
        PyEval_GetBuiltins() -> *mut Object;
        Py_CompileString(*const c_char, *const c_char, c_int) -> *mut Object;
        PyEval_EvalCode(*mut Object, *mut Object, *mut Object) -> *mut Object;
        PyDict_New() -> *mut Object;
        PyDict_SetItemString(*mut Object, *const c_char, *mut Object) -> c_int;
        PyDict_GetItemString(*mut Object, *const c_char) -> *mut Object;
        PyTuple_New(isize) -> *mut Object;
        PyTuple_Size(*mut Object) -> isize;
        PyTuple_GetItem(*mut Object, isize) -> *mut Object;
        PyTuple_SetItem(*mut Object, isize, *mut Object) -> c_int;
        PyObject_CallObject(*mut Object, *mut Object) -> *mut Object;
        PyObject_Str(*mut Object) -> *mut Object;
        PyUnicode_AsUTF8String(*mut Object) -> *mut Object;
        PyObject_GetAttrString(*mut Object, *const c_char) -> *mut Object;
        PyLong_AsSsize_t(*mut Object) -> isize;
        PyBytes_FromStringAndSize(*const c_char, isize) -> *mut Object;
        PyBytes_AsStringAndSize(*mut Object, *mut *mut c_char, *mut isize) -> c_int;
        PyMemoryView_FromObject(*mut Object) -> *mut Object;
        PyObject_GetBuffer(*mut Object, *mut Buffer, c_int) -> c_int;
        PyBuffer_FillInfo(*mut Buffer, *mut Object, *mut c_void, isize, c_int, c_int) -> c_int;
        PyBuffer_Release(*mut Buffer);
        PyType_FromSpec(*mut TypeSpec) -> *mut Object;
        PyType_GenericAlloc(*mut Object, isize) -> *mut Object;
        PyObject_Free(*mut c_void);
        PyErr_Fetch(*mut *mut Object, *mut *mut Object, *mut *mut Object);
        PyErr_NormalizeException(*mut *mut Object, *mut *mut Object, *mut *mut Object);
        PyErr_Restore(*mut Object, *mut Object, *mut Object);
        PyErr_Clear();
        Py_IncRef(*mut Object);
        Py_DecRef(*mut Object);
    }
}
