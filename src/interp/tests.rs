//! What the modules' tests share.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

/// "3.11" of libpython3.11.so.1.0.
pub(super) fn version(libpython: &Path) -> String {
    let name = libpython.file_name().unwrap().to_string_lossy().into_owned();
    name.trim_start_matches("libpython").trim_end_matches(".so.1.0").trim_end_matches('m').to_owned()
}

/// The shared libpythons of this machine: pyenv's, and the system's.
pub(super) fn libpythons() -> Vec<PathBuf> {
    let folders = std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".pyenv/versions"));
    let versions = folders.and_then(|folder| fs::read_dir(folder).ok()).into_iter().flatten();
    let libs = versions.filter_map(|version| Some(version.ok()?.path().join("lib")));
    let system = ["/usr/lib/x86_64-linux-gnu", "/usr/lib/aarch64-linux-gnu", "/usr/lib64", "/usr/local/lib"];
    let all = libs.chain(system.map(PathBuf::from));
    let files = all.flat_map(|folder| fs::read_dir(folder).into_iter().flatten().flatten());
    let is_libpython = |path: &PathBuf| {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        name.starts_with("libpython3.") && name.ends_with(".so.1.0")
    };
    let found: Vec<_> = files.map(|file| file.path()).filter(is_libpython).collect();
    if found.is_empty() {
        let skip = b"SKIP copies of a real libpython: this machine has no shared one\n";
        std::io::stderr().write_all(skip).expect("stderr is writable");
    }
    found
}

/// The folder of a libpython's own extension modules.
pub(super) fn extension_modules(libpython: &Path) -> PathBuf {
    let name = format!("python{}/lib-dynload", version(libpython));
    let beside = libpython.parent().unwrap().join(&name);
    if beside.exists() { beside } else { Path::new("/usr/lib").join(name) }
}
