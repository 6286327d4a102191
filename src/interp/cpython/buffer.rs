//! The buffer protocol, in both directions and without a copy.
//!
//! Memory of the caller's is exported to Python by an object of a type of this library's. Python keeps that object as
//! long as there is a view of it, and its deallocation calls the release callback. The other way, a [`BufferView`]
//! acquires the buffer of a Python object, which Python keeps until the view is released.

use std::ffi::{CStr, c_int, c_uint, c_void};
use std::mem::MaybeUninit;
use std::ptr::{self, NonNull};
use std::thread;

use crate::exchange::foreign_buffer::{ForeignBuffer, ReleaseCallback};
use crate::interp::cpython::ffi::{Api, Buffer, Object, TypeSlot, TypeSpec};
use crate::interp::cpython::gil::{Gil, PyErrSet, PyRef, SavedException};
use crate::interp::exit::abandon::{abandon_outer_calls, call_abandonable, protect_frames};
use crate::interp::exit::at_exit::is_exiting;

/// The part of an exporting object that follows Python's own.
struct BufferExporter {
    api: &'static Api,
    address: *mut c_void,
    len: usize,
    read_only: bool,
    /// Taken when the object is deallocated.
    release: Option<ReleaseCallback>,
}

/// The type of exporting objects in one copy.
#[derive(Clone, Copy)]
pub(crate) struct ExporterType {
    api: &'static Api,
    kind: NonNull<Object>,
    /// The length of an object's header. After it comes a pointer to the `BufferExporter`.
    header: usize,
}

/// `Py_TPFLAGS_DISALLOW_INSTANTIATION`. Python 3.9 ignores it.
const DISALLOW_INSTANTIATION: c_uint = 1 << 7;

const TP_DEALLOC: c_int = 52;
const BF_GETBUFFER: c_int = 1;

/// The length of an object's header. The long one is that of free-threaded builds, and up to 3.12 that of builds with
/// `Py_TRACE_REFS`.
const HEADER: usize = 16;
const LONG_HEADER: usize = 32;

const UNKNOWN_HEADER: &CStr =
    c"raise SystemError('unsupported build of Python: the size of its objects is unknown')";

impl ExporterType {
    /// `api` has the functions of the token's Python.
    pub(crate) fn new(gil: Gil<'_>, api: &'static Api) -> Result<Self, PyErrSet> {
        gil.assert_of(api);
        // SAFETY: the token shows that this thread holds the GIL. `object` is a static type of this Python's, and `owned`
        // checks the attribute before its value is read.
        let header = unsafe {
            let size = call_abandonable(|| {
                (api.PyObject_GetAttrString)(api.PyBaseObject_Type, c"__basicsize__".as_ptr())
            });
            (api.PyLong_AsSsize_t)(gil.owned(size)?.as_ptr()) as usize
        };
        let (dealloc, get_buffer) = match header {
            HEADER => functions::<HEADER>(),
            LONG_HEADER => functions::<LONG_HEADER>(),
            _ => return gil.run(UNKNOWN_HEADER, c"<ungil>").and(Err(PyErrSet)),
        };
        let mut slots = [
            TypeSlot { slot: TP_DEALLOC, function: dealloc as *const c_void },
            TypeSlot { slot: BF_GETBUFFER, function: get_buffer as *const c_void },
            TypeSlot { slot: 0, function: ptr::null() },
        ];
        let size = header + size_of::<*mut BufferExporter>();
        let slots = slots.as_mut_ptr();
        let name = c"_ungil.buffer".as_ptr();
        let mut spec =
            TypeSpec { name, basic_size: size as c_int, item_size: 0, flags: DISALLOW_INSTANTIATION, slots };
        // SAFETY: the token shows that this thread holds the GIL. The array of slots ends with a 0, and outlives the call,
        // which copies all but the name; that is static.
        let kind = unsafe { gil.owned(call_abandonable(|| (api.PyType_FromSpec)(&mut spec)))? };
        let kind = NonNull::new(kind.into_ptr()).expect("it was checked");
        Ok(Self { api, kind, header })
    }

    /// The same type, with other functions of the same Python.
    #[cfg(test)]
    pub(crate) fn with_api(self, api: &'static Api) -> Self {
        assert!(api.is_same_python(self.api));
        Self { api, ..self }
    }

    /// Exports memory: a memoryview of it. On an error the release callback is called before this returns.
    pub(crate) fn export<'py>(self, gil: Gil<'py>, buffer: ForeignBuffer) -> Result<PyRef<'py>, PyErrSet> {
        let (api, kind) = (self.api, self.kind.as_ptr());
        gil.assert_of(api);
        // SAFETY: this thread holds the GIL of the type's Python: the token was checked above. The type is alive, as its
        // reference is never given back. The object is NULL or a new reference.
        let object = unsafe { gil.owned(call_abandonable(|| (api.PyType_GenericAlloc)(kind, 0))) };
        let ForeignBuffer { address, len, read_only, release } = buffer;
        let object = match object {
            Ok(object) => object,
            Err(error) => {
                // SAFETY: this thread holds the GIL of the Python with these functions: the token was checked above.
                unsafe { run_release(api, release) };
                return Err(error);
            }
        };
        let exporter = Box::new(BufferExporter { api, address, len, read_only, release: Some(release) });
        let object_address = object.as_ptr();
        // SAFETY: this thread holds the GIL of the object's Python: the token was checked above. Objects of this type have
        // a pointer after their header, which is NULL until it is set here and never changes afterwards. With it,
        // `get_buffer` and `dealloc` may be called. The view is NULL or a new reference, and keeps the object alive.
        unsafe {
            object_address
                .cast::<u8>()
                .add(self.header)
                .cast::<*mut BufferExporter>()
                .write(Box::into_raw(exporter));
            gil.owned(call_abandonable(|| (api.PyMemoryView_FromObject)(object_address)))
        }
    }
}

type Dealloc = unsafe extern "C" fn(*mut Object);
type GetBuffer = unsafe extern "C" fn(*mut Object, *mut Buffer, c_int) -> c_int;

/// The functions of a type for objects with such headers: Pythons of one process may have different ones.
fn functions<const HEADER: usize>() -> (Dealloc, GetBuffer) {
    (dealloc::<HEADER>, get_buffer::<HEADER>)
}

/// NULL before `export` has set it, and in an object that Python code has made: 3.9 lets it do so.
///
/// # Safety
/// An object of the exporting type, whose header has this length.
unsafe fn exporter<const HEADER: usize>(object: *mut Object) -> *mut BufferExporter {
    // SAFETY: by this function's contract, the pointer is there after the header.
    unsafe { object.cast::<u8>().add(HEADER).cast::<*mut BufferExporter>().read() }
}

/// `bf_getbuffer`: fills in Python's description of the memory.
unsafe extern "C" fn get_buffer<const HEADER: usize>(
    object: *mut Object,
    buffer: *mut Buffer,
    flags: c_int,
) -> c_int {
    // SAFETY: Python calls this, with the GIL, for an object of this type, and gives a structure to fill in. The object is
    // alive, and so is its `BufferExporter`.
    unsafe {
        let Some(exporter) = exporter::<HEADER>(object).as_ref() else { return -1 };
        let BufferExporter { api, address, len, read_only, .. } = exporter;
        (api.PyBuffer_FillInfo)(buffer, object, *address, *len as isize, (*read_only).into(), flags)
    }
}

/// `tp_dealloc`: frees the object, and calls the release callback.
unsafe extern "C" fn dealloc<const HEADER: usize>(object: *mut Object) {
    // SAFETY: Python calls this, with the GIL, once for an object of this type that has no references any more, so that
    // the box is nobody else's. The API is static. When `run_release` is called, which may abandon this frame, the box is
    // freed and the callback moved: the frame owns nothing.
    unsafe {
        let exporter = exporter::<HEADER>(object);
        if exporter.is_null() {
            return; // and the object is lost
        }
        let BufferExporter { api, release, .. } = *Box::from_raw(exporter);
        (api.PyObject_Free)(object.cast());
        if let Some(release) = release {
            run_release(api, release);
        }
    }
}

/// Calls a release callback without the GIL, as the callback may wait for something that waits for the GIL. It may also
/// come back with a request, which must not see this thread's exception.
///
/// # Safety
/// This thread holds the GIL of the Python with these functions.
unsafe fn run_release(api: &'static Api, release: ReleaseCallback) {
    // SAFETY: by this function's contract the thread holds the GIL, which it gives up for the callback and takes again.
    // The last three calls may abandon this frame, which owns nothing by then.
    unsafe {
        let exception = SavedException::take(api);
        let state = (api.PyEval_SaveThread)();
        protect_frames(|| drop(release));
        abandon_outer_calls();
        (api.PyEval_RestoreThread)(state);
        exception.restore(api);
    }
}

/// An acquired buffer: the memory of a Python object.
pub(crate) struct BufferView {
    api: &'static Api,
    /// Python's structure. It is on the heap and does not move, as its shape may point into it.
    buffer: NonNull<Buffer>,
}

// SAFETY: any thread may read the structure and the memory. Only `release` changes the object, and it checks that its
// thread holds the GIL of the object's Python.
unsafe impl Send for BufferView {}
// SAFETY: a shared view only reads the structure's fields, which nobody writes until `release` takes the view by value.
unsafe impl Sync for BufferView {}

impl BufferView {
    /// Acquires the buffer of an object, which must be contiguous. `api` has the functions of the object's Python.
    pub(crate) fn acquire<'py>(
        object: &PyRef<'py>,
        gil: Gil<'py>,
        api: &'static Api,
    ) -> Result<Self, PyErrSet> {
        gil.assert_of(api);
        const SIMPLE: c_int = 0;
        let buffer = Box::into_raw(Box::<Buffer>::new_uninit()).cast::<Buffer>();
        let object = object.as_ptr();
        // SAFETY: the token shows that this thread holds the GIL of the object's Python, as both have the same lifetime, and
        // the object is alive by its reference. On success Python has written the structure; on failure it keeps no pointer to it, and the box is freed. (A call that is
        // abandoned leaves the box to Python.)
        unsafe {
            if call_abandonable(|| (api.PyObject_GetBuffer)(object, buffer, SIMPLE)) != 0 {
                drop(Box::from_raw(buffer.cast::<MaybeUninit<Buffer>>()));
                return Err(PyErrSet);
            }
            Ok(Self { api, buffer: NonNull::new_unchecked(buffer) })
        }
    }

    fn buffer(&self) -> &Buffer {
        // SAFETY: `acquire` succeeded, so Python has written the structure. It lives until `release` takes this by value,
        // and nobody writes to it before.
        unsafe { self.buffer.as_ref() }
    }

    pub(crate) fn address(&self) -> *mut c_void {
        self.buffer().address
    }

    pub(crate) fn len(&self) -> usize {
        self.buffer().len as usize
    }

    pub(crate) fn is_read_only(&self) -> bool {
        self.buffer().read_only != 0
    }

    pub(crate) fn to_vec(&self) -> Vec<u8> {
        let mut copy = Vec::with_capacity(self.len());
        if self.len() > 0 {
            // SAFETY: the acquired memory has this many bytes, and the vector has the capacity for them. (There is no slice
            // of the memory, as Python code may write to it meanwhile.)
            unsafe {
                ptr::copy_nonoverlapping(self.address().cast(), copy.as_mut_ptr(), self.len());
                copy.set_len(self.len());
            }
        }
        copy
    }

    /// Releases the buffer. The token is of the object's Python.
    pub(crate) fn release(self, gil: Gil<'_>) {
        if thread::panicking() || is_exiting() {
            return; // this may be an abandoned call that unwinds, whose thread has lost the GIL
        }
        gil.assert_of(self.api);
        let (api, buffer) = (self.api, self.buffer.as_ptr());
        // SAFETY: this thread holds the GIL of the object's Python: the token was checked above. The view is taken by value, so the buffer is released
        // once, and the box is then nobody else's. (A call that is abandoned leaves the box to Python.)
        unsafe {
            call_abandonable(|| (api.PyBuffer_Release)(buffer));
            drop(Box::from_raw(buffer));
        }
    }
}
