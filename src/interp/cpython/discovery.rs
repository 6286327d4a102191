//! Where the libpython of a new interpreter is found.
//!
//! In this order: the one that is named, by the caller or by UNGIL_LIBPYTHON; the one beside the program that the caller
//! names; that of the host's Python, or the one beside the host's program if Python is built into that; and in a process
//! without a Python, the newest one that the system's loader finds.

use std::cmp::Reverse;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use crate::interp::cpython::host::{self, Host};
use crate::interp::cpython::version::Version;
use crate::interp::error::InterpError;
use crate::interp::loading::dl::{Library, path_at};
use crate::sys::fork::ForkLocal;
use crate::sys::settings;

/// The system's loader tells no names, so it is asked for each minor version up to this one, which is decades away. A name
/// that it does not find takes 30 microseconds.
const NEWEST_MINOR: u32 = 40;

/// Finds a libpython. The caller may name one, or a Python program, `executable`, that it belongs to.
///
/// # Safety
/// The initialisers of the libpythons that the system's loader finds are sound: the search may load one.
pub(crate) unsafe fn find_libpython(
    named: Option<PathBuf>,
    executable: Option<&Path>,
    host: Option<&Host>,
) -> Result<PathBuf, InterpError> {
    let by_setting = || settings::variables().libpython.clone().map(PathBuf::from);
    let by_executable = || libpython_beside(executable?, None, None);
    if let Some(path) = named.or_else(by_setting).or_else(by_executable) {
        return Ok(path);
    }
    match (host, host::version()) {
        (Some(host), _) => libpython_of_host(host),
        (None, Some(version)) => Err(InterpError::Unsupported(format!(
            "this process runs Python {version}, and {}: name a libpython by the option libpython or by UNGIL_LIBPYTHON",
            host::unsupported_because(version)
        ))),
        // SAFETY: by this function's contract the initialisers are sound.
        (None, None) => unsafe { newest_installed() }.ok_or_else(|| {
            InterpError::Unsupported(
                "no shared libpython was found: install one (libpython3-dev, or a Python that was built with \
                 --enable-shared), or name one by the option libpython or by UNGIL_LIBPYTHON"
                    .to_owned(),
            )
        }),
    }
}

/// What the name of a libpython says, such as libpython3.13t.so.1.0.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Kind {
    version: Version,
    is_free_threaded: bool,
}

impl Kind {
    /// Of "3.13t", for example.
    fn parse(text: &str) -> Option<Self> {
        let numbers = text.strip_suffix('t').unwrap_or(text);
        let version = Version::parse(numbers).filter(|version| version.to_string() == numbers)?;
        Some(Self { version, is_free_threaded: numbers != text })
    }

    fn of_libpython(name: &str) -> Option<Self> {
        Self::parse(name.strip_prefix("libpython")?.strip_suffix(".so.1.0")?)
    }
}

/// The shared libpython that belongs to a Python program: in one of the library directories of its prefix. Of several it is
/// the newest of the given version or, without one, of the version in the program's name. A program that is known to be
/// free-threaded or not has no library of the other kind; otherwise its name says which kind comes first.
fn libpython_beside(
    executable: &Path,
    version: Option<Version>,
    is_free_threaded: Option<bool>,
) -> Option<PathBuf> {
    let executable = executable.canonicalize().ok()?;
    let program = executable.file_name()?.to_str()?.strip_prefix("python").and_then(Kind::parse);
    let version = version.or(program.map(|program| program.version));
    let comes_first = program.is_some_and(|program| program.is_free_threaded);
    let prefix = executable.parent()?.parent()?;
    let directories = ["lib", "lib64", "lib/x86_64-linux-gnu", "lib/aarch64-linux-gnu"];
    let files = directories.iter().flat_map(|name| fs::read_dir(prefix.join(name)).into_iter().flatten());
    let libpythons = files.flatten().filter_map(|file| {
        let kind = Kind::of_libpython(file.file_name().to_str()?)?;
        let fits = version.map_or_else(|| kind.version.is_supported(), |version| version == kind.version);
        let fits = fits && is_free_threaded.is_none_or(|it| it == kind.is_free_threaded);
        (fits && file.path().exists()).then_some((kind, file.path()))
    });
    // The first of the smallest: that of the first directory.
    let rank = |(kind, _): &(Kind, PathBuf)| (Reverse(kind.version), kind.is_free_threaded != comes_first);
    libpythons.min_by_key(rank).map(|(_, path)| path)
}

/// The shared library of the host's Python: the file that it runs from, or one beside a program that has Python built in.
fn libpython_of_host(host: &Host) -> Result<PathBuf, InterpError> {
    let file = host.file.clone().unwrap_or_default();
    if file.file_name().is_some_and(|name| name.to_string_lossy().starts_with("libpython")) {
        return Ok(file);
    }
    // To search the directories takes as long as the rest of this step.
    static FOUND: ForkLocal<OnceLock<PathBuf>> = ForkLocal::new(OnceLock::new);
    if let Some(found) = FOUND.get().get().filter(|found| found.exists()) {
        return Ok(found.clone());
    }
    let program = std::env::current_exe().ok();
    let beside = program
        .iter()
        .find_map(|program| libpython_beside(program, Some(host.version), Some(host.is_free_threaded)));
    if let Some(found) = &beside {
        let _ = FOUND.get().set(found.clone()); // or another thread has
    }
    beside.ok_or_else(|| {
        let version = format!("{}{}", host.version, if host.is_free_threaded { "t" } else { "" });
        InterpError::Unsupported(format!(
            "{} has Python {version} built in, and there is no libpython{version}.so.1.0 beside it: install it \
             (libpython{version} on Debian), or name one by the option libpython or by UNGIL_LIBPYTHON",
            program.unwrap_or(file).display()
        ))
    })
}

/// The newest libpython that the system's loader finds.
///
/// # Safety
/// Its initialisers are sound, as it is loaded.
unsafe fn newest_installed() -> Option<PathBuf> {
    let versions = (Version::OLDEST.1..=NEWEST_MINOR).rev().map(|minor| Version(3, minor));
    versions.map(|version| format!("libpython{version}.so.1.0")).find_map(|name| {
        // SAFETY: by this function's contract the initialisers are sound.
        let library = unsafe { Library::open(Path::new(&name), libc::RTLD_LAZY) }.ok()?;
        path_at(library.symbol("Py_GetVersion")?.as_ptr())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A prefix with these files, which is removed when this is dropped.
    struct Prefix(PathBuf);

    impl Prefix {
        fn new(name: &str, files: &[&str]) -> Self {
            let prefix = std::env::temp_dir().join(format!("ungil-{name}-{}", std::process::id()));
            for file in files {
                let path = prefix.join(file);
                fs::create_dir_all(path.parent().unwrap()).unwrap();
                fs::write(path, "").unwrap();
            }
            Self(prefix.canonicalize().unwrap())
        }

        /// What is found beside a program, relative to the prefix.
        fn beside(&self, program: &str, version: Option<Version>) -> Option<String> {
            self.beside_kind(program, version, None)
        }

        fn beside_kind(
            &self,
            program: &str,
            version: Option<Version>,
            is_free_threaded: Option<bool>,
        ) -> Option<String> {
            let found = libpython_beside(&self.0.join(program), version, is_free_threaded)?;
            Some(found.strip_prefix(&self.0).unwrap().to_str().unwrap().to_owned())
        }
    }

    impl Drop for Prefix {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    #[test]
    #[cfg_attr(miri, ignore = "Miri has no file system")]
    fn the_newest_libpython_beside_a_program_of_any_version() {
        let files = [
            "bin/application",
            "bin/python3.13",
            "bin/python3.13t",
            "bin/python3.98",
            "lib/libpython3.8.so.1.0",
            "lib/libpython3.13.so.1.0",
            "lib/libpython3.99.so",
            "lib/libpython3.13t.so.1.0",
            "lib64/libpython3.13.so.1.0",
            "lib/x86_64-linux-gnu/libpython3.99.so.1.0",
            "lib/libpython3.100d.so.1.0",
        ];
        let prefix = Prefix::new("beside", &files);
        let newest = Some("lib/x86_64-linux-gnu/libpython3.99.so.1.0".to_owned());
        assert_eq!(prefix.beside("bin/application", None), newest);
        assert_eq!(prefix.beside("bin/python3.13", None).unwrap(), "lib/libpython3.13.so.1.0");
        assert_eq!(prefix.beside("bin/python3.13t", None).unwrap(), "lib/libpython3.13t.so.1.0");
        assert_eq!(
            prefix.beside("bin/application", Some(Version(3, 13))).unwrap(),
            "lib/libpython3.13.so.1.0"
        );
        let of_kind = |kind| prefix.beside_kind("bin/application", Some(Version(3, 13)), Some(kind)).unwrap();
        assert_eq!(of_kind(true), "lib/libpython3.13t.so.1.0");
        assert_eq!(of_kind(false), "lib/libpython3.13.so.1.0");
        assert_eq!(
            prefix.beside_kind("bin/application", None, Some(true)).unwrap(),
            "lib/libpython3.13t.so.1.0"
        );
        assert_eq!(prefix.beside_kind("bin/application", Some(Version(3, 99)), Some(true)), None);
        assert_eq!(prefix.beside("bin/python3.98", None), None);
        assert_eq!(prefix.beside("bin/none", None), None);
    }

    #[test]
    fn the_names_of_libpythons() {
        let kind = |version, is_free_threaded| Some(Kind { version, is_free_threaded });
        assert_eq!(Kind::of_libpython("libpython3.9.so.1.0"), kind(Version(3, 9), false));
        assert_eq!(Kind::of_libpython("libpython3.100t.so.1.0"), kind(Version(3, 100), true));
        for name in [
            "libpython3.so",
            "libpython3.13.so",
            "libpython3.13d.so.1.0",
            "libpython.so.1.0",
            "libfoo3.9.so.1.0",
        ] {
            assert_eq!(Kind::of_libpython(name), None, "{name}");
        }
    }
}
