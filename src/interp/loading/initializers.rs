//! The functions that copies have the dynamic loader call when it has loaded them. It does not see them in a copy
//! (`elf/hidden_functions.rs`): they are called here when the copy has all its pages.

use std::ffi::{c_char, c_int};
use std::mem;
use std::ptr;
use std::sync::atomic::{AtomicI32, AtomicPtr, Ordering};

use super::dl::Library;
use super::finalizers::{order, value};
use crate::interp::elf::hidden_functions::{HIDDEN_INIT, HIDDEN_INIT_ARRAY, HIDDEN_INIT_ARRAYSZ};
use crate::sys::foreign::call_foreign;

type Strings = *mut *mut c_char;
type Function = unsafe extern "C-unwind" fn(c_int, Strings, Strings);

/// The process's arguments, which the dynamic loader passes to initialisers.
static ARGC: AtomicI32 = AtomicI32::new(0);
static ARGV: AtomicPtr<*mut c_char> = AtomicPtr::new(ptr::null_mut());

unsafe extern "C" {
    static environ: Strings;
}

/// This library's own initialiser. (Other C libraries than glibc pass nothing.)
#[cfg(all(target_env = "gnu", not(miri)))]
#[used]
#[unsafe(link_section = ".init_array")]
static NOTE_ARGUMENTS: extern "C" fn(c_int, Strings, Strings) = note_arguments;

#[cfg(all(target_env = "gnu", not(miri)))]
extern "C" fn note_arguments(argc: c_int, argv: Strings, _: Strings) {
    ARGC.store(argc, Ordering::Relaxed);
    ARGV.store(argv, Ordering::Relaxed);
}

/// The order in which libraries are initialised, as the dynamic loader would do it: those that a library needs come before
/// it, and otherwise the last first. `loaded` has them breadth first, each with what it needs. The results are positions.
pub(super) fn initialization_order(needs: &[(usize, Vec<usize>)]) -> Vec<usize> {
    let last_first: Vec<_> = needs.iter().rev().cloned().collect();
    let order = order(&last_first).into_iter().rev();
    order.map(|at| needs.len() - 1 - at).collect()
}

/// Calls a library's functions in the dynamic loader's order.
///
/// # Safety
/// The library is a copy that the dynamic loader has loaded and that has all its pages. This is called once for it, and its
/// initialisers are sound.
pub(crate) unsafe fn initialize(library: Library) {
    // SAFETY: all that is read is in the library's memory, which the dynamic loader has relocated, and which stays: its
    // dynamic section ends with DT_NULL, and the functions are those that the library has for this purpose.
    unsafe {
        let Some(map) = library.map() else { return };
        let address = |tag| value(map, tag).map(|value| map.base + value);
        let function = address(HIDDEN_INIT).map(ptr::with_exposed_provenance::<()>);
        call(function.map(|it| mem::transmute::<*const (), Function>(it)));
        if let Some(array) = address(HIDDEN_INIT_ARRAY) {
            let count = value(map, HIDDEN_INIT_ARRAYSZ).unwrap_or(0) / size_of::<usize>();
            let array = ptr::with_exposed_provenance::<Option<Function>>(array);
            for i in 0..count {
                call(*array.add(i));
            }
        }
    }
}

/// # Safety
/// The function, if there is one, may be called.
unsafe fn call(function: Option<Function>) {
    if let Some(function) = function {
        let (argc, argv) = (ARGC.load(Ordering::Relaxed), ARGV.load(Ordering::Relaxed));
        // SAFETY: this function's contract. The arguments are the process's; the environment is read as the dynamic loader
        // does it.
        call_foreign(|| unsafe { function(argc, argv, environ) });
    }
}

#[cfg(test)]
mod tests {
    use super::initialization_order;

    #[test]
    fn a_library_is_initialised_after_those_that_it_needs() {
        let order = |needs: &[&[usize]]| {
            let needs: Vec<_> = needs.iter().map(|needed| needed.to_vec()).enumerate().collect();
            initialization_order(&needs)
        };
        assert_eq!(order(&[]), []);
        assert_eq!(order(&[&[1, 2], &[3], &[3], &[]]), [3, 2, 1, 0]);
        assert_eq!(order(&[&[1, 2], &[], &[1]]), [1, 2, 0]);
        assert_eq!(order(&[&[1], &[0]]), [0, 1]);
    }
}
