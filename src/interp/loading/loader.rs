//! One interpreter's private libraries.

use std::collections::{HashMap, HashSet};
use std::ffi::{CString, OsStr, c_int, c_void};
use std::fs;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use super::dl::{Library, is_exported_by_host, path_at};
use super::finalizers::Finalizers;
use super::graph::{Graph, Loaded, Node, Target};
use super::graph_files::{
    Files, Missing, check_version_files, complete, failed, initialize_all, write_for_others,
};
use super::library_cache::{FileId, library_info, original_of, remember_original};
use super::memfile::PrivateFile;
use super::privacy::{Choice, Verdict, decide, own_file};
use super::reentrant::ReentrantLock;
use super::report::Report;
use super::search::{Found, Requester, find};
use super::shared_pages::page_size;
use super::shared_runtimes::is_c_library;
use crate::interp::elf::image::Image;
use crate::interp::elf::reading::{MissingPages, Original};
use crate::interp::elf::rewrite::rewrite_library;
use crate::interp::elf::symbols::{PythonSymbols, SymbolPrefix, is_python_symbol, needed_names};
use crate::interp::exit::at_exit;
use crate::sys::sync::lock;

/// Whether a function of the C library, by its name, is interposed in a library of the interpreter's, which needs the
/// symbols that the function tells.
pub(crate) type IsInterposed = fn(&[u8], &dyn Fn(&[u8]) -> bool) -> bool;

/// Loads libraries for one interpreter.
pub(crate) struct Loader {
    pub(super) prefix: SymbolPrefix,
    /// The copy of libpython, and its SONAME.
    pub(super) python: Library,
    python_soname: String,
    /// What it exports.
    exported: Arc<PythonSymbols>,
    pub(super) is_interposed: IsInterposed,
    /// What the user wants.
    choice: Choice,
    /// The interpreter's copies, also those that are being loaded.
    pub(super) copies: Mutex<HashMap<FileId, Copy>>,
    /// Those that were loaded with RTLD_GLOBAL, and those that these need.
    pub(super) global: Mutex<Vec<FileId>>,
    /// What they have called when the process exits.
    pub(super) finalizers: Finalizers,
    pub(super) report: Report,
    /// Held while a library is loaded, or two threads would load two copies. Initialisers may load others in their
    /// turn.
    pub(super) loading: ReentrantLock,
}

/// A copy of a library for one interpreter.
pub(super) struct Copy {
    /// Copies that were loaded earlier have lower ones.
    number: usize,
    original: PathBuf,
    soname: Option<Vec<u8>>,
    /// The path that it is loaded by.
    pub(super) path: PathBuf,
    /// The copies that it needs.
    pub(super) needed: Vec<FileId>,
    /// `None` until its initialiser has returned.
    library: Option<Library>,
}

/// What `dlopen` is to do.
pub(crate) enum Opened {
    /// Return this copy.
    Copy(Library),
    /// Return NULL: with RTLD_NOLOAD, as the interpreter has no copy.
    Null,
    /// Ask the C library's loader: the library is shared, or that reports best what is wrong with the file.
    Shared,
    /// Ask it for this file, as the search path of the caller has it.
    SharedFile(CString),
}

impl Loader {
    pub(crate) fn new(
        prefix: SymbolPrefix,
        python: Library,
        python_soname: String,
        exported: Arc<PythonSymbols>,
        is_interposed: IsInterposed,
        choice: Choice,
    ) -> Self {
        Self {
            prefix,
            python,
            python_soname,
            exported,
            is_interposed,
            choice,
            copies: Mutex::default(),
            global: Mutex::default(),
            finalizers: Finalizers::default(),
            report: Report::default(),
            loading: ReentrantLock::default(),
        }
    }

    /// The interpreter's copy of a library, loaded if it was not, for the code at `caller`. The error is a message.
    pub(crate) fn open(&self, path: &Path, flags: c_int, caller: *const c_void) -> Result<Opened, String> {
        let Some((found, id)) = self.locate(path, caller) else { return Ok(Opened::Shared) };
        let file = found.by_search_path_of(path);
        match self.open_file(found, id, flags)? {
            Opened::Copy(library) => {
                if flags & libc::RTLD_GLOBAL != 0 {
                    self.make_global(id);
                }
                Ok(Opened::Copy(library))
            }
            // The C library's loader would search where this library's file says.
            Opened::Shared if self.path_in_process(path.as_os_str().as_bytes()).is_none() => {
                Ok(file.map_or(Opened::Shared, Opened::SharedFile))
            }
            other => Ok(other),
        }
    }

    fn open_file(&self, found: Found, id: FileId, flags: c_int) -> Result<Opened, String> {
        if let Some(library) = self.finished(id) {
            return Ok(Opened::Copy(library));
        }
        if self.report.is_shared(id) {
            return Ok(Opened::Shared);
        }
        let _loading = self.loading.lock();
        if let Some(library) = self.finished(id).or_else(|| self.unfinished(id)) {
            return Ok(Opened::Copy(library));
        }
        let graph = Graph::of(found, id, self);
        let is_python = |name: &[u8]| self.is_python(name);
        let verdicts = decide(&graph, own_file(), &self.choice, &is_python, &|id| self.original(id));
        if !verdicts[0].is_private {
            self.report.add(&graph, &verdicts);
            return Ok(Opened::Shared);
        }
        if flags & libc::RTLD_NOLOAD != 0 {
            return Ok(Opened::Null);
        }
        let library = self.load(&graph, &verdicts, flags)?;
        self.report.add(&graph, &verdicts);
        Ok(Opened::Copy(library))
    }

    /// What the interpreter has loaded: lines of text.
    pub(crate) fn report(&self) -> Vec<u8> {
        self.report.text()
    }

    /// The file that `dlopen` means by a path or a name. `None` if there is none, or it is no library.
    fn locate(&self, path: &Path, caller: *const c_void) -> Option<(Found, FileId)> {
        let name = path.as_os_str().as_bytes();
        let found = if name.contains(&b'/') {
            Found::ByPath(path.to_owned())
        } else if is_c_library(name) {
            return None;
        } else if let Some(id) = self.copy_named(name) {
            return Some((Found::ByPath(self.original(id)), id));
        } else {
            let caller = path_at(caller).map(|path| original_of(&path));
            let info = caller.as_deref().and_then(library_info).unwrap_or_default();
            let caller = caller.as_deref().map(|path| Requester { path, info: &info });
            let in_process = || self.path_in_process(name).map(Found::ByPath);
            find(name, caller.as_slice(), |path| library_info(path).is_some()).or_else(in_process)?
        };
        let (Found::ByPath(file) | Found::InSystem(file)) = &found;
        library_info(file)?;
        let id = FileId::of(&fs::metadata(file).ok()?);
        Some((found, id))
    }

    pub(super) fn finished(&self, id: FileId) -> Option<Library> {
        lock(&self.copies).get(&id)?.library
    }

    /// A library that this thread is loading: its own initialiser asks for it.
    fn unfinished(&self, id: FileId) -> Option<Library> {
        let path = lock(&self.copies).get(&id)?.path.clone();
        Library::loaded_by(&path)
    }

    fn original(&self, id: FileId) -> PathBuf {
        lock(&self.copies).get(&id).map(|copy| copy.original.clone()).unwrap_or_default()
    }

    /// Loads copies of a graph's private libraries. They are loaded by one call, so that each is bound to the symbols of
    /// all, as the originals would be.
    fn load(&self, graph: &Graph, verdicts: &[Verdict], flags: c_int) -> Result<Library, String> {
        // All files come first: libraries may need one another in a circle.
        let mut files = Files::new();
        for (i, node) in graph.0.iter().enumerate().filter(|(i, _)| verdicts[*i].is_private) {
            let name = CString::new(file_name(&node.path).as_bytes()).unwrap_or_default();
            let file = PrivateFile::new(&name, b"").map_err(|error| failed(&node.path, &error))?;
            files.insert(i, file);
        }
        let mut missing = Missing::new();
        for (&i, file) in &files {
            let node = &graph.0[i];
            let pages = self.write_copy(node, file, graph, &files);
            missing.insert(i, pages.map_err(|error| failed(&node.path, &*error))?);
            remember_original(file.path(), &node.path);
        }
        write_for_others(graph, &files, &missing)?;
        // The copies' symbols must not be global in the process, or the next interpreter's would be bound to them.
        let flags = flags & !libc::RTLD_GLOBAL | libc::RTLD_NODELETE;
        self.begin(graph, &files);
        // SAFETY: the initialisers that run are the originals'. Code in the interpreter asks for them: it calls dlopen,
        // for which this stands in.
        let root = unsafe { self.open_in_scope(files[&0].path(), flags) };
        let root = root.and_then(|root| complete(graph, &files, &missing).map(|()| root));
        if root.is_ok() {
            // SAFETY: the copies are loaded, complete, and new. The initialisers are sound, as above.
            unsafe { initialize_all(graph, &files) };
        }
        self.end(graph, &files, root.is_ok());
        let root = root.map_err(|error| self.in_original_names(error, graph, &files))?;
        at_exit::register_hook();
        Ok(root)
    }

    /// Notes the copies that are going to be loaded.
    fn begin(&self, graph: &Graph, files: &Files) {
        let mut copies = lock(&self.copies);
        let next = copies.values().map(|copy| copy.number + 1).max().unwrap_or(0);
        let more = files.iter().map(|(&i, file)| {
            let node = &graph.0[i];
            let needed = node.needed.iter().filter_map(|(_, target)| match *target {
                Target::Copy(id) => Some(id),
                Target::Node(i) => files.contains_key(&i).then(|| graph.0[i].id),
                _ => None,
            });
            let (original, soname, path) =
                (node.path.clone(), node.info.soname.clone(), file.path().to_owned());
            (
                node.id,
                Copy { number: next + i, original, soname, path, needed: needed.collect(), library: None },
            )
        });
        copies.extend(more);
    }

    /// Notes that they are loaded; or forgets those that are not.
    fn end(&self, graph: &Graph, files: &Files, is_good: bool) {
        for (&i, file) in files {
            let library = Library::loaded_by(file.path()).filter(|_| is_good);
            let mut copies = lock(&self.copies);
            match (copies.get_mut(&graph.0[i].id), library) {
                (Some(copy), Some(loaded)) => {
                    copy.library = library;
                    self.finalizers.add(loaded, &graph.0[i], graph);
                }
                _ => drop(copies.remove(&graph.0[i].id)),
            }
        }
    }

    /// Calls what the libraries have called when the process exits.
    ///
    /// # Safety
    /// The process is exiting, and this is called once.
    pub(crate) unsafe fn finalize(&self) {
        // SAFETY: the libraries are copies, whose initialisers have returned. The rest is this function's contract.
        unsafe { self.finalizers.run() };
    }

    /// Whether a symbol that a library needs is Python's. One that only the host's Python exports is one too: in this
    /// interpreter there is no such symbol. All others are other libraries', whatever their names are.
    fn is_python(&self, name: &[u8]) -> bool {
        is_python_symbol(name) && (self.exported.contains(name) || is_exported_by_host(name))
    }

    /// Writes the file of a copy. Where it needs libraries that have copies, it names these by their paths. The result is
    /// which pages are missing.
    fn write_copy(
        &self,
        node: &Node,
        file: &PrivateFile,
        graph: &Graph,
        files: &Files,
    ) -> Result<MissingPages, Box<dyn std::error::Error>> {
        let (original, image) = Original::read(&node.path)?;
        let origin = fs::canonicalize(node.path.parent().unwrap_or(Path::new("/")))?;
        let needed = |name: &[u8]| self.name_of_needed(node, name, graph, files);
        let interposed = self.interposed_in(&image);
        let is_own = |name: &[u8]| self.is_python(name) || interposed.contains(name);
        check_version_files(&image, files, needed)?;
        let (name, origin) = (file_name(&node.path).as_bytes(), origin.as_os_str().as_bytes());
        let content = rewrite_library(image, &self.prefix, name, origin, is_own, needed)?;
        Ok(original.write_copy(&content, &mut file.open()?, page_size()?)?)
    }

    /// The functions of the C library that a library needs, and that are interposed in it.
    fn interposed_in(&self, image: &Image) -> HashSet<Vec<u8>> {
        let needs = |other: &[u8]| needed_names(image).any(|name| name == Ok(other));
        let interposed = needed_names(image).flatten().filter(|name| (self.is_interposed)(name, &needs));
        interposed.map(<[u8]>::to_vec).collect()
    }

    /// The name by which a copy is to need a library that the original needs by `name`; `None` for that name.
    fn name_of_needed(&self, node: &Node, name: &[u8], graph: &Graph, files: &Files) -> Option<Vec<u8>> {
        let target = node.needed.iter().find(|(other, _)| other == name).map(|(_, target)| *target);
        // A library may use versions of a library that another one needs.
        let target =
            target.or_else(|| graph.named(name)).or_else(|| self.copy_named(name).map(Target::Copy))?;
        let path = match target {
            Target::Python => return Some(self.python_soname.clone().into_bytes()),
            Target::Copy(id) => lock(&self.copies).get(&id)?.path.clone(),
            Target::Node(i) if files.contains_key(&i) => files[&i].path().to_owned(),
            // The loader finds it by the name, if it has loaded it or looks in the system's directories.
            Target::Node(i) if graph.0[i].is_in_system || self.path_in_process(name).is_some() => {
                return None;
            }
            Target::Node(i) => std::path::absolute(&graph.0[i].path).ok()?,
            Target::Left => return None,
        };
        Some(path.into_os_string().into_vec())
    }

    fn in_original_names(&self, mut message: String, graph: &Graph, files: &Files) -> String {
        for (&i, file) in files {
            message = message.replace(&*file.path().to_string_lossy(), &graph.0[i].path.to_string_lossy());
        }
        self.prefix.demangle(&message) + advice(&message)
    }
}

impl Loaded for Loader {
    fn copy_named(&self, name: &[u8]) -> Option<FileId> {
        let copies = lock(&self.copies);
        let has_name = |copy: &Copy| {
            copy.soname.as_deref() == Some(name) || file_name(&copy.original).as_bytes() == name
        };
        let named = copies.iter().filter(|(_, copy)| has_name(copy));
        named.min_by_key(|(_, copy)| copy.number).map(|(id, _)| *id)
    }

    fn has_copy(&self, id: FileId) -> bool {
        lock(&self.copies).contains_key(&id)
    }

    fn path_in_process(&self, name: &[u8]) -> Option<PathBuf> {
        Library::loaded_by(Path::new(OsStr::from_bytes(name)))?.path()
    }
}

/// What to do about an error of the loader's, if that does not say it.
fn advice(message: &str) -> &'static str {
    // Each copy of a library with variables of this kind takes some of it.
    const NO_STATIC_TLS: &str = "; the environment variable GLIBC_TUNABLES=glibc.rtld.optional_static_tls=65536 gives \
                                 the process more space for thread-local variables, if it is set when that starts";
    if message.contains("static TLS block") { NO_STATIC_TLS } else { "" }
}

fn file_name(path: &Path) -> &OsStr {
    path.file_name().unwrap_or(path.as_os_str())
}
