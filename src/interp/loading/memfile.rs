//! A file that only this process can see: dlopen needs a path.

use std::ffi::CStr;
use std::fs::{self, File};
use std::io::{self, Write};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use crate::sys::fork_watch::ForkWatch;

/// A file with a path of its own, until this is dropped. A library that was loaded from it stays loaded.
#[derive(Debug)]
pub struct PrivateFile {
    path: PathBuf,
    storage: Storage,
    /// Begun before it could be mapped.
    forks: ForkWatch,
}

#[derive(Debug)]
enum Storage {
    /// In memory, as long as the descriptor is open.
    Memory { _descriptor: OwnedFd },
    /// In a directory of its own.
    Directory(PathBuf),
}

/// Where temporary directories may be made. (TMPDIR is not used: reading the environment may race.)
const TEMPLATES: [&CStr; 3] = [c"/tmp/ungil-XXXXXX", c"/var/tmp/ungil-XXXXXX", c"/dev/shm/ungil-XXXXXX"];

impl PrivateFile {
    /// A file with this content. Tools show its `name`.
    ///
    /// It lies in memory, or, if the system forbids that, in a directory that only this user may access.
    pub fn new(name: &CStr, content: &[u8]) -> io::Result<Self> {
        Self::in_memory(name, content).or_else(|_| Self::in_directory(content))
    }

    fn in_memory(name: &CStr, content: &[u8]) -> io::Result<Self> {
        let descriptor = memory_file(name)?;
        let mut file = File::from(descriptor);
        file.write_all(content)?;
        let path = descriptor_path(file.as_raw_fd());
        let storage = Storage::Memory { _descriptor: OwnedFd::from(file) };
        Ok(Self { path, storage, forks: ForkWatch::begin() })
    }

    fn in_directory(content: &[u8]) -> io::Result<Self> {
        let directory = TEMPLATES.iter().map(|template| new_directory(template)).find(Result::is_ok);
        let directory = directory.unwrap_or_else(|| Err(io::Error::last_os_error()))?;
        // From here on dropping this removes the directory, whether the rest succeeds or not.
        let path = directory.join("library.so");
        let file = Self { path, storage: Storage::Directory(directory), forks: ForkWatch::begin() };
        File::create_new(&file.path)?.write_all(content)?;
        Ok(file)
    }

    /// The path to load it by. No two files of a process have the same.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Opens it to read and change it.
    pub(crate) fn open(&self) -> io::Result<File> {
        File::options().read(true).write(true).open(&self.path)
    }

    /// Whether the process certainly did not fork since this was made: then no child has memory that is mapped from it.
    pub(super) fn is_unforked(&self) -> bool {
        self.forks.saw_none()
    }
}

impl Drop for PrivateFile {
    fn drop(&mut self) {
        if let Storage::Directory(directory) = &self.storage {
            // A loaded library does not need its file's name any more. If the file cannot be removed, it does no harm.
            let _ = fs::remove_file(&self.path);
            let _ = fs::remove_dir(directory);
        }
    }
}

/// A file in memory that code may be loaded from.
fn memory_file(name: &CStr) -> io::Result<OwnedFd> {
    /// Linux 6.3 and later may require this flag for a file that holds code; earlier versions do not know it.
    const MFD_EXEC: libc::c_uint = 0x10;
    let create = |flags: libc::c_uint| {
        // The system call itself: glibc has a function for it since 2.27, and this library loads with older ones.
        // SAFETY: the kernel reads the name, a C string that is borrowed here, and writes no memory of this process.
        let descriptor = unsafe { libc::syscall(libc::SYS_memfd_create, name.as_ptr(), flags) } as i32;
        if descriptor < 0 {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: the system call has just returned this descriptor, so nothing else owns it.
        Ok(unsafe { OwnedFd::from_raw_fd(descriptor) })
    };
    create(libc::MFD_CLOEXEC | MFD_EXEC).or_else(|error| match error.raw_os_error() {
        Some(libc::EINVAL) => create(libc::MFD_CLOEXEC),
        _ => Err(error),
    })
}

/// The path of a descriptor, in a new spelling each time: dlopen of a path that it knows returns the library that was
/// loaded by it, although the descriptor's number may have been reused since.
fn descriptor_path(descriptor: i32) -> PathBuf {
    static SPELLINGS: AtomicU64 = AtomicU64::new(0);
    let number = SPELLINGS.fetch_add(1, Ordering::Relaxed);
    let bits = u64::BITS - number.leading_zeros();
    // "/" for each 0 bit and "/." for each 1 bit.
    let spelling: String = (0..bits).map(|bit| if number >> bit & 1 == 1 { "/." } else { "/" }).collect();
    // With the PID, debuggers look the file up in this process; with "self", they would look in their own. If /proc
    // belongs to another PID namespace, the PID names another process, and "self" is used.
    let path = |process: &str| PathBuf::from(format!("/proc/{process}/fd{spelling}/{descriptor}"));
    let own = path(&std::process::id().to_string());
    let is_file = |path: &Path| {
        let (there, here) =
            (fs::metadata(path).ok(), fs::metadata(format!("/proc/self/fd/{descriptor}")).ok());
        there.zip(here).is_some_and(|(there, here)| (there.dev(), there.ino()) == (here.dev(), here.ino()))
    };
    if is_file(&own) { own } else { path("self") }
}

fn new_directory(template: &CStr) -> io::Result<PathBuf> {
    let mut path = template.to_bytes_with_nul().to_vec();
    // SAFETY: `path` is a C string that nobody else refers to, and mkdtemp replaces its X's in place.
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
        for make in [|content: &[u8]| PrivateFile::in_memory(c"test", content), PrivateFile::in_directory] {
            let file = make(b"content").unwrap();
            assert_eq!(fs::read(file.path()).unwrap(), b"content");
            let path = file.path().to_owned();
            let identity = |path: &Path| fs::metadata(path).ok().map(|file| (file.dev(), file.ino()));
            let before = identity(&path);
            drop(file);
            // Another thread may have got the descriptor's number for another file meanwhile.
            assert_ne!(identity(&path), before, "{}", path.display());
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
    fn a_directory_is_private_and_is_removed_with_the_file() {
        let file = PrivateFile::in_directory(b"content").unwrap();
        let directory = file.path().parent().unwrap().to_owned();
        assert_eq!(fs::metadata(&directory).unwrap().permissions().mode() & 0o777, 0o700);
        drop(file);
        assert!(!directory.exists());
    }
}
