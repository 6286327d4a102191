//! Inboxes: queues of calls, which servers run in their interpreters.

use std::ffi::c_void;
use std::sync::Arc;

use super::calls::submit;
use super::objects::{self, HeldInbox, Object};
use super::with_limits;
use crate::capi::abi::array::{CallerArray, CallerOutArray, Out};
use crate::capi::abi::guard::guarded_status;
use crate::capi::interp::with_interpreter;
use crate::capi::requests::{UngilBuffer, UngilRelease, shared_buffers};
use crate::error::Error;
use crate::exchange::inbox::Inbox;
use crate::exchange::release;
use crate::exchange::request::{Owner, Request};
use crate::exchange::server::{self, LoanPolicy, Outcome};

/// The argument that means no inbox.
const NONE: i32 = 0;

/// How many calls and threads an inbox has, at one moment.
#[repr(C)]
pub struct UngilInboxCounts {
    /// Calls that no server has taken. Calls that were cancelled may be among them.
    pub queued: usize,
    /// Calls that servers have taken, and that have not ended.
    pub running: usize,
    /// How many of these ungil_inbox_stop() has interrupted.
    pub interrupted: usize,
    /// Threads that wait for a call, in ungil_inbox_serve() or ungil_inbox_await_call().
    pub waiting: usize,
}

/// Creates an inbox: a queue of calls. Threads of the program run them, each in an interpreter of its own:
/// ungil_inbox_serve().
///
/// inbox: receives the handle, a positive number, on success only.
/// Returns UNGIL_OK, or an error with a message in ungil_last_error().
/// Errors: UNGIL_E_NULL if inbox is NULL; UNGIL_E_EXHAUSTED if 65536 handles of queues, counters,
/// barriers and inboxes are in use.
/// Ownership: free it with ungil_inbox_free().
/// Fork: in the child, all functions of its parent's inboxes but ungil_inbox_free() return UNGIL_E_FORKED.
/// Thread-safety: any number of threads at once.
/// Cost: less than a microsecond.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ungil_inbox_new(inbox: *mut i32) -> i32 {
    guarded_status("ungil_inbox_new", || {
        // SAFETY: the caller passes NULL or a writable int32_t.
        let out = unsafe { Out::new("inbox", inbox) }?;
        let inbox = HeldInbox(Arc::new(Inbox::new(Outcome::lost)));
        out.write(objects::insert(Object::Inbox(Arc::new(inbox)))?);
        Ok(())
    })
}

/// Makes a weak handle of an inbox, for its servers: the inbox is closed with the last of its other handles.
///
/// inbox: a handle of the inbox.
/// weak: receives the handle, a positive number, on success only.
/// Returns UNGIL_OK, or an error with a message in ungil_last_error().
/// Errors: UNGIL_E_NULL if weak is NULL; UNGIL_E_HANDLE if there is no such inbox; UNGIL_E_EXHAUSTED if 65536 handles of
/// queues, counters, barriers and inboxes are in use.
/// Ownership: free it with ungil_inbox_free().
/// Thread-safety: any number of threads at once.
/// Cost: less than a microsecond.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ungil_inbox_weak(inbox: i32, weak: *mut i32) -> i32 {
    guarded_status("ungil_inbox_weak", || {
        // SAFETY: the caller passes NULL or a writable int32_t.
        let out = unsafe { Out::new("weak", weak) }?;
        out.write(objects::insert_weak(inbox)?);
        Ok(())
    })
}

/// Frees a handle of an inbox; ungil_exchange_free() does the same. With the last handle the inbox is closed and freed: its
/// servers run the calls that are queued, and end. ungil_exchange_share() makes further handles.
///
/// inbox: the handle; 0 does nothing.
/// Returns UNGIL_OK, or an error with a message in ungil_last_error().
/// Errors: UNGIL_E_HANDLE if there is no such inbox.
/// Thread-safety: any number of threads at once.
/// Cost: less than a microsecond.
#[unsafe(no_mangle)]
pub extern "C" fn ungil_inbox_free(inbox: i32) -> i32 {
    guarded_status("ungil_inbox_free", || {
        if inbox == NONE {
            return Ok(());
        }
        objects::free_inbox(inbox)
    })
}

/// Queues a call: a server of the inbox will send the request to its interpreter, as ungil_interp_call() does.
///
/// inbox: the handle.
/// function: 0, or the number of a function that the request calls; see ungil_function_new(). Then length must not be 0.
/// request: length bytes, which are copied. May be NULL if length is 0.
/// buffers: count buffers, as for ungil_interp_call(); they are also released if the call is cancelled. A buffer whose
/// readonly is 2 is lent for the call alone: if it is still in use when the interpreter has replied, the server first has
/// garbage collected there; see ungil_inbox_serve().
/// call: receives the call's number, which is positive, on success only.
/// Returns UNGIL_OK, or an error with a message in ungil_last_error().
/// Errors: UNGIL_E_CLOSED if the inbox is closed; UNGIL_E_NULL if call is NULL, or if request or buffers is NULL while its
/// length is positive; UNGIL_E_INVALID as for ungil_interp_call(), or if there is a function and no request; UNGIL_E_HANDLE if
/// there is no such inbox or function; UNGIL_E_EXHAUSTED if there are 2^32 calls; UNGIL_E_FORKED in the child of a fork.
/// Ownership: free it with ungil_call_free().
/// Thread-safety: any number of threads at once.
/// Cost: a microsecond, and some more to wake a server.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ungil_inbox_submit(
    inbox: i32,
    function: i64,
    request: *const c_void,
    length: usize,
    buffers: *const UngilBuffer,
    count: usize,
    call: *mut i64,
) -> i32 {
    guarded_status("ungil_inbox_submit", || {
        // SAFETY: the caller passes NULL or a writable int64_t, and arrays that are readable until this returns.
        let (out, request, buffers) = unsafe {
            (
                Out::new("call", call)?,
                CallerArray::new("request", request.cast::<u8>(), length)?,
                CallerArray::<UngilBuffer>::new("buffers", buffers, count)?,
            )
        };
        let (inbox, group) = objects::inbox(inbox)?;
        // SAFETY: the buffers are as the header requires, and each is taken over once.
        let memory = unsafe { shared_buffers(buffers, objects::lender(group)) }?;
        out.write(submit(&inbox, group, function, request, memory)?);
        Ok(())
    })
}

/// Lets the inbox take no more calls. Servers end when the queue is empty.
///
/// inbox: the handle.
/// Returns UNGIL_OK, or an error with a message in ungil_last_error().
/// Errors: UNGIL_E_HANDLE if there is no such inbox; UNGIL_E_FORKED in the child of a fork.
/// Thread-safety: any number of threads at once.
/// Cost: some microseconds, to wake all servers.
#[unsafe(no_mangle)]
pub extern "C" fn ungil_inbox_close(inbox: i32) -> i32 {
    guarded_status("ungil_inbox_close", || Ok(objects::inbox(inbox)?.0.close()?))
}

/// Closes an inbox whose interpreter is dead: the calls that no server has taken, and all that are submitted from now on, fail
/// as the one by which the interpreter died. Servers that have lost this interpreter end, and their calls fail as well.
///
/// inbox: the handle.
/// interp: the interpreter's handle.
/// Returns UNGIL_OK, or an error with a message in ungil_last_error().
/// Errors: UNGIL_E_INVALID if the interpreter is not dead; UNGIL_E_HANDLE if there is no such inbox or interpreter;
/// UNGIL_E_FORKED in the child of a fork.
/// Thread-safety: any number of threads at once.
/// Cost: less than a microsecond for each call, and that of the release callbacks.
#[unsafe(no_mangle)]
pub extern "C" fn ungil_inbox_fail(inbox: i32, interp: i32) -> i32 {
    guarded_status("ungil_inbox_fail", || {
        let inbox = objects::inbox(inbox)?.0;
        let death = with_interpreter(interp, |interpreter| Ok(interpreter.death()))?;
        let death =
            death.ok_or(Error::Invalid { parameter: "interp", expected: "an interpreter that is dead" })?;
        Ok(inbox.fail(Box::new(move || Outcome::Failed(death.clone())))?)
    })
}

/// How many calls and threads the inbox has.
///
/// inbox: the handle.
/// counts: receives the numbers, on success only.
/// Returns UNGIL_OK, or an error with a message in ungil_last_error().
/// Errors: UNGIL_E_NULL if counts is NULL; UNGIL_E_HANDLE if there is no such inbox; UNGIL_E_FORKED in the child of a fork.
/// Thread-safety: any number of threads at once.
/// Cost: less than a microsecond.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ungil_inbox_counts(inbox: i32, counts: *mut UngilInboxCounts) -> i32 {
    guarded_status("ungil_inbox_counts", || {
        // SAFETY: the caller passes NULL or writable counts.
        let out = unsafe { Out::new("counts", counts) }?;
        let counts = objects::inbox(inbox)?.0.counts()?;
        out.write(UngilInboxCounts {
            queued: counts.queued,
            running: counts.running,
            interrupted: counts.interrupted,
            waiting: counts.waiting,
        });
        Ok(())
    })
}

/// Waits until the inbox has a call and no idle server: then it is time for one more. The call stays in the queue.
///
/// inbox: the handle.
/// timeout_ms: how many milliseconds to wait at most; a negative number is no limit, and 0 does not wait.
/// control: 0, or a control by which others can end the wait, within 10 ms.
/// Returns UNGIL_OK if there is such a call, or an error with a message in ungil_last_error().
/// Errors: UNGIL_E_CLOSED if there will be none; UNGIL_E_TIMED_OUT; UNGIL_E_INTERRUPTED; UNGIL_E_CANCELLED by the control; UNGIL_E_HANDLE if there
/// is no such inbox or control; UNGIL_E_IN_USE if another call uses the control; UNGIL_E_FORKED in the child of a fork.
/// Thread-safety: any number of threads at once. For each call, one of them is woken.
/// Cost: some microseconds to sleep and to be woken.
#[unsafe(no_mangle)]
pub extern "C" fn ungil_inbox_await_call(inbox: i32, timeout_ms: i64, control: i32) -> i32 {
    guarded_status("ungil_inbox_await_call", || {
        let guard = objects::inbox(inbox)?.0;
        let is_needed = with_limits(timeout_ms, control, |limits| guard.await_call(limits))?;
        is_needed.then_some(()).ok_or(Error::Closed.into())
    })
}

/// Makes this thread a server: it runs the inbox's calls in an interpreter, one after the other, until the inbox is closed and
/// empty.
///
/// An inbox may have any number of servers. Each should have an interpreter of its own, which this thread has created: then
/// all its calls have one thread state.
///
/// inbox: the handle.
/// interp: the interpreter's handle. It cannot be freed meanwhile.
/// collect: length bytes, the request that makes the interpreter collect garbage; it is sent after a call whose lent memory
/// is still in use (see ungil_inbox_submit()), and its reply is dropped. May be NULL if length is 0: then it is never sent.
/// lost: called with the owner of each lent buffer that the interpreter, which is dead, will never release; or NULL. It is called
/// before the call ends by which the interpreter died.
/// Returns UNGIL_OK when the inbox is closed and empty, or an error with a message in ungil_last_error().
/// Errors: UNGIL_E_DIED if the interpreter is dead: its call has failed, and the others are in the queue; UNGIL_E_NULL if
/// collect is NULL while length is positive; UNGIL_E_HANDLE if there is no such inbox or interpreter; UNGIL_E_EXITING if the
/// process is exiting; UNGIL_E_FORKED in the child of a fork, also of one that a call has made.
/// Thread-safety: any number of threads at once.
/// Cost: for each call, that of the function, plus about 2 us, and some more to sleep and to be woken.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ungil_inbox_serve(
    inbox: i32,
    interp: i32,
    collect: *const c_void,
    length: usize,
    lost: UngilRelease,
) -> i32 {
    guarded_status("ungil_inbox_serve", || {
        // SAFETY: the caller passes bytes that are readable until this returns.
        let collect = unsafe { CallerArray::new("collect", collect.cast::<u8>(), length) }?;
        let guard = objects::inbox(inbox)?.0;
        let lost = |Owner(owner): Owner| {
            if let Some(lost) = lost {
                // SAFETY: by the header's contract any thread may call it with the owner of a buffer.
                unsafe { release::call(lost, owner) }
            }
        };
        let policy = LoanPolicy { collect: collect.as_slice(), lost: &lost };
        with_interpreter(interp, |interpreter| server::serve(&guard, interpreter, &policy))
    })
}

/// Goes on with a call whose request an interpreter has answered with the one byte "l": it has not ended then, and runs
/// without a server. The server will send this request to the interpreter, whose reply is that of the call, unless it is
/// "l" again. From the first such answer on, ungil_interp_interrupt() leaves out the requests of this server: what they begin
/// runs on other threads.
///
/// inbox: the handle.
/// call: the call's number; see ungil_call_current(). The interpreter may pass it before it has answered.
/// request: length bytes, which are copied. May be NULL if length is 0.
/// Returns UNGIL_OK, or an error with a message in ungil_last_error().
/// Errors: UNGIL_E_CLOSED if the inbox has no such call, nobody waits for it any more, or it has a request already;
/// UNGIL_E_NULL if request is NULL while length is positive; UNGIL_E_HANDLE if there is no such inbox; UNGIL_E_FORKED in the
/// child of a fork.
/// Thread-safety: any number of threads at once.
/// Cost: a microsecond, and some more to wake the server.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ungil_inbox_resume(
    inbox: i32,
    call: i64,
    request: *const c_void,
    length: usize,
) -> i32 {
    guarded_status("ungil_inbox_resume", || {
        // SAFETY: the caller passes bytes that are readable until this returns.
        let request = unsafe { CallerArray::new("request", request.cast::<u8>(), length) }?;
        let request = Request::new(None, request.to_vec(), Vec::new());
        let is_resumed = objects::inbox(inbox)?.0.resume(call as u64, request)?;
        is_resumed.then_some(()).ok_or(Error::Closed.into())
    })
}

/// Cancels all calls that no server has taken.
///
/// inbox: the handle.
/// Returns UNGIL_OK, or an error with a message in ungil_last_error().
/// Errors: UNGIL_E_HANDLE if there is no such inbox; UNGIL_E_FORKED in the child of a fork.
/// Thread-safety: any number of threads at once.
/// Cost: less than a microsecond for each, and that of the release callbacks.
#[unsafe(no_mangle)]
pub extern "C" fn ungil_inbox_cancel_queued(inbox: i32) -> i32 {
    guarded_status("ungil_inbox_cancel_queued", || Ok(objects::inbox(inbox)?.0.cancel_queued()?))
}

/// Cancels all calls that no server has taken, and interrupts those that run, as ungil_interp_interrupt() does. Calls that are
/// submitted meanwhile are not affected.
///
/// inbox: the handle.
/// Returns UNGIL_OK, or an error with a message in ungil_last_error().
/// Errors: UNGIL_E_HANDLE if there is no such inbox; UNGIL_E_FORKED in the child of a fork.
/// Thread-safety: any number of threads at once.
/// Cost: some microseconds. It does not wait until the calls have ended.
#[unsafe(no_mangle)]
pub extern "C" fn ungil_inbox_stop(inbox: i32) -> i32 {
    guarded_status("ungil_inbox_stop", || Ok(objects::inbox(inbox)?.0.stop()?))
}

/// Gives up calls: for whoever waits for them, they end with UNGIL_E_CLOSED.
///
/// inbox: the handle.
/// running: 0 for the calls that no server has taken; otherwise also for those that run. These go on, but nobody gets their
/// replies.
/// Returns UNGIL_OK, or an error with a message in ungil_last_error().
/// Errors: UNGIL_E_HANDLE if there is no such inbox; UNGIL_E_FORKED in the child of a fork.
/// Thread-safety: any number of threads at once.
/// Cost: less than a microsecond for each, and that of the release callbacks.
#[unsafe(no_mangle)]
pub extern "C" fn ungil_inbox_give_up(inbox: i32, running: i32) -> i32 {
    guarded_status("ungil_inbox_give_up", || Ok(objects::inbox(inbox)?.0.give_up(running != 0)?))
}

/// Waits for calls to end that ungil_call_watch() was called for, and gives their numbers: each once. Calls that an
/// interpreter's code has submitted are given by its own handle alone.
///
/// inbox: the handle.
/// timeout_ms: how many milliseconds to wait at most; a negative number is no limit, and 0 does not wait.
/// control: 0, or a control by which others can end the wait, within 10 ms.
/// calls: receives up to capacity numbers, in the order in which the calls ended, on success only.
/// count: receives how many they are, on success only.
/// Returns UNGIL_OK, or an error with a message in ungil_last_error().
/// Errors: UNGIL_E_CLOSED if the inbox is closed, all its calls have ended, and those that are watched were given;
/// UNGIL_E_TIMED_OUT; UNGIL_E_INTERRUPTED; UNGIL_E_CANCELLED by the control; UNGIL_E_NULL if calls or count is NULL; UNGIL_E_INVALID if capacity is 0,
/// or too large; UNGIL_E_HANDLE if there is no such inbox or control; UNGIL_E_IN_USE if another call uses the control;
/// UNGIL_E_FORKED in the child of a fork.
/// Thread-safety: any number of threads at once.
/// Cost: less than a microsecond for each, and some more to sleep and to be woken.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ungil_inbox_completed(
    inbox: i32,
    timeout_ms: i64,
    control: i32,
    calls: *mut i64,
    capacity: usize,
    count: *mut usize,
) -> i32 {
    guarded_status("ungil_inbox_completed", || {
        // SAFETY: the caller passes NULL or a writable size_t, and NULL or an array that it may write to.
        let (out, mut calls) =
            unsafe { (Out::new("count", count)?, CallerOutArray::new("calls", calls, capacity)?) };
        if capacity == 0 {
            return Err(Error::Invalid { parameter: "capacity", expected: "positive" }.into());
        }
        let (inbox, group) = objects::inbox(inbox)?;
        let ended = with_limits(timeout_ms, control, |limits| inbox.ended(group, capacity, limits))?;
        let ended: Vec<i64> = ended.into_iter().map(|number| number as i64).collect();
        out.write(calls.fill(&ended));
        Ok(())
    })
}
