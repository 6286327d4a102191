//! How Python finds its standard library.

use std::path::{Path, PathBuf};

use crate::interp::runtime::loaded_copy::LoadedCopy;
use crate::interp::runtime::step::file_name;

/// How Python finds its standard library.
pub(super) enum Origin {
    /// By the path of its program.
    Program(PathBuf),
    /// By the prefix that contains the library.
    Home(PathBuf),
}

impl Origin {
    pub(super) fn of(copy: &LoadedCopy) -> Result<Self, String> {
        if let Some(program) = copy.options.path("executable").filter(|path| is_python(path)) {
            return Ok(Self::Program(program));
        }
        let version = format!("{}{}", copy.version, if copy.world.is_some() { "t" } else { "" });
        let landmark = format!("lib/python{version}/os.py");
        let is_prefix = |prefix: &Path| prefix.join(&landmark).exists();
        if let Some(home) = copy.options.path("home") {
            let why = format!("{} has no {landmark}", home.display());
            return is_prefix(&home).then_some(Self::Home(home)).ok_or(why);
        }
        let prefix = copy.libpython.file.ancestors().skip(2).find(|prefix| is_prefix(prefix));
        let prefix = prefix.ok_or_else(|| format!("no directory above it has its {landmark}"))?;
        let program = prefix.join(format!("bin/python{version}"));
        Ok(if is_python(&program) { Self::Program(program) } else { Self::Home(prefix.to_owned()) })
    }

    pub(super) fn path(&self) -> &Path {
        match self {
            Self::Program(path) | Self::Home(path) => path,
        }
    }
}

/// Whether this is the program of a Python, and not an application that embeds one.
fn is_python(path: &Path) -> bool {
    file_name(path).starts_with("python") && path.is_absolute() && path.exists()
}
