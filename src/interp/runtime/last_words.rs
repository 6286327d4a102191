//! The last Python code that an interpreter runs when it dies.

use std::ffi::c_ulong;

use crate::interp::cpython::gil::{Gil, PyErrSet};
use crate::interp::exit::abandon::catch_abandoned;
use crate::interp::exit::life::Life;
use crate::interp::runtime::bootstrap::Functions;

/// Notes the stack of the thread that has ended the interpreter, and flushes the output. Other threads go on meanwhile:
/// they may hold the locks of the streams.
pub(crate) fn speak(gil: Gil<'_>, functions: &Functions, life: &Life, thread: c_ulong) {
    let stack = || {
        let thread = gil.bytes(thread.to_string().as_bytes())?;
        // SAFETY: the functions are the copy's, and alive as long as that; callers pass a token of the same copy.
        let read = || unsafe { gil.call(functions.frames_of, vec![thread]) };
        let frames = life.read_frames(read).unwrap_or(Err(PyErrSet))?;
        // SAFETY: as above.
        let text = unsafe { gil.call(functions.stack_of, vec![frames]) }?;
        Ok(String::from_utf8_lossy(text.content()?).into_owned())
    };
    let or_none = |error| {
        gil.clear(error);
        String::new()
    };
    // An error means that another thread keeps the GIL by now.
    let _ = catch_abandoned(|| {
        life.note_stack(stack().unwrap_or_else(or_none));
        // SAFETY: as above.
        if let Err(error) = unsafe { gil.call(functions.flush, Vec::new()) } {
            gil.clear(error);
        }
    });
}
