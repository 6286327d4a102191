use std::ffi::CString;
use std::fs::File;
use std::os::fd::{AsRawFd, FromRawFd, IntoRawFd, OwnedFd};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use super::closing::{close, close_range, dup2};
use super::ofd::ofd;
use super::opening::open;
use super::request::whole_file;
use super::*;
use crate::interp::interpose::copies::MAX_COPIES;
use crate::interp::interpose::signal;
use crate::sys::errno;

/// Numbers of two copies that no other test has.
fn two_interpreters() -> (usize, usize) {
    static USED: AtomicUsize = AtomicUsize::new(0);
    signal::child::remember_process();
    let used = USED.fetch_add(2, Ordering::Relaxed);
    (MAX_COPIES - 1 - used, MAX_COPIES - 2 - used)
}

/// A new file, without a name.
fn temporary_file() -> File {
    // SAFETY: the path is a C string.
    let descriptor =
        unsafe { libc::open(c"/tmp".as_ptr(), libc::O_TMPFILE | libc::O_RDWR | libc::O_CLOEXEC, 0o600) };
    assert!(descriptor >= 0);
    // SAFETY: the descriptor was opened just now.
    unsafe { File::from_raw_fd(descriptor) }
}

/// Another description of the same file.
fn reopened(file: &File) -> File {
    File::options().read(true).write(true).open(format!("/proc/self/fd/{}", file.as_raw_fd())).unwrap()
}

fn range(kind: c_int, start: i64, len: i64) -> libc::flock {
    libc::flock { l_start: start, l_len: len, ..whole_file(kind) }
}

/// The result of a command in an interpreter: 0 or an errno.
fn command(number: usize, file: &File, command: c_int, lock: &mut libc::flock) -> c_int {
    // SAFETY: the argument is the address of a lock.
    let status = unsafe { fcntl(file.as_raw_fd(), command, (&raw mut *lock).expose_provenance(), number) };
    if status == 0 { 0 } else { errno::get() }
}

fn try_lock(number: usize, file: &File, mut lock: libc::flock) -> c_int {
    command(number, file, libc::F_SETLK, &mut lock)
}

fn close_in(number: usize, file: File) {
    // SAFETY: any descriptor will do.
    assert_eq!(unsafe { close(file.into_raw_fd(), number) }, 0);
}

/// The locks that an outsider sees: the first that conflicts with a lock of the whole file.
fn seen(file: &File) -> Option<(i64, i64)> {
    let mut lock = whole_file(libc::F_WRLCK);
    ofd(file.as_raw_fd(), libc::F_OFD_GETLK, &mut lock).unwrap();
    (c_int::from(lock.l_type) != libc::F_UNLCK).then_some((lock.l_start, lock.l_len))
}

#[test]
#[cfg_attr(miri, ignore = "Miri does not know what it calls")]
fn interpreters_exclude_one_another_and_never_themselves() {
    let (one, two) = two_interpreters();
    let (first, second, other) = {
        let file = temporary_file();
        (reopened(&file), reopened(&file), reopened(&file))
    };
    assert_eq!(try_lock(one, &first, range(libc::F_RDLCK, 0, 10)), 0);
    assert_eq!(try_lock(two, &other, range(libc::F_RDLCK, 0, 10)), 0);
    assert_eq!(try_lock(one, &second, range(libc::F_WRLCK, 0, 10)), libc::EAGAIN);
    assert_eq!(try_lock(two, &other, range(libc::F_UNLCK, 0, 10)), 0);
    // By another descriptor than the one that it was set by: it is changed, and split.
    assert_eq!(try_lock(one, &second, range(libc::F_WRLCK, 0, 10)), 0);
    assert_eq!(try_lock(one, &second, range(libc::F_UNLCK, 3, 4)), 0);
    assert_eq!(try_lock(two, &other, range(libc::F_WRLCK, 3, 4)), 0);
    let mut asked = range(libc::F_WRLCK, 0, 0);
    assert_eq!(command(two, &other, libc::F_GETLK, &mut asked), 0);
    assert_eq!((asked.l_start, asked.l_len, asked.l_pid), (0, 3, -1));
    asked = range(libc::F_WRLCK, 20, 5);
    assert_eq!(command(two, &other, libc::F_GETLK, &mut asked), 0);
    assert_eq!((c_int::from(asked.l_type), asked.l_start, asked.l_len), (libc::F_UNLCK, 20, 5));
    close_in(two, other);
    // Any of its descriptors will do.
    close_in(one, second);
    assert_eq!(seen(&first), None);
    close_in(one, first);
}

#[test]
#[cfg_attr(miri, ignore = "Miri does not know what it calls")]
fn what_replaces_a_descriptor_releases_the_locks() {
    let (one, _) = two_interpreters();
    let (file, other) = (temporary_file(), temporary_file());
    for way in 0..3 {
        let target = reopened(&file);
        assert_eq!(try_lock(one, &file, range(libc::F_WRLCK, 0, 1)), 0);
        assert_eq!(seen(&target), Some((0, 1)));
        let number = target.as_raw_fd();
        // SAFETY: the descriptor is this test's own.
        unsafe {
            match way {
                0 => assert_eq!(dup2(-1, number, one), -1), // it replaces nothing
                1 => assert_eq!(dup2(other.as_raw_fd(), number, one), number),
                _ => assert_eq!(close_range(number as _, number as _, 0, one), 0),
            }
        }
        assert_eq!(seen(&reopened(&file)).is_some(), way == 0, "{way}");
        if way == 2 {
            let _ = target.into_raw_fd();
        }
    }
}

#[test]
#[cfg_attr(miri, ignore = "Miri does not know what it calls")]
fn a_lock_that_is_waited_for_comes() {
    let (one, two) = two_interpreters();
    let (first, second) = {
        let file = temporary_file();
        (reopened(&file), reopened(&file))
    };
    assert_eq!(try_lock(one, &first, range(libc::F_WRLCK, 0, 1)), 0);
    thread::scope(|scope| {
        let waits = scope.spawn(|| command(two, &second, libc::F_SETLKW, &mut range(libc::F_WRLCK, 0, 1)));
        // A close by the one that waits changes nothing for it.
        while try_lock(two, &second, range(libc::F_RDLCK, 5, 1)) != 0 {}
        close_in(two, reopened(&second));
        close_in(one, reopened(&first));
        assert_eq!(waits.join().unwrap(), 0);
    });
    assert_eq!(try_lock(one, &first, range(libc::F_RDLCK, 0, 1)), libc::EAGAIN);
    close_in(two, second);
    assert_eq!(seen(&first), None);
}

#[test]
#[cfg_attr(miri, ignore = "Miri does not know what it calls")]
fn errors_are_the_c_librarys() {
    let (one, _) = two_interpreters();
    let file = temporary_file();
    let path = format!("/proc/self/fd/{}", file.as_raw_fd());
    let (reader, writer) = (File::open(&path).unwrap(), File::options().write(true).open(&path).unwrap());
    assert_eq!(try_lock(one, &reader, whole_file(libc::F_WRLCK)), libc::EBADF);
    assert_eq!(try_lock(one, &writer, whole_file(libc::F_RDLCK)), libc::EBADF);
    assert_eq!(try_lock(one, &writer, whole_file(libc::F_WRLCK)), 0);
    assert_eq!(try_lock(one, &file, whole_file(77)), libc::EINVAL);
    assert_eq!(try_lock(one, &file, range(libc::F_RDLCK, -1, 1)), libc::EINVAL);
    assert_eq!(try_lock(one, &file, range(libc::F_RDLCK, i64::MAX, 2)), libc::EOVERFLOW);
    assert_eq!(try_lock(one, &file, libc::flock { l_whence: 9, ..whole_file(libc::F_RDLCK) }), libc::EINVAL);
    for (descriptor, address, error) in [(file.as_raw_fd(), 1, libc::EFAULT), (-1, 0, libc::EFAULT)] {
        // SAFETY: there is no memory at the address.
        assert_eq!(unsafe { fcntl(descriptor, libc::F_SETLK, address, one) }, -1);
        assert_eq!(errno::get(), error);
    }
    // SAFETY: any arguments will do.
    unsafe {
        assert_eq!(lockf(file.as_raw_fd(), 77, 0, one), -1);
        assert_eq!(errno::get(), libc::EINVAL);
        assert_eq!(close(-1, one), -1);
        assert_eq!(errno::get(), libc::EBADF);
    }
}

#[test]
#[cfg_attr(miri, ignore = "Miri does not know what it calls")]
fn lockf_locks_from_the_position_on() {
    let (one, two) = two_interpreters();
    let file = temporary_file();
    let other = reopened(&file);
    // SAFETY: any arguments will do.
    unsafe {
        assert_eq!(libc::lseek(file.as_raw_fd(), 7, libc::SEEK_SET), 7);
        assert_eq!(lockf(file.as_raw_fd(), libc::F_TLOCK, 5, one), 0);
        assert_eq!(seen(&other), Some((7, 5)));
        assert_eq!(lockf(file.as_raw_fd(), libc::F_TEST, 5, one), 0);
        assert_eq!(lockf(other.as_raw_fd(), libc::F_TEST, 7, two), 0);
        assert_eq!(lockf(other.as_raw_fd(), libc::F_TEST, 8, two), -1);
        assert_eq!(errno::get(), libc::EACCES);
        assert_eq!(lockf(other.as_raw_fd(), libc::F_TLOCK, 8, two), -1);
        assert_eq!(errno::get(), libc::EAGAIN);
        assert_eq!(lockf(file.as_raw_fd(), libc::F_ULOCK, 0, one), 0);
    }
    assert_eq!(seen(&other), None);
}

#[test]
#[cfg_attr(miri, ignore = "Miri does not know what it calls")]
fn the_hosts_locks_outlast_an_interpreters_close() {
    let (one, two) = two_interpreters();
    let file = temporary_file();
    let (first, second, outsider) = (reopened(&file), reopened(&file), reopened(&file));
    // The kernel reports the lock that was set first, of those that conflict.
    assert_eq!(try_lock(two, &second, range(libc::F_RDLCK, 1, 1)), 0);
    let mut lock = range(libc::F_RDLCK, 1, 1);
    // SAFETY: the argument is a lock.
    assert_eq!(unsafe { libc::fcntl(file.as_raw_fd(), libc::F_SETLK, &raw mut lock) }, 0);
    assert_eq!(try_lock(one, &first, range(libc::F_WRLCK, 0, 1)), 0);
    let closed = first.into_raw_fd();
    // SAFETY: the descriptor is this test's own.
    assert_eq!(unsafe { close(closed, one) }, 0);
    close_in(two, second);
    assert_eq!(seen(&outsider), Some((1, 1)));
    // For the interpreter it is closed.
    // SAFETY: as above.
    assert_eq!(unsafe { close(closed, one) }, -1);
    assert_eq!(errno::get(), libc::EBADF);
    // Opened again, it is the same one, and closing it releases nothing either.
    let path = CString::new(format!("/proc/self/fd/{}", file.as_raw_fd())).unwrap();
    // SAFETY: the path is a C string, and the descriptor is this test's own.
    unsafe {
        assert_eq!(libc::lseek(closed, 5, libc::SEEK_SET), 5);
        let parked = [(); 2].map(|()| open(path.as_ptr(), libc::O_RDWR | libc::O_CLOEXEC, 0));
        assert!(parked.contains(&closed));
        assert_eq!(libc::lseek(closed, 0, libc::SEEK_CUR), 0);
        assert_eq!(parked.map(|descriptor| close(descriptor, one)), [0, 0]);
    }
    assert_eq!(seen(&outsider), Some((1, 1)));
    lock.l_type = libc::F_UNLCK as i16;
    // SAFETY: the argument is a lock.
    assert_eq!(unsafe { libc::fcntl(file.as_raw_fd(), libc::F_SETLK, &raw mut lock) }, 0);
    kept_descriptors::close_parked();
    assert!(!kept_descriptors::is_kept(closed));
}

#[test]
#[cfg_attr(miri, ignore = "Miri does not know what it calls")]
fn other_files_and_other_commands_are_the_c_librarys() {
    let (one, _) = two_interpreters();
    let (read, write) = std::io::pipe().unwrap();
    let (read, write): (OwnedFd, OwnedFd) = (read.into(), write.into());
    // SAFETY: the commands take a number, or nothing.
    unsafe {
        let duplicate = fcntl(read.as_raw_fd(), libc::F_DUPFD_CLOEXEC, 500, one);
        assert!(duplicate >= 500);
        assert_eq!(fcntl(duplicate, libc::F_GETFD, 0, one), libc::FD_CLOEXEC);
        assert_eq!(close(duplicate, one), 0);
        assert_eq!(close(write.into_raw_fd(), one), 0);
    }
    let mut byte = [0];
    // SAFETY: the kernel writes to the array.
    assert_eq!(unsafe { libc::read(read.as_raw_fd(), byte.as_mut_ptr().cast(), 1) }, 0);
}
