//! A snapshot of the process's environment, for an interpreter that is checked out.
//!
//! The host may change its environment at the same time: another thread of its Python by `os.environ`, or C code. Its
//! `setenv` may free the array of variables, or the text of one, while this thread reads it, and no lock of this library
//! or of Rust's prevents that. So the kernel copies the memory here: for a bad address it returns an error, where a load
//! would crash. A variable that is being changed may be missing or garbled in the snapshot. (The library's own settings
//! are not read here, but once: see `settings.rs`.)

use std::ffi::OsString;
use std::ptr;

use libc::c_char;

use crate::sys::memory;

const PAGE: usize = 4096;
/// An array that has more variables than this is taken for memory that was freed.
const MAX_VARIABLES: usize = 1 << 20;

unsafe extern "C" {
    static environ: *const *const c_char;
}

/// All variables, as `name=value`, each with a NUL after it.
pub(crate) fn snapshot() -> Vec<u8> {
    let own = 0u8;
    if memory::read((&raw const own).addr(), &mut [0]).is_ok() { copied() } else { from_std() }
}

/// For sandboxes that forbid the system call.
fn from_std() -> Vec<u8> {
    let entry = |(name, value): (OsString, OsString)| {
        [name.as_encoded_bytes(), b"=", value.as_encoded_bytes(), b"\0"].concat()
    };
    std::env::vars_os().flat_map(entry).collect()
}

fn copied() -> Vec<u8> {
    // SAFETY: libc's variable exists as long as the process. Another thread may replace the pointer meanwhile; the read is
    // volatile, aligned and of one word, which the processor does not tear.
    let array = unsafe { ptr::read_volatile(&raw const environ) }.addr();
    let (mut pointers, mut texts) = (Page::new(), Page::new());
    let mut all = Vec::new();
    for entry in 0..MAX_VARIABLES {
        let address = array.wrapping_add(entry * size_of::<usize>());
        let Some(pointer) = pointers.rest(address).and_then(|rest| rest.first_chunk()) else { break };
        let text = usize::from_ne_bytes(*pointer);
        if text == 0 {
            break;
        }
        let before = all.len();
        if texts.append_text(text, &mut all).is_none() {
            all.truncate(before);
        }
    }
    all
}

/// The page that was copied last. Entries usually lie side by side, and each copy is a system call.
struct Page {
    /// 0 for none.
    address: usize,
    bytes: [u8; PAGE],
}

impl Page {
    fn new() -> Self {
        Self { address: 0, bytes: [0; PAGE] }
    }

    /// The bytes from the address to the end of its page, if they can be read.
    fn rest(&mut self, address: usize) -> Option<&[u8]> {
        let (page, offset) = (address - address % PAGE, address % PAGE);
        if page != self.address {
            self.address = if page != 0 && memory::read(page, &mut self.bytes).is_ok() { page } else { 0 };
        }
        (page != 0 && page == self.address).then(|| &self.bytes[offset..])
    }

    /// Appends the text at the address, with its NUL.
    fn append_text(&mut self, mut address: usize, all: &mut Vec<u8>) -> Option<()> {
        loop {
            let rest = self.rest(address)?;
            if let Some(end) = rest.iter().position(|&byte| byte == 0) {
                all.extend_from_slice(&rest[..=end]);
                return Some(());
            }
            all.extend_from_slice(rest);
            address = address.checked_add(rest.len())?;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sorted(all: &[u8]) -> Vec<&[u8]> {
        let mut entries: Vec<_> = all.split(|&byte| byte == 0).collect();
        entries.sort_unstable();
        entries
    }

    #[test]
    #[cfg_attr(miri, ignore = "Miri does not know what it calls")]
    fn both_ways_give_the_same() {
        let long = "x".repeat(3 * PAGE);
        // SAFETY: no other test changes the environment. Those that read it do so by this module, or by `std`, which has a
        // lock for it.
        unsafe { std::env::set_var("UNGIL_TEST_LONG", &long) };
        let (copied, from_std) = (copied(), from_std());
        assert!(sorted(&copied).contains(&format!("UNGIL_TEST_LONG={long}").as_bytes()));
        assert_eq!(sorted(&copied), sorted(&from_std));
        assert!(copied.ends_with(b"\0"));
    }

    #[test]
    #[cfg_attr(miri, ignore = "Miri does not know what it calls")]
    fn memory_that_cannot_be_read_is_an_error() {
        let mut all = Vec::new();
        for address in [0, 1, 8, PAGE, usize::MAX, usize::MAX - PAGE] {
            assert_eq!(Page::new().append_text(address, &mut all), None, "{address:#x}");
        }
    }
}
