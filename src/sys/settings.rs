//! The user's settings: environment variables, which are read once, and the number of threads, which a call can change.
//!
//! All variables are read by `getenv` when the first one is needed. Later changes of the environment have no effect, as
//! with OpenMP, OpenBLAS and MKL.

use std::env;
use std::ffi::OsString;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::sys::atomic_ref::AtomicRef;

/// The most threads that a setting can ask for; larger numbers mean this one. So a mistyped number does not start
/// thousands of threads.
pub const MAX_THREADS: usize = 256;

/// The process's number of threads.
pub static THREADS: Threads = Threads::new();

/// The environment's settings.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Variables {
    /// `UNGIL_NUM_THREADS`, if that is a positive number.
    pub threads: Option<usize>,
    /// `OMP_NUM_THREADS`, if that is a positive number, or the first one of a list (one for each level of nesting).
    pub openmp_threads: Option<usize>,
    /// `UNGIL_CPU`.
    pub cpu: Option<String>,
    /// `UNGIL_LIBPYTHON`, unless it is empty.
    pub libpython: Option<OsString>,
    /// `UNGIL_PRIVATE`, a list with colons between its entries.
    pub private: Vec<OsString>,
    /// `UNGIL_SHARED`, likewise.
    pub shared: Vec<OsString>,
}

impl Variables {
    fn read(variable: impl Fn(&str) -> Option<OsString>) -> Self {
        let text = |name| variable(name)?.into_string().ok();
        Self {
            threads: text("UNGIL_NUM_THREADS").and_then(|number| parse(&number)),
            openmp_threads: text("OMP_NUM_THREADS").and_then(|list| parse(list.split(',').next()?)),
            cpu: text("UNGIL_CPU"),
            libpython: variable("UNGIL_LIBPYTHON").filter(|path| !path.is_empty()),
            private: list(variable("UNGIL_PRIVATE")),
            shared: list(variable("UNGIL_SHARED")),
        }
    }
}

/// The environment's settings at the time of the first call.
///
/// There is no lock that a fork could leave taken: threads that make the first call together all read the environment,
/// and agree on the result of one. The child of a fork has its parent's.
pub fn variables() -> &'static Variables {
    static READ: AtomicRef<Variables> = AtomicRef::none();
    READ.get().unwrap_or_else(|| {
        let variables = Variables::read(|name| env::var_os(name));
        READ.replace_boxed(None, Box::new(variables))
    })
}

/// The number of threads for calls that do not specify one. Any thread may set it at any time; a call reads it once,
/// when it begins.
pub struct Threads {
    /// The number that was set; 0 for none.
    set: AtomicUsize,
}

impl Threads {
    const fn new() -> Self {
        Self { set: AtomicUsize::new(0) }
    }

    /// Sets the number, as if `UNGIL_NUM_THREADS` had been that; 0 goes back to the environment's number.
    pub fn set(&self, threads: usize) {
        // Relaxed, as the number stands alone: it publishes no other memory.
        self.set.store(threads.min(MAX_THREADS), Ordering::Relaxed);
    }

    /// The number that was set last; 0 for none.
    pub fn setting(&self) -> usize {
        self.set.load(Ordering::Relaxed)
    }

    /// The requested number: the one that was set, or else `UNGIL_NUM_THREADS`.
    pub fn requested(&self, variables: &Variables) -> Option<usize> {
        Some(self.setting()).filter(|&threads| threads > 0).or(variables.threads)
    }

    /// The requested number, or else `OMP_NUM_THREADS`, or else the number of processors.
    pub fn default(&self, variables: &Variables, processors: impl FnOnce() -> usize) -> usize {
        self.requested(variables).or(variables.openmp_threads).unwrap_or_else(processors)
    }
}

/// The entries of a list that are not empty.
fn list(value: Option<OsString>) -> Vec<OsString> {
    let entries = value.unwrap_or_default();
    let entries = entries.as_encoded_bytes().split(|&byte| byte == b':').filter(|entry| !entry.is_empty());
    // SAFETY: the parts lie between ASCII characters of a value of the environment.
    entries.map(|entry| unsafe { OsString::from_encoded_bytes_unchecked(entry.to_vec()) }).collect()
}

/// A positive number in decimal digits, at most `MAX_THREADS`.
fn parse(text: &str) -> Option<usize> {
    let digits = text.trim().trim_start_matches('0');
    let is_number = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| digits.parse().map_or(MAX_THREADS, |number: usize| number.min(MAX_THREADS)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(pairs: &[(&str, &str)]) -> Variables {
        Variables::read(|wanted| {
            pairs.iter().find(|(name, _)| *name == wanted).map(|(_, value)| OsString::from(value))
        })
    }

    #[test]
    fn positive_numbers_only() {
        for (text, expected) in [
            ("1", 1),
            ("4", 4),
            (" 7 ", 7),
            ("007", 7),
            ("100000", MAX_THREADS),
            ("99999999999999999999", MAX_THREADS),
        ] {
            assert_eq!(parse(text), Some(expected));
        }
        for text in ["", "0", "-1", "+1", "many", "1.5"] {
            assert_eq!(parse(text), None, "{text}");
        }
    }

    #[test]
    fn each_variable_is_read() {
        let all = [
            ("UNGIL_NUM_THREADS", "3"),
            ("OMP_NUM_THREADS", "5,2"),
            ("UNGIL_CPU", "avx2"),
            ("UNGIL_LIBPYTHON", "/a"),
            ("UNGIL_PRIVATE", "libhdf5*:/b/c.so"),
            ("UNGIL_SHARED", ":d.so:"),
        ];
        let expected = Variables {
            threads: Some(3),
            openmp_threads: Some(5),
            cpu: Some("avx2".to_owned()),
            libpython: Some("/a".into()),
            private: vec!["libhdf5*".into(), "/b/c.so".into()],
            shared: vec!["d.so".into()],
        };
        assert_eq!(read(&all), expected);
        assert_eq!(read(&[]), Variables::default());
        assert_eq!(
            read(&all.map(|(name, _)| (name, ""))),
            Variables { cpu: Some(String::new()), ..read(&[]) }
        );
    }

    #[test]
    fn the_set_number_comes_first_then_the_librarys_variable_then_openmps_then_the_processors() {
        let threads = Threads::new();
        let both = read(&[("UNGIL_NUM_THREADS", "3"), ("OMP_NUM_THREADS", "5")]);
        let openmp = read(&[("UNGIL_NUM_THREADS", "none"), ("OMP_NUM_THREADS", "5,2")]);
        let neither = read(&[("UNGIL_NUM_THREADS", "0"), ("OMP_NUM_THREADS", "")]);
        let found = || [&both, &openmp, &neither].map(|variables| threads.default(variables, || 77));
        assert_eq!(found(), [3, 5, 77]);
        assert_eq!(threads.requested(&both), Some(3));
        assert_eq!(threads.requested(&openmp), None);
        assert_eq!(threads.requested(&neither), None);
        for (number, expected) in [(1, 1), (7, 7), (256, 256), (257, 256), (usize::MAX, 256)] {
            threads.set(number);
            assert_eq!(threads.setting(), expected);
            assert_eq!(found(), [expected; 3]);
            assert_eq!(threads.requested(&neither), Some(expected));
        }
        threads.set(0);
        assert_eq!(threads.setting(), 0);
        assert_eq!(found(), [3, 5, 77]);
        assert_eq!(threads.requested(&both), Some(3));
    }

    #[test]
    fn threads_that_read_first_together_share_one_result() {
        let addresses = std::thread::scope(|scope| {
            let readers: Vec<_> =
                (0..8).map(|_| scope.spawn(|| std::ptr::from_ref(variables()).addr())).collect();
            readers.into_iter().map(|reader| reader.join().unwrap()).collect::<Vec<_>>()
        });
        assert!(addresses.iter().all(|&address| address == std::ptr::from_ref(variables()).addr()));
    }
}
