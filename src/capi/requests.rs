//! Requests to isolated interpreters, and the memory that they share with C.

use std::ffi::c_void;
use std::sync::atomic::{AtomicU8, Ordering};

use super::interp::with_interpreter;
use crate::capi::abi::array::{CallerArray, Out};
use crate::capi::abi::error::CallError;
use crate::capi::abi::guard::guarded_status;
use crate::capi::abi::handle::{Kind, Registry};
use crate::exchange::foreign_buffer::{ForeignBuffer, ReleaseCallback};
use crate::exchange::release;
use crate::exchange::request::{Owner, SharedBuffer};
use crate::interp::runtime::interpreter::Interpreter;
use crate::interp::runtime::reply::Reply;

static REPLIES: Registry<ExportedReply> = Registry::new(Kind::Reply);

/// The argument that means no reply.
const NONE: i32 = 0;

/// A release callback: called when a buffer's memory is no longer in use, with the buffer's owner.
pub type UngilRelease = Option<unsafe extern "C-unwind" fn(owner: *mut c_void)>;

/// Memory that goes to an interpreter, or comes from one, without being copied.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct UngilBuffer {
    /// The address; may be NULL if length is 0.
    pub address: *mut c_void,
    /// The length in bytes.
    pub length: usize,
    /// 0 if Python code may write to the memory.
    pub readonly: i32,
    /// The release callback, called once, with owner, when nothing uses the memory any more; or NULL.
    pub release: UngilRelease,
    /// Passed to release.
    pub owner: *mut c_void,
}

/// An interpreter's reply, to be freed by passing its handle to ungil_reply_free().
#[repr(C)]
pub struct UngilReply {
    /// The response; undefined if length is 0.
    pub response: *const c_void,
    /// The length of the response in bytes.
    pub length: usize,
    /// Memory of the interpreter, in buffers without a release callback.
    pub buffers: *const UngilBuffer,
    /// The number of buffers.
    pub count: usize,
    /// The handle to free it with.
    pub handle: i32,
}

/// A reply whose memory C reads, and its buffers as C sees them.
struct ExportedReply {
    _reply: Reply,
    /// A vector and not a box, because pointers into a box are invalid once it has been moved.
    _buffers: Vec<UngilBuffer>,
}

// SAFETY: a Reply may be moved to other threads. The addresses in the buffers are only stored here, and not used.
unsafe impl Send for ExportedReply {}
// SAFETY: nothing here is accessed before it is dropped. C reads the memory, on threads of its choice, and by the header's
// contract not after it has freed the reply.
unsafe impl Sync for ExportedReply {}

/// The owner of a buffer, which is passed to the buffer's release callback.
struct OwnerPointer(*mut c_void);

// SAFETY: it is used only as the argument of the release callback, which by the header's contract any thread may call.
unsafe impl Send for OwnerPointer {}

impl UngilBuffer {
    /// Whether it can be the caller's memory.
    pub(super) fn check(&self) -> Result<(), CallError> {
        if self.address.is_null() && self.length > 0 {
            return Err(CallError::NoAddress);
        }
        if self.length > isize::MAX as usize {
            return Err(CallError::TooLong { parameter: "a buffer" });
        }
        Ok(())
    }

    /// Takes over the caller's buffer: from here on, its release callback is called whatever happens.
    ///
    /// # Safety
    /// The buffer is as the header requires for `ungil_interp_call`, and is taken over once.
    unsafe fn into_foreign_buffer(self) -> Result<ForeignBuffer, CallError> {
        // SAFETY: this function's contract.
        let buffer = unsafe { self.lent_by(None) };
        self.check().map(|()| buffer)
    }

    /// Takes over a buffer that `check` accepts. The release callback is called by the interpreter that has lent it, if
    /// one has.
    ///
    /// # Safety
    /// The buffer is as the header requires, and is taken over once.
    pub(super) unsafe fn lent_by(self, lender: Option<&'static Interpreter>) -> ForeignBuffer {
        let (release, owner) = (self.release, OwnerPointer(self.owner));
        let call = move || {
            let owner = owner; // captures the whole of it, which is Send, and not its field
            if let Some(release) = release {
                // SAFETY: by the header's contract any thread may call the release callback with its owner, once: this
                // closure is called once, and the buffer was taken over once.
                unsafe { release::call(release, owner.0) }
            }
        };
        let release = ReleaseCallback::new(move || match lender {
            None => call(),
            Some(lender) => lender.call_soon(Box::new(call)),
        });
        // SAFETY: by the header's contract, the memory may be used until the release callback is called.
        unsafe { ForeignBuffer::new(self.address, self.length, self.readonly != 0, release) }
    }
}

/// `readonly` of memory that is lent for one call alone.
const LENT: i32 = 2;

/// Takes over the caller's buffers, for calls that are sent later. All of them are, and so released, even if one is invalid.
/// The interpreter that lends them, if one does, releases them.
///
/// # Safety
/// They are as the header requires for `ungil_interp_call`, and are taken over once.
pub(super) unsafe fn shared_buffers(
    buffers: CallerArray<UngilBuffer>,
    lender: Option<&'static Interpreter>,
) -> Result<Vec<SharedBuffer>, CallError> {
    let take_over = |buffer: UngilBuffer| {
        // Only those of the host are told of an interpreter that has died.
        let lent = (buffer.readonly == LENT && lender.is_none()).then_some(Owner(buffer.owner));
        // SAFETY: this function's contract.
        let memory = unsafe { buffer.lent_by(lender) };
        buffer.check().map(|()| SharedBuffer::new(memory, lent))
    };
    let buffers: Vec<_> = buffers.to_vec().into_iter().map(take_over).collect();
    buffers.into_iter().collect()
}

/// Sends a request to the function that the interpreter's code has passed to `_ungil.serve`, and waits for the reply.
///
/// The function is called on the calling thread as function(request, *buffers), with a bytes object and memoryviews. It
/// returns an object with a buffer (bytes, bytearray, an array), which is the response; or a tuple of several, of which
/// the first is the response and the others are buffers. Every interpreter can `import _ungil`.
///
/// interp: the handle.
/// request: length bytes, which are copied. May be NULL if length is 0.
/// buffers: count buffers, whose memory is not copied. May be NULL if count is 0. The memory is in use as long as a view
/// of it exists, which may be longer than the call. Then the buffer's release callback is called, from any thread; if
/// no view is left when this function returns, it has been called by then. It is called exactly once for each buffer, even
/// if this function returns an error, with these exceptions: after UNGIL_E_NULL; after UNGIL_E_EXITING and UNGIL_E_DIED, for
/// buffers that Python code had received; and after ungil_interp_end_release(). If Python code writes to a buffer, the
/// caller must synchronise other accesses to it.
/// reply: receives the reply, on success only. It and its memory belong to the library: see ungil_reply_free().
/// Returns UNGIL_OK, or an error with a message in ungil_last_error().
/// Errors: UNGIL_E_NULL if reply is NULL, or if request or buffers is NULL while its length is positive;
/// UNGIL_E_INVALID if a length is larger than the address space, or if a buffer has a length but no address;
/// UNGIL_E_EXHAUSTED if 65536 replies are in use; those of ungil_interp_exec().
/// Thread-safety: as for ungil_interp_exec().
/// Cost: that of the function, plus about 2 us.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ungil_interp_call(
    interp: i32,
    request: *const c_void,
    length: usize,
    buffers: *const UngilBuffer,
    count: usize,
    reply: *mut UngilReply,
) -> i32 {
    guarded_status("ungil_interp_call", || {
        // SAFETY: the caller passes NULL or a writable reply, and arrays that are readable until this returns.
        let (out, request, buffers) = unsafe {
            (
                Out::new("reply", reply)?,
                CallerArray::new("request", request.cast::<u8>(), length)?,
                CallerArray::<UngilBuffer>::new("buffers", buffers, count)?,
            )
        };
        // SAFETY: the buffers are as the header requires, and each is taken over once.
        let take_over = |buffer: UngilBuffer| unsafe { buffer.into_foreign_buffer() };
        // All are taken over, and so released, even if one of them is invalid.
        let buffers: Vec<_> = buffers.to_vec().into_iter().map(take_over).collect();
        let buffers = buffers.into_iter().collect::<Result<Vec<ForeignBuffer>, _>>()?;
        let reply = with_interpreter(interp, |interpreter| interpreter.call(request.as_slice(), buffers))?;
        out.write(export(reply)?);
        Ok(())
    })
}

/// A reply's buffers as C sees them.
pub(super) fn exported_buffers(reply: &Reply) -> Vec<UngilBuffer> {
    let to_c = |(address, length, read_only): (*mut u8, usize, bool)| UngilBuffer {
        address: address.cast(),
        length,
        readonly: read_only.into(),
        release: None,
        owner: std::ptr::null_mut(),
    };
    reply.buffers().map(to_c).collect()
}

/// Keeps a reply for C, until C frees it.
fn export(reply: Reply) -> Result<UngilReply, CallError> {
    let buffers = exported_buffers(&reply);
    let (response, length) = reply.response();
    let (first, count) = (buffers.as_ptr(), buffers.len());
    let handle = REPLIES.insert(ExportedReply { _reply: reply, _buffers: buffers });
    let handle = handle.ok_or(CallError::Exhausted { what: "replies" })?;
    Ok(UngilReply { response: response.cast(), length, buffers: first, count, handle })
}

/// Frees a reply. Its response and its buffers, which are memory of the interpreter, must not be used afterwards.
///
/// handle: the reply's; 0 does nothing.
/// Returns UNGIL_OK, or an error with a message in ungil_last_error().
/// Errors: UNGIL_E_HANDLE if there is no such reply.
/// Thread-safety: any number of threads at once.
/// Cost: less than a microsecond. If the reply has buffers, the interpreter releases them at the end of its next request,
/// or within some milliseconds.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ungil_reply_free(handle: i32) -> i32 {
    guarded_status("ungil_reply_free", || {
        if handle == NONE {
            return Ok(());
        }
        let invalid = || CallError::Handle { parameter: "handle", handle };
        REPLIES.acquire(handle).ok_or_else(invalid)?.retire().then_some(()).ok_or_else(invalid)
    })
}

/// A release callback that sets the byte to which owner points to 1.
///
/// Unlike a function written in Python, it waits for no lock, and so does not hold up the interpreter that releases the
/// memory. The owner looks at the byte when it suits it, as after ungil_interp_call().
///
/// owner: a byte that is writable until it is 1, and that nothing else writes to meanwhile. NULL does nothing.
/// Thread-safety: any number of threads at once. Who reads 1 atomically (acquire) sees what was written to the memory.
/// Cost: a few nanoseconds.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn ungil_release_flag(owner: *mut c_void) {
    // SAFETY: by the header's contract, the pointer is NULL or that of a byte that is writable, and that others only read,
    // atomically.
    if let Some(flag) = unsafe { owner.cast::<AtomicU8>().as_ref() } {
        flag.store(1, Ordering::Release);
    }
}

/// Disables a release callback: from now on the library never calls it, so buffers that are still in use are never
/// released. Waits for calls in progress.
///
/// This is for callbacks that depend on something that is about to end, as a function written in Python depends on its
/// Python.
///
/// release: the callback; NULL does nothing.
/// Returns UNGIL_OK, or an error with a message in ungil_last_error().
/// Errors: UNGIL_E_IN_USE if a call of the callback is still running after a second; no other call begins even then.
/// Thread-safety: any number of threads at once, but not inside a call of the callback.
/// Cost: less than a microsecond, if no call of the callback is running.
#[unsafe(no_mangle)]
pub extern "C" fn ungil_interp_end_release(release: UngilRelease) -> i32 {
    guarded_status("ungil_interp_end_release", || {
        release.is_none_or(release::disable).then_some(()).ok_or(CallError::ReleaseInUse)
    })
}
