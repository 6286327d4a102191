//! Barriers: threads wait for one another.

use std::sync::Arc;

use super::objects::{self, Object};
use super::with_limits;
use crate::capi::abi::array::{CallerArray, Out};
use crate::capi::abi::error::CallError;
use crate::capi::abi::guard::guarded_status;
use crate::error::Error;
use crate::exchange::barrier::{Barrier, Manner, Presence};

/// For ungil_barrier_wait() and ungil_barrier_stay(): the last party to arrive returns, and the others wait until it calls
/// ungil_barrier_release(), or ungil_barrier_stay() again.
pub const UNGIL_BARRIER_HOLD: i32 = 1;
/// For ungil_barrier_wait() and ungil_barrier_stay(): a timeout, or the deadline of the control, breaks the barrier, unless
/// all parties have arrived and the last one holds the others.
pub const UNGIL_BARRIER_BREAK: i32 = 2;

/// A party's arrival at a barrier: see ungil_barrier_stay().
#[repr(C)]
#[derive(Clone, Copy)]
pub struct UngilArrival {
    /// What the party is known by while it stays; 0 before it has arrived, and when it stays no more.
    pub party: u64,
    /// After success, the number of the party; else -1.
    pub number: i32,
}

/// The party of an arrival that does not stay.
const NONE: u64 = 0;

/// Creates a barrier: threads of any interpreter, of the program and of C wait there until so many have come.
///
/// parties: how many threads; at least 1.
/// barrier: receives the handle, a positive number, on success only.
/// Returns UNGIL_OK, or an error with a message in ungil_last_error().
/// Errors: UNGIL_E_INVALID if parties is not positive; those of ungil_queue_new().
/// Ownership, Fork, Thread-safety, Cost: as for ungil_queue_new().
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ungil_barrier_new(parties: i32, barrier: *mut i32) -> i32 {
    guarded_status("ungil_barrier_new", || {
        // SAFETY: the caller passes NULL or a writable int32_t.
        let out = unsafe { Out::new("barrier", barrier) }?;
        let parties = u64::try_from(parties).ok().filter(|&parties| parties > 0);
        let parties = parties.ok_or(Error::Invalid { parameter: "parties", expected: "positive" })?;
        out.write(objects::insert(Object::Barrier(Arc::new(Barrier::new(parties))))?);
        Ok(())
    })
}

/// Waits at a barrier until all parties have arrived. They then go on together, and the barrier can be used again.
///
/// A party whose wait ends otherwise leaves: it has not arrived. One that is to go on with its wait calls
/// ungil_barrier_stay() instead.
///
/// barrier: the handle.
/// flags: 0, or the sum of UNGIL_BARRIER_HOLD and UNGIL_BARRIER_BREAK. All parties should hold, or none.
/// timeout_ms, control: as for ungil_queue_put().
/// number: receives the number of this party, on success only: 0 for the first to arrive, parties - 1 for the last. (If one has
/// left, the next to arrive has its number.)
/// Returns UNGIL_OK, or an error with a message in ungil_last_error().
/// Errors: UNGIL_E_NULL if number is NULL; UNGIL_E_INVALID if flags has other bits; UNGIL_E_BROKEN if the barrier is broken, or
/// is broken or reset meanwhile; UNGIL_E_TIMED_OUT, UNGIL_E_CANCELLED, UNGIL_E_INTERRUPTED, UNGIL_E_HANDLE, UNGIL_E_IN_USE and
/// UNGIL_E_FORKED as for ungil_queue_put().
/// Thread-safety: any number of threads at once.
/// Cost: some microseconds for each thread to wake.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ungil_barrier_wait(
    barrier: i32,
    flags: i32,
    timeout_ms: i64,
    control: i32,
    number: *mut i32,
) -> i32 {
    guarded_status("ungil_barrier_wait", || {
        // SAFETY: the caller passes NULL or a writable int32_t.
        let out = unsafe { Out::new("number", number) }?;
        let manner = manner_of(flags)?;
        let barrier = objects::barrier(barrier)?;
        let own =
            with_limits(timeout_ms, control, |limits| barrier.wait(manner, &mut Presence::Comes, limits))?;
        out.write(own as i32); // less than the number of parties, which is an int32_t
        Ok(())
    })
}

/// The same for a party that waits in several calls. If a call fails with UNGIL_E_TIMED_OUT, UNGIL_E_INTERRUPTED or
/// UNGIL_E_CANCELLED, the party stays at the barrier, and goes on with another call, which tells what has become of its phase
/// meanwhile; or it calls ungil_barrier_leave().
///
/// The last party to arrive, if it holds the others, stays after success, too, and ends the phase by another call, which does
/// not wait.
///
/// barrier: the handle. When it is freed, or its interpreter dies, the parties that stay by it leave.
/// flags, timeout_ms, control: as for ungil_barrier_wait(); those of the call in which the party arrives say whether it holds.
/// arrival: its party is 0 for one that comes; else what the last call has written.
/// Returns UNGIL_OK, or an error with a message in ungil_last_error().
/// Errors: UNGIL_E_NULL if arrival is NULL; UNGIL_E_INVALID if no such party stays by this handle; UNGIL_E_BROKEN also if the
/// party's own timeout has broken the barrier; those of ungil_barrier_wait().
/// Thread-safety, Cost: as for ungil_barrier_wait().
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ungil_barrier_stay(
    barrier: i32,
    flags: i32,
    timeout_ms: i64,
    control: i32,
    arrival: *mut UngilArrival,
) -> i32 {
    guarded_status("ungil_barrier_stay", || {
        // SAFETY: the caller passes NULL or a variable that is readable and writable.
        let (out, mut presence) = unsafe { (Out::new("arrival", arrival)?, presence_at(arrival)?) };
        let (barrier, own, _guard) = objects::attended(barrier)?;
        let manner = Manner { stays_for: Some(own), ..manner_of(flags)? };
        let waited = with_limits(timeout_ms, control, |limits| barrier.wait(manner, &mut presence, limits));
        let number = waited.as_ref().map_or(-1, |&number| number as i32); // fewer than an int32_t
        out.write(UngilArrival {
            party: if let Presence::Stays(name) = presence { name } else { NONE },
            number,
        });
        let is_broken = waited.is_err() && presence == Presence::Gone && manner.breaks;
        match waited {
            Err(CallError::Core(Error::WaitedTooLong | Error::TimedOut)) if is_broken => {
                Err(Error::Broken.into())
            }
            outcome => outcome.map(drop),
        }
    })
}

/// Ends the stay of a party that does not go on with its wait: it has not arrived. If it holds the others, the barrier breaks.
///
/// barrier: the handle.
/// arrival: what ungil_barrier_stay() has written. If its party is 0, nothing is done.
/// Returns UNGIL_OK, or an error with a message in ungil_last_error().
/// Errors: UNGIL_E_NULL if arrival is NULL; UNGIL_E_INVALID if no such party stays by this handle; UNGIL_E_HANDLE if there is no
/// such barrier; UNGIL_E_FORKED.
/// Thread-safety: any number of threads at once.
/// Cost: less than a microsecond.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ungil_barrier_leave(barrier: i32, arrival: *const UngilArrival) -> i32 {
    guarded_status("ungil_barrier_leave", || {
        // SAFETY: the caller passes NULL or a readable variable.
        let presence = unsafe { presence_at(arrival) }?;
        let (barrier, own, _guard) = objects::attended(barrier)?;
        Ok(if let Presence::Stays(name) = presence { barrier.leave(name, own) } else { Ok(()) }?)
    })
}

/// How the flags say that a party waits.
fn manner_of(flags: i32) -> Result<Manner, Error> {
    if flags & !(UNGIL_BARRIER_HOLD | UNGIL_BARRIER_BREAK) != 0 {
        let expected = "a sum of UNGIL_BARRIER_HOLD and UNGIL_BARRIER_BREAK";
        return Err(Error::Invalid { parameter: "flags", expected });
    }
    let (holds, breaks) = (flags & UNGIL_BARRIER_HOLD != 0, flags & UNGIL_BARRIER_BREAK != 0);
    Ok(Manner { holds, breaks, stays_for: None })
}

/// What a caller's variable says.
///
/// # Safety
/// Unless NULL, `arrival` is readable until the export that received it returns.
unsafe fn presence_at(arrival: *const UngilArrival) -> Result<Presence, CallError> {
    // SAFETY: by the contract of this function.
    let read = unsafe { CallerArray::new("arrival", arrival, 1) }?.to_vec();
    let party = read.first().map_or(NONE, |arrival| arrival.party);
    Ok(if party == NONE { Presence::Comes } else { Presence::Stays(party) })
}

/// Lets the parties go on that wait for the last one: see UNGIL_BARRIER_HOLD.
///
/// barrier: the handle.
/// Returns UNGIL_OK, or an error with a message in ungil_last_error().
/// Errors: UNGIL_E_BROKEN if the barrier was broken or reset meanwhile, or no party holds the others; UNGIL_E_HANDLE if
/// there is no such barrier; UNGIL_E_FORKED.
/// Thread-safety: any number of threads at once.
/// Cost: some microseconds for each thread to wake.
#[unsafe(no_mangle)]
pub extern "C" fn ungil_barrier_release(barrier: i32) -> i32 {
    guarded_status("ungil_barrier_release", || Ok(objects::barrier(barrier)?.release()?))
}

/// Breaks a barrier: parties that wait, and those that come, get UNGIL_E_BROKEN, until it is reset.
///
/// barrier: the handle.
/// Returns UNGIL_OK, or an error with a message in ungil_last_error().
/// Errors: UNGIL_E_HANDLE if there is no such barrier; UNGIL_E_FORKED.
/// Thread-safety, Cost: as for ungil_barrier_release().
#[unsafe(no_mangle)]
pub extern "C" fn ungil_barrier_abort(barrier: i32) -> i32 {
    guarded_status("ungil_barrier_abort", || Ok(objects::barrier(barrier)?.abort()?))
}

/// Makes a barrier as new. Parties that wait get UNGIL_E_BROKEN.
///
/// barrier: the handle.
/// Returns UNGIL_OK, or an error with a message in ungil_last_error().
/// Errors, Thread-safety, Cost: as for ungil_barrier_abort().
#[unsafe(no_mangle)]
pub extern "C" fn ungil_barrier_reset(barrier: i32) -> i32 {
    guarded_status("ungil_barrier_reset", || Ok(objects::barrier(barrier)?.reset()?))
}

/// What a barrier is doing.
///
/// barrier: the handle.
/// waiting: receives how many parties wait, on success only.
/// broken: receives 1 if it is broken, else 0, on success only.
/// Returns UNGIL_OK, or an error with a message in ungil_last_error().
/// Errors: UNGIL_E_NULL if waiting or broken is NULL; UNGIL_E_HANDLE if there is no such barrier; UNGIL_E_FORKED.
/// Thread-safety: any number of threads at once.
/// Cost: less than a microsecond.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ungil_barrier_status(barrier: i32, waiting: *mut i32, broken: *mut i32) -> i32 {
    guarded_status("ungil_barrier_status", || {
        // SAFETY: the caller passes NULL or a writable int32_t for each.
        let outs = unsafe { (Out::new("waiting", waiting)?, Out::new("broken", broken)?) };
        let status = objects::barrier(barrier)?.status()?;
        outs.0.write(status.waiting as i32); // at most the number of parties, which is an int32_t
        outs.1.write(status.is_broken.into());
        Ok(())
    })
}
