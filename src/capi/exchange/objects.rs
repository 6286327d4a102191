//! Handles of queues, counters, barriers and inboxes.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::capi::abi::array::Out;
use crate::capi::abi::error::CallError;
use crate::capi::abi::guard::guarded_status;
use crate::capi::abi::handle::{HandleGuard, Kind, Registry};
use crate::error::Error;
use crate::exchange::barrier::Barrier;
use crate::exchange::counter::Counter;
use crate::exchange::queue::Queue;
use crate::exchange::server::InterpreterInbox;
use crate::interp::runtime::interpreter::Interpreter;
use crate::interp::runtime::own_number;

static OBJECTS: Registry<Held> = Registry::new(Kind::Exchange);

/// The argument that means no object.
const NONE: i32 = 0;

/// The holder that is no interpreter: the host, or C.
const HOST: i32 = 0;

/// What a handle stands for. Several handles may stand for one object, which is freed with the last of them.
#[derive(Clone)]
pub(super) enum Object {
    Queue(Arc<Queue>),
    Counter(Arc<Counter>),
    Barrier(Arc<Barrier>),
    Inbox(Arc<HeldInbox>),
    /// One that this handle does not keep open.
    WeakInbox(Arc<InterpreterInbox>),
}

/// An inbox as its handles have it: with the last of these it is closed.
pub(super) struct HeldInbox(pub(super) Arc<InterpreterInbox>);

impl Drop for HeldInbox {
    fn drop(&mut self) {
        // In the child of a fork it has no servers.
        let _ = self.0.close();
    }
}

/// An object, for one handle.
pub(super) struct Held {
    object: Object,
    /// The same for all handles of the object.
    id: u64,
    /// The number of the interpreter whose code has the handle, or [`HOST`].
    holder: i32,
    /// A number that no other handle has.
    own: u64,
}

impl Held {
    fn new(object: Object, id: u64, holder: i32) -> Self {
        static LAST: AtomicU64 = AtomicU64::new(0);
        Self { object, id, holder, own: LAST.fetch_add(1, Ordering::Relaxed) + 1 }
    }

    /// Ends what goes on by this handle, which is about to be freed: parties that stay at a barrier leave.
    fn end(&self) {
        if let Object::Barrier(barrier) = &self.object {
            barrier.forget(self.own);
        }
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.end(); // a call that had found the handle may have begun since
    }
}

/// Makes a handle for a new object.
pub(super) fn insert(object: Object) -> Result<i32, CallError> {
    static LAST_ID: AtomicU64 = AtomicU64::new(0);
    let id = LAST_ID.fetch_add(1, Ordering::Relaxed) + 1;
    insert_held(Held::new(object, id, HOST))
}

fn insert_held(held: Held) -> Result<i32, CallError> {
    OBJECTS.insert(held).ok_or(CallError::Exhausted { what: "queues, counters, barriers and inboxes" })
}

fn acquire(parameter: &'static str, handle: i32) -> Result<HandleGuard<'static, Held>, CallError> {
    OBJECTS.acquire(handle).ok_or(CallError::Handle { parameter, handle })
}

/// Makes functions that find objects of one kind.
macro_rules! finders {
    ($($finder:ident $kind:ident $parameter:literal;)*) => {$(
        /// The object. It lives as long as this is kept, even if its handles are freed.
        pub(super) fn $finder(handle: i32) -> Result<Arc<$kind>, CallError> {
            match &acquire($parameter, handle)?.object {
                Object::$kind(object) => Ok(Arc::clone(object)),
                _ => Err(CallError::Handle { parameter: $parameter, handle }),
            }
        }
    )*};
}

finders! {
    queue Queue "queue";
    counter Counter "counter";
}

/// The barrier, as above.
pub(super) fn barrier(handle: i32) -> Result<Arc<Barrier>, CallError> {
    attended(handle).map(|(barrier, ..)| barrier)
}

/// The barrier, and for whom a party stays there by this handle. That one is forgotten when the handle is freed and nobody has
/// the guard any more.
pub(super) fn attended(handle: i32) -> Result<(Arc<Barrier>, u64, HandleGuard<'static, Held>), CallError> {
    let held = acquire("barrier", handle)?;
    match &held.object {
        Object::Barrier(barrier) => Ok((Arc::clone(barrier), held.own, held)),
        _ => Err(CallError::Handle { parameter: "barrier", handle }),
    }
}

/// The inbox, which may be closed meanwhile, and the holder of the handle.
pub(super) fn inbox(handle: i32) -> Result<(Arc<InterpreterInbox>, i32), CallError> {
    let held = acquire("inbox", handle)?;
    match &held.object {
        Object::Inbox(inbox) => Ok((Arc::clone(&inbox.0), held.holder)),
        Object::WeakInbox(inbox) => Ok((Arc::clone(inbox), held.holder)),
        _ => Err(CallError::Handle { parameter: "inbox", handle }),
    }
}

/// Makes a handle that does not keep the inbox open.
pub(super) fn insert_weak(inbox: i32) -> Result<i32, CallError> {
    let held = acquire("inbox", inbox)?;
    let object = Object::WeakInbox(self::inbox(inbox)?.0);
    insert_held(Held::new(object, held.id, held.holder))
}

/// Frees the handle of an inbox.
pub(super) fn free_inbox(handle: i32) -> Result<(), CallError> {
    let invalid = || CallError::Handle { parameter: "inbox", handle };
    let held = acquire("inbox", handle)?;
    let is_inbox = matches!(held.object, Object::Inbox(_) | Object::WeakInbox(_));
    (is_inbox && held.retire()).then_some(()).ok_or_else(invalid)
}

/// The interpreter whose code has the handle.
pub(super) fn holder_of(handle: i32) -> Option<&'static Interpreter> {
    lender(OBJECTS.acquire(handle)?.holder)
}

/// The interpreter that is this holder.
pub(super) fn lender(holder: i32) -> Option<&'static Interpreter> {
    if holder == HOST { None } else { own_number::find(holder) }
}

/// Frees the handles of an interpreter's code, which has ended.
pub(in crate::capi) fn free_held_by(holder: i32) {
    OBJECTS.retire_if(|held| {
        let is_meant = held.holder == holder;
        is_meant.then(|| held.end());
        is_meant
    });
}

/// Makes another handle for a queue, a counter, a barrier or an inbox: for another part of the program, which frees it when it needs
/// the object no more. The object is freed with the last of its handles.
///
/// object: a handle of the object.
/// holder: 0; or the number of an interpreter whose code is to have the handle, and which that code knows as
/// `_ungil.number`. The handle is freed when this interpreter is freed or dies. What is put into a queue by this handle is
/// lent by that interpreter: release callbacks are called on its own thread, and never if it is dead.
/// handle: receives the new handle, a positive number, on success only.
/// Returns UNGIL_OK, or an error with a message in ungil_last_error().
/// Errors: UNGIL_E_NULL if handle is NULL; UNGIL_E_HANDLE if there is no such object; UNGIL_E_INVALID if there is no such
/// interpreter; UNGIL_E_EXHAUSTED if 65536 such handles are in use.
/// Ownership: free it with ungil_exchange_free().
/// Thread-safety: any number of threads at once.
/// Cost: less than a microsecond.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ungil_exchange_share(object: i32, holder: i32, handle: *mut i32) -> i32 {
    guarded_status("ungil_exchange_share", || {
        // SAFETY: the caller passes NULL or a writable int32_t.
        let out = unsafe { Out::new("handle", handle) }?;
        let shared = acquire("object", object)?;
        if holder != HOST {
            own_number::after_death(free_held_by);
            let expected = "0 or the number of an interpreter";
            let interpreter = own_number::find(holder);
            let dead = interpreter.is_none_or(Interpreter::is_dead);
            (!dead).then_some(()).ok_or(Error::Invalid { parameter: "holder", expected })?;
        }
        out.write(insert_held(Held::new(shared.object.clone(), shared.id, holder))?);
        Ok(())
    })
}

/// A number by which to tell whether two handles are of the same queue, counter, barrier or inbox. No other object of the process
/// has it, or will have it.
///
/// object: the handle.
/// id: receives the number, on success only.
/// Returns UNGIL_OK, or an error with a message in ungil_last_error().
/// Errors: UNGIL_E_NULL if id is NULL; UNGIL_E_HANDLE if there is no such object.
/// Thread-safety: any number of threads at once.
/// Cost: less than a microsecond.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ungil_exchange_id(object: i32, id: *mut u64) -> i32 {
    guarded_status("ungil_exchange_id", || {
        // SAFETY: the caller passes NULL or a writable uint64_t.
        let out = unsafe { Out::new("id", id) }?;
        out.write(acquire("object", object)?.id);
        Ok(())
    })
}

/// Frees a handle of a queue, a counter, a barrier or an inbox. With the last handle the object is freed; if threads still use it
/// then, when they have finished.
///
/// The memory of messages that are in a queue is released when the queue is freed. Threads that wait for an object go on
/// waiting: close a queue first. (Only parties that stay at a barrier by this handle leave: their calls fail with
/// UNGIL_E_INVALID.)
///
/// object: the handle; 0 does nothing.
/// Returns UNGIL_OK, or an error with a message in ungil_last_error().
/// Errors: UNGIL_E_HANDLE if there is no such object.
/// Fork: in the child, the object belongs to the parent: the handle is freed, and nothing is released.
/// Thread-safety: any number of threads at once.
/// Cost: less than a microsecond, plus that of release callbacks.
#[unsafe(no_mangle)]
pub extern "C" fn ungil_exchange_free(object: i32) -> i32 {
    guarded_status("ungil_exchange_free", || {
        if object == NONE {
            return Ok(());
        }
        let invalid = || CallError::Handle { parameter: "object", handle: object };
        let held = acquire("object", object)?;
        held.end();
        held.retire().then_some(()).ok_or_else(invalid)
    })
}
