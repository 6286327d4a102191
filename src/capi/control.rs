//! Controls: tokens by which a call is watched and stopped from outside.

use std::time::Duration;

use super::threads;
use crate::capi::abi::array::Out;
use crate::capi::abi::guard::guarded_status;
use crate::capi::abi::handle::{HandleGuard, Kind, Registry};
use crate::control::{ActiveCall, Control, TokenRef};
use crate::error::Error;
use crate::pool::Call;

static CONTROLS: Registry<Control> = Registry::new(Kind::Control);

/// The argument that stands for no control.
const NONE: i32 = 0;

fn get(control: i32) -> Result<HandleGuard<'static, Control>, Error> {
    CONTROLS.get(control).ok_or(Error::Handle { parameter: "control", handle: control })
}

/// Runs `body` as a call of so many items, with the arguments `nthreads` and `control` that its export was given.
/// With the default number of threads, up to `few` items stay on the calling thread: another one would come too late.
pub(super) fn with_call<T>(
    nthreads: i32,
    control: i32,
    items: u64,
    few: u64,
    body: impl FnOnce(Call<'_>) -> Result<T, Error>,
) -> Result<T, Error> {
    let control = (control != NONE).then(|| get(control)).transpose()?;
    let threads = threads::of_call(nthreads, items <= few)?;
    let under = control.as_ref().map(|control| control.begin(items)).transpose()?;
    body(Call::new(under.as_ref().map_or(TokenRef::none(), ActiveCall::token), threads))
}

/// Makes a control: a token that a long call takes, so that other threads can see its progress and stop it.
///
/// A control serves one call at a time, and any number one after the other. What a call under a control does while
/// it is cancelled or its deadline comes, is what the call's thread sees: it returns UNGIL_E_CANCELLED or
/// UNGIL_E_TIMED_OUT within 10 ms, or UNGIL_OK if it was done by then. (Where it calls a function of the caller's, a
/// call of that function is not interrupted, and a deadline may be noticed as late as 8 calls of it after.) Results
/// that are single numbers are not written then; of an array of results, some may be.
///
/// control: receives the handle, a positive number, on success only.
/// Returns UNGIL_OK, or an error with a message in ungil_last_error().
/// Errors: UNGIL_E_NULL if control is NULL; UNGIL_E_EXHAUSTED if 65536 controls are in use.
/// Ownership: free it with ungil_control_free().
/// After a fork the child has the parent's controls, as they were; calls that were under them are not.
/// Thread-safety: any number of threads at once.
/// Cost: below a microsecond as a rule; a millisecond if nearly all are in use. 64 bytes each, which are reused.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ungil_control_new(control: *mut i32) -> i32 {
    guarded_status("ungil_control_new", || {
        // SAFETY: the caller gives NULL or a place for an int32_t.
        let out = unsafe { Out::new("control", control) }?;
        out.write(CONTROLS.insert(Control::new()).ok_or(Error::Exhausted { what: "controls" })?);
        Ok(())
    })
}

/// Frees a control. Its handle is not given out again soon, and using it is an error.
///
/// control: the handle; 0 does nothing.
/// Returns UNGIL_OK, or an error with a message in ungil_last_error().
/// Errors: UNGIL_E_HANDLE if there is no such control; UNGIL_E_IN_USE while a call is under it: cancel that first.
/// Thread-safety: any number of threads at once.
/// Cost: below a microsecond.
#[unsafe(no_mangle)]
pub extern "C" fn ungil_control_free(control: i32) -> i32 {
    guarded_status("ungil_control_free", || {
        if control == NONE {
            return Ok(());
        }
        let pinned = get(control)?;
        pinned.close()?;
        // One of several threads that free it at once is the one that did.
        pinned.retire().then_some(()).ok_or(Error::Handle { parameter: "control", handle: control })
    })
}

/// Stops the call that is under the control. It stays cancelled: a later call under it stops at once.
///
/// control: the handle.
/// Returns UNGIL_OK, also if no call is under it or if it was cancelled before; or an error with a message in
/// ungil_last_error().
/// Errors: UNGIL_E_HANDLE if there is no such control.
/// Thread-safety: any number of threads at once; that is what it is for.
/// Cost: below a microsecond; it does not wait for the call to return.
#[unsafe(no_mangle)]
pub extern "C" fn ungil_control_cancel(control: i32) -> i32 {
    guarded_status("ungil_control_cancel", || {
        get(control)?.cancel();
        Ok(())
    })
}

/// Stops the call that is under the control, or a later one, when so much time is over.
///
/// control: the handle.
/// milliseconds: counted from now, on a clock that nobody sets; 0 stops at once, a negative number takes the deadline
/// away.
/// Returns UNGIL_OK, or an error with a message in ungil_last_error().
/// Errors: UNGIL_E_HANDLE if there is no such control.
/// Thread-safety: any number of threads at once, also while a call is under it.
/// Cost: below a microsecond.
#[unsafe(no_mangle)]
pub extern "C" fn ungil_control_set_deadline_ms(control: i32, milliseconds: i64) -> i32 {
    guarded_status("ungil_control_set_deadline_ms", || {
        get(control)?.set_deadline(u64::try_from(milliseconds).ok().map(Duration::from_millis));
        Ok(())
    })
}

/// How far the latest call under the control is.
///
/// While a call runs, done never falls. When it has succeeded, done is total; when it was stopped, done stays as it
/// was.
///
/// control: the handle.
/// done, total: receive numbers of items (array elements, terms, indices: what the call works on), on success only;
/// both 0 before the first call.
/// Returns UNGIL_OK, or an error with a message in ungil_last_error().
/// Errors: UNGIL_E_HANDLE if there is no such control; UNGIL_E_NULL if done or total is NULL.
/// Thread-safety: any number of threads at once.
/// Cost: below a microsecond.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ungil_control_progress(control: i32, done: *mut u64, total: *mut u64) -> i32 {
    guarded_status("ungil_control_progress", || {
        // SAFETY: the caller gives NULL or places for a uint64_t each.
        let (done, total) = unsafe { (Out::new("done", done)?, Out::new("total", total)?) };
        let progress = get(control)?.progress();
        done.write(progress.0);
        total.write(progress.1);
        Ok(())
    })
}
