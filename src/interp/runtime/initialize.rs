//! Initialises the Python of a loaded copy.
//!
//! | file | contents |
//! |---|---|
//! | `by_config` | by named options (`PyInitConfig`): from Python 3.14 on |
//! | `by_globals` | by global variables: before that |
//!
//! Both start a Python that is configured in the same way.

mod by_config;
mod by_globals;

use std::path::{Path, PathBuf};

use crate::interp::cpython::arena;
use crate::interp::error::InterpError;
use crate::interp::runtime::loaded_copy::LoadedCopy;
use crate::interp::runtime::step::{Step, file_name};

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
    let result = unsafe {
        match (by_config, copy.start_api.by_globals) {
            (Some(api), _) => by_config::initialize(&api, copy, &origin),
            (None, Some(api)) => by_globals::initialize(&api, copy, &origin),
            (None, None) => Err(format!("the path {} is not UTF-8", origin.path().display())),
        }
    };
    result.map_err(failed)
}

/// How Python finds its standard library.
enum Origin {
    /// By the path of its program.
    Program(PathBuf),
    /// By the prefix that contains the library.
    Home(PathBuf),
}

impl Origin {
    fn of(copy: &LoadedCopy) -> Result<Self, String> {
        if let Some(program) = copy.options.path("executable").filter(|path| is_python(path)) {
            return Ok(Self::Program(program));
        }
        // In a free-threaded build, the directory's name ends in t.
        let version = copy.version;
        let landmarks = [format!("lib/python{version}/os.py"), format!("lib/python{version}t/os.py")];
        let is_prefix = |prefix: &Path| landmarks.iter().any(|landmark| prefix.join(landmark).exists());
        let landmark = &landmarks[0];
        if let Some(home) = copy.options.path("home") {
            let why = format!("{} has no {landmark}", home.display());
            return is_prefix(&home).then_some(Self::Home(home)).ok_or(why);
        }
        let prefix = copy.libpython.file.ancestors().skip(2).find(|prefix| is_prefix(prefix));
        let prefix = prefix.ok_or_else(|| format!("no directory above it has its {landmark}"))?;
        let program = prefix.join(format!("bin/python{version}"));
        Ok(if is_python(&program) { Self::Program(program) } else { Self::Home(prefix.to_owned()) })
    }

    fn path(&self) -> &Path {
        match self {
            Self::Program(path) | Self::Home(path) => path,
        }
    }
}

/// Whether this is the program of a Python, and not an application that embeds one.
fn is_python(path: &Path) -> bool {
    file_name(path).starts_with("python") && path.is_absolute() && path.exists()
}
