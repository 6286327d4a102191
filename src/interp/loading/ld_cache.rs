//! The cache in which the dynamic loader finds the system's libraries by their names (ldconfig(8); glibc's
//! `sysdeps/generic/dl-cache.h`).

use std::collections::HashMap;
use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use super::library_cache::FileId;
use crate::sys::fork::ForkLocal;
use crate::sys::sync::lock;

const FILE: &str = "/etc/ld.so.cache";
const MAGIC: &[u8] = b"glibc-ld.so.cache1.1";
const HEADER_LEN: usize = 48;
const ENTRY_LEN: usize = 24;
/// The flags of a library for glibc and this machine.
const FLAGS: u32 = if cfg!(target_arch = "aarch64") { 0x0a03 } else { 0x0303 };

/// The paths of the system's libraries by their names.
#[derive(Debug, Default)]
pub(super) struct LdCache(HashMap<Vec<u8>, PathBuf>);

/// The state of the file that was read, and what was in it.
type Read = (FileId, Arc<LdCache>);

impl LdCache {
    /// The system's; an empty one if there is none. It is read again when it has changed.
    pub(super) fn of_system() -> Arc<Self> {
        static READ: ForkLocal<Mutex<Option<Read>>> = ForkLocal::new(Mutex::default);
        let Ok(metadata) = fs::metadata(FILE) else { return Arc::default() };
        let id = FileId::of(&metadata);
        let mut read = lock(READ.get());
        match &*read {
            Some((known, cache)) if *known == id => cache.clone(),
            _ => {
                let cache = Arc::new(Self::parse(&fs::read(FILE).unwrap_or_default()).unwrap_or_default());
                *read = Some((id, cache.clone()));
                cache
            }
        }
    }

    pub(super) fn path(&self, name: &[u8]) -> Option<&Path> {
        self.0.get(name).map(PathBuf::as_path)
    }

    pub(super) fn paths(&self) -> impl Iterator<Item = &Path> {
        self.0.values().map(PathBuf::as_path)
    }

    /// The first entry of each name counts, without those for processors with special abilities.
    fn parse(file: &[u8]) -> Option<Self> {
        // An older table may come first.
        let start = file.windows(MAGIC.len()).position(|window| window == MAGIC)?;
        let table = &file[start..];
        let word = |at: usize| Some(u32::from_le_bytes(*table.get(at..)?.first_chunk()?));
        let text = |at: u32| table.get(at as usize..)?.split(|&byte| byte == 0).next();
        let mut paths = HashMap::new();
        for entry in table.get(HEADER_LEN..)?.chunks_exact(ENTRY_LEN).take(word(MAGIC.len())? as usize) {
            let word = |at: usize| u32::from_le_bytes(*entry[at..].first_chunk().expect("4 bytes"));
            let is_for_all = entry[16..].iter().all(|&byte| byte == 0);
            if word(0) != FLAGS || !is_for_all {
                continue;
            }
            if let (Some(name), Some(path)) = (text(word(4)), text(word(8))) {
                let path = || PathBuf::from(OsStr::from_bytes(path));
                paths.entry(name.to_vec()).or_insert_with(path);
            }
        }
        Some(Self(paths))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[cfg_attr(miri, ignore = "it reads the system's files")]
    fn the_c_library_is_in_the_systems_cache() {
        let cache = LdCache::of_system();
        let Some(path) = cache.path(b"libc.so.6") else {
            return println!("SKIP: the system has no {FILE} that names the C library");
        };
        assert!(path.is_file(), "{}", path.display());
    }

    #[test]
    fn damaged_files_are_no_caches() {
        let mut file =
            [MAGIC, &[1, 0, 0, 0], &[0; 24], &FLAGS.to_le_bytes(), &[72, 0, 0, 0], &[76, 0, 0, 0], &[0; 12]]
                .concat();
        file.extend(b"a.so\0/a.so\0");
        let name_at = 72u32.to_le_bytes();
        file[HEADER_LEN + 4..][..4].copy_from_slice(&name_at);
        file[HEADER_LEN + 8..][..4].copy_from_slice(&77u32.to_le_bytes());
        assert_eq!(LdCache::parse(&file).unwrap().path(b"a.so"), Some(Path::new("/a.so")));
        for len in 0..file.len() {
            let _ = LdCache::parse(&file[..len]); // no panic
        }
        file[MAGIC.len()..][..4].copy_from_slice(&u32::MAX.to_le_bytes());
        file[HEADER_LEN + 4..][..4].copy_from_slice(&u32::MAX.to_le_bytes());
        assert_eq!(LdCache::parse(&file).unwrap().path(b"a.so"), None);
    }
}
