//! Reading the environment while another thread may be writing to it.
//!
//! `getenv` has a data race with `setenv` (glibc manual, "Environment Access"): the array of variables may be freed
//! under it. Scripts do run into that: ctypes gives up Python's lock for the length of a call, and another thread
//! assigns to `os.environ`. So here the kernel copies the variables, as it answers a bad address with an error
//! where a load would be a crash. A copy of something that was just freed is not found or not a number, and the
//! default holds.

/// A variable's value, if it is set, is UTF-8, and has at most 62 bytes together with its name. Cost: about 10
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

#[cfg(target_os = "linux")]
mod linux {
    use std::ptr;

    use libc::{c_char, c_void, iovec};

    const PAGE: usize = 4096;
    /// Room for "name=value" and its NUL.
    const ROOM: usize = 64;
    /// The most variables that are looked at; more than that is no environment.
    const MOST: usize = 1 << 20;

    type Text = [u8; ROOM];

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
        // SAFETY: libc's variable is always there; another thread may replace the pointer, but not tear it.
        let mut array = unsafe { ptr::read_volatile(&raw const environ) }.addr();
        let mut pointers = [0; PAGE];
        for _ in 0..MOST / (PAGE / size_of::<usize>()) {
            // To the end of the page: it is there as a whole or not at all.
            let Some(page) = copy(array, &mut pointers[..PAGE - array % PAGE]) else { break };
            let (entries, _) = page.as_chunks::<{ size_of::<usize>() }>();
            let texts = entries.iter().map(|bytes| usize::from_ne_bytes(*bytes));
            let here: Vec<usize> = texts.take_while(|&text| text != 0).collect();
            here.chunks(BATCH).for_each(|batch| find(&names, batch, &mut values));
            if here.len() < entries.len() || values.iter().all(Option::is_some) {
                break;
            }
            array += page.len();
        }
        values
    }

    /// Texts that are copied by one system call.
    const BATCH: usize = 64;

    /// Fills in the values that are not known yet and are among the texts.
    fn find(names: &[&[u8]], texts: &[usize], values: &mut [Option<Vec<u8>>]) {
        let mut copies = [[0; ROOM]; BATCH];
        let mut copied = 0;
        while copied < texts.len() {
            copied += copy_heads(&texts[copied..], &mut copies[copied..]).max(1); // one that has no head is left out
        }
        for (name, known) in names.iter().zip(values).filter(|(_, known)| known.is_none()) {
            *known = texts.iter().zip(&mut copies).find_map(|(&text, copy)| value(name, text, copy));
        }
    }

    /// Copies each text up to the end of its page, and returns how many were there before one was not.
    fn copy_heads(texts: &[usize], copies: &mut [Text]) -> usize {
        let heads = texts.iter().zip(copies).map(|(&text, copy)| {
            let len = ROOM.min(PAGE - text % PAGE);
            (iovec { iov_base: copy.as_mut_ptr().cast(), iov_len: len }, remote(text, len))
        });
        let (local, there): (Vec<_>, Vec<_>) = heads.unzip();
        let mut bytes = read(&local, &there);
        let whole = |head: &&iovec| {
            let is_whole = bytes >= head.iov_len;
            bytes -= head.iov_len.min(bytes);
            is_whole
        };
        there.iter().take_while(whole).count()
    }

    /// The value, if the text is "name=value".
    fn value(name: &[u8], text: usize, copy: &mut Text) -> Option<Vec<u8>> {
        let head = ROOM.min(PAGE - text % PAGE);
        if head < ROOM && !copy[..head].contains(&0) && name.starts_with(&copy[..head.min(name.len())]) {
            self::copy(text + head, &mut copy[head..])?;
        }
        let rest = copy.strip_prefix(name)?.strip_prefix(b"=")?;
        Some(rest[..rest.iter().position(|&byte| byte == 0)?].to_vec())
    }

    /// Copies what is at an address, if all of it can be read.
    fn copy(address: usize, into: &mut [u8]) -> Option<&[u8]> {
        let local = iovec { iov_base: into.as_mut_ptr().cast(), iov_len: into.len() };
        (read(&[local], &[remote(address, into.len())]) == into.len()).then_some(into)
    }

    fn remote(address: usize, len: usize) -> iovec {
        iovec { iov_base: ptr::without_provenance_mut::<c_void>(address), iov_len: len }
    }

    /// Copies within this process, and returns how many bytes were copied before an address was bad.
    fn read(local: &[iovec], there: &[iovec]) -> usize {
        // SAFETY: the local vectors are buffers that the callers hold; the kernel checks the others.
        let count = unsafe {
            let (own, others) = (local.as_ptr(), there.as_ptr());
            libc::process_vm_readv(
                libc::getpid(),
                own,
                local.len() as libc::c_ulong,
                others,
                there.len() as libc::c_ulong,
                0,
            )
        };
        usize::try_from(count).unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::variable;

    #[test]
    fn finds_what_std_finds() {
        let texts = std::env::vars_os()
            .filter_map(|(name, value)| name.into_string().ok().zip(value.into_string().ok()));
        for (name, value) in texts.filter(|(name, value)| name.len() + value.len() < 60) {
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
