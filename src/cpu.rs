//! The CPU level that kernels run at: detected once; the environment may only lower it.

use std::fmt;
use std::sync::atomic::{AtomicU8, Ordering};

use crate::sys::settings;

/// A set of CPU features that kernels are written for. Levels are ordered: each has all features of those below.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// What the compilation target has at least: no feature is asked for.
    Scalar,
    /// AVX2, FMA, BMI1, BMI2, LZCNT, POPCNT (Intel since Haswell, 2013; AMD since Zen, 2017).
    Avx2,
    /// Also AVX-512 F, BW, CD, DQ, VL and IFMA (Intel since Ice Lake, 2019; AMD since Zen 4, 2022).
    Avx512,
}

impl Level {
    /// All levels, lowest first.
    pub const ALL: [Self; 3] = [Self::Scalar, Self::Avx2, Self::Avx512];

    /// The level's name, as `UNGIL_CPU` has it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Scalar => "scalar",
            Self::Avx2 => "avx2",
            Self::Avx512 => "avx512",
        }
    }

    fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|level| level.name() == name)
    }
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The highest level that this machine can run.
pub fn detected() -> Level {
    static DETECTED: Cache = Cache::new();
    DETECTED.get(detect)
}

/// The level that kernels run at: `detected()`, or less if `UNGIL_CPU` names a lower one.
pub fn active() -> Level {
    static ACTIVE: Cache = Cache::new();
    ACTIVE.get(|| lowered(detected(), settings::variables().cpu.as_deref()))
}

/// A level that is found once. It holds no lock that a fork could leave taken: threads that ask at the same
/// time all look, and find the same.
struct Cache(AtomicU8);

impl Cache {
    const EMPTY: u8 = u8::MAX;

    const fn new() -> Self {
        Self(AtomicU8::new(Self::EMPTY))
    }

    fn get(&self, find: impl Fn() -> Level) -> Level {
        let cached = self.0.load(Ordering::Relaxed);
        Level::ALL.get(usize::from(cached)).copied().unwrap_or_else(|| {
            let level = find();
            self.0.store(level as u8, Ordering::Relaxed);
            level
        })
    }
}

/// A higher level than the detected one, or a name that is none, changes nothing.
fn lowered(detected: Level, wish: Option<&str>) -> Level {
    wish.and_then(Level::from_name).map_or(detected, |level| level.min(detected))
}

#[cfg(target_arch = "x86_64")]
fn detect() -> Level {
    macro_rules! all {
        ($($feature:tt),*) => { $(std::arch::is_x86_feature_detected!($feature))&&* };
    }
    let avx2 = all!("avx2", "fma", "bmi1", "bmi2", "lzcnt", "popcnt");
    let avx512 = all!("avx512f", "avx512bw", "avx512cd", "avx512dq", "avx512vl", "avx512ifma");
    match (avx2, avx512) {
        (true, true) => Level::Avx512,
        (true, false) => Level::Avx2,
        (false, _) => Level::Scalar,
    }
}

#[cfg(not(target_arch = "x86_64"))]
fn detect() -> Level {
    Level::Scalar
}

/// Runs `check` at every level of this machine, and says which levels it could not run.
#[cfg(test)]
pub(crate) fn for_each_level(check: impl Fn(Level)) {
    for level in Level::ALL {
        if level <= detected() {
            check(level);
        } else {
            let why = format!("this machine's CPU has only {}", detected());
            crate::skips::skip(&level.to_string(), &why);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[cfg_attr(miri, ignore = "Miri does not know what it calls")]
    fn a_wish_only_lowers() {
        for detected in Level::ALL {
            assert_eq!(lowered(detected, None), detected);
            for wish in ["", "avx", "AVX2", "sse2"] {
                assert_eq!(lowered(detected, Some(wish)), detected, "{wish} is no level");
            }
            for wish in Level::ALL {
                assert_eq!(lowered(detected, Some(wish.name())), wish.min(detected));
            }
        }
        assert!(active() <= detected());
    }
}
