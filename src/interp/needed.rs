//! The libraries that an extension module needs and that lie beside it, as numpy's do in `numpy.libs`. It finds them by
//! its own place, and a copy lies elsewhere; but the loader takes a library that is loaded already, by its SONAME.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use object::elf::{DT_NEEDED, DT_RPATH, DT_RUNPATH};

use super::elf::{Image, Malformed};

/// The paths of those libraries, in the order in which they are needed.
pub(super) fn needed_beside(original: &Path, image: &Image) -> Result<Vec<PathBuf>, Malformed> {
    let origin = original.parent().unwrap_or(Path::new("/"));
    let mut folders = Vec::new();
    for tag in [DT_RUNPATH, DT_RPATH] {
        for offset in image.all(tag) {
            let list = image.string(offset)?.split(|&byte| byte == b':');
            folders.extend(list.filter_map(|folder| beside(origin, folder)));
        }
    }
    let mut found = Vec::new();
    for offset in image.all(DT_NEEDED) {
        let name = OsStr::from_bytes(image.string(offset)?);
        found.extend(folders.iter().map(|folder| folder.join(name)).find(|path| path.exists()));
    }
    Ok(found)
}

/// A folder of the search path that is relative to the library's own.
fn beside(origin: &Path, folder: &[u8]) -> Option<PathBuf> {
    let rest = folder.strip_prefix(b"$ORIGIN").or_else(|| folder.strip_prefix(b"${ORIGIN}"))?;
    let rest = rest.strip_prefix(b"/").unwrap_or(rest);
    Some(origin.join(OsStr::from_bytes(rest)))
}
