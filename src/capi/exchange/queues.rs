//! Queues of messages between threads, of any interpreter, of the host and of C.

use std::ffi::c_void;
use std::ptr;
use std::sync::{Arc, Mutex, PoisonError};

use super::objects::{self, Object};
use super::with_limits;
use crate::capi::abi::array::{CallerArray, Out};
use crate::capi::abi::error::CallError;
use crate::capi::abi::guard::guarded_status;
use crate::capi::abi::handle::{Kind, Registry};
use crate::capi::requests::UngilBuffer;
use crate::error::Error;
use crate::exchange::message::Message;
use crate::exchange::queue::Queue;

static MESSAGES: Registry<ExportedMessage> = Registry::new(Kind::Message);

/// The argument that means no message.
const NONE: i32 = 0;

/// A message that was taken from a queue, to be freed by passing its handle to ungil_message_free().
#[repr(C)]
#[derive(Clone, Copy)]
pub struct UngilMessage {
    /// The bytes; undefined if length is 0.
    pub data: *const c_void,
    /// The length of the bytes.
    pub length: usize,
    /// Memory that was lent to the receiver, in buffers without a release callback.
    pub buffers: *const UngilBuffer,
    /// The number of buffers.
    pub count: usize,
    /// The sender's number.
    pub tag: i64,
    /// The handle to free it with; 0 if there is nothing to free.
    pub handle: i32,
}

/// A message whose memory C reads, and its buffers as C sees them.
struct ExportedMessage {
    /// Taken if it is put back.
    message: Mutex<Option<Message>>,
    /// A vector and not a box, because pointers into a box are invalid once it has been moved.
    _buffers: Vec<UngilBuffer>,
}

// SAFETY: a Message may be moved to other threads. The addresses in the buffers are only stored here, and not used.
unsafe impl Send for ExportedMessage {}
// SAFETY: the message is behind a mutex, and the addresses are not accessed before they are dropped. C reads the memory, on threads of its choice, and by the header's
// contract not after it has freed the message.
unsafe impl Sync for ExportedMessage {}

/// Creates a queue of messages. Any threads put messages into it and take them out, in the same order: threads of the
/// program, and of Python code in any interpreter.
///
/// capacity: how many messages it holds at most; 0 for any number.
/// queue: receives the handle, a positive number, on success only.
/// Returns UNGIL_OK, or an error with a message in ungil_last_error().
/// Errors: UNGIL_E_NULL if queue is NULL; UNGIL_E_EXHAUSTED if 65536 handles of queues, counters and barriers are in use.
/// Ownership: free it with ungil_exchange_free(). See ungil_exchange_share() for further handles of the same queue.
/// Fork: in the child, all functions of its parent's queues but ungil_exchange_free() return UNGIL_E_FORKED. The same is
/// true of counters and barriers.
/// Thread-safety: any number of threads at once.
/// Cost: less than a microsecond.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ungil_queue_new(capacity: usize, queue: *mut i32) -> i32 {
    guarded_status("ungil_queue_new", || {
        // SAFETY: the caller passes NULL or a writable int32_t.
        let out = unsafe { Out::new("queue", queue) }?;
        out.write(objects::insert(Object::Queue(Arc::new(Queue::new(capacity))))?);
        Ok(())
    })
}

/// Puts a message into a queue. Waits while the queue is full.
///
/// queue: the handle.
/// tag: any number, which the receiver gets.
/// data: length bytes, which are copied. May be NULL if length is 0.
/// buffers: count buffers, whose memory is not copied, but lent until the receiver frees the message. May be NULL if count
/// is 0. Then the buffer's release callback is called, once, from any thread, and also if the queue is freed, or discards
/// the message. If this function returns an error, nothing is lent, and no release callback is called. It is never called
/// for a message that was received by an interpreter which has died.
/// timeout_ms: for how many milliseconds to wait; 0 to wait not at all, a negative number for ever.
/// control: 0, or a control, whose cancellation or deadline ends the wait at once. Its progress is 0 or 1.
/// Returns UNGIL_OK, or an error with a message in ungil_last_error().
/// Errors: UNGIL_E_TIMED_OUT if the queue was full for so long, or at the control's deadline; UNGIL_E_CANCELLED;
/// UNGIL_E_CLOSED if the queue is closed, or is closed meanwhile; UNGIL_E_INTERRUPTED if a signal handler has run on this
/// thread while it waited (on Linux): call again to go on waiting; UNGIL_E_NULL if data or buffers is NULL while its length is positive;
/// UNGIL_E_INVALID if a length is larger than the address space, or if a buffer has a length but no address;
/// UNGIL_E_HANDLE if there is no such queue or control; UNGIL_E_IN_USE if another call uses the control; UNGIL_E_FORKED.
/// Thread-safety: any number of threads at once.
/// Cost: less than a microsecond and the copy of the bytes; some microseconds if a thread has to be woken.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ungil_queue_put(
    queue: i32,
    tag: i64,
    data: *const c_void,
    length: usize,
    buffers: *const UngilBuffer,
    count: usize,
    timeout_ms: i64,
    control: i32,
) -> i32 {
    guarded_status("ungil_queue_put", || {
        // SAFETY: the caller passes arrays that are readable until this returns.
        let (bytes, buffers) = unsafe {
            (
                CallerArray::new("data", data.cast::<u8>(), length)?,
                CallerArray::<UngilBuffer>::new("buffers", buffers, count)?.to_vec(),
            )
        };
        let target = objects::queue(queue)?;
        buffers.iter().try_for_each(UngilBuffer::check)?;
        let lender = if buffers.is_empty() { None } else { objects::holder_of(queue) };
        // SAFETY: the buffers were checked, are as the header requires, and each is taken over once.
        let lent = buffers.into_iter().map(|buffer| unsafe { buffer.lent_by(lender) }).collect();
        let mut message = Some(Message::new(tag, bytes.as_slice(), lent));
        let outcome = with_limits(timeout_ms, control, |limits| {
            let put = target.put(message.take().expect("it is put once"), limits);
            put.map_err(|(error, rest)| {
                message = Some(rest);
                error
            })
        });
        message.into_iter().for_each(Message::disown);
        outcome
    })
}

/// Takes the first message out of a queue. Waits while the queue is empty.
///
/// queue: the handle.
/// space: memory of capacity bytes. A message without buffers whose bytes fit is copied there, and need not be freed. May
/// be NULL if capacity is 0.
/// timeout_ms, control: as for ungil_queue_put().
/// message: receives the message, on success only. Unless its handle is 0, it belongs to the library: see
/// ungil_message_free().
/// Returns UNGIL_OK, or an error with a message in ungil_last_error().
/// Errors: UNGIL_E_NULL if message is NULL, or if space is NULL while capacity is positive; UNGIL_E_TIMED_OUT if the queue
/// was empty for so long, or at the control's deadline; UNGIL_E_CLOSED if the queue is empty and closed, or is closed
/// meanwhile; UNGIL_E_EXHAUSTED if 65536 messages are in use, in which case the message stays in the queue;
/// UNGIL_E_CANCELLED, UNGIL_E_INTERRUPTED, UNGIL_E_HANDLE, UNGIL_E_IN_USE and UNGIL_E_FORKED as for ungil_queue_put().
/// Thread-safety: any number of threads at once.
/// Cost: less than a microsecond and the copy of the bytes, if there is a message; some microseconds to be woken for one.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ungil_queue_get(
    queue: i32,
    space: *mut c_void,
    capacity: usize,
    timeout_ms: i64,
    control: i32,
    message: *mut UngilMessage,
) -> i32 {
    guarded_status("ungil_queue_get", || {
        // SAFETY: the caller passes what `get` takes.
        unsafe { get(queue, (space, capacity), (timeout_ms, control), message) }
    })
}

/// # Safety
/// The space is writable memory of this capacity, or NULL; the message is writable, or NULL.
unsafe fn get(
    queue: i32,
    (space, capacity): (*mut c_void, usize),
    (timeout_ms, control): (i64, i32),
    message: *mut UngilMessage,
) -> Result<(), CallError> {
    // SAFETY: by this function's contract.
    let out = unsafe { Out::new("message", message) }?;
    if space.is_null() && capacity > 0 {
        return Err(CallError::Null { parameter: "space" });
    }
    let source = objects::queue(queue)?;
    let received = with_limits(timeout_ms, control, |limits| source.get(limits))?;
    let (bytes, tag) = (received.bytes(), received.tag());
    let fits = bytes.len() <= capacity && received.buffers().next().is_none();
    out.write(if fits {
        // SAFETY: by this function's contract, the space has `capacity` bytes, which nobody else uses meanwhile. If it is
        // NULL, there are no bytes to be copied.
        unsafe { ptr::copy_nonoverlapping(bytes.as_ptr(), space.cast(), bytes.len()) };
        let (buffers, count, handle) = (ptr::null(), 0, NONE);
        UngilMessage { data: space, length: bytes.len(), buffers, count, tag, handle }
    } else {
        export(received).map_err(|message| {
            source.put_back(message);
            CallError::Exhausted { what: "messages" }
        })?
    });
    Ok(())
}

/// ungil_queue_put() of bytes alone, without waiting: for callers such as ctypes, to which each argument of a call is a cost.
///
/// queue: the handle.
/// tag: any number, which the receiver gets.
/// data: length bytes, which are copied. May be NULL if length is 0.
/// Returns UNGIL_OK, or an error with a message in ungil_last_error().
/// Errors: UNGIL_E_TIMED_OUT if the queue is full; UNGIL_E_CLOSED; UNGIL_E_NULL if data is NULL while length is positive;
/// UNGIL_E_INVALID if length is negative; UNGIL_E_HANDLE; UNGIL_E_FORKED.
/// Thread-safety: any number of threads at once.
/// Cost: as for ungil_queue_put().
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ungil_queue_try_put(queue: i32, tag: i32, data: *const c_void, length: i32) -> i32 {
    guarded_status("ungil_queue_try_put", || {
        // SAFETY: the caller passes bytes that are readable until this returns.
        let bytes = unsafe { CallerArray::new("data", data.cast::<u8>(), checked("length", length)?)? };
        let (target, message) =
            (objects::queue(queue)?, Message::new(tag.into(), bytes.as_slice(), Vec::new()));
        with_limits(0, NONE, |limits| target.put(message, limits).map_err(|(error, _)| error))
    })
}

/// ungil_queue_get() without waiting.
///
/// queue: the handle.
/// space, capacity, message: as for ungil_queue_get().
/// Returns UNGIL_OK, or an error with a message in ungil_last_error().
/// Errors: UNGIL_E_TIMED_OUT if the queue is empty; UNGIL_E_INVALID if capacity is negative; UNGIL_E_NULL, UNGIL_E_CLOSED,
/// UNGIL_E_EXHAUSTED, UNGIL_E_HANDLE and UNGIL_E_FORKED as for ungil_queue_get().
/// Thread-safety: any number of threads at once.
/// Cost: as for ungil_queue_get().
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ungil_queue_try_get(
    queue: i32,
    space: *mut c_void,
    capacity: i32,
    message: *mut UngilMessage,
) -> i32 {
    guarded_status("ungil_queue_try_get", || {
        // SAFETY: the caller passes what `get` takes.
        unsafe { get(queue, (space, checked("capacity", capacity)?), (0, NONE), message) }
    })
}

fn checked(parameter: &'static str, length: i32) -> Result<usize, CallError> {
    usize::try_from(length).map_err(|_| Error::Invalid { parameter, expected: "not negative" }.into())
}

/// Keeps a message for C, until C frees it. The error is the message, if there is no handle.
fn export(message: Message) -> Result<UngilMessage, Message> {
    let to_c = |(address, length, read_only): (*mut u8, usize, bool)| UngilBuffer {
        address: address.cast(),
        length,
        readonly: read_only.into(),
        release: None,
        owner: ptr::null_mut(),
    };
    let buffers: Vec<_> = message.buffers().map(to_c).collect();
    let bytes = message.bytes();
    let (data, length, tag) = (bytes.as_ptr().cast(), bytes.len(), message.tag());
    let (first, count) = (buffers.as_ptr(), buffers.len());
    let exported = ExportedMessage { message: Mutex::new(Some(message)), _buffers: buffers };
    let back = |exported: ExportedMessage| {
        exported.message.into_inner().unwrap_or_else(PoisonError::into_inner).expect("nobody took it")
    };
    let handle = MESSAGES.try_insert(exported).map_err(back)?;
    Ok(UngilMessage { data, length, buffers: first, count, tag, handle })
}

/// Puts back a message that was taken from a queue and could not be used: it is the first again, even if the queue is full
/// or closed.
///
/// queue: the handle.
/// message: the message, as ungil_queue_get() gave it. If its handle is 0, its bytes are copied; else it is freed.
/// Returns UNGIL_OK, or an error with a message in ungil_last_error().
/// Errors: UNGIL_E_NULL if message is NULL, or its data is NULL while its length is positive; UNGIL_E_HANDLE if there is no
/// such queue or message.
/// Thread-safety: any number of threads at once.
/// Cost: as for ungil_queue_put().
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ungil_queue_put_back(queue: i32, message: *const UngilMessage) -> i32 {
    guarded_status("ungil_queue_put_back", || {
        // SAFETY: the caller passes NULL or a readable message.
        let taken = unsafe { CallerArray::new("message", message, 1)?.to_vec() }.swap_remove(0);
        let target = objects::queue(queue)?;
        target.put_back(if taken.handle == NONE {
            // SAFETY: the caller passes bytes that are readable until this returns.
            let bytes = unsafe { CallerArray::new("data", taken.data.cast::<u8>(), taken.length)? };
            Message::new(taken.tag, bytes.as_slice(), Vec::new())
        } else {
            let invalid = || CallError::Handle { parameter: "message", handle: taken.handle };
            let exported = MESSAGES.acquire(taken.handle).ok_or_else(invalid)?;
            let message =
                exported.message.lock().unwrap_or_else(PoisonError::into_inner).take().ok_or_else(invalid)?;
            exported.retire();
            message
        });
        Ok(())
    })
}

/// Frees a message, and releases its buffers. Neither they nor its bytes must be used afterwards.
///
/// message: its handle; 0 does nothing.
/// Returns UNGIL_OK, or an error with a message in ungil_last_error().
/// Errors: UNGIL_E_HANDLE if there is no such message.
/// Thread-safety: any number of threads at once.
/// Cost: less than a microsecond, plus that of release callbacks.
#[unsafe(no_mangle)]
pub extern "C" fn ungil_message_free(message: i32) -> i32 {
    guarded_status("ungil_message_free", || {
        if message == NONE {
            return Ok(());
        }
        let invalid = || CallError::Handle { parameter: "message", handle: message };
        MESSAGES.acquire(message).ok_or_else(invalid)?.retire().then_some(()).ok_or_else(invalid)
    })
}

/// Closes a queue: no more messages can be put. Those that are there can be taken; after that, receivers get
/// UNGIL_E_CLOSED. Threads that wait are woken.
///
/// queue: the handle.
/// discard: not 0 to remove the messages that are there. They count as done for ungil_queue_join().
/// Returns UNGIL_OK, also if the queue is closed already, or an error with a message in ungil_last_error().
/// Errors: UNGIL_E_HANDLE if there is no such queue; UNGIL_E_FORKED.
/// Thread-safety: any number of threads at once.
/// Cost: some microseconds for each thread to wake, plus the cost of release callbacks.
#[unsafe(no_mangle)]
pub extern "C" fn ungil_queue_close(queue: i32, discard: i32) -> i32 {
    guarded_status("ungil_queue_close", || Ok(objects::queue(queue)?.close(discard != 0)?))
}

/// The number of messages in a queue.
///
/// queue: the handle.
/// length: receives the number, on success only. Other threads may change it at any time.
/// Returns UNGIL_OK, or an error with a message in ungil_last_error().
/// Errors: UNGIL_E_NULL if length is NULL; UNGIL_E_HANDLE if there is no such queue; UNGIL_E_FORKED.
/// Thread-safety: any number of threads at once.
/// Cost: less than a microsecond.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ungil_queue_length(queue: i32, length: *mut usize) -> i32 {
    guarded_status("ungil_queue_length", || {
        // SAFETY: the caller passes NULL or a writable size_t.
        let out = unsafe { Out::new("length", length) }?;
        out.write(objects::queue(queue)?.length()?);
        Ok(())
    })
}

/// Says that the work for a message which was taken is done: see ungil_queue_join().
///
/// queue: the handle.
/// Returns UNGIL_OK, or an error with a message in ungil_last_error().
/// Errors: UNGIL_E_INVALID if that was said for all messages that were put; UNGIL_E_HANDLE if there is no such queue;
/// UNGIL_E_FORKED.
/// Thread-safety: any number of threads at once.
/// Cost: less than a microsecond; some microseconds if a thread has to be woken.
#[unsafe(no_mangle)]
pub extern "C" fn ungil_queue_task_done(queue: i32) -> i32 {
    guarded_status("ungil_queue_task_done", || Ok(objects::queue(queue)?.task_done()?))
}

/// Waits until the work for all messages that were put into a queue is done, as ungil_queue_task_done() says.
///
/// queue: the handle.
/// timeout_ms, control: as for ungil_queue_put().
/// Returns UNGIL_OK, or an error with a message in ungil_last_error().
/// Errors: UNGIL_E_TIMED_OUT, UNGIL_E_CANCELLED, UNGIL_E_INTERRUPTED, UNGIL_E_HANDLE, UNGIL_E_IN_USE and UNGIL_E_FORKED as
/// for ungil_queue_put().
/// Thread-safety: any number of threads at once.
/// Cost: less than a microsecond, if there is nothing to wait for.
#[unsafe(no_mangle)]
pub extern "C" fn ungil_queue_join(queue: i32, timeout_ms: i64, control: i32) -> i32 {
    guarded_status("ungil_queue_join", || {
        let source = objects::queue(queue)?;
        with_limits(timeout_ms, control, |limits| source.join(limits))
    })
}
