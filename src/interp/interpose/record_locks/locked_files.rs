//! The open file descriptions on which an interpreter's locks are set: one for each file.

use std::ffi::{CStr, c_int};
use std::io::Write;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use libc::flock;

use super::kept_descriptors;
use super::ofd::ofd;
use super::request::{FileId, Request, whole_file};
use crate::interp::interpose::copies::MAX_COPIES;
use crate::sys::errno;
use crate::sys::signals::with_blocked_signals;
use crate::sys::sync::lock;
use crate::sys::thread_id::{is_alive, thread_id};

/// The files that one interpreter has locks on.
pub(super) struct LockedFiles {
    /// Their number: most closes need to know no more.
    count: AtomicUsize,
    /// (Signals are blocked while it is held: their handlers may close files, too.)
    files: Mutex<Vec<LockedFile>>,
}

#[derive(Clone, Copy)]
struct LockedFile {
    id: FileId,
    /// A descriptor of the description.
    description: c_int,
    /// How it is open.
    access: c_int,
    /// The threads that wait for a lock.
    waiting: usize,
    /// The thread that has asked for a lock last, while it may be in the interpreter's code.
    thread: Option<libc::pid_t>,
}

/// What has become of a request.
pub(super) enum Wanted {
    Done,
    /// The `errno`.
    Failed(c_int),
    /// It is to wait, with this descriptor.
    Wait(c_int),
}

static ALL: [LockedFiles; MAX_COPIES] = [const { LockedFiles::new() }; MAX_COPIES];

/// Those of copy `number`.
pub(super) fn of(number: usize) -> &'static LockedFiles {
    &ALL[number]
}

impl LockedFiles {
    const fn new() -> Self {
        Self { count: AtomicUsize::new(0), files: Mutex::new(Vec::new()) }
    }

    /// Whether there are none.
    pub(super) fn is_empty(&self) -> bool {
        self.count.load(Ordering::Acquire) == 0
    }

    fn with_files<T>(&self, run: impl FnOnce(&mut Vec<LockedFile>) -> T) -> T {
        with_blocked_signals(|| {
            let mut files = lock(&self.files);
            let result = run(&mut files);
            self.count.store(files.len(), Ordering::Release);
            result
        })
    }

    /// Sets a lock, or releases it. If another's is in the way, the answer depends on `waits`.
    pub(super) fn set(&self, request: &Request, waits: bool) -> Wanted {
        self.with_files(|files| {
            let file = match file_for(files, request) {
                Ok(file) => file,
                Err(error) => return Wanted::Failed(error),
            };
            if !request.is_unlock() {
                file.thread = Some(thread_id());
            }
            match ofd(file.description, libc::F_OFD_SETLK, &mut { request.lock }) {
                Ok(()) => Wanted::Done,
                Err(libc::EAGAIN | libc::EACCES) if waits => {
                    file.waiting += 1;
                    Wanted::Wait(file.description)
                }
                Err(error) => Wanted::Failed(error),
            }
        })
    }

    /// Waits for a lock. The description stays open meanwhile.
    pub(super) fn wait(&self, request: &Request, description: c_int) -> Result<(), c_int> {
        let result = ofd(description, libc::F_OFD_SETLKW, &mut { request.lock });
        self.with_files(|files| {
            if let Some(file) = files.iter_mut().find(|file| file.description == description) {
                file.waiting -= 1;
            }
        });
        // As the kernel has it: who closes a descriptor while another thread waits with it gets no lock.
        if result.is_ok() && FileId::of(request.descriptor) != Some(request.file) {
            let unlock = &mut flock { l_type: libc::F_UNLCK as i16, ..request.lock };
            return ofd(description, libc::F_OFD_SETLK, unlock).and(Err(libc::EBADF));
        }
        result
    }

    /// A lock of others that conflicts with the request, if there is one.
    pub(super) fn conflict(&self, request: &Request) -> Result<Option<flock>, c_int> {
        self.with_files(|files| {
            let own = files.iter().find(|file| file.id == request.file);
            // Without locks of its own, the interpreter conflicts with whatever any other descriptor does.
            let descriptor = own.map_or(request.descriptor, |file| file.description);
            let mut lock = request.lock;
            ofd(descriptor, libc::F_OFD_GETLK, &mut lock)?;
            Ok((c_int::from(lock.l_type) != libc::F_UNLCK).then_some(lock))
        })
    }

    /// This thread has left the interpreter.
    pub(super) fn leave(&self) {
        if self.is_empty() {
            return;
        }
        let thread = Some(thread_id());
        self.with_files(|files| {
            files.iter_mut().filter(|file| file.thread == thread).for_each(|file| file.thread = None);
        });
    }

    /// Releases the locks on all files, except where the thread that has asked for one last has not left the interpreter.
    /// Those threads.
    pub(super) fn release_all(&self) -> Vec<libc::pid_t> {
        if self.is_empty() {
            return Vec::new();
        }
        let files = self.with_files(|files| files.clone());
        let is_in_use = |file: &LockedFile| file.thread.is_some_and(is_alive);
        let (kept, released): (Vec<_>, Vec<_>) = files.into_iter().partition(is_in_use);
        released.into_iter().for_each(|file| self.release(file.id));
        kept.into_iter().filter_map(|file| file.thread).collect()
    }

    /// Releases the locks on a file, one of whose descriptors is closed.
    pub(super) fn release(&self, id: FileId) {
        self.with_files(|files| {
            let Some(position) = files.iter().position(|file| file.id == id) else { return };
            let file = files[position];
            // A child may have the description, too, until it runs another program. So this comes before the close.
            let _ = ofd(file.description, libc::F_OFD_SETLK, &mut whole_file(libc::F_UNLCK));
            if file.waiting == 0 {
                files.swap_remove(position);
                kept_descriptors::close_kept(file.description);
            }
        });
    }
}

/// The file of a request, with a description that is open for the lock.
fn file_for<'a>(files: &'a mut Vec<LockedFile>, request: &Request) -> Result<&'a mut LockedFile, c_int> {
    let known = files.iter().position(|file| file.id == request.file);
    if let Some(known) = known {
        let is_enough = files[known].access == libc::O_RDWR || files[known].access == request.access();
        // The file cannot be opened for all that its descriptors are open for, which takes a change of its permissions.
        return if is_enough || request.is_unlock() { Ok(&mut files[known]) } else { Err(libc::ENOLCK) };
    }
    let (description, access) = new_description(request)?;
    if !kept_descriptors::keep(description) {
        // SAFETY: the descriptor was opened just now, and nobody else knows it.
        unsafe { libc::close(description) };
        return Err(libc::ENOLCK);
    }
    files.push(LockedFile { id: request.file, description, access, waiting: 0, thread: None });
    Ok(files.last_mut().expect("it was pushed"))
}

/// A description of the file, open for reading and writing if that is permitted.
fn new_description(request: &Request) -> Result<(c_int, c_int), c_int> {
    let mut path = [0; 32];
    write!(&mut path[..31], "/proc/self/fd/{}", request.descriptor).map_err(|_| libc::ENOLCK)?;
    let path = CStr::from_bytes_until_nul(&path).map_err(|_| libc::ENOLCK)?;
    for access in [libc::O_RDWR, request.access()] {
        // (O_NONBLOCK: it is not to wait for the end of somebody's lease.)
        let flags = access | libc::O_CLOEXEC | libc::O_NONBLOCK | libc::O_NOCTTY;
        // SAFETY: the path is a C string.
        let description = unsafe { libc::open(path.as_ptr(), flags) };
        if description < 0 {
            continue;
        }
        if FileId::of(description) == Some(request.file) {
            return Ok((description, access));
        }
        // Another thread has closed the descriptor meanwhile, and opened another file.
        // SAFETY: the descriptor was opened just now, and nobody else knows it.
        unsafe { libc::close(description) };
        return Err(libc::EBADF);
    }
    // The file cannot be opened again: its permissions have changed, or there is no /proc. The caller's own description
    // will do, as what is locked is released before it is closed.
    // SAFETY: the kernel checks the descriptor.
    let duplicate = unsafe { libc::fcntl(request.descriptor, libc::F_DUPFD_CLOEXEC, 0) };
    if duplicate < 0 { Err(errno::get()) } else { Ok((duplicate, request.access())) }
}
