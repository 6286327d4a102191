//! Memory of this process at an address that may be bad. The kernel copies it: for a bad address it returns an error,
//! where a load or a store would crash.

use std::io;
use std::ptr;

use libc::{c_void, iovec};

/// Fills `into` with what is at the address, all of it or none.
pub(crate) fn read(address: usize, into: &mut [u8]) -> io::Result<()> {
    let (local, remote) = vectors(into.as_mut_ptr(), address, into.len());
    // SAFETY: the kernel writes only to the local vector, a buffer that is borrowed mutably here. It checks the remote
    // address.
    check(unsafe { libc::process_vm_readv(libc::getpid(), &local, 1, &remote, 1, 0) }, into.len())
}

/// Writes `from` to the address.
///
/// # Safety
/// If the memory there can be written, nothing else of this process uses it meanwhile.
pub(crate) unsafe fn write(address: usize, from: &[u8]) -> io::Result<()> {
    let (local, remote) = vectors(from.as_ptr().cast_mut(), address, from.len());
    // SAFETY: the kernel only reads the local vector, a buffer that is borrowed here. It checks the remote address, and by
    // this function's contract, what is there may be written.
    check(unsafe { libc::process_vm_writev(libc::getpid(), &local, 1, &remote, 1, 0) }, from.len())
}

fn vectors(local: *mut u8, address: usize, len: usize) -> (iovec, iovec) {
    let remote = ptr::without_provenance_mut::<c_void>(address);
    (iovec { iov_base: local.cast(), iov_len: len }, iovec { iov_base: remote, iov_len: len })
}

fn check(count: isize, len: usize) -> io::Result<()> {
    match usize::try_from(count) {
        Ok(count) if count == len => Ok(()),
        Ok(_) => Err(io::Error::from_raw_os_error(libc::EFAULT)),
        Err(_) => Err(io::Error::last_os_error()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[cfg_attr(miri, ignore = "Miri does not know what it calls")]
    fn bad_addresses_are_errors() {
        let (mut from, mut into) = (*b"text", [0; 4]);
        assert!(read(from.as_ptr().addr(), &mut into).is_ok());
        // SAFETY: nothing else uses the array.
        assert!(unsafe { write(from.as_mut_ptr().expose_provenance(), b"else") }.is_ok());
        assert_eq!((&into, &from), (b"text", b"else"));
        for address in [0, 1, 4096, usize::MAX] {
            let error = read(address, &mut into).unwrap_err();
            assert_eq!(error.raw_os_error(), Some(libc::EFAULT), "{address:#x}");
            // SAFETY: the first page, and the end of the address space, cannot be written.
            let error = unsafe { write(address, b"else") }.unwrap_err();
            assert_eq!(error.raw_os_error(), Some(libc::EFAULT), "{address:#x}");
        }
    }
}
