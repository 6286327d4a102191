//! What a caller asks for: a lock of a file.

use std::ffi::{c_char, c_int};
use std::mem::{MaybeUninit, offset_of};
use std::ptr;

use libc::flock;

use crate::sys::memory;

/// A regular file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct FileId {
    device: libc::dev_t,
    pub(super) inode: libc::ino_t,
}

impl FileId {
    /// The regular file that a descriptor refers to.
    pub(super) fn of(descriptor: c_int) -> Option<Self> {
        // SAFETY: the path is a C string: an empty one, which stands for the descriptor itself.
        unsafe { Self::at(descriptor, c"".as_ptr(), libc::AT_EMPTY_PATH) }
    }

    /// The regular file at a path, from a directory on. `flags` are those of `fstatat`.
    ///
    /// # Safety
    /// The path is a C string.
    pub(super) unsafe fn at(directory: c_int, path: *const c_char, flags: c_int) -> Option<Self> {
        let mut status = MaybeUninit::<libc::stat>::uninit();
        // SAFETY: by this function's contract. The kernel checks the descriptor, and writes the structure if the result is
        // 0.
        let status = unsafe {
            let result = libc::fstatat(directory, path, status.as_mut_ptr(), flags);
            (result == 0).then(|| status.assume_init())
        }?;
        let is_regular = status.st_mode & libc::S_IFMT == libc::S_IFREG;
        is_regular.then_some(Self { device: status.st_dev, inode: status.st_ino })
    }
}

/// A lock of a regular file, asked for by this descriptor.
pub(super) struct Request {
    pub(super) descriptor: c_int,
    pub(super) file: FileId,
    /// Its range does not depend on the descriptor's position.
    pub(super) lock: flock,
    flags: c_int,
}

impl Request {
    /// `None` if the C library is to do what is asked for: it is not about a regular file, or it is invalid.
    pub(super) fn new(descriptor: c_int, mut lock: flock) -> Option<Self> {
        let file = FileId::of(descriptor)?;
        // SAFETY: the kernel checks the descriptor.
        let flags = unsafe { libc::fcntl(descriptor, libc::F_GETFL) };
        if flags == -1 || flags & libc::O_PATH != 0 {
            return None;
        }
        let is_known = matches!(c_int::from(lock.l_type), libc::F_RDLCK | libc::F_WRLCK | libc::F_UNLCK);
        if c_int::from(lock.l_whence) == libc::SEEK_CUR {
            // SAFETY: the kernel checks the descriptor, and this moves nothing.
            let position = unsafe { libc::lseek(descriptor, 0, libc::SEEK_CUR) };
            lock.l_start = position.checked_add(lock.l_start).filter(|_| position >= 0)?;
            lock.l_whence = libc::SEEK_SET as i16;
        }
        is_known.then_some(Self { descriptor, file, lock, flags })
    }

    pub(super) fn is_unlock(&self) -> bool {
        c_int::from(self.lock.l_type) == libc::F_UNLCK
    }

    /// Whether the descriptor is open for what the lock is to protect: reading or writing.
    pub(super) fn is_permitted(&self) -> bool {
        match c_int::from(self.lock.l_type) {
            libc::F_RDLCK => self.flags & libc::O_ACCMODE != libc::O_WRONLY,
            libc::F_WRLCK => self.flags & libc::O_ACCMODE != libc::O_RDONLY,
            _ => true,
        }
    }

    /// How the descriptor is open: one of `O_RDONLY`, `O_WRONLY` and `O_RDWR`.
    pub(super) fn access(&self) -> c_int {
        self.flags & libc::O_ACCMODE
    }
}

/// A lock of a whole file.
pub(super) fn whole_file(kind: c_int) -> flock {
    flock { l_type: kind as i16, l_whence: libc::SEEK_SET as i16, l_start: 0, l_len: 0, l_pid: 0 }
}

/// The lock at a caller's address. The error is an `errno`.
///
/// # Safety
/// Where the system does not copy memory for this: a lock can be read there.
pub(super) unsafe fn read(address: usize) -> Result<flock, c_int> {
    let mut bytes = [0; size_of::<flock>()];
    match memory::read(address, &mut bytes) {
        // SAFETY: the lock has integers only, so all bytes are valid.
        Ok(()) => Ok(unsafe { bytes.as_ptr().cast::<flock>().read_unaligned() }),
        Err(error) if error.raw_os_error() == Some(libc::EFAULT) => Err(libc::EFAULT),
        // SAFETY: by this function's contract.
        Err(_) => Ok(unsafe { ptr::with_exposed_provenance::<flock>(address).read_unaligned() }),
    }
}

/// Writes what `F_GETLK` reports to a caller's address: the lock, or that there is none. The error is an `errno`.
///
/// # Safety
/// If the memory there can be written, nothing else uses it meanwhile. Where the system does not copy memory for this, it
/// can be written.
pub(super) unsafe fn write(address: usize, found: Option<flock>) -> Result<(), c_int> {
    // The rest of the caller's lock stays as it is.
    let unlocked = (libc::F_UNLCK as i16).to_ne_bytes();
    let Some(lock) = found else {
        // SAFETY: by this function's contract.
        return unsafe { write_bytes(address + offset_of!(flock, l_type), &unlocked) };
    };
    let mut bytes = [0; size_of::<flock>()];
    let mut put = |offset: usize, field: &[u8]| bytes[offset..][..field.len()].copy_from_slice(field);
    put(offset_of!(flock, l_type), &lock.l_type.to_ne_bytes());
    put(offset_of!(flock, l_whence), &lock.l_whence.to_ne_bytes());
    put(offset_of!(flock, l_start), &lock.l_start.to_ne_bytes());
    put(offset_of!(flock, l_len), &lock.l_len.to_ne_bytes());
    put(offset_of!(flock, l_pid), &lock.l_pid.to_ne_bytes());
    // SAFETY: by this function's contract.
    unsafe { write_bytes(address, &bytes) }
}

/// # Safety
/// That of `write`.
unsafe fn write_bytes(address: usize, bytes: &[u8]) -> Result<(), c_int> {
    // SAFETY: by this function's contract.
    match unsafe { memory::write(address, bytes) } {
        Ok(()) => Ok(()),
        Err(error) if error.raw_os_error() == Some(libc::EFAULT) => Err(libc::EFAULT),
        Err(_) => {
            let target = ptr::with_exposed_provenance_mut::<u8>(address);
            // SAFETY: by this function's contract; the bytes are of another object.
            unsafe { ptr::copy_nonoverlapping(bytes.as_ptr(), target, bytes.len()) };
            Ok(())
        }
    }
}
