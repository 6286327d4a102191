//! Where the libpython of a new interpreter is found.
//!
//! In this order: the one that is named, by the caller or by UNGIL_LIBPYTHON; the one beside the program that the caller
//! names; that of the host's Python, or the one beside the host's program if Python is built into that; and in a process
//! without a Python, the newest one that the system's loader finds.

use std::path::{Path, PathBuf};

use crate::interp::cpython::host::{self, Host};
use crate::interp::cpython::version::Version;
use crate::interp::error::InterpError;
use crate::interp::loading::dl::{Library, path_at};
use crate::sys::settings;

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
            "this process runs Python {version}, and isolated interpreters support {} to {}: name a libpython by the \
             option libpython or by UNGIL_LIBPYTHON",
            Version::OLDEST,
            Version::NEWEST
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

/// The shared libpython that belongs to a Python program: in one of the library directories of its prefix. What is not
/// known of it, its version and whether it is a free-threaded build, is taken from its name.
fn libpython_beside(
    executable: &Path,
    version: Option<Version>,
    is_free_threaded: Option<bool>,
) -> Option<PathBuf> {
    let executable = executable.canonicalize().ok()?;
    let from_name = || Version::parse(executable.file_name()?.to_str()?.strip_prefix("python")?);
    let suffixes: &[&str] = match is_free_threaded {
        Some(is_free_threaded) => &[suffix(is_free_threaded)],
        None if executable.to_string_lossy().ends_with('t') => &["t", ""],
        None => &["", "t"],
    };
    let version = version.or_else(from_name);
    let prefix = executable.parent()?.parent()?;
    let directories =
        ["lib", "lib64", "lib/x86_64-linux-gnu", "lib/aarch64-linux-gnu"].map(|name| prefix.join(name));
    let versions = Version::supported().filter(|it| version.is_none_or(|version| version == *it));
    let names =
        versions.flat_map(|it| suffixes.iter().map(move |suffix| format!("libpython{it}{suffix}.so.1.0")));
    names
        .flat_map(|name| directories.each_ref().map(|directory| directory.join(&name)))
        .find(|path| path.exists())
}

/// The shared library of the host's Python: the file that it runs from, or one beside a program that has Python built in.
fn libpython_of_host(host: &Host) -> Result<PathBuf, InterpError> {
    let file = host.file.clone().unwrap_or_default();
    if file.file_name().is_some_and(|name| name.to_string_lossy().starts_with("libpython")) {
        return Ok(file);
    }
    let program = std::env::current_exe().ok();
    let beside = program.iter().find_map(|program| libpython_beside(program, Some(host.version), Some(host.is_free_threaded)));
    beside.ok_or_else(|| {
        let version = format!("{}{}", host.version, suffix(host.is_free_threaded));
        InterpError::Unsupported(format!(
            "{} has Python {version} built in, and there is no libpython{version}.so.1.0 beside it: install it \
             (libpython{version} on Debian), or name one by the option libpython or by UNGIL_LIBPYTHON",
            program.unwrap_or(file).display()
        ))
    })
}

/// What free-threaded builds append to the version, in the names of their files.
pub(crate) fn suffix(is_free_threaded: bool) -> &'static str {
    if is_free_threaded { "t" } else { "" }
}

/// The newest libpython that the system's loader finds.
///
/// # Safety
/// Its initialisers are sound, as it is loaded.
unsafe fn newest_installed() -> Option<PathBuf> {
    Version::supported().map(|version| format!("libpython{version}.so.1.0")).find_map(|name| {
        // SAFETY: by this function's contract the initialisers are sound.
        let library = unsafe { Library::open(Path::new(&name), libc::RTLD_LAZY) }.ok()?;
        path_at(library.symbol("Py_GetVersion")?.as_ptr())
    })
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn a_free_threaded_program_has_a_library_of_its_own() {
        let prefix = std::env::temp_dir().join(format!("ungil-discovery-{}", std::process::id()));
        for (directory, files) in [
            ("bin", ["python3.14", "python3.14t"]),
            ("lib", ["libpython3.14.so.1.0", "libpython3.14t.so.1.0"]),
        ] {
            fs::create_dir_all(prefix.join(directory)).unwrap();
            files.iter().for_each(|file| fs::write(prefix.join(directory).join(file), "").unwrap());
        }
        let library = |program: &str, is_free_threaded| {
            let found = libpython_beside(&prefix.join("bin").join(program), None, is_free_threaded);
            found.map(|path| path.file_name().unwrap().to_string_lossy().into_owned())
        };
        let (usual, free_threaded) = ("libpython3.14.so.1.0", "libpython3.14t.so.1.0");
        assert_eq!(library("python3.14", None).as_deref(), Some(usual));
        assert_eq!(library("python3.14t", None).as_deref(), Some(free_threaded));
        assert_eq!(library("python3.14", Some(true)).as_deref(), Some(free_threaded));
        assert_eq!(library("python3.14t", Some(false)).as_deref(), Some(usual));
        fs::remove_file(prefix.join("lib").join(usual)).unwrap();
        assert_eq!(library("python3.14", None).as_deref(), Some(free_threaded));
        assert_eq!(library("python3.14", Some(false)), None);
        fs::remove_dir_all(prefix).unwrap();
    }
}
