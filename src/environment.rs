//! Reading the environment while another thread may be writing to it.
//!
//! `getenv` has a data race with `setenv` (glibc manual, "Environment Access"): the array of variables may be freed
//! under it. Scripts do run into that: ctypes gives up Python's lock for the length of a call, and another thread
//! assigns to `os.environ`. So here the kernel copies the variables, as it answers a bad address with an error
//! where a load would be a crash. A copy of something that was just freed is not found or not a number, and the
//! default holds.

/// A variable's value, if it is set, is UTF-8, and has at most 254 bytes together with its name. Cost: about 3
/// microseconds.
pub fn variable(name: &str) -> Option<String> {
    let [value] = variables([name]);
    value
}

/// The values of several variables, for the cost of one.
pub fn variables<const N: usize>(names: [&str; N]) -> [Option<String>; N] {
    #[cfg(target_os = "linux")]
    if linux::can_copy() {
        let values = linux::variables(names.map(str::as_bytes));
        return values.map(|value| String::from_utf8(value?).ok());
    }
    names.map(|name| std::env::var(name).ok()) // no Linux, or a sandbox that forbids the call
}

/// All variables, as `name=value`.
pub fn all() -> Vec<Vec<u8>> {
    #[cfg(target_os = "linux")]
    if linux::can_copy() {
        return linux::all();
    }
    let entry = |(name, value): (std::ffi::OsString, std::ffi::OsString)| {
        [name.as_encoded_bytes(), b"=", value.as_encoded_bytes()].concat()
    };
    std::env::vars_os().map(entry).collect()
}

#[cfg(target_os = "linux")]
mod linux {
    use std::ptr;

    use libc::{c_char, c_void, iovec};

    const PAGE: usize = 4096;
    /// Bytes of "name=value" with its NUL that are looked at.
    const ROOM: usize = 256;
    /// The most variables that are looked at; more than that is no environment.
    const MOST: usize = 1 << 20;

    unsafe extern "C" {
        static environ: *const *const c_char;
    }

    /// Whether the kernel lets this process copy what is its own.
    pub(super) fn can_copy() -> bool {
        let own = 0u8;
        copy((&raw const own).addr(), &mut [1]).is_some()
    }

    pub(super) fn variables<const N: usize>(names: [&[u8]; N]) -> [Option<Vec<u8>>; N] {
        let mut values = [const { None }; N];
        let mut pages = Pages::new();
        let array = array();
        for entry in 0..MOST {
            let Some(text) = text_of_entry(&mut pages, array, entry) else { break };
            for (name, value) in names.iter().zip(&mut values).filter(|(_, value)| value.is_none()) {
                *value = value_at(&mut pages, text, name);
            }
        }
        values
    }

    pub(super) fn all() -> Vec<Vec<u8>> {
        let mut pages = Pages::new();
        let array = array();
        let mut texts = Vec::new();
        for entry in 0..MOST {
            let Some(text) = text_of_entry(&mut pages, array, entry) else { break };
            texts.extend(whole_text(&mut pages, text));
        }
        texts
    }

    /// Where the pointers to the variables are.
    fn array() -> usize {
        // SAFETY: libc's variable is always there; another thread may replace the pointer, but not tear it.
        unsafe { ptr::read_volatile(&raw const environ) }.addr()
    }

    /// Where a variable's text is; `None` behind the last one.
    fn text_of_entry(pages: &mut Pages, array: usize, entry: usize) -> Option<usize> {
        let mut pointer = [0; size_of::<usize>()];
        pages.read(array.wrapping_add(entry * size_of::<usize>()), &mut pointer)?;
        Some(usize::from_ne_bytes(pointer)).filter(|&text| text != 0)
    }

    /// The text at the address, up to its NUL, however long it is.
    fn whole_text(pages: &mut Pages, mut address: usize) -> Option<Vec<u8>> {
        let mut whole = Vec::new();
        loop {
            let page = pages.page(address - address % PAGE)?;
            let rest = &page[address % PAGE..];
            match rest.iter().position(|&byte| byte == 0) {
                Some(end) => {
                    whole.extend_from_slice(&rest[..end]);
                    return Some(whole);
                }
                None => whole.extend_from_slice(rest),
            }
            address += rest.len();
        }
    }

    /// The value, if the text at the address is "name=value".
    fn value_at(pages: &mut Pages, text: usize, name: &[u8]) -> Option<Vec<u8>> {
        let mut copy = [0; ROOM];
        let in_page = ROOM.min(PAGE - text % PAGE);
        pages.read(text, &mut copy[..in_page])?;
        // The next page need not be there, unless the text goes on in it.
        if in_page < ROOM
            && !copy[..in_page].contains(&0)
            && name.starts_with(&copy[..in_page.min(name.len())])
        {
            pages.read(text + in_page, &mut copy[in_page..])?;
        }
        let value = copy.strip_prefix(name)?.strip_prefix(b"=")?;
        Some(value[..value.iter().position(|&byte| byte == 0)?].to_vec())
    }

    /// Copies of the pages that were looked at last: variables lie close together as a rule, and each copy is a system
    /// call.
    struct Pages {
        copies: [Page; 4],
        turn: usize,
    }

    struct Page {
        /// 0 for none: nothing lies there.
        address: usize,
        bytes: [u8; PAGE],
    }

    impl Pages {
        fn new() -> Self {
            Self { copies: [const { Page { address: 0, bytes: [0; PAGE] } }; 4], turn: 0 }
        }

        /// Reads what lies in one page.
        fn read(&mut self, address: usize, into: &mut [u8]) -> Option<()> {
            let offset = address % PAGE;
            let page = self.page(address - offset)?;
            into.copy_from_slice(page.get(offset..offset + into.len())?);
            Some(())
        }

        fn page(&mut self, address: usize) -> Option<&[u8; PAGE]> {
            if address == 0 {
                return None;
            }
            let known = self.copies.iter().position(|page| page.address == address);
            let place = known.unwrap_or_else(|| {
                self.turn += 1;
                self.turn % self.copies.len()
            });
            let page = &mut self.copies[place];
            if known.is_none() {
                page.address = 0;
                copy(address, &mut page.bytes)?;
                page.address = address;
            }
            Some(&page.bytes)
        }
    }

    /// Copies what is at an address of this process, if all of it can be read.
    fn copy(address: usize, into: &mut [u8]) -> Option<()> {
        let local = iovec { iov_base: into.as_mut_ptr().cast(), iov_len: into.len() };
        let there = iovec { iov_base: ptr::without_provenance_mut::<c_void>(address), iov_len: into.len() };
        // SAFETY: the local vector is a buffer that the caller holds; the kernel checks the other.
        let count = unsafe { libc::process_vm_readv(libc::getpid(), &local, 1, &there, 1, 0) };
        (usize::try_from(count) == Ok(into.len())).then_some(())
    }
}

#[cfg(test)]
mod tests {
    use super::{all, variable};

    /// Whether no other test sets it meanwhile.
    fn is_still(name: &str) -> bool {
        !name.starts_with("UNGIL_V")
    }

    #[test]
    fn all_is_what_std_has() {
        let long = "x".repeat(10_000);
        // SAFETY: the other tests of this library read the environment by this module, which bears writers.
        unsafe { std::env::set_var("UNGIL_TEST_LONG", &long) };
        let found = all();
        for (name, value) in std::env::vars_os().filter(|(name, _)| is_still(&name.to_string_lossy())) {
            let entry = [name.as_encoded_bytes(), b"=", value.as_encoded_bytes()].concat();
            assert!(found.contains(&entry), "{name:?}");
        }
    }

    #[test]
    fn finds_what_std_finds() {
        let texts = std::env::vars_os()
            .filter_map(|(name, value)| name.into_string().ok().zip(value.into_string().ok()));
        let short = |(name, value): &(String, String)| name.len() + value.len() < 60 && is_still(name);
        for (name, value) in texts.filter(short) {
            assert_eq!(variable(&name), Some(value), "{name}");
            let shorter = &name[..name.len() - name.chars().next_back().map_or(0, char::len_utf8)];
            assert_eq!(
                variable(shorter),
                std::env::var(shorter).ok().filter(|value| value.len() < 40),
                "{shorter}"
            );
        }
        assert_eq!(variable("UNGIL_NO_SUCH_VARIABLE"), None);
    }
}
