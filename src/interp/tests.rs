//! Helpers of the modules' tests: the shared libpythons of this machine.

use std::fs;
use std::path::{Path, PathBuf};

use crate::interp::cpython::version::Version;
use crate::skips::missing;

/// "3.11" of libpython3.11.so.1.0.
pub(crate) fn version(libpython: &Path) -> String {
    let name = libpython.file_name().unwrap().to_string_lossy().into_owned();
    name.trim_start_matches("libpython").trim_end_matches(".so.1.0").trim_end_matches('m').to_owned()
}

/// The shared libpythons of this machine, pyenv's and the system's. If there are none, the test of this name is
/// reported as skipped.
pub(crate) fn libpythons(test: &str) -> Vec<PathBuf> {
    let pyenv = std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".pyenv/versions"));
    let versions = pyenv.and_then(|directory| fs::read_dir(directory).ok()).into_iter().flatten();
    let libs = versions.filter_map(|version| Some(version.ok()?.path().join("lib")));
    let system = ["/usr/lib/x86_64-linux-gnu", "/usr/lib/aarch64-linux-gnu", "/usr/lib64", "/usr/local/lib"];
    let all = libs.chain(system.map(PathBuf::from));
    let files = all.flat_map(|directory| fs::read_dir(directory).into_iter().flatten().flatten());
    let is_libpython = |path: &PathBuf| {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        name.starts_with("libpython3.") && name.ends_with(".so.1.0")
    };
    let found: Vec<_> = files.map(|file| file.path()).filter(is_libpython).collect();
    if found.is_empty() {
        missing(test, "this machine has no shared libpython (apt install libpython3-dev)");
    }
    found
}

/// The shared libpythons of supported versions.
pub(crate) fn supported_libpythons(test: &str) -> impl Iterator<Item = PathBuf> {
    let is_supported = |path: &PathBuf| Version::parse(&version(path)).is_some_and(Version::is_supported);
    libpythons(test).into_iter().filter(is_supported)
}

/// The files of a libpython's own extension modules. If there are none, the test of this name is reported as skipped.
pub(crate) fn extension_modules(test: &str, libpython: &Path) -> Vec<PathBuf> {
    let name = format!("python{}/lib-dynload", version(libpython));
    let beside = libpython.parent().unwrap().join(&name);
    let directory = if beside.exists() { beside } else { Path::new("/usr/lib").join(name) };
    let files = fs::read_dir(&directory).into_iter().flatten().flatten().map(|file| file.path());
    let modules: Vec<_> =
        files.filter(|file| file.extension().is_some_and(|extension| extension == "so")).collect();
    if modules.is_empty() {
        let why = format!("{} has no extension modules in {}", libpython.display(), directory.display());
        missing(test, &why);
    }
    modules
}
