//! What a copy is given when it starts, in place of what it would read.
//!
//! Hashes depend on the secret of the host's Python, so that `hash` gives the same in all of them. If there is no such
//! Python, they depend on one of this process's, unless PYTHONHASHSEED gives a seed.

use std::ffi::CString;
use std::os::unix::ffi::OsStrExt;
use std::sync::OnceLock;

use crate::interp::interpose::start::{Given, HashSecret};
use crate::interp::runtime::loaded_copy::LoadedCopy;
use crate::interp::runtime::options::{ENVIRONMENT_FLAGS, Options};

/// Options -X that Python reads when it starts, and the variables that mean the same.
const XOPTIONS: [(&str, &str); 5] = [
    ("tracemalloc", "PYTHONTRACEMALLOC"),
    ("importtime", "PYTHONPROFILEIMPORTTIME"),
    ("no_debug_ranges", "PYTHONNODEBUGRANGES"),
    ("frozen_modules", "PYTHON_FROZEN_MODULES"),
    ("cpu_count", "PYTHON_CPU_COUNT"),
];

static OF_PROCESS: OnceLock<HashSecret> = OnceLock::new();

pub(super) fn for_copy(copy: &LoadedCopy) -> Given {
    let mut variables = variables(&copy.options);
    if let Some(secret) = copy.hash_secret {
        // Whatever the variable is now, that Python has started with this secret. It is 0 for the seed 0 alone.
        let seed = if secret == HashSecret::default() { c"0" } else { c"random" };
        variables.push(("PYTHONHASHSEED", seed.to_owned()));
    }
    Given { hash_secret: copy.hash_secret.or_else(of_process), variables }
}

fn variables(options: &Options) -> Vec<(&'static str, CString)> {
    let is_set = |name| options.number(name).is_some_and(|value| value != 0);
    let flags = ENVIRONMENT_FLAGS.into_iter().filter(|(name, _)| is_set(name));
    let flags = flags.map(|(_, variable)| (variable, c"1".to_owned()));
    let xoptions = options.list("xoption").filter_map(|option| {
        let text = option.as_bytes();
        let end = text.iter().position(|&byte| byte == b'=').unwrap_or(text.len());
        let (_, variable) = XOPTIONS.into_iter().find(|(name, _)| name.as_bytes() == &text[..end])?;
        let value = text.get(end + 1..).unwrap_or(b"1");
        Some((variable, CString::new(value).ok()?))
    });
    flags.chain(xoptions).collect()
}

/// `None` leaves it to Python: the system gives no random numbers yet.
fn of_process() -> Option<HashSecret> {
    if OF_PROCESS.get().is_none() {
        let mut secret = HashSecret::default();
        // SAFETY: the memory is valid for writes of that length.
        let written =
            unsafe { libc::getrandom(secret.as_mut_ptr().cast(), secret.len(), libc::GRND_NONBLOCK) };
        if written == secret.len() as isize {
            let _ = OF_PROCESS.set(secret); // or another thread's
        }
    }
    OF_PROCESS.get().copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_become_variables() {
        let options =
            b"safe_path=1\nwarn_default_encoding=0\nxoption=own=1\nxoption=tracemalloc\nxoption=cpu_count=2";
        let expected = [("PYTHONSAFEPATH", c"1"), ("PYTHONTRACEMALLOC", c"1"), ("PYTHON_CPU_COUNT", c"2")];
        let expected = expected.map(|(name, value)| (name, value.to_owned()));
        assert_eq!(variables(&Options::parse(options).unwrap()), expected);
    }
}
