//! What a copy is given when it starts, in place of what it would read.
//!
//! Hashes depend on the secret of the host's Python, so that `hash` gives the same in all of them. If there is no such
//! Python, they depend on one of this process's, unless PYTHONHASHSEED gives a seed.

use std::ffi::CString;
use std::os::unix::ffi::OsStrExt;
use std::sync::OnceLock;

use crate::interp::interpose::start::{Given, HashSecret, random_bytes};
use crate::interp::runtime::environment;
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
    let has_seed = match copy.hash_secret {
        // Whatever the variable is now, that Python has started with this secret. It is 0 for the seed 0 alone.
        Some(secret) => {
            let is_0 = secret == HashSecret::default();
            variables.push(("PYTHONHASHSEED", if is_0 { c"0" } else { c"random" }.to_owned()));
            is_0
        }
        None => is_seed_in(&environment::snapshot()),
    };
    let secret = || copy.hash_secret.or_else(of_process);
    // With a seed, Python asks for no secret, and what it asks for later is to be random.
    let is_asked_for = !(has_seed && copy.options.use_environment());
    Given { hash_secret: is_asked_for.then(secret).flatten(), variables }
}

/// Whether these variables give a seed for hashes.
fn is_seed_in(variables: &[u8]) -> bool {
    let mut values = variables.split(|&byte| byte == 0).filter_map(|it| it.strip_prefix(b"PYTHONHASHSEED="));
    values.next().is_some_and(|value| !value.is_empty() && value != b"random")
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
        let written = unsafe { random_bytes(secret.as_mut_ptr().cast(), secret.len(), libc::GRND_NONBLOCK) };
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
    fn a_seed_is_a_number_in_the_environment() {
        for (variables, expected) in [
            ("", false),
            ("PYTHONHASHSEED=random\0", false),
            ("PYTHONHASHSEED=\0A=1\0", false),
            ("MY_PYTHONHASHSEED=1\0", false),
            ("A=1\0PYTHONHASHSEED=0\0", true),
        ] {
            assert_eq!(is_seed_in(variables.as_bytes()), expected, "{variables:?}");
        }
    }

    #[test]
    fn options_become_variables() {
        let options =
            b"safe_path=1\nwarn_default_encoding=0\nxoption=own=1\nxoption=tracemalloc\nxoption=cpu_count=2";
        let expected = [("PYTHONSAFEPATH", c"1"), ("PYTHONTRACEMALLOC", c"1"), ("PYTHON_CPU_COUNT", c"2")];
        let expected = expected.map(|(name, value)| (name, value.to_owned()));
        assert_eq!(variables(&Options::parse(options).unwrap()), expected);
    }
}
