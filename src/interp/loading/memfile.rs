//! A file that only this process sees, for the loader, which wants a path.

use std::ffi::CStr;
use std::fs::{self, File};
use std::io::{self, Write};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

/// A file's content at a path of its own, as long as this lives. What was loaded from it stays.
#[derive(Debug)]
pub struct PrivateFile {
    path: PathBuf,
    place: Place,
}

#[derive(Debug)]
enum Place {
    /// In memory: held by the descriptor.
    Memory { _descriptor: OwnedFd },
    /// In a folder of its own, on a disk.
    Folder(PathBuf),
}

/// Where there may be folders for temporary files. (TMPDIR is not asked: reading the environment may race.)
const FOLDERS: [&CStr; 3] = [c"/tmp/ungil-XXXXXX", c"/var/tmp/ungil-XXXXXX", c"/dev/shm/ungil-XXXXXX"];

impl PrivateFile {
    /// A file with this content. Tools see `name`.
    ///
    /// It lies in memory; where the system forbids that, in a folder that nobody else may look into.
    pub fn new(name: &CStr, content: &[u8]) -> io::Result<Self> {
        Self::in_memory(name, content).or_else(|_| Self::in_folder(content))
    }

    fn in_memory(name: &CStr, content: &[u8]) -> io::Result<Self> {
        let descriptor = memory_file(name)?;
        let mut file = File::from(descriptor);
        file.write_all(content)?;
        let path = descriptor_path(file.as_raw_fd());
        Ok(Self { path, place: Place::Memory { _descriptor: OwnedFd::from(file) } })
    }

    fn in_folder(content: &[u8]) -> io::Result<Self> {
        let folder = FOLDERS.iter().map(|template| new_folder(template)).find(Result::is_ok);
        let folder = folder.unwrap_or_else(|| Err(io::Error::last_os_error()))?;
        // From here on the folder goes when this goes, whether the rest succeeds or not.
        let file = Self { path: folder.join("library.so"), place: Place::Folder(folder) };
        File::create_new(&file.path)?.write_all(content)?;
        Ok(file)
    }

    /// The path to load it by. No two files have had the same.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for PrivateFile {
    fn drop(&mut self) {
        if let Place::Folder(folder) = &self.place {
            // What is loaded needs no name any more; a file that cannot be removed harms nobody.
            let _ = fs::remove_file(&self.path);
            let _ = fs::remove_dir(folder);
        }
    }
}

/// A file in memory that code may be loaded from.
fn memory_file(name: &CStr) -> io::Result<OwnedFd> {
    /// Linux 6.3 and later want to be told that it holds code; earlier ones do not know the flag.
    const MFD_EXEC: libc::c_uint = 0x10;
    let create = |flags: libc::c_uint| {
        // The system call itself: glibc has a function for it from 2.27 on, and this library loads with older ones.
        // SAFETY: the name is a C string.
        let descriptor = unsafe { libc::syscall(libc::SYS_memfd_create, name.as_ptr(), flags) } as i32;
        if descriptor < 0 {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: a descriptor that was just made is nobody else's.
        Ok(unsafe { OwnedFd::from_raw_fd(descriptor) })
    };
    create(libc::MFD_CLOEXEC | MFD_EXEC).or_else(|error| match error.raw_os_error() {
        Some(libc::EINVAL) => create(libc::MFD_CLOEXEC),
        _ => Err(error),
    })
}

/// The path of a descriptor, spelled as never before: the loader takes a path that it knows for the library that it
/// loaded by it, though the descriptor's number may have been used again since.
fn descriptor_path(descriptor: i32) -> PathBuf {
    static SPELLED: AtomicU64 = AtomicU64::new(0);
    let number = SPELLED.fetch_add(1, Ordering::Relaxed);
    let bits = u64::BITS - number.leading_zeros();
    // A slash, or a slash and a dot, per bit.
    let spelling: String = (0..bits).map(|bit| if number >> bit & 1 == 1 { "/." } else { "/" }).collect();
    // By its number, debuggers look for the file in this process, and not in their own. Where /proc is of another PID
    // namespace, that number is not this process's.
    let path = |process: &str| PathBuf::from(format!("/proc/{process}/fd{spelling}/{descriptor}"));
    let own = path(&std::process::id().to_string());
    let is_file = |path: &Path| {
        let (there, here) =
            (fs::metadata(path).ok(), fs::metadata(format!("/proc/self/fd/{descriptor}")).ok());
        there.zip(here).is_some_and(|(there, here)| (there.dev(), there.ino()) == (here.dev(), here.ino()))
    };
    if is_file(&own) { own } else { path("self") }
}

fn new_folder(template: &CStr) -> io::Result<PathBuf> {
    let mut path = template.to_bytes_with_nul().to_vec();
    // SAFETY: a C string that mkdtemp may write to. The folder is this user's alone.
    if unsafe { libc::mkdtemp(path.as_mut_ptr().cast()) }.is_null() {
        return Err(io::Error::last_os_error());
    }
    path.pop();
    Ok(Path::new(std::ffi::OsStr::from_bytes(&path)).to_owned())
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    #[cfg_attr(miri, ignore = "Miri does not know what it calls")]
    fn the_content_is_at_the_path_as_long_as_the_file_lives() {
        for make in [|content: &[u8]| PrivateFile::in_memory(c"test", content), PrivateFile::in_folder] {
            let file = make(b"content").unwrap();
            assert_eq!(fs::read(file.path()).unwrap(), b"content");
            let path = file.path().to_owned();
            drop(file);
            assert!(!path.exists(), "{}", path.display());
        }
    }

    #[test]
    #[cfg_attr(miri, ignore = "Miri does not know what it calls")]
    fn paths_are_never_the_same() {
        let paths: HashSet<_> = (0..1000)
            .map(|_| PrivateFile::new(c"test", b"").unwrap().path().as_os_str().to_owned())
            .collect();
        assert_eq!(paths.len(), 1000);
    }

    #[test]
    #[cfg_attr(miri, ignore = "Miri does not know what it calls")]
    fn a_folder_is_its_owners_alone_and_goes_with_the_file() {
        let file = PrivateFile::in_folder(b"content").unwrap();
        let folder = file.path().parent().unwrap().to_owned();
        assert_eq!(fs::metadata(&folder).unwrap().permissions().mode() & 0o777, 0o700);
        drop(file);
        assert!(!folder.exists());
    }
}
