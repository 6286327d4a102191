//! CPU levels: which one the machine has, and the witnesses that kernels for it ask for.
//!
//! A level is detected once. The environment can lower the level in use, never raise it.

use std::fmt;
use std::sync::atomic::{AtomicU8, Ordering};

use crate::sys::settings;

/// A set of CPU features that kernels are written for. Levels are ordered: each has all features of those below. A level
/// of another architecture does not exist in [`Level::ALL`], nor by its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// Whatever the compilation target guarantees. (Of other features, only the instruction for fused multiply-add is used,
    /// where the CPU has it.)
    Scalar,
    /// The features of [`Neon`].
    #[cfg(target_arch = "aarch64")]
    Neon,
    /// The features of [`Avx2`].
    Avx2,
    /// The features of [`Avx512`].
    Avx512,
}

impl Level {
    /// All levels of the architecture, lowest first.
    #[cfg(target_arch = "x86_64")]
    pub const ALL: &[Self] = &[Self::Scalar, Self::Avx2, Self::Avx512];

    /// All levels of the architecture, lowest first.
    #[cfg(target_arch = "aarch64")]
    pub const ALL: &[Self] = &[Self::Scalar, Self::Neon];

    /// All levels of the architecture.
    #[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
    pub const ALL: &[Self] = &[Self::Scalar];

    /// The level's name, as in `UNGIL_CPU`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Scalar => "scalar",
            #[cfg(target_arch = "aarch64")]
            Self::Neon => "neon",
            Self::Avx2 => "avx2",
            Self::Avx512 => "avx512",
        }
    }

    fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|level| level.name() == name)
    }
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The witness of [`Level::Scalar`]. Anyone may have one, as it proves nothing.
#[derive(Debug, Clone, Copy)]
pub struct Scalar;

/// A witness that the CPU has the instructions of x86-64 for fused multiply-add. Some have them without AVX2: AMD's
/// Piledriver (2012) and Steamroller (2014).
#[cfg(target_arch = "x86_64")]
#[derive(Debug, Clone, Copy)]
pub(crate) struct Fma(());

#[cfg(target_arch = "x86_64")]
impl Fma {
    pub(crate) fn detect() -> Option<Self> {
        std::arch::is_x86_feature_detected!("fma").then_some(Self(()))
    }
}

/// A witness that the CPU has the Advanced SIMD extension of aarch64, called NEON, whose instructions include fused
/// multiply-add.
///
/// A value exists only where the extension was detected, by [`Isa::at`] or [`Isa::active`].
#[cfg(target_arch = "aarch64")]
#[derive(Debug, Clone, Copy)]
pub struct Neon(());

/// A witness that the CPU has AVX2, FMA, BMI1, BMI2, LZCNT and POPCNT (Intel since Haswell, 2013; AMD since Zen, 2017).
///
/// A value of this type exists only where these features were detected, by [`Isa::at`] or [`Isa::active`], so a
/// function that is given one may call functions that need them. Nothing else makes one:
///
/// ```compile_fail,E0603
/// let forged = ungil::cpu::Avx2(());
/// ```
///
/// ```
/// use ungil::cpu::{Isa, Level, detected};
///
/// assert_eq!(matches!(Isa::at(Level::Avx2), Isa::Avx2(_)), detected() >= Level::Avx2);
/// ```
#[derive(Debug, Clone, Copy)]
pub struct Avx2(());

/// A witness that the CPU has the features of [`Avx2`] and also AVX-512 F, BW, CD, DQ, VL and IFMA (Intel since Ice
/// Lake, 2019; AMD since Zen 4, 2022).
///
/// As with [`Avx2`], a value exists only where the features were detected, and nothing else makes one:
///
/// ```compile_fail,E0603
/// let forged = ungil::cpu::Avx512(());
/// ```
///
/// ```
/// use ungil::cpu::{Isa, Level, detected};
///
/// assert_eq!(matches!(Isa::at(Level::Avx512), Isa::Avx512(_)), detected() == Level::Avx512);
/// ```
#[derive(Debug, Clone, Copy)]
pub struct Avx512(());

impl From<Avx512> for Avx2 {
    fn from(_: Avx512) -> Self {
        Self(()) // the levels' order is that of their features
    }
}

/// A level that the machine has, with its witness: what the kernels' dispatch matches on.
#[derive(Debug, Clone, Copy)]
pub enum Isa {
    /// The level [`Level::Scalar`].
    Scalar(Scalar),
    /// The level [`Level::Neon`].
    #[cfg(target_arch = "aarch64")]
    Neon(Neon),
    /// The level [`Level::Avx2`].
    Avx2(Avx2),
    /// The level [`Level::Avx512`].
    Avx512(Avx512),
}

impl Isa {
    /// A level, or the machine's if that is lower.
    #[inline]
    pub fn at(level: Level) -> Self {
        // Only this makes witnesses. A higher level's can become a lower level's.
        match level.min(detected()) {
            Level::Scalar => Self::Scalar(Scalar),
            #[cfg(target_arch = "aarch64")]
            Level::Neon => Self::Neon(Neon(())),
            Level::Avx2 => Self::Avx2(Avx2(())),
            Level::Avx512 => Self::Avx512(Avx512(())),
        }
    }

    /// The level in use; see [`active`].
    #[inline]
    pub fn active() -> Self {
        Self::at(active())
    }
}

/// The highest level that this machine can run.
pub fn detected() -> Level {
    static DETECTED: Cache = Cache::new();
    DETECTED.get(detect)
}

/// The level that kernels run at: [`detected`], or a lower one if `UNGIL_CPU` names it.
pub fn active() -> Level {
    static ACTIVE: Cache = Cache::new();
    ACTIVE.get(|| capped(detected(), settings::variables().cpu.as_deref()))
}

/// A level that is computed once. There is no lock that a fork could leave held: threads that ask at the same time all
/// compute it, and get the same.
struct Cache(AtomicU8);

impl Cache {
    const EMPTY: u8 = u8::MAX;

    const fn new() -> Self {
        Self(AtomicU8::new(Self::EMPTY))
    }

    fn get(&self, compute: impl Fn() -> Level) -> Level {
        let cached = self.0.load(Ordering::Relaxed);
        Level::ALL.get(usize::from(cached)).copied().unwrap_or_else(|| {
            let level = compute();
            self.0.store(level as u8, Ordering::Relaxed);
            level
        })
    }
}

/// The requested level if there is one of that name and it is lower than the detected one, else the detected one.
fn capped(detected: Level, requested: Option<&str>) -> Level {
    requested.and_then(Level::from_name).map_or(detected, |level| level.min(detected))
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

/// The kernels count on lanes in the order of their bytes in memory.
#[cfg(target_arch = "aarch64")]
fn detect() -> Level {
    let neon = cfg!(target_endian = "little") && std::arch::is_aarch64_feature_detected!("neon");
    if neon { Level::Neon } else { Level::Scalar }
}

#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
fn detect() -> Level {
    Level::Scalar
}

/// Runs `check` at every level of this machine, and reports the levels that it could not run.
#[cfg(test)]
pub(crate) fn for_each_level(check: impl Fn(Level)) {
    for &level in Level::ALL {
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
    fn a_request_only_lowers() {
        for &detected in Level::ALL {
            assert_eq!(capped(detected, None), detected);
            for requested in ["", "avx", "AVX2", "sse2", "Neon"] {
                assert_eq!(capped(detected, Some(requested)), detected, "{requested} is no level");
            }
            for &requested in Level::ALL {
                assert_eq!(capped(detected, Some(requested.name())), requested.min(detected));
            }
        }
        assert!(active() <= detected());
    }

    #[test]
    fn a_witness_is_of_the_level_or_the_machines() {
        for &level in Level::ALL {
            let found = match Isa::at(level) {
                Isa::Scalar(_) => Level::Scalar,
                #[cfg(target_arch = "aarch64")]
                Isa::Neon(_) => Level::Neon,
                Isa::Avx2(_) => Level::Avx2,
                Isa::Avx512(_) => Level::Avx512,
            };
            assert_eq!(found, level.min(detected()));
        }
    }
}
