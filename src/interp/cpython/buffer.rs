//! Memory that is lent to an interpreter, and by one, without a copy.
//!
//! What comes in is an object of a type that lends its memory, and tells the owner when it goes: Python keeps it as
//! long as there is a view of it. What goes out is a view of a Python object, which Python keeps until the view is given
//! back.

use std::ffi::{c_int, c_void};
use std::mem::MaybeUninit;
use std::ptr::{self, NonNull};

use crate::interp::cpython::ffi::{Api, Buffer, Object, TypeSlot, TypeSpec};
use crate::interp::cpython::gil::{Gil, PyErrSet, PyRef};
use crate::interp::cpython::host::Version;
use crate::interp::exit::abandon::{call_abandonable, protect_frames};
use crate::interp::exit::at_exit::is_ending;
use crate::interp::foreign_buffer::{ForeignBuffer, ReleaseCallback};

/// What a lending object has behind Python's own part.
struct BufferExporter {
    api: &'static Api,
    address: *mut c_void,
    len: usize,
    read_only: bool,
    /// Taken when the object goes.
    owner: Option<ReleaseCallback>,
}

/// The type of such objects in one copy.
#[derive(Clone, Copy)]
pub(crate) struct ExporterType {
    kind: NonNull<Object>,
    /// Bytes of an object before its `BufferExporter`, a pointer.
    offset: usize,
}

const TP_DEALLOC: c_int = 52;
const BF_GETBUFFER: c_int = 1;

impl ExporterType {
    pub(crate) fn new(held: Gil<'_>, version: Version) -> Result<Self, PyErrSet> {
        let api = held.api;
        // SAFETY: the attribute of a type; the object is checked.
        let offset = unsafe {
            let size = call_abandonable(|| {
                (api.PyObject_GetAttrString)(api.PyBaseObject_Type, c"__basicsize__".as_ptr())
            });
            (api.PyLong_AsSsize_t)(held.owned(size)?.as_ptr()) as usize
        };
        // A static for each function, so that a type's functions know where the pointer is: all Pythons of a process
        // could have different headers (those without the GIL do).
        let (dealloc, lend) = if offset == 16 { gates::<16>() } else { gates::<32>() };
        let takes_buffer_slots = version >= Version(3, 9);
        let mut slots = [
            TypeSlot { slot: TP_DEALLOC, function: dealloc as *const c_void },
            TypeSlot {
                slot: if takes_buffer_slots { BF_GETBUFFER } else { 0 },
                function: if takes_buffer_slots { lend as *const c_void } else { ptr::null() },
            },
            TypeSlot { slot: 0, function: ptr::null() },
        ];
        let size = offset + size_of::<*mut BufferExporter>();
        let slots = slots.as_mut_ptr();
        let name = c"_ungil.buffer".as_ptr();
        let mut spec = TypeSpec { name, basic_size: size as c_int, item_size: 0, flags: 0, slots };
        // SAFETY: the specification is whole, and Python copies it, but for the name, which is static.
        let kind = unsafe { held.owned(call_abandonable(|| (api.PyType_FromSpec)(&mut spec)))? };
        if !takes_buffer_slots {
            // SAFETY: the type was just made, and nobody else has seen it.
            unsafe { set_buffer_function(kind.as_ptr(), lend) };
        }
        let kind = NonNull::new(kind.into_ptr()).expect("it was checked");
        Ok(Self { kind, offset })
    }

    /// Whether this Python has no lock: its objects have longer headers.
    pub(crate) fn is_free_threaded(self) -> bool {
        self.offset == 32
    }

    /// A memoryview of what is lent.
    pub(crate) fn view<'a>(
        self,
        held: Gil<'a>,
        api: &'static Api,
        loan: ForeignBuffer,
    ) -> Result<PyRef<'a>, PyErrSet> {
        let kind = self.kind.as_ptr();
        // SAFETY: the type is this copy's, and the object's reference new.
        let object = unsafe { held.owned(call_abandonable(|| (api.PyType_GenericAlloc)(kind, 0))) };
        let ForeignBuffer { address, len, read_only, owner } = loan;
        let lender = match object {
            Ok(object) => object,
            Err(raised) => {
                // SAFETY: this thread has the lock.
                unsafe { tell(api, owner) };
                return Err(raised);
            }
        };
        let lent = Box::new(BufferExporter { api, address, len, read_only, owner: Some(owner) });
        let lender_address = lender.as_ptr();
        // SAFETY: the type's objects have room for a pointer at this offset, which is NULL until it is set here. Then it
        // lends its memory, and the view has a reference to it.
        unsafe {
            lender_address
                .cast::<u8>()
                .add(self.offset)
                .cast::<*mut BufferExporter>()
                .write(Box::into_raw(lent));
            held.owned(call_abandonable(|| (api.PyMemoryView_FromObject)(lender_address)))
        }
    }
}

type Dealloc = unsafe extern "C" fn(*mut Object);
type GetBuffer = unsafe extern "C" fn(*mut Object, *mut Buffer, c_int) -> c_int;

fn gates<const OFFSET: usize>() -> (Dealloc, GetBuffer) {
    (dealloc::<OFFSET>, lend::<OFFSET>)
}

/// CPython 3.8 does not take the buffer functions by slots: they are written to where its types have them.
///
/// # Safety
/// The object is a type of CPython 3.8 that was made from a specification.
unsafe fn set_buffer_function(kind: *mut Object, lend: GetBuffer) {
    const AS_BUFFER: usize = 160;
    // SAFETY: in 3.8, the field `tp_as_buffer` of such a type points to its own buffer functions, the first of which is
    // `bf_getbuffer`.
    unsafe {
        let functions = kind.cast::<u8>().add(AS_BUFFER).cast::<*mut Option<GetBuffer>>().read();
        functions.write(Some(lend));
    }
}

/// # Safety
/// An object of the lending type.
unsafe fn lent<const OFFSET: usize>(object: *mut Object) -> *mut BufferExporter {
    // SAFETY: by this function's contract.
    unsafe { object.cast::<u8>().add(OFFSET).cast::<*mut BufferExporter>().read() }
}

/// Lends the object's memory (`bf_getbuffer`).
unsafe extern "C" fn lend<const OFFSET: usize>(
    object: *mut Object,
    buffer: *mut Buffer,
    flags: c_int,
) -> c_int {
    // SAFETY: Python gives an object of this type, and a place for what is lent.
    unsafe {
        let BufferExporter { api, address, len, read_only, .. } = &*lent::<OFFSET>(object);
        (api.PyBuffer_FillInfo)(buffer, object, *address, *len as isize, (*read_only).into(), flags)
    }
}

/// Ends an object, and tells the owner (`tp_dealloc`).
unsafe extern "C" fn dealloc<const OFFSET: usize>(object: *mut Object) {
    // SAFETY: Python gives an object of this type that nobody has any more, and waits for nothing but this. The type is
    // there as long as the process. What the box owned is gone or moved before the call that may be abandoned.
    unsafe {
        let BufferExporter { api, owner, .. } = *Box::from_raw(lent::<OFFSET>(object));
        (api.PyObject_Free)(object.cast());
        if let Some(owner) = owner {
            tell(api, owner);
        }
    }
}

/// Tells an owner that a loan is over. He may wait for something that waits for this copy's lock: it is given up
/// meanwhile. He may also come back with a request, which is not to see an exception that is under way here.
///
/// # Safety
/// These are the functions of the Python whose lock this thread holds.
unsafe fn tell(api: &'static Api, owner: ReleaseCallback) {
    // SAFETY: by this function's contract. In the last two calls the thread may wait for the lock, and then abandon this
    // frame, which owns nothing any more.
    unsafe {
        let mut exception = [ptr::null_mut(); 3];
        let [kind, value, trace] = &mut exception;
        (api.PyErr_Fetch)(kind, value, trace);
        let state = (api.PyEval_SaveThread)();
        protect_frames(|| drop(owner));
        (api.PyEval_RestoreThread)(state);
        let [kind, value, trace] = exception;
        (api.PyErr_Restore)(kind, value, trace);
    }
}

/// Memory that a Python object lends. The buffer is on the heap, and is referred to by address only, as its shape may
/// point into it.
pub(crate) struct BufferView(NonNull<Buffer>);

// SAFETY: the memory may be read by any thread; only `release` touches the object, and that needs the copy's lock.
unsafe impl Send for BufferView {}
// SAFETY: a shared view reads the buffer's fields, which nobody writes until `release` has the view for itself.
unsafe impl Sync for BufferView {}

impl BufferView {
    /// Of an object, whose memory is to be in one piece.
    pub(crate) fn of(object: &PyRef<'_>, held: Gil<'_>) -> Result<Self, PyErrSet> {
        const SIMPLE: c_int = 0;
        let buffer = Box::into_raw(Box::<Buffer>::new_uninit()).cast::<Buffer>();
        let object = object.as_ptr();
        // SAFETY: the object is alive, and Python writes the buffer where it succeeds; where it fails, it keeps nothing
        // of it, and the box is freed. (A call that is abandoned keeps it.)
        unsafe {
            if call_abandonable(|| (held.api.PyObject_GetBuffer)(object, buffer, SIMPLE)) != 0 {
                drop(Box::from_raw(buffer.cast::<MaybeUninit<Buffer>>()));
                return Err(PyErrSet);
            }
            Ok(Self(NonNull::new_unchecked(buffer)))
        }
    }

    fn buffer(&self) -> &Buffer {
        // SAFETY: Python filled the buffer, it lives as long as this, and nobody writes to it meanwhile.
        unsafe { self.0.as_ref() }
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
            // SAFETY: Python lends so many bytes, and there is room for them. (No slice is made of them: Python code
            // may write to them meanwhile.)
            unsafe {
                ptr::copy_nonoverlapping(self.address().cast(), copy.as_mut_ptr(), self.len());
                copy.set_len(self.len());
            }
        }
        copy
    }

    /// Gives it back.
    pub(crate) fn release(self, held: Gil<'_>) {
        if is_ending() {
            return; // as an abandoned call unwinds: the lock is lost
        }
        let buffer = self.0.as_ptr();
        // SAFETY: it was lent, and is given back once, and nobody else has it. If the call is abandoned, it stays: Python
        // may be at it.
        unsafe {
            call_abandonable(|| (held.api.PyBuffer_Release)(buffer));
            drop(Box::from_raw(buffer));
        }
    }
}
