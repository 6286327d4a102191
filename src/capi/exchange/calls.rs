//! Calls that inboxes have: asking about them, waiting for them, and functions that many of them share.

use std::ffi::c_void;
use std::sync::{Arc, OnceLock};

use super::with_limits;
use crate::capi::abi::array::{CallerArray, Out};
use crate::capi::abi::error::CallError;
use crate::capi::abi::guard::guarded_status;
use crate::capi::requests::{UngilBuffer, UngilReply, exported_buffers, shared_buffers};
use crate::error::Error;
use crate::exchange::call::Stage;
use crate::exchange::request::{Function, Request, SharedBuffer};
use crate::exchange::server::{self, InterpreterCall, InterpreterInbox, Outcome};
use crate::exchange::table::{NumberKind, Table};
use crate::interp::runtime::reply::Reply;

static CALLS: Table<ExportedCall> = Table::new(NumberKind::Call);
static FUNCTIONS: Table<ExportedFunction> = Table::new(NumberKind::Function);

/// The argument that means no call, or no function.
const NONE: i64 = 0;

/// A call as C knows it.
struct ExportedCall {
    call: Arc<InterpreterCall>,
    inbox: Arc<InterpreterInbox>,
    reply: OnceLock<ExportedOutcome>,
}

/// An outcome whose memory C reads.
struct ExportedOutcome {
    outcome: Arc<Outcome>,
    /// A vector and not a box, because pointers into a box are invalid once it has been moved.
    buffers: Vec<UngilBuffer>,
}

// SAFETY: an Outcome may be used by several threads. The addresses in the buffers are only stored here, and not used.
unsafe impl Send for ExportedOutcome {}
// SAFETY: as above; it does not change.
unsafe impl Sync for ExportedOutcome {}

/// A function as C knows it.
struct ExportedFunction {
    number: u64,
    function: Arc<Function>,
}

fn find_call(call: i64) -> Result<Arc<ExportedCall>, CallError> {
    CALLS.get(call).ok_or(CallError::Number { parameter: "call", number: call })
}

/// Where a call is: no server has taken it.
pub const UNGIL_CALL_QUEUED: i32 = 0;
/// A server has taken it.
pub const UNGIL_CALL_RUNNING: i32 = 1;
/// It has ended: ungil_call_wait() has the reply, or an error.
pub const UNGIL_CALL_DONE: i32 = 2;
/// It was cancelled before a server took it.
pub const UNGIL_CALL_CANCELLED: i32 = 3;

fn state_of(stage: Stage) -> i32 {
    match stage {
        Stage::Queued => UNGIL_CALL_QUEUED,
        Stage::Running => UNGIL_CALL_RUNNING,
        Stage::Over => UNGIL_CALL_DONE,
        Stage::Cancelled => UNGIL_CALL_CANCELLED,
    }
}

/// Makes a call, puts it into the inbox, and returns its number.
pub(super) fn submit(
    inbox: &Arc<InterpreterInbox>,
    group: i32,
    function: i64,
    request: CallerArray<u8>,
    memory: Vec<SharedBuffer>,
) -> Result<i64, CallError> {
    let invalid = CallError::Number { parameter: "function", number: function };
    let function = match function {
        NONE => None,
        number => Some(Arc::clone(&FUNCTIONS.get(number).ok_or(invalid)?.function)),
    };
    let bytes = request.to_vec();
    if function.is_some() && bytes.is_empty() {
        return Err(
            Error::Invalid { parameter: "length", expected: "positive if there is a function" }.into()
        );
    }
    let request = Request::new(function, bytes, memory);
    let exported = CALLS.insert(|number| ExportedCall {
        call: Arc::new(InterpreterCall::of_group(group, number, request)),
        inbox: Arc::clone(inbox),
        reply: OnceLock::new(),
    });
    let exported = exported.ok_or(CallError::Exhausted { what: "calls" })?;
    let number = exported.call.id() as i64;
    inbox.submit(&exported.call).inspect_err(|_| drop(CALLS.remove(number)))?;
    Ok(number)
}

/// Where a call is: UNGIL_CALL_QUEUED, UNGIL_CALL_RUNNING, UNGIL_CALL_DONE or UNGIL_CALL_CANCELLED.
///
/// call: the number.
/// state: receives it.
/// Returns UNGIL_OK, or an error with a message in ungil_last_error().
/// Errors: UNGIL_E_NULL if state is NULL; UNGIL_E_HANDLE if there is no such call.
/// Thread-safety: any number of threads at once.
/// Cost: less than a microsecond.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ungil_call_state(call: i64, state: *mut i32) -> i32 {
    guarded_status("ungil_call_state", || {
        // SAFETY: the caller passes NULL or a writable int32_t.
        let out = unsafe { Out::new("state", state) }?;
        out.write(state_of(find_call(call)?.call.stage()?));
        Ok(())
    })
}

/// Waits until a call has ended, and gives its reply. Any number of threads may, and each gets the same.
///
/// call: the number.
/// timeout_ms: how many milliseconds to wait at most; a negative number is no limit, and 0 does not wait.
/// control: 0, or a control by which others can end the wait, within 10 ms.
/// reply: receives the reply, on success only. It and its memory belong to the call, until ungil_call_free(); its handle is 0.
/// Returns UNGIL_OK, or an error with a message in ungil_last_error().
/// Errors: that of the call, as ungil_interp_call() would return it; UNGIL_E_CLOSED if the inbox was given up;
/// UNGIL_E_CANCELLED if the call was cancelled, or the wait was by its control; UNGIL_E_TIMED_OUT if the call has not ended;
/// UNGIL_E_INTERRUPTED if a signal handler has run on this thread;
/// UNGIL_E_NULL if reply is NULL; UNGIL_E_HANDLE if there is no such call or control; UNGIL_E_IN_USE if another call
/// uses the control.
/// Thread-safety: any number of threads at once.
/// Cost: less than a microsecond if the call has ended; else some microseconds to sleep and to be woken.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ungil_call_wait(
    call: i64,
    timeout_ms: i64,
    control: i32,
    reply: *mut UngilReply,
) -> i32 {
    guarded_status("ungil_call_wait", || {
        // SAFETY: the caller passes NULL or a writable reply.
        let out = unsafe { Out::new("reply", reply) }?;
        let exported = find_call(call)?;
        let outcome = with_limits(timeout_ms, control, |limits| exported.call.wait(limits))?;
        let outcome = outcome.ok_or(Error::Cancelled)?;
        let reply = match &*outcome {
            Outcome::Reply(reply) => export(&exported, &outcome, reply),
            Outcome::Failed(error) => return Err(error.clone().into()),
            Outcome::Lost => return Err(Error::Closed.into()),
        };
        out.write(reply);
        Ok(())
    })
}

/// Keeps a reply in its call, for C.
fn export(call: &ExportedCall, outcome: &Arc<Outcome>, reply: &Reply) -> UngilReply {
    let keep = || ExportedOutcome { outcome: Arc::clone(outcome), buffers: exported_buffers(reply) };
    let kept = call.reply.get_or_init(keep);
    debug_assert!(Arc::ptr_eq(&kept.outcome, outcome), "a call ends once");
    let (response, length) = reply.response();
    let buffers = &kept.buffers;
    UngilReply {
        response: response.cast(),
        length,
        buffers: buffers.as_ptr(),
        count: buffers.len(),
        handle: 0,
    }
}

/// The call that this thread runs in an interpreter, by ungil_inbox_serve().
///
/// call: receives its number, or 0 if this thread runs none.
/// Returns UNGIL_OK, or an error with a message in ungil_last_error().
/// Errors: UNGIL_E_NULL if call is NULL.
/// Thread-safety: any number of threads at once.
/// Cost: less than a microsecond.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ungil_call_current(call: *mut i64) -> i32 {
    guarded_status("ungil_call_current", || {
        // SAFETY: the caller passes NULL or a writable int64_t.
        let out = unsafe { Out::new("call", call) }?;
        out.write(server::current_call().map_or(NONE, |number| number as i64));
        Ok(())
    })
}

/// Cancels a call that no server has taken. Its buffers are released.
///
/// call: the number.
/// Returns UNGIL_OK if the call is cancelled, now or before; or an error with a message in ungil_last_error().
/// Errors: UNGIL_E_IN_USE if a server has taken the call, or it has ended; UNGIL_E_HANDLE if there is no such call.
/// Thread-safety: any number of threads at once.
/// Cost: less than a microsecond, and that of the release callbacks.
#[unsafe(no_mangle)]
pub extern "C" fn ungil_call_cancel(call: i64) -> i32 {
    guarded_status("ungil_call_cancel", || {
        let exported = find_call(call)?;
        exported.inbox.cancel(&exported.call)?.then_some(()).ok_or(CallError::CallTaken)
    })
}

/// Has a call noted when it ends, for ungil_inbox_completed().
///
/// call: the number.
/// state: receives where the call is. If it has ended already, or was cancelled, it is not noted.
/// Returns UNGIL_OK, or an error with a message in ungil_last_error().
/// Errors: UNGIL_E_NULL if state is NULL; UNGIL_E_HANDLE if there is no such call.
/// Thread-safety: any number of threads at once.
/// Cost: less than a microsecond.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ungil_call_watch(call: i64, state: *mut i32) -> i32 {
    guarded_status("ungil_call_watch", || {
        // SAFETY: the caller passes NULL or a writable int32_t.
        let out = unsafe { Out::new("state", state) }?;
        out.write(state_of(find_call(call)?.call.watch()?));
        Ok(())
    })
}

/// Frees a call's number, and its reply. The reply must not be used afterwards. A call that has not ended goes on: nobody will
/// get its reply.
///
/// call: the number; 0 does nothing.
/// Returns UNGIL_OK, or an error with a message in ungil_last_error().
/// Errors: UNGIL_E_HANDLE if there is no such call.
/// Fork: the child has none of its parent's calls.
/// Thread-safety: any number of threads at once.
/// Cost: less than a microsecond; somewhat more if the reply has buffers, which the interpreter's own thread then
/// releases.
#[unsafe(no_mangle)]
pub extern "C" fn ungil_call_free(call: i64) -> i32 {
    guarded_status("ungil_call_free", || {
        let invalid = CallError::Number { parameter: "call", number: call };
        (call == NONE || CALLS.remove(call).is_some()).then_some(()).ok_or(invalid)
    })
}

/// Makes a function that many calls share. Each server sends it to its interpreter once, and again when that has forgotten it.
///
/// A request with a function arrives as: the request without its last byte; the function's bytes, unless they were sent
/// before; three numbers of 8 bytes each, the lowest byte first: the key, how many bytes of the function are there, and how
/// many of the first buffers are the function's; and the request's last byte. If the reply is the one byte 'u', the
/// interpreter does not know the function, and the server sends the request again with the function.
///
/// key: the number by which interpreters know the function. No other function of the process may have it.
/// bytes: length bytes, which are copied. May be NULL if length is 0.
/// buffers: count buffers, as for ungil_interp_call(). Each interpreter gets them; they are released when the function was
/// freed, and nothing uses them any more.
/// function: receives a positive number, on success only.
/// Returns UNGIL_OK, or an error with a message in ungil_last_error().
/// Errors: UNGIL_E_NULL, UNGIL_E_INVALID as for ungil_interp_call(); UNGIL_E_EXHAUSTED if there are 2^32 functions.
/// Ownership: free it with ungil_function_free().
/// Thread-safety: any number of threads at once.
/// Cost: less than a microsecond, and that of copying the bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ungil_function_new(
    key: u64,
    bytes: *const c_void,
    length: usize,
    buffers: *const UngilBuffer,
    count: usize,
    function: *mut i64,
) -> i32 {
    guarded_status("ungil_function_new", || {
        // SAFETY: the caller passes NULL or a writable int64_t, and arrays that are readable until this returns.
        let (out, bytes, buffers) = unsafe {
            (
                Out::new("function", function)?,
                CallerArray::new("bytes", bytes.cast::<u8>(), length)?,
                CallerArray::<UngilBuffer>::new("buffers", buffers, count)?,
            )
        };
        // SAFETY: the buffers are as the header requires, and each is taken over once.
        let memory = unsafe { shared_buffers(buffers, None) }?;
        let function = Arc::new(Function::new(key, bytes.to_vec(), memory));
        let exported = FUNCTIONS.insert(|number| ExportedFunction { number, function });
        out.write(exported.ok_or(CallError::Exhausted { what: "functions" })?.number as i64);
        Ok(())
    })
}

/// Frees a function's number. Calls that were submitted with the function keep it.
///
/// function: the number; 0 does nothing.
/// Returns UNGIL_OK, or an error with a message in ungil_last_error().
/// Errors: UNGIL_E_HANDLE if there is no such function.
/// Fork: the child has none of its parent's functions.
/// Thread-safety: any number of threads at once.
/// Cost: less than a microsecond, and that of the release callbacks.
#[unsafe(no_mangle)]
pub extern "C" fn ungil_function_free(function: i64) -> i32 {
    guarded_status("ungil_function_free", || {
        let invalid = CallError::Number { parameter: "function", number: function };
        (function == NONE || FUNCTIONS.remove(function).is_some()).then_some(()).ok_or(invalid)
    })
}
