//! One interpreter's private libraries.

use std::collections::{HashMap, HashSet};
use std::ffi::{CStr, CString, OsStr, c_int, c_void};
use std::fmt;
use std::fs;
use std::io;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};
use std::ptr::{self, NonNull};
use std::sync::{Arc, Mutex};

use super::dl::{Library, is_exported_by_host};
use super::library_cache::{FileId, library_info, remember_original};
use super::memfile::PrivateFile;
use super::privacy::{is_system_name, private_libraries};
use super::reentrant::ReentrantLock;
use crate::interp::elf::image::Image;
use crate::interp::elf::rewrite::rewrite_library;
use crate::interp::elf::symbols::{PythonSymbols, SymbolPrefix, is_python_symbol, needed_names};
use crate::interp::elf::version_files::version_files_not_needed;
use crate::interp::exit::at_exit;
use crate::sys::sync::lock;

/// Whether a function of the C library, by its name, is interposed in a library of the interpreter's, which needs the
/// symbols that the function tells.
pub(crate) type IsInterposed = fn(&[u8], &dyn Fn(&[u8]) -> bool) -> bool;

/// Loads libraries for one interpreter.
pub(crate) struct Loader {
    prefix: SymbolPrefix,
    /// The copy of libpython, and its SONAME.
    python: Library,
    python_soname: String,
    /// What it exports.
    exported: Arc<PythonSymbols>,
    is_interposed: IsInterposed,
    libraries: Mutex<HashMap<FileId, PrivateLibrary>>,
    /// Held while a library is loaded, or two threads would load two copies. Initialisers may load others in their
    /// turn.
    loading: ReentrantLock,
    /// Libraries whose initialisers have not returned yet, and the paths that they are loaded by.
    unfinished: Mutex<Vec<(FileId, PathBuf)>>,
}

/// A copy of a library that was loaded for one interpreter.
struct PrivateLibrary {
    library: Library,
    original: PathBuf,
    /// The path that it was loaded by.
    path: PathBuf,
}

/// A copy of a library that is to be loaded.
struct Copy {
    id: FileId,
    original: PathBuf,
    file: PrivateFile,
}

impl Loader {
    pub(crate) fn new(
        prefix: SymbolPrefix,
        python: Library,
        python_soname: String,
        exported: Arc<PythonSymbols>,
        is_interposed: IsInterposed,
    ) -> Self {
        Self {
            prefix,
            python,
            python_soname,
            exported,
            is_interposed,
            libraries: Mutex::default(),
            loading: ReentrantLock::default(),
            unfinished: Mutex::default(),
        }
    }

    /// The interpreter's copy of a library, loaded if it was not. `None` if the C library's loader is to open the path:
    /// because the library is shared, or because it reports best what is wrong with the file. The error is a message.
    pub(crate) fn open(&self, path: &Path, flags: c_int) -> Result<Option<Library>, String> {
        if is_system_name(path) {
            return Ok(None);
        }
        let Ok(metadata) = fs::metadata(path) else { return Ok(None) };
        let id = FileId::of(&metadata);
        if let Some(private) = lock(&self.libraries).get(&id) {
            return Ok(Some(private.library));
        }
        if flags & libc::RTLD_NOLOAD != 0 {
            return Ok(None);
        }
        let Some(needed) = private_libraries(path, id, &|name| self.is_python(name)) else { return Ok(None) };
        self.load(path, flags, &needed).map(Some)
    }

    /// Loads a copy of a library, and copies of the libraries of `to_copy` that it needs. They are loaded by one call, so
    /// that each is bound to the symbols of all, as the originals would be.
    fn load(&self, path: &Path, flags: c_int, to_copy: &HashSet<PathBuf>) -> Result<Library, String> {
        let _loading = self.loading.lock();
        let mut copies = Vec::new();
        self.create_files(path, to_copy, &mut copies).map_err(|error| failed(path, &error))?;
        let Some(root) = copies.first() else { return self.known_library(path) };
        for copy in &copies {
            self.write_copy(copy, &copies).map_err(|error| failed(&copy.original, &*error))?;
            remember_original(copy.file.path(), &copy.original);
        }
        // The copies' symbols must not be global, or the next interpreter's copies would be bound to them.
        let flags = flags & !libc::RTLD_GLOBAL | libc::RTLD_NODELETE;
        lock(&self.unfinished).extend(copies.iter().map(|copy| (copy.id, copy.file.path().to_owned())));
        // SAFETY: the initialisers that run are the originals'. Code in the interpreter asks for them: it calls dlopen,
        // for which this stands in.
        let library = unsafe { Library::open(root.file.path(), flags) };
        lock(&self.unfinished).retain(|(other, _)| copies.iter().all(|copy| copy.id != *other));
        let library = library.map_err(|error| self.in_original_names(error.0, &copies))?;
        at_exit::register_hook();
        copies.into_iter().for_each(|copy| self.keep(copy, flags));
        Ok(library)
    }

    /// Creates the files of the copies of a library and of the libraries of `to_copy` that it needs, except for those that
    /// this interpreter has already. They are empty: libraries may need one another in a circle.
    fn create_files(
        &self,
        path: &Path,
        to_copy: &HashSet<PathBuf>,
        copies: &mut Vec<Copy>,
    ) -> io::Result<()> {
        let id = FileId::of(&fs::metadata(path)?);
        if self.path_of(id, copies).is_some() {
            return Ok(());
        }
        let name = CString::new(file_name(path).as_bytes()).unwrap_or_default();
        copies.push(Copy { id, original: path.to_owned(), file: PrivateFile::new(&name, b"")? });
        let info = library_info(path);
        let mut needed = info.needed.iter().filter(|(_, needed)| to_copy.contains(needed));
        needed.try_for_each(|(_, needed)| self.create_files(needed, to_copy, copies))
    }

    /// The path of the copy of a library: of one that is to be loaded, is being loaded, or is loaded.
    fn path_of(&self, id: FileId, copies: &[Copy]) -> Option<PathBuf> {
        let copy = copies.iter().find(|copy| copy.id == id).map(|copy| copy.file.path().to_owned());
        let loaded = || lock(&self.libraries).get(&id).map(|private| private.path.clone());
        copy.or_else(loaded).or_else(|| self.unfinished_path(id))
    }

    /// The path of the copy of a library with this file name.
    fn path_of_name(&self, name: &[u8], copies: &[Copy]) -> Option<PathBuf> {
        let has_name = |original: &Path| file_name(original).as_bytes() == name;
        let copy = copies.iter().find(|copy| has_name(&copy.original));
        copy.map(|copy| copy.file.path().to_owned()).or_else(|| {
            let libraries = lock(&self.libraries);
            let private = libraries.values().find(|private| has_name(&private.original));
            private.map(|private| private.path.clone())
        })
    }

    /// A library that was loaded meanwhile, or is being loaded.
    fn known_library(&self, path: &Path) -> Result<Library, String> {
        let id = FileId::of(&fs::metadata(path).map_err(|error| failed(path, &error))?);
        let loaded = lock(&self.libraries).get(&id).map(|private| private.library);
        let library = loaded.or_else(|| self.unfinished_library(id));
        library.ok_or_else(|| failed(path, &"it is being loaded"))
    }

    /// Remembers a copy that was loaded.
    fn keep(&self, copy: Copy, flags: c_int) {
        let path = copy.file.path().to_owned();
        // SAFETY: with RTLD_NOLOAD, no library is loaded, and so no initialiser runs.
        if let Ok(library) = unsafe { Library::open(&path, flags | libc::RTLD_NOLOAD) } {
            let private = PrivateLibrary { library, original: copy.original, path };
            lock(&self.libraries).insert(copy.id, private);
        }
    }

    /// A library that this thread is loading: its own initialiser asks for it.
    fn unfinished_library(&self, id: FileId) -> Option<Library> {
        let path = self.unfinished_path(id)?;
        // SAFETY: with RTLD_NOLOAD, no library is loaded, and so no initialiser runs.
        unsafe { Library::open(&path, libc::RTLD_NOW | libc::RTLD_NOLOAD) }.ok()
    }

    fn unfinished_path(&self, id: FileId) -> Option<PathBuf> {
        lock(&self.unfinished).iter().find(|(other, _)| *other == id).map(|(_, path)| path.clone())
    }

    /// Whether a symbol that a library needs is Python's. One that only the host's Python exports is one too: in this
    /// interpreter there is no such symbol. All others are other libraries', whatever their names are.
    fn is_python(&self, name: &[u8]) -> bool {
        is_python_symbol(name) && (self.exported.contains(name) || is_exported_by_host(name))
    }

    /// Writes the file of a copy. Where it needs libraries that have copies, it names these by their paths.
    fn write_copy(&self, copy: &Copy, copies: &[Copy]) -> Result<(), Box<dyn std::error::Error>> {
        let path = copy.original.as_path();
        let image = Image::read(path)?;
        let origin = fs::canonicalize(path.parent().unwrap_or(Path::new("/")))?;
        let info = library_info(path);
        let needed = |name: &[u8]| {
            if name.starts_with(b"libpython") {
                return Some(self.python_soname.clone().into_bytes());
            }
            let found = info.needed.iter().find(|(other, _)| other == name);
            let id = found.and_then(|(_, needed)| Some(FileId::of(&fs::metadata(needed).ok()?)));
            // A library may count on others, in other directories, to have loaded what it needs.
            let path = id.and_then(|id| self.path_of(id, copies)).or_else(|| self.path_of_name(name, copies));
            path.map(|path| path.into_os_string().into_vec())
        };
        let interposed = self.interposed_in(&image);
        let is_own = |name: &[u8]| self.is_python(name) || interposed.contains(name);
        check_version_files(&image, copies, needed)?;
        let (name, origin) = (file_name(path).as_bytes(), origin.as_os_str().as_bytes());
        let content = rewrite_library(image, &self.prefix, name, origin, is_own, needed)?;
        Ok(fs::write(copy.file.path(), content)?)
    }

    /// The functions of the C library that a library needs, and that are interposed in it.
    fn interposed_in(&self, image: &Image) -> HashSet<Vec<u8>> {
        let needs = |other: &[u8]| needed_names(image).any(|name| name == Ok(other));
        let interposed = needed_names(image).flatten().filter(|name| (self.is_interposed)(name, &needs));
        interposed.map(<[u8]>::to_vec).collect()
    }

    fn in_original_names(&self, mut message: String, copies: &[Copy]) -> String {
        for copy in copies {
            message = message.replace(&*copy.file.path().to_string_lossy(), &copy.original.to_string_lossy());
        }
        self.prefix.demangle(&message)
    }

    /// The address of a symbol of Python's, or of a function that is interposed in libraries, as code of this
    /// interpreter is to find it. `None` if the C library's dlsym is to look the symbol up.
    pub(crate) fn symbol(
        &self,
        handle: *mut c_void,
        name: &CStr,
        version: Option<&CStr>,
    ) -> Option<Result<NonNull<c_void>, String>> {
        if (self.is_interposed)(name.to_bytes(), &|_| false) {
            let is_c_library = is_whole_process(handle) || handle == c_library();
            let function = || self.python.symbol(&self.prefix.mangle(name.to_str().ok()?));
            return is_c_library.then(function).flatten().map(Ok);
        }
        let is_python = is_python_symbol(name.to_bytes()) && !name.to_bytes().starts_with(b"PyInit_");
        let name = name.to_str().ok().filter(|_| is_python)?;
        let own = self.python.symbol_of(&self.prefix.mangle(name), version);
        // A library may have symbols with such names too. In the whole process, they would be another Python's.
        own.map(Ok).or_else(|| is_whole_process(handle).then(|| Err(format!("undefined symbol: {name}"))))
    }
}

/// Whether the handle stands for all global symbols: the one that dlopen(NULL) returns, too.
fn is_whole_process(handle: *mut c_void) -> bool {
    // SAFETY: NULL stands for the program itself, which is loaded already.
    handle == libc::RTLD_DEFAULT
        || handle == unsafe { libc::dlopen(ptr::null(), libc::RTLD_LAZY | libc::RTLD_NOLOAD) }
}

/// The handle of the C library; NULL if it has another name.
fn c_library() -> *mut c_void {
    // SAFETY: the name is a C string. With RTLD_NOLOAD, no library is loaded, and so no initialiser runs.
    unsafe { libc::dlopen(c"libc.so.6".as_ptr(), libc::RTLD_LAZY | libc::RTLD_NOLOAD) }
}

/// The dynamic loader must have loaded each file that a library expects versions of symbols in, or it aborts the process.
/// It loads those that the library needs, and the copies. `needed` may give another name for a file.
fn check_version_files(
    image: &Image,
    copies: &[Copy],
    needed: impl Fn(&[u8]) -> Option<Vec<u8>>,
) -> Result<(), Box<dyn std::error::Error>> {
    for file in version_files_not_needed(image)? {
        let name = needed(file).unwrap_or_else(|| file.to_vec());
        let path = Path::new(OsStr::from_bytes(&name));
        // SAFETY: with RTLD_NOLOAD, no library is loaded, and so no initialiser runs.
        let is_loaded = || unsafe { Library::open(path, libc::RTLD_LAZY | libc::RTLD_NOLOAD) }.is_ok();
        if copies.iter().all(|copy| copy.file.path() != path) && !is_loaded() {
            let file = String::from_utf8_lossy(file);
            return Err(format!("it uses symbol versions of {file}, but does not need that library").into());
        }
    }
    Ok(())
}

/// A message that names the file.
fn failed(path: &Path, error: &(impl fmt::Display + ?Sized)) -> String {
    format!("{}: {error}", path.display())
}

fn file_name(path: &Path) -> &OsStr {
    path.file_name().unwrap_or(path.as_os_str())
}
