//! Initialises the Python of a loaded copy.
//!
//! | file | contents |
//! |---|---|
//! | `by_config` | by named options (`PyInitConfig`): from Python 3.14 on |
//! | `by_globals` | by global variables: before that |
//! | `given` | what Python is given in place of what it would read |
//! | `origin` | how Python finds its standard library |
//!
//! Both start a Python that is configured in the same way.

mod by_config;
mod by_globals;
mod given;
mod origin;

use origin::Origin;

use crate::interp::cpython::arena;
use crate::interp::error::InterpError;
use crate::interp::interpose::start::with_given;
use crate::interp::runtime::loaded_copy::LoadedCopy;
use crate::interp::runtime::step::Step;

/// Initialises it. On success this thread holds its GIL.
///
/// # Safety
/// This is called once for a copy, and the loader that its calls go to is registered.
pub(crate) unsafe fn initialize(copy: &LoadedCopy) -> Result<(), InterpError> {
    let failed = |why: String| copy.libpython.failed(Step::Initialize, &why);
    let origin = Origin::of(copy).map_err(failed)?;
    if let Some(arenas) = copy.start_api.arenas {
        let mut allocator = arena::ALLOCATOR;
        // SAFETY: nothing of the copy was initialised yet; Python copies the allocator.
        unsafe { (arenas.PyObject_SetArenaAllocator)(&mut allocator) };
    }
    // A text for `PyInitConfig` is UTF-8.
    let by_config = copy.start_api.by_config.filter(|_| origin.path().to_str().is_some());
    // SAFETY: by this function's contract, the copy is loaded and not initialised yet, and no other thread uses it.
    let start = || unsafe {
        match (by_config, copy.start_api.by_globals) {
            (Some(api), _) => by_config::initialize(&api, copy, &origin),
            (None, Some(api)) => by_globals::initialize(&api, copy, &origin),
            (None, None) => Err(format!("the path {} is not UTF-8", origin.path().display())),
        }
    };
    with_given(given::for_copy(copy), start).map_err(failed)
}
