//! Record locks of the host's own, as of its SQLite. The kernel releases all of a process's locks on a file when any of
//! its descriptors of that file is closed.

use std::ffi::{c_int, c_void};

use super::ofd::ofd;
use super::request::{FileId, whole_file};
use crate::interp::interpose::signal::child::is_child;
use crate::sys::errno;

/// Whether the process has record locks on the file of a descriptor. (An interpreter's are not the process's.)
///
/// For a file without any locks, this takes one system call.
pub(super) fn host_has_locks(descriptor: c_int) -> bool {
    errno::preserved(|| {
        let mut lock = whole_file(libc::F_WRLCK);
        let is_locked = ofd(descriptor, libc::F_OFD_GETLK, &mut lock).is_ok()
            && c_int::from(lock.l_type) != libc::F_UNLCK;
        // The kernel reports one lock of several.
        is_locked
            && !is_child()
            && (lock.l_pid == own_pid()
                || FileId::of(descriptor).is_some_and(|file| is_listed(file.inode, own_pid())))
    })
}

fn own_pid() -> c_int {
    // SAFETY: getpid has no preconditions.
    unsafe { libc::getpid() }
}

/// Whether the system's list of locks has one of this process on the file. (The list gives devices in another way than
/// `fstat`. If another file has the same number, a descriptor stays open for longer.)
fn is_listed(inode: libc::ino_t, pid: c_int) -> bool {
    // SAFETY: the path is a C string.
    let list = unsafe { libc::open(c"/proc/locks".as_ptr(), libc::O_RDONLY | libc::O_CLOEXEC) };
    if list < 0 {
        return false;
    }
    let mut buffer = [0; 4096];
    let mut filled = 0;
    let mut is_found = false;
    while !is_found && filled < buffer.len() {
        let rest = &mut buffer[filled..];
        // SAFETY: the kernel writes to the rest of the buffer, which is borrowed mutably here.
        let count = unsafe { libc::read(list, rest.as_mut_ptr().cast::<c_void>(), rest.len()) };
        let Ok(count @ 1..) = usize::try_from(count) else { break };
        filled += count;
        let lines = buffer[..filled].iter().rposition(|&byte| byte == b'\n').map_or(0, |end| end + 1);
        is_found = buffer[..lines].split(|&byte| byte == b'\n').any(|line| is_lock_of(line, inode, pid));
        buffer.copy_within(lines..filled, 0);
        filled -= lines;
    }
    // SAFETY: the descriptor was opened above, and nobody else knows it.
    unsafe { libc::close(list) };
    is_found
}

/// Whether a line of the list is about a record lock of this process on the file: `1: POSIX  ADVISORY  WRITE 1234
/// 08:01:5678 0 EOF`. (A lock that is waited for has `->` before its kind.)
fn is_lock_of(line: &[u8], inode: libc::ino_t, pid: c_int) -> bool {
    let Ok(line) = str::from_utf8(line) else { return false };
    let mut words = line.split_ascii_whitespace().skip(1);
    if words.next() != Some("POSIX") {
        return false;
    }
    let (owner, file) = (words.nth(2), words.next());
    let file = file.and_then(|file| file.rsplit(':').next());
    owner.and_then(|owner| owner.parse().ok()) == Some(pid)
        && file.and_then(|file| file.parse().ok()) == Some(inode)
}

#[cfg(test)]
mod tests {
    use super::is_lock_of;

    #[test]
    fn lines_of_the_list_are_read() {
        let line = b"1: POSIX  ADVISORY  WRITE 1234 08:01:5678 0 EOF";
        assert!(is_lock_of(line, 5678, 1234));
        assert!(!is_lock_of(line, 567, 1234));
        assert!(!is_lock_of(line, 5678, 1235));
        assert!(is_lock_of(b"12: POSIX  ADVISORY  READ 7 00:2e:9 1073741826 1073742335", 9, 7));
        for other in [
            "2: FLOCK  ADVISORY  WRITE 1234 08:01:5678 0 EOF",
            "3: OFDLCK ADVISORY  WRITE -1 08:01:5678 0 EOF",
            "1: -> POSIX  ADVISORY  WRITE 1234 08:01:5678 0 EOF",
            "1: POSIX  ADVISORY  WRITE",
            "",
        ] {
            assert!(!is_lock_of(other.as_bytes(), 5678, 1234), "{other}");
        }
    }
}
