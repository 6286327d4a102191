//! The handlers of fork that an interpreter's libraries register (`pthread_atfork`): they are called at forks of this
//! interpreter alone.
//!
//! A handler may ask for its interpreter's GIL, or for a lock of its library. In the child of a fork by the host or by
//! another interpreter, the thread that holds it does not exist, and the handler would wait forever.
//!
//! Here is also what keeps the child from waiting for locks of this library's that another thread holds (`Loader::fork`).
//!
//! What forks inside the C library, as `forkpty` and `daemon` do, calls none of these handlers.

use std::ffi::{c_int, c_void};
use std::iter::successors;
use std::ptr;

use super::copies::{self, MAX_COPIES};
use crate::sys::atomic_ref::AtomicRef;
use crate::sys::errno;
use crate::sys::foreign::call_foreign;

type Handler = Option<unsafe extern "C-unwind" fn()>;

/// An entry of a list without locks, as a thread may fork while another one registers handlers. It is never freed.
struct Handlers {
    prepare: Handler,
    parent: Handler,
    child: Handler,
    earlier: Option<&'static Self>,
    later: AtomicRef<Self>,
}

/// For each copy, the handlers that were registered first.
static FIRST: [AtomicRef<Handlers>; MAX_COPIES] = [const { AtomicRef::none() }; MAX_COPIES];

/// A copy's handlers in the order in which they were registered.
fn in_order(number: usize) -> impl Iterator<Item = &'static Handlers> {
    successors(FIRST[number].get(), |handlers| handlers.later.get())
}

fn register(number: usize, prepare: Handler, parent: Handler, child: Handler) {
    let (mut place, mut earlier) = (&FIRST[number], None);
    loop {
        while let Some(handlers) = place.get() {
            (place, earlier) = (&handlers.later, Some(handlers));
        }
        let new = Box::new(Handlers { prepare, parent, child, earlier, later: AtomicRef::none() });
        let address = &raw const *new;
        if ptr::eq(place.replace_boxed(None, new), address) {
            return;
        }
    }
}

/// What `pthread_atfork` calls. The library that is named last does not matter: private libraries are not unloaded.
pub(super) unsafe extern "C" fn register_atfork(
    prepare: Handler,
    parent: Handler,
    child: Handler,
    _library: *mut c_void,
    number: usize,
) -> c_int {
    register(number, prepare, parent, child);
    0
}

/// As the C library's: old libraries take it from there.
pub(super) unsafe extern "C" fn pthread_atfork(
    prepare: Handler,
    parent: Handler,
    child: Handler,
    number: usize,
) -> c_int {
    register(number, prepare, parent, child);
    0
}

fn call(handler: Handler) {
    if let Some(handler) = handler {
        // SAFETY: the function was registered to be called at forks of its interpreter, as this one is.
        call_foreign(|| unsafe { handler() });
    }
}

/// As the C library's, with the copy's handlers around it: those that had been registered when it began.
///
/// # Safety
/// The contract of fork.
pub(super) unsafe extern "C" fn fork(number: usize) -> libc::pid_t {
    let count = in_order(number).count();
    let registered = || in_order(number).take(count);
    for handlers in successors(registered().last(), |handlers| handlers.earlier) {
        call(handlers.prepare);
    }
    // SAFETY: this function's contract.
    let fork = || unsafe { libc::fork() };
    let process = copies::loader(number).map_or_else(fork, |loader| loader.fork(fork));
    let error = errno::get();
    for handlers in registered() {
        call(if process == 0 { handlers.child } else { handlers.parent });
    }
    if process < 0 { errno::failed(error) } else { process }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    const NUMBER: usize = MAX_COPIES - 1;

    static CALLED: Mutex<Vec<&str>> = Mutex::new(Vec::new());

    macro_rules! handler {
        ($name:literal) => {{
            unsafe extern "C-unwind" fn note() {
                CALLED.lock().unwrap().push($name);
            }
            Some(note as unsafe extern "C-unwind" fn())
        }};
    }

    unsafe extern "C-unwind" fn register_another() {
        register(NUMBER, handler!("late prepare"), handler!("late parent"), handler!("late child"));
    }

    #[test]
    #[cfg_attr(miri, ignore = "Miri cannot fork")]
    fn handlers_are_called_in_the_order_of_the_c_library() {
        register(NUMBER, handler!("prepare 1"), handler!("parent 1"), handler!("child 1"));
        register(NUMBER, Some(register_another), None, None);
        register(NUMBER, handler!("prepare 3"), handler!("parent 3"), handler!("child 3"));
        // SAFETY: the child only takes notes and compares them, and ends without running other handlers.
        let child = unsafe { fork(NUMBER) };
        let expected = |which: [&'static str; 2]| [["prepare 3", "prepare 1"], which].concat();
        if child == 0 {
            let is_good = *CALLED.lock().unwrap() == expected(["child 1", "child 3"]);
            // SAFETY: it ends this process.
            unsafe { libc::_exit(i32::from(!is_good)) };
        }
        let mut status = -1;
        // SAFETY: the process is a child of this one, and `status` may be written.
        assert_eq!(unsafe { libc::waitpid(child, &mut status, 0) }, child);
        assert_eq!(status, 0);
        assert_eq!(*CALLED.lock().unwrap(), expected(["parent 1", "parent 3"]));
    }
}
