//! Declarations of the part of Python's C API that this library uses: tables of functions, which are looked up by name in
//! each Python. No version is asked for. Where a later Python has something newer, there are two tables, and the newer one
//! is used if the Python has all of it.

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

/// `PyInterpreterGuard`: as long as it is open, its interpreter does not end; only pointers to it are used.
#[repr(C)]
pub(crate) struct InterpreterGuard {
    _private: [u8; 0],
}

/// `PyInterpreterView`: an interpreter that may have ended; only pointers to it are used.
#[repr(C)]
pub(crate) struct InterpreterView {
    _private: [u8; 0],
}

/// `PyThreadStateToken`: what a thread had attached before; only pointers to it are used.
#[repr(C)]
pub(crate) struct ThreadStateToken {
    _private: [u8; 0],
}

/// `PyInitConfig`: how a Python is to be initialised; only pointers to it are used.
#[repr(C)]
pub(crate) struct InitConfig {
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
    /// Space for fields that another version may have.
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

/// A symbol that a library lacks: it is no libpython, or one that this library cannot use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Missing {
    symbol: &'static str,
    /// The older one that would do, too.
    older: Option<&'static str>,
}

impl Missing {
    pub(crate) const fn of(symbol: &'static str) -> Self {
        Self { symbol, older: None }
    }
}

impl fmt::Display for Missing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.older {
            None => write!(f, "it does not define {}", self.symbol),
            Some(older) => write!(f, "it defines neither {} nor {older}", self.symbol),
        }
    }
}

impl std::error::Error for Missing {}

/// Looks up a Python's symbol.
pub(crate) type Find<'a> = &'a dyn Fn(&str) -> Option<NonNull<c_void>>;

macro_rules! table {
    (
        $(#[$doc:meta])*
        $table:ident {
            $(variables { $($variable:ident: $type:ty;)* })?
            $(tables { $($field:ident: $inner:ty;)* })?
            functions { $($name:ident($($argument:ty),*) $(-> $result:ty)?;)* }
        }
    ) => {
        $(#[$doc])*
        #[allow(non_snake_case, reason = "the names are Python's")]
        #[derive(Clone, Copy)]
        pub(crate) struct $table {
            $($(pub(crate) $variable: *mut $type,)*)?
            $($(pub(crate) $field: $inner,)*)?
            $(pub(crate) $name: unsafe extern "C-unwind" fn($($argument),*) $(-> $result)?,)*
        }

        impl $table {
            /// Looks up all of them by `find`.
            ///
            /// # Safety
            /// `find` returns the addresses of the symbols of a CPython.
            pub(crate) unsafe fn of(find: Find<'_>) -> Result<Self, Missing> {
                let address = |name| find(name).ok_or(Missing::of(name));
                Ok(Self {
                    $($($variable: address(stringify!($variable))?.as_ptr().cast(),)*)?
                    // SAFETY: by this function's contract, these are the symbols of a CPython.
                    $($($field: unsafe { <$inner>::of(find)? },)*)?
                    $($name: {
                        let address = address(stringify!($name))?;
                        // SAFETY: the address is that of Python's function of this name, which has this type in each
                        // version that has it.
                        unsafe { std::mem::transmute::<*mut c_void, unsafe extern "C-unwind" fn($($argument),*) $(-> $result)?>(address.as_ptr()) }
                    },)*
                })
            }
        }
    };
}

/// One of two tables: the newer one, if the Python has all of it.
macro_rules! newer_or_older {
    ($(#[$doc:meta])* $choice:ident: $newer:ident, $older:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy)]
        pub(crate) enum $choice {
            $newer($newer),
            $older($older),
        }

        impl $choice {
            /// # Safety
            /// `find` returns the addresses of the symbols of a CPython.
            unsafe fn of(find: Find<'_>) -> Result<Self, Missing> {
                // SAFETY: by this function's contract, these are the symbols of a CPython.
                let newer = unsafe { $newer::of(find) };
                newer.map(Self::$newer).or_else(|newer| {
                    // SAFETY: as above.
                    let older = unsafe { $older::of(find) };
                    older.map(Self::$older).map_err(|older| Missing { older: Some(older.symbol), ..newer })
                })
            }
        }
    };
}

table! {
    /// The functions and variables of one Python that has started.
    Api {
        variables {
            PyExc_KeyboardInterrupt: *mut Object;
            PyBaseObject_Type: Object;
        }
        tables {
            errors: ErrorIndicator;
            threads: ThreadStates;
        }
        functions {
            Py_GetVersion() -> *const c_char;
            PyEval_SaveThread() -> *mut ThreadState;
            PyEval_RestoreThread(*mut ThreadState);
            PyThreadState_SetAsyncExc(c_ulong, *mut Object) -> c_int;
            PyEval_GetBuiltins() -> *mut Object;
            Py_CompileString(*const c_char, *const c_char, c_int) -> *mut Object;
            PyMarshal_WriteObjectToString(*mut Object, c_int) -> *mut Object;
            PyMarshal_ReadObjectFromString(*const c_char, isize) -> *mut Object;
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
            PyObject_Type(*mut Object) -> *mut Object;
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
            PyErr_Clear();
            Py_IncRef(*mut Object);
            Py_DecRef(*mut Object);
        }
    }
}

// SAFETY: these are addresses, which any thread may have. To call a function, or to read a variable, is unsafe, and left to
// code that holds the GIL where Python asks for that.
unsafe impl Send for Api {}
// SAFETY: nothing changes the table, so that threads may read it at the same time.
unsafe impl Sync for Api {}

impl Api {
    /// Whether both are tables of the same Python. (The address of a variable of a Python's is no other Python's.)
    pub(crate) fn is_same_python(&self, other: &Self) -> bool {
        std::ptr::eq(self.PyBaseObject_Type, other.PyBaseObject_Type)
    }
}

newer_or_older! {
    /// How an exception is taken out of the error indicator, and put back.
    ErrorIndicator: RaisedException, FetchedException
}

table! {
    /// An exception is one object: from 3.12 on.
    RaisedException {
        functions {
            PyErr_GetRaisedException() -> *mut Object;
            PyErr_SetRaisedException(*mut Object);
        }
    }
}

table! {
    /// An exception has three parts: type, value and traceback.
    FetchedException {
        functions {
            PyErr_Fetch(*mut *mut Object, *mut *mut Object, *mut *mut Object);
            PyErr_NormalizeException(*mut *mut Object, *mut *mut Object, *mut *mut Object);
            PyErr_Restore(*mut Object, *mut Object, *mut Object);
            PyException_SetTraceback(*mut Object, *mut Object) -> c_int;
        }
    }
}

newer_or_older! {
    /// How a thread enters a Python, and leaves it.
    ThreadStates: GuardedThreadState, GilState
}

table! {
    /// By a guard or a view of an interpreter: from 3.15 on (PEP 788).
    GuardedThreadState {
        functions {
            PyInterpreterGuard_FromCurrent() -> *mut InterpreterGuard;
            PyInterpreterView_FromMain() -> *mut InterpreterView;
            PyInterpreterView_Close(*mut InterpreterView);
            PyThreadState_Ensure(*mut InterpreterGuard) -> *mut ThreadStateToken;
            PyThreadState_EnsureFromView(*mut InterpreterView) -> *mut ThreadStateToken;
            PyThreadState_Release(*mut ThreadStateToken);
        }
    }
}

table! {
    /// The interpreter is the main one, and is not protected from its end.
    GilState {
        functions {
            PyGILState_Ensure() -> c_int;
            PyGILState_Release(c_int);
        }
    }
}

/// The functions by which a Python is initialised. One of the first two is there.
#[derive(Clone, Copy)]
pub(crate) struct StartApi {
    pub(crate) by_config: Option<StartByConfig>,
    pub(crate) by_globals: Option<StartByGlobals>,
    pub(crate) arenas: Option<Arenas>,
}

impl StartApi {
    /// # Safety
    /// `find` returns the addresses of the symbols of a CPython.
    pub(crate) unsafe fn of(find: Find<'_>) -> Result<Self, Missing> {
        // SAFETY: by this function's contract, these are the symbols of a CPython.
        let (by_config, by_globals, arenas) =
            unsafe { (StartByConfig::of(find), StartByGlobals::of(find), Arenas::of(find)) };
        if let (Err(newer), Err(older)) = (by_config, by_globals) {
            return Err(Missing { older: Some(older.symbol), ..newer });
        }
        Ok(Self { by_config: by_config.ok(), by_globals: by_globals.ok(), arenas: arenas.ok() })
    }
}

table! {
    /// Initialisation by named options: from 3.14 on (PEP 741).
    StartByConfig {
        functions {
            PyInitConfig_Create() -> *mut InitConfig;
            PyInitConfig_Free(*mut InitConfig);
            PyInitConfig_HasOption(*mut InitConfig, *const c_char) -> c_int;
            PyInitConfig_GetInt(*mut InitConfig, *const c_char, *mut i64) -> c_int;
            PyInitConfig_SetInt(*mut InitConfig, *const c_char, i64) -> c_int;
            PyInitConfig_SetStr(*mut InitConfig, *const c_char, *const c_char) -> c_int;
            PyInitConfig_GetError(*mut InitConfig, *mut *const c_char) -> c_int;
            Py_InitializeFromInitConfig(*mut InitConfig) -> c_int;
        }
    }
}

table! {
    /// Initialisation by global variables, which CPython deprecates.
    StartByGlobals {
        functions {
            PyPreConfig_InitPythonConfig(*mut PreConfig);
            Py_PreInitialize(*const PreConfig) -> Status;
            Py_SetProgramName(*const libc::wchar_t);
            Py_SetPythonHome(*const libc::wchar_t);
            Py_InitializeEx(c_int);
        }
    }
}

table! {
    /// The allocator for larger blocks can be replaced.
    Arenas {
        functions {
            PyObject_SetArenaAllocator(*mut ArenaAllocator);
        }
    }
}

table! {
    /// What tells Python's main thread. Interpreters do without it where it is missing.
    MainThreadApi {
        functions {
            _PyOS_IsMainThread() -> c_int;
            PyThreadState_Get() -> *mut ThreadState;
        }
    }
}
