//! The libraries that a library needs and that lie beside it, as numpy's do in `numpy.libs`. It finds them by its own
//! place, and a copy lies elsewhere; but the loader takes a library that is loaded already, by its SONAME.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use object::elf::{DT_NEEDED, DT_RPATH, DT_RUNPATH};

use super::elf::{Image, Malformed};
use super::relink::uses_python;

/// Those libraries: the names by which they are needed, and where they are.
pub(super) fn needed_beside(original: &Path, image: &Image) -> Result<Vec<(Vec<u8>, PathBuf)>, Malformed> {
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
        let name = image.string(offset)?;
        let file =
            folders.iter().map(|folder| folder.join(OsStr::from_bytes(name))).find(|path| path.exists());
        found.extend(file.map(|path| (name.to_vec(), path)));
    }
    Ok(found)
}

/// A folder of the search path that is relative to the library's own.
fn beside(origin: &Path, folder: &[u8]) -> Option<PathBuf> {
    let rest = folder.strip_prefix(b"$ORIGIN").or_else(|| folder.strip_prefix(b"${ORIGIN}"))?;
    let rest = rest.strip_prefix(b"/").unwrap_or(rest);
    Some(origin.join(OsStr::from_bytes(rest)))
}

/// How far libraries that need libraries are followed; a circle ends there.
const DEEPEST: u32 = 8;

/// Whether each interpreter needs its own copy: the library uses Python, or one beside it that it needs does.
pub(super) fn needs_own_copy(path: &Path, image: &Image) -> Result<bool, Malformed> {
    own_copy(path, image, DEEPEST)
}

fn own_copy(path: &Path, image: &Image, depth: u32) -> Result<bool, Malformed> {
    if uses_python(image)? {
        return Ok(true);
    }
    if depth == 0 {
        return Ok(false);
    }
    for (name, needed) in needed_beside(path, image)? {
        if name.starts_with(b"libpython") {
            return Ok(true);
        }
        let Ok(image) = Image::read(&needed) else { continue };
        if own_copy(&needed, &image, depth - 1)? {
            return Ok(true);
        }
    }
    Ok(false)
}
