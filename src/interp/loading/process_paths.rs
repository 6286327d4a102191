//! The search paths of the process, as the dynamic loader tells them.

use std::ffi::{CStr, OsStr, c_char, c_uint};
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

use super::dl::Library;
use crate::sys::fork::ForkLocal;

/// The directories that are searched, for all libraries of the process.
#[derive(Debug, Default)]
pub(super) struct ProcessPaths {
    /// The program's `DT_RPATH`, if it has no `DT_RUNPATH`.
    pub(super) program: Vec<PathBuf>,
    /// `LD_LIBRARY_PATH`, as it was when the process began.
    pub(super) environment: Vec<PathBuf>,
    /// The loader's own.
    pub(super) system: Vec<PathBuf>,
    /// What `$LIB` and `$PLATFORM` stand for.
    pub(super) lib: Vec<u8>,
    pub(super) platform: Vec<u8>,
}

/// Those of this process.
pub(super) fn process_paths() -> &'static ProcessPaths {
    static PATHS: ForkLocal<ProcessPaths> = ForkLocal::new(|| read().unwrap_or_default());
    PATHS.get()
}

/// glibc's `Dl_serpath`.
#[repr(C)]
struct SearchPath {
    name: *const c_char,
    /// glibc leaves it 0.
    _flags: c_uint,
}

/// The beginning of glibc's `Dl_serinfo`, which its paths follow.
#[repr(C)]
struct SearchInfo {
    size: usize,
    count: c_uint,
}

/// Asks for the search path of the C library: it has none of its own.
fn read() -> Option<ProcessPaths> {
    let all = search_path(Library::of_c_library()?)?;
    let environment = fs::read("/proc/self/environ").map(|all| library_path(&all)).unwrap_or_default();
    let mut paths = split(all, environment);
    paths.lib = lib_token(&paths.system);
    // SAFETY: the kernel gives the address of a C string that stays, or 0.
    let platform = unsafe { (libc::getauxval(libc::AT_PLATFORM) as *const c_char).as_ref() };
    // SAFETY: as above.
    let platform = platform.map(|text| unsafe { CStr::from_ptr(text) }.to_bytes().to_vec());
    paths.platform = platform.unwrap_or_default();
    Some(paths)
}

/// The directories of `LD_LIBRARY_PATH` in the environment that the process began with.
fn library_path(environment: &[u8]) -> Vec<PathBuf> {
    let mut variables = environment.split(|&byte| byte == 0);
    let value = variables.find_map(|variable| variable.strip_prefix(b"LD_LIBRARY_PATH=")).unwrap_or_default();
    let directories = value.split(|byte| b":;".contains(byte)).filter(|directory| !directory.is_empty());
    directories.map(|directory| PathBuf::from(OsStr::from_bytes(directory))).collect()
}

/// Tells the parts of a search path: the program's, the environment's, and the loader's own directories, which come last.
fn split(mut all: Vec<PathBuf>, environment: Vec<PathBuf>) -> ProcessPaths {
    let is_systems =
        |path: &PathBuf| path.starts_with("/lib") || path.starts_with("/lib64") || path.starts_with("/usr");
    let is_own = |path: &PathBuf| !is_systems(path) || environment.contains(path);
    let system = all.split_off(all.iter().rposition(is_own).map_or(0, |last| last + 1));
    all.retain(|path| !environment.contains(path));
    ProcessPaths { program: all, environment, system, ..ProcessPaths::default() }
}

/// `$LIB` is the part of the loader's own directories that depends on the machine: `lib/x86_64-linux-gnu`, or `lib64`.
fn lib_token(system: &[PathBuf]) -> Vec<u8> {
    let first = system.first().map(|path| path.as_os_str().as_bytes().to_vec()).unwrap_or_default();
    let first = first.strip_prefix(b"/usr").unwrap_or(&first);
    first.strip_prefix(b"/").unwrap_or(first).to_vec()
}

/// The directories that are searched for what a library needs.
fn search_path(library: Library) -> Option<Vec<PathBuf>> {
    let mut head = SearchInfo { size: 0, count: 0 };
    // SAFETY: the handle is a library's, and this request writes no more than the beginning of the structure.
    if unsafe { libc::dlinfo(library.handle(), libc::RTLD_DI_SERINFOSIZE, (&raw mut head).cast()) } != 0 {
        return None;
    }
    // Words, for the alignment; the texts lie behind the structure, in the same memory.
    let mut buffer = vec![0usize; head.size.div_ceil(size_of::<usize>()).max(4)];
    let info = buffer.as_mut_ptr().cast::<SearchInfo>();
    // SAFETY: the buffer is as large as the loader asks for, and aligned; it is to have its size and count in it, which the
    // assignment writes.
    let is_written = unsafe {
        info.write(head);
        libc::dlinfo(library.handle(), libc::RTLD_DI_SERINFO, info.cast()) == 0
    };
    if !is_written {
        return None;
    }
    // SAFETY: the loader has written the structure.
    let count = unsafe { (*info).count } as usize;
    // SAFETY: the paths follow the two fields, without a gap, as both have the size of a word with its padding.
    let first = unsafe { info.add(1).cast::<SearchPath>() };
    let directory = |i: usize| {
        // SAFETY: `i` is below the count, and each name is a C string in the buffer, which lives.
        let name = unsafe { CStr::from_ptr((*first.add(i)).name) };
        PathBuf::from(OsStr::from_bytes(if name.is_empty() { b"/" } else { name.to_bytes() }))
    };
    Some((0..count).map(directory).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[cfg_attr(miri, ignore = "Miri does not know what it calls")]
    fn the_loader_tells_its_directories() {
        let paths = process_paths();
        assert!(
            paths.system.iter().any(|path| path.starts_with("/usr/lib") || path.starts_with("/usr/lib64")),
            "{paths:?}"
        );
        let lib = PathBuf::from("/").join(OsStr::from_bytes(&paths.lib));
        assert!(paths.lib.starts_with(b"lib") && lib.is_dir(), "{paths:?}");
        assert!(!paths.platform.is_empty());
    }

    #[test]
    fn the_parts_of_the_path_are_told_apart() {
        let paths =
            |list: &str| list.split(' ').filter(|it| !it.is_empty()).map(PathBuf::from).collect::<Vec<_>>();
        for (all, environment, program, system) in [
            ("/lib /usr/lib", "", "", "/lib /usr/lib"),
            ("/p/lib /lib /usr/lib", "", "/p/lib", "/lib /usr/lib"),
            ("/p/lib /e /lib64 /usr/lib64", "/e", "/p/lib", "/lib64 /usr/lib64"),
            ("/p/lib /lib/e /lib", "/lib/e", "/p/lib", "/lib"),
            ("/lib", "/nowhere", "", "/lib"),
        ] {
            let found = split(paths(all), paths(environment));
            assert_eq!((found.program, found.system), (paths(program), paths(system)), "{all}");
        }
        let environment = b"A=1\0LD_LIBRARY_PATH=/a:/b;:/c\0B=2\0";
        assert_eq!(library_path(environment), paths("/a /b /c"));
        assert_eq!(library_path(b"A=LD_LIBRARY_PATH=/x"), paths(""));
    }

    #[test]
    fn lib_is_what_depends_on_the_machine() {
        for (first, lib) in
            [("/lib/x86_64-linux-gnu", "lib/x86_64-linux-gnu"), ("/usr/lib64", "lib64"), ("/lib64", "lib64")]
        {
            assert_eq!(lib_token(&[PathBuf::from(first)]), lib.as_bytes());
        }
        assert_eq!(lib_token(&[]), b"");
    }
}
