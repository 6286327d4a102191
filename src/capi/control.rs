//! Controls, which let other threads watch and stop a call.

use std::num::NonZero;
use std::time::Duration;

use super::threads;
use crate::capi::abi::array::Out;
use crate::capi::abi::error::CallError;
use crate::capi::abi::guard::guarded_status;
use crate::capi::abi::handle::{HandleGuard, Kind, Registry};
use crate::control::Control;
use crate::ops::options::CallOptions;

static CONTROLS: Registry<Control> = Registry::new(Kind::Control);

/// The argument that means no control.
const NONE: i32 = 0;

fn acquire(control: i32) -> Result<HandleGuard<'static, Control>, CallError> {
    CONTROLS.acquire(control).ok_or(CallError::Handle { parameter: "control", handle: control })
}

/// Calls `body` with the control; without one if the argument is 0.
pub(super) fn with_control<T>(
    control: i32,
    body: impl FnOnce(Option<&Control>) -> Result<T, CallError>,
) -> Result<T, CallError> {
    if control == NONE { body(None) } else { body(Some(&*acquire(control)?)) }
}

/// The arguments `nthreads` and `control` of an export. The control exists at least as long as this.
pub(super) struct CallArguments {
    threads: Option<NonZero<usize>>,
    control: Option<HandleGuard<'static, Control>>,
}

impl CallArguments {
    /// Errors: [`CallError::Handle`] if there is no such control; [`Error::Invalid`](crate::error::Error::Invalid) if
    /// `nthreads` is negative.
    pub(super) fn new(nthreads: i32, control: i32) -> Result<Self, CallError> {
        let control = (control != NONE).then(|| acquire(control)).transpose()?;
        Ok(Self { threads: threads::from_c(nthreads)?, control })
    }

    pub(super) fn options(&self) -> CallOptions<'_> {
        CallOptions { threads: self.threads, control: self.control.as_deref() }
    }
}

/// Creates a control. A call that takes it can be watched and stopped by other threads.
///
/// A control serves one call at a time, and any number of calls in succession. A call that is cancelled, or whose
/// deadline passes, returns UNGIL_E_CANCELLED or UNGIL_E_TIMED_OUT within 10 ms; or UNGIL_OK if it had finished by then.
/// (If it calls a function of the caller, a running call of that function is not interrupted, and up to 8 more may
/// follow before a deadline is noticed.) A stopped call does not write a result that is a single number; of an array of
/// results, it may have written some.
///
/// control: receives the handle, a positive number, on success only.
/// Returns UNGIL_OK, or an error with a message in ungil_last_error().
/// Errors: UNGIL_E_NULL if control is NULL; UNGIL_E_EXHAUSTED if 65536 controls are in use.
/// Ownership: free it with ungil_control_free().
/// Fork: the child has copies of the parent's controls. They are not in use there, as the parent's calls stay in the
/// parent.
/// Thread-safety: any number of threads at once.
/// Cost: usually less than a microsecond; a millisecond if nearly all controls are in use. 64 bytes each, which are
/// reused.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ungil_control_new(control: *mut i32) -> i32 {
    guarded_status("ungil_control_new", || {
        // SAFETY: the caller passes NULL or a writable int32_t.
        let out = unsafe { Out::new("control", control) }?;
        let handle = CONTROLS.insert(Control::new());
        out.write(handle.ok_or(CallError::Exhausted { what: "controls" })?);
        Ok(())
    })
}

/// Frees a control. Its handle becomes invalid, and is not handed out again soon.
///
/// control: the handle; 0 does nothing.
/// Returns UNGIL_OK, or an error with a message in ungil_last_error().
/// Errors: UNGIL_E_HANDLE if there is no such control; UNGIL_E_IN_USE while a call uses it: cancel that call first.
/// Thread-safety: any number of threads at once.
/// Cost: less than a microsecond.
#[unsafe(no_mangle)]
pub extern "C" fn ungil_control_free(control: i32) -> i32 {
    guarded_status("ungil_control_free", || {
        if control == NONE {
            return Ok(());
        }
        let guard = acquire(control)?;
        guard.close()?;
        // If several threads free it at once, one succeeds.
        guard.retire().then_some(()).ok_or(CallError::Handle { parameter: "control", handle: control })
    })
}

/// Stops the call that uses the control. The control stays cancelled: a later call that uses it stops at once.
///
/// control: the handle.
/// Returns UNGIL_OK, even if no call uses the control or it was cancelled before; or an error with a message in
/// ungil_last_error().
/// Errors: UNGIL_E_HANDLE if there is no such control.
/// Thread-safety: any number of threads at once, also while a call uses the control.
/// Cost: less than a microsecond; it does not wait for the call to return.
#[unsafe(no_mangle)]
pub extern "C" fn ungil_control_cancel(control: i32) -> i32 {
    guarded_status("ungil_control_cancel", || {
        acquire(control)?.cancel();
        Ok(())
    })
}

/// Sets a deadline. A call that uses the control stops when the deadline passes, or at once if it begins after that.
///
/// control: the handle.
/// milliseconds: the time from now on, by a monotonic clock. 0 stops the call at once; a negative number removes the
/// deadline.
/// Returns UNGIL_OK, or an error with a message in ungil_last_error().
/// Errors: UNGIL_E_HANDLE if there is no such control.
/// Thread-safety: any number of threads at once, also while a call uses the control.
/// Cost: less than a microsecond.
#[unsafe(no_mangle)]
pub extern "C" fn ungil_control_set_deadline_ms(control: i32, milliseconds: i64) -> i32 {
    guarded_status("ungil_control_set_deadline_ms", || {
        acquire(control)?.set_deadline(u64::try_from(milliseconds).ok().map(Duration::from_millis));
        Ok(())
    })
}

/// The progress of the latest call that used the control.
///
/// While a call runs, done never decreases. After the call has succeeded, done equals total; after it was stopped, done
/// keeps its last value.
///
/// control: the handle.
/// done, total: receive numbers of items (the array elements, terms or indices that the call works on), on success
/// only. Both are 0 before the first call.
/// Returns UNGIL_OK, or an error with a message in ungil_last_error().
/// Errors: UNGIL_E_HANDLE if there is no such control; UNGIL_E_NULL if done or total is NULL.
/// Thread-safety: any number of threads at once.
/// Cost: less than a microsecond.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ungil_control_progress(control: i32, done: *mut u64, total: *mut u64) -> i32 {
    guarded_status("ungil_control_progress", || {
        // SAFETY: the caller passes NULL or a writable uint64_t for each.
        let (done, total) = unsafe { (Out::new("done", done)?, Out::new("total", total)?) };
        let progress = acquire(control)?.progress();
        done.write(progress.0);
        total.write(progress.1);
        Ok(())
    })
}
