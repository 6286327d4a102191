//! What all interpreters of a process know about library files.

use std::collections::HashMap;
use std::ffi::{CStr, CString, OsStr, OsString};
use std::fs::{self, Metadata};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use super::library_info::LibraryInfo;
use crate::interp::elf::image::Image;
use crate::interp::elf::malformed::Unreadable;
use crate::sys::fork::ForkLocal;
use crate::sys::sync::lock;

/// Identifies a file and its content: a file that is written to gets another id. One that gets another mode or another
/// link does not, as package managers link files into several environments.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub(crate) struct FileId {
    device: u64,
    inode: u64,
    len: u64,
    mtime: (i64, i64),
}

impl FileId {
    pub(crate) fn of(metadata: &Metadata) -> Self {
        let mtime = (metadata.mtime(), metadata.mtime_nsec());
        Self { device: metadata.dev(), inode: metadata.ino(), len: metadata.len(), mtime }
    }
}

#[derive(Default)]
struct LibraryCache {
    /// For each path that a copy was loaded by, the path of the original. The spelling of the former counts, and paths
    /// compare without it.
    originals: Mutex<HashMap<OsString, &'static CStr>>,
    /// So that each library is parsed once.
    infos: Mutex<HashMap<FileId, Option<Arc<LibraryInfo>>>>,
}

static CACHE: ForkLocal<LibraryCache> = ForkLocal::new(LibraryCache::default);

/// What is known about the library in this file; `None` if it is no library for this machine, or cannot be read.
pub(super) fn library_info(path: &Path) -> Option<Arc<LibraryInfo>> {
    let metadata = fs::metadata(path).ok()?;
    let infos = || lock(&CACHE.get().infos);
    if let Some(info) = infos().get(&FileId::of(&metadata)) {
        return info.clone();
    }
    let info = match Image::read_tables(path) {
        Ok(image) => LibraryInfo::of(&image).ok().map(Arc::new),
        // There may be no descriptor or no memory now, but later.
        Err(Unreadable::System(_)) => return None,
        Err(Unreadable::Malformed(_)) => None,
    };
    infos().insert(FileId::of(&metadata), info.clone());
    info
}

pub(super) fn remember_original(copy: &Path, original: &Path) {
    let original = CString::new(original.as_os_str().as_bytes()).unwrap_or_default();
    let original = Box::leak(original.into_boxed_c_str());
    lock(&CACHE.get().originals).insert(copy.as_os_str().to_owned(), original);
}

/// The path of the original, if the library that was loaded by this path is a copy, else this path.
pub(super) fn original_of(loaded: &Path) -> PathBuf {
    let original = lock(&CACHE.get().originals).get(loaded.as_os_str()).copied();
    original.map_or_else(|| loaded.to_owned(), |path| PathBuf::from(OsStr::from_bytes(path.to_bytes())))
}

/// The path of the original, if the library that was loaded by this path is a copy.
pub(crate) fn original_path(loaded: &CStr) -> Option<&'static CStr> {
    lock(&CACHE.get().originals).get(OsStr::from_bytes(loaded.to_bytes())).copied()
}
