//! Where a thread's stack is. Python 3.14 and later ask whenever a thread enters; for the process's first thread the C
//! library reads `/proc/self/maps` then, which takes ten times as long as a short request. So that answer is kept. And
//! Python must not use the end of the stack that is inaccessible (`exit/guarded_stack.rs`).

use std::ffi::{c_int, c_void};
use std::mem::MaybeUninit;
use std::ptr;
use std::sync::Mutex;

use crate::interp::exit::guarded_stack;
use crate::sys::fork::ForkLocal;
use crate::sys::sync::lock;
use crate::sys::thread_id::thread_id;

/// The stack of the process's first thread.
#[derive(Clone, Copy)]
struct Stack {
    /// The thread, and the limit on its stack, when the C library was asked.
    asked_for: (libc::pthread_t, libc::rlim_t),
    address: *mut c_void,
    size: usize,
    guard: usize,
}

// SAFETY: the address is only given to Python, which compares other addresses with it.
unsafe impl Send for Stack {}

static FIRST: ForkLocal<Mutex<Option<Stack>>> = ForkLocal::new(Mutex::default);

/// As the C library's function, which is asked again if the limit on the stack has changed.
///
/// # Safety
/// The contract of the C library's `pthread_getattr_np`.
pub(super) unsafe extern "C" fn pthread_getattr_np(
    thread: libc::pthread_t,
    attributes: *mut libc::pthread_attr_t,
) -> c_int {
    let limit = limit_of_first_thread(thread);
    let known = limit.and_then(|limit| lock(FIRST.get()).filter(|it| it.asked_for == (thread, limit)));
    // SAFETY: the caller gives a thread and memory for its attributes, by this function's contract. Those that are made here
    // have an address, a size and a guard that the C library gave for the same thread.
    unsafe {
        if let Some(stack) = known {
            return match libc::pthread_attr_init(attributes) {
                0 => {
                    libc::pthread_attr_setstack(attributes, stack.address, stack.size)
                        | libc::pthread_attr_setguardsize(attributes, stack.guard)
                }
                error => error,
            };
        }
        let status = libc::pthread_getattr_np(thread, attributes);
        match limit {
            Some(limit) if status == 0 => *lock(FIRST.get()) = stack_of(attributes, (thread, limit)),
            None if status == 0 => leave_out_inaccessible(thread, attributes),
            _ => (),
        }
        status
    }
}

/// If this thread asks for itself, the end of its stack that code must not use is left out.
///
/// # Safety
/// The attributes are initialised.
unsafe fn leave_out_inaccessible(thread: libc::pthread_t, attributes: *mut libc::pthread_attr_t) {
    let inaccessible = guarded_stack::inaccessible_of_this_thread();
    // SAFETY: it takes nothing and cannot fail.
    if inaccessible == 0 || unsafe { libc::pthread_equal(thread, libc::pthread_self()) } == 0 {
        return;
    }
    let (mut address, mut size) = (ptr::null_mut::<c_void>(), 0);
    // SAFETY: by this function's contract. What is left out is a part of the stack.
    unsafe {
        if libc::pthread_attr_getstack(attributes, &mut address, &mut size) == 0 {
            libc::pthread_attr_setstack(attributes, address.byte_add(inaccessible), size - inaccessible);
        }
    }
}

/// The limit on the stack, if this is the process's first thread and asks for itself. Other threads' stacks are known to
/// the C library.
fn limit_of_first_thread(thread: libc::pthread_t) -> Option<libc::rlim_t> {
    let mut limits = MaybeUninit::<libc::rlimit>::uninit();
    // SAFETY: the first calls change nothing and cannot fail; the last writes the structure if it returns 0.
    unsafe {
        let is_first =
            thread_id() == libc::getpid() && libc::pthread_equal(thread, libc::pthread_self()) != 0;
        (is_first && libc::getrlimit(libc::RLIMIT_STACK, limits.as_mut_ptr()) == 0)
            .then(|| limits.assume_init().rlim_cur)
    }
}

/// # Safety
/// The attributes are initialised.
unsafe fn stack_of(
    attributes: *const libc::pthread_attr_t,
    asked_for: (libc::pthread_t, libc::rlim_t),
) -> Option<Stack> {
    let (mut address, mut size, mut guard) = (ptr::null_mut(), 0, 0);
    // SAFETY: by this function's contract, the attributes may be read.
    let status = unsafe {
        libc::pthread_attr_getstack(attributes, &mut address, &mut size)
            | libc::pthread_attr_getguardsize(attributes, &mut guard)
    };
    (status == 0).then_some(Stack { asked_for, address, size, guard })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What an asker of `function` learns about this thread.
    fn ask(
        function: unsafe extern "C" fn(libc::pthread_t, *mut libc::pthread_attr_t) -> c_int,
    ) -> (usize, usize, usize) {
        let mut attributes = MaybeUninit::uninit();
        // SAFETY: the thread is this one; the function initialises the attributes, which are then read and destroyed.
        unsafe {
            let thread = libc::pthread_self();
            assert_eq!(function(thread, attributes.as_mut_ptr()), 0);
            let stack = stack_of(attributes.as_ptr(), (thread, 0)).unwrap();
            assert_eq!(libc::pthread_attr_destroy(attributes.as_mut_ptr()), 0);
            (stack.address.addr(), stack.size, stack.guard)
        }
    }

    /// On a thread of its own, and on the first one of a child.
    #[test]
    #[cfg_attr(miri, ignore = "Miri does not know what it calls")]
    fn the_answer_is_the_c_librarys() {
        assert_eq!(ask(pthread_getattr_np), ask(libc::pthread_getattr_np));
        // SAFETY: the child only asks for attributes, and ends.
        let child = unsafe { libc::fork() };
        if child == 0 {
            let same = (0..3).all(|_| ask(pthread_getattr_np) == ask(libc::pthread_getattr_np));
            // SAFETY: it ends the child at once.
            unsafe { libc::_exit(if same { 7 } else { 8 }) }
        }
        let mut status = 0;
        // SAFETY: the child is this process's, and the status is written here.
        assert_eq!(unsafe { libc::waitpid(child, &mut status, 0) }, child);
        assert_eq!(libc::WEXITSTATUS(status), 7);
    }
}
