//! The options of an interpreter: lines of text, `name=value` each, which a caller gives and in which the host's Python
//! describes itself.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

use crate::interp::cpython::host::Host;
use crate::interp::cpython::version::Version;
use crate::interp::error::InterpError;
use crate::interp::loading::privacy::Choice;
use crate::sys::settings::Variables;

/// Options that have one value.
const SINGLE: [&str; 7] =
    ["libpython", "fresh", "group", "executable", "home", "pycache_prefix", "int_max_str_digits"];

/// Options that may be given several times, for a list.
const LISTS: [&str; 7] = ["path", "argv", "warnoption", "warningfilter", "xoption", "private", "shared"];

/// A flag, which is a number, and what sets it before Python is initialised.
pub(crate) struct Flag {
    pub(crate) name: &'static str,
    /// The option of `PyInitConfig`.
    pub(crate) config: &'static str,
    /// Whether that option has the opposite meaning.
    pub(crate) is_inverted: bool,
    /// The C variable, which CPython deprecates, for versions without `PyInitConfig`.
    pub(crate) variable: &'static str,
}

const fn flag(name: &'static str, config: &'static str, variable: &'static str) -> Flag {
    Flag { name, config, is_inverted: false, variable }
}

const fn inverted(name: &'static str, config: &'static str, variable: &'static str) -> Flag {
    Flag { name, config, is_inverted: true, variable }
}

pub(crate) const FLAGS: [Flag; 10] = [
    flag("optimize", "optimization_level", "Py_OptimizeFlag"),
    inverted("dont_write_bytecode", "write_bytecode", "Py_DontWriteBytecodeFlag"),
    inverted("no_user_site", "user_site_directory", "Py_NoUserSiteDirectory"),
    inverted("no_site", "site_import", "Py_NoSiteFlag"),
    inverted("ignore_environment", "use_environment", "Py_IgnoreEnvironmentFlag"),
    flag("isolated", "isolated", "Py_IsolatedFlag"),
    flag("bytes_warning", "bytes_warning", "Py_BytesWarningFlag"),
    flag("verbose", "verbose", "Py_VerboseFlag"),
    flag("quiet", "quiet", "Py_QuietFlag"),
    flag("debug", "parser_debug", "Py_DebugFlag"),
];

/// Flags that are part of Python's pre-initialisation. `PyInitConfig` has them under the same names.
pub(crate) const EARLY_FLAGS: [&str; 2] = ["utf8_mode", "dev_mode"];

/// Flags that Python takes from its command line or from these variables. `PyInitConfig` has them under the same names.
pub(crate) const ENVIRONMENT_FLAGS: [(&str, &str); 2] =
    [("safe_path", "PYTHONSAFEPATH"), ("warn_default_encoding", "PYTHONWARNDEFAULTENCODING")];

/// The options of one interpreter, in the order given.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Options(Vec<(&'static str, OsString)>);

impl Options {
    /// Parses lines. An error names the option, and says what is wrong with it.
    pub fn parse(text: &[u8]) -> Result<Self, String> {
        let mut options = Self::default();
        for line in text.split(|&byte| byte == b'\n').filter(|line| !line.is_empty()) {
            let shown = String::from_utf8_lossy(line);
            let equals = line.iter().position(|&byte| byte == b'=');
            let equals = equals.ok_or_else(|| format!("the option \"{shown}\" is not name=value"))?;
            let name = known(&line[..equals]).ok_or_else(|| format!("there is no option \"{shown}\""))?;
            let value = OsString::from_vec(line[equals + 1..].to_vec());
            if is_number(name) && value.to_str().and_then(|text| text.parse::<i32>().ok()).is_none() {
                return Err(format!("the option \"{shown}\" must be a number"));
            }
            if !LISTS.contains(&name) {
                options.0.retain(|(other, _)| *other != name);
            }
            options.0.push((name, value));
        }
        Ok(options)
    }

    /// These options, if their values are valid: files and directories exist, and numbers are in range.
    pub(crate) fn checked(self) -> Result<Self, String> {
        for (name, value) in &self.0 {
            let path = Path::new(value);
            let is_good = match *name {
                "executable" => value.is_empty() || path.is_absolute() && path.is_file(),
                "home" => path.is_dir(),
                "private" | "shared" => !value.is_empty(),
                "optimize" | "bytes_warning" | "verbose" | "debug" => {
                    self.number(name).is_some_and(|it| (0..=9).contains(&it))
                }
                "int_max_str_digits" => self.number(name).is_some_and(|it| it == 0 || it >= 640),
                name if is_number(name) => self.number(name).is_some_and(|it| it == 0 || it == 1),
                _ => true,
            };
            if !is_good {
                return Err(format!("the option \"{name}={}\" must be {}", value.display(), expected(name)));
            }
        }
        Ok(self)
    }

    /// One option, which names this libpython.
    pub(crate) fn of_libpython(path: &Path) -> Self {
        Self(vec![("libpython", path.as_os_str().to_owned())])
    }

    /// The value of an option that is not a list, if it is given.
    pub(crate) fn get(&self, name: &str) -> Option<&OsStr> {
        self.0.iter().find(|(other, _)| *other == name).map(|(_, value)| value.as_os_str())
    }

    /// The values of an option that is a list.
    pub(crate) fn list(&self, name: &'static str) -> impl Iterator<Item = &OsStr> {
        self.0.iter().filter(move |(other, _)| *other == name).map(|(_, value)| value.as_os_str())
    }

    /// Which libraries the user wants to be private, and which shared: by these options, and by the environment.
    pub(crate) fn choice(&self, variables: &Variables) -> Choice {
        let all =
            |name, more: &[OsString]| self.list(name).map(OsStr::to_owned).chain(more.to_vec()).collect();
        Choice { private: all("private", &variables.private), shared: all("shared", &variables.shared) }
    }

    pub(crate) fn path(&self, name: &str) -> Option<PathBuf> {
        self.get(name).map(|value| Path::new(value).to_owned())
    }

    /// The value of a flag, if it is given.
    pub(crate) fn number(&self, name: &str) -> Option<i32> {
        self.get(name)?.to_str()?.parse().ok()
    }

    /// Whether Python is to read variables of the environment.
    pub(crate) fn use_environment(&self) -> bool {
        ["ignore_environment", "isolated"].iter().all(|name| self.number(name).is_none_or(|value| value == 0))
    }

    /// These options, and for names that are not given here, the options of `others`.
    pub(crate) fn or(mut self, others: &Self) -> Self {
        let is_given = |name: &str| self.0.iter().any(|(other, _)| *other == name);
        let more: Vec<_> = others.0.iter().filter(|(name, _)| !is_given(name)).cloned().collect();
        self.0.extend(more);
        self
    }

    /// Without one of the options.
    pub(crate) fn without(mut self, name: &str) -> Self {
        self.0.retain(|(other, _)| *other != name);
        self
    }

    /// These options, and for what is not given here, those of the host's Python, if that has the same version. (One of the
    /// two may be a free-threaded build. That has other extension modules, but the same flags.)
    pub(crate) fn with_host_defaults(
        self,
        host: Option<&Host>,
        version: Version,
        is_free_threaded: bool,
    ) -> Result<Self, InterpError> {
        let Some(host) = host.filter(|host| host.version == version) else { return Ok(self) };
        let failed =
            |why| InterpError::Unsupported(format!("the process's Python described wrong settings: {why}"));
        let mut defaults = Self::parse(&host.settings).map_err(failed)?;
        let is_other = host.is_free_threaded != is_free_threaded;
        if is_other || self.get("executable").is_some() || self.get("home").is_some() {
            // Another program has other packages.
            defaults = ["executable", "home", "path"].into_iter().fold(defaults, Self::without);
        }
        if ["warnoption", "dev_mode", "bytes_warning"].iter().any(|name| self.get(name).is_some()) {
            defaults = defaults.without("warningfilter"); // the caller's options have filters of their own
        }
        Ok(self.or(&defaults))
    }

    /// The lines of text.
    pub(crate) fn to_text(&self) -> Vec<u8> {
        let line =
            |(name, value): &(&str, OsString)| [name.as_bytes(), b"=", value.as_bytes(), b"\n"].concat();
        self.0.iter().flat_map(line).collect()
    }
}

fn known(name: &[u8]) -> Option<&'static str> {
    let flags = FLAGS.iter().map(|flag| flag.name);
    let from_environment = ENVIRONMENT_FLAGS.iter().map(|(name, _)| *name);
    let mut all = SINGLE.into_iter().chain(LISTS).chain(flags).chain(EARLY_FLAGS).chain(from_environment);
    all.find(|known| known.as_bytes() == name)
}

fn is_number(name: &str) -> bool {
    matches!(name, "fresh" | "int_max_str_digits")
        || EARLY_FLAGS.contains(&name)
        || ENVIRONMENT_FLAGS.iter().any(|(other, _)| *other == name)
        || FLAGS.iter().any(|flag| flag.name == name)
}

fn expected(name: &str) -> &'static str {
    match name {
        "executable" => "the absolute path of a file",
        "home" => "a directory",
        "private" | "shared" => "the name or the path of a library, or a pattern for these",
        "int_max_str_digits" => "0, or 640 or more",
        "optimize" | "bytes_warning" | "verbose" | "debug" => "a number from 0 to 9",
        _ => "0 or 1",
    }
}

#[cfg(test)]
mod tests {
    use super::{Host, Options, Version};

    #[test]
    fn lines_become_options_and_lines_again() {
        let text = b"libpython=/a=b/c\npath=/x\n\npath=\nfresh=1\noptimize=2\n";
        let options = Options::parse(text).unwrap();
        assert_eq!(options.get("libpython").unwrap(), "/a=b/c");
        assert_eq!((options.number("fresh"), options.number("optimize")), (Some(1), Some(2)));
        assert_eq!(options.to_text(), b"libpython=/a=b/c\npath=/x\npath=\nfresh=1\noptimize=2\n");
        assert_eq!(Options::parse(b"fresh=0\nfresh=1").unwrap().to_text(), b"fresh=1\n");
    }

    #[test]
    fn those_that_are_given_come_before_others() {
        let given = Options::parse(b"path=/mine\noptimize=1").unwrap();
        let others = Options::parse(b"path=/theirs\nargv=x\noptimize=0").unwrap();
        assert_eq!(given.or(&others).to_text(), b"path=/mine\noptimize=1\nargv=x\n");
    }

    #[test]
    fn paths_of_the_host_are_for_copies_of_the_same_kind() {
        let settings =
            b"executable=/x/bin/python3.14t\nhome=/x\npath=/x/lib/python3.14t\noptimize=1\n".to_vec();
        let host =
            Host { version: Version(3, 14), is_free_threaded: true, file: None, settings, hash_secret: None };
        let defaults = |version, is_free_threaded| {
            Options::default().with_host_defaults(Some(&host), version, is_free_threaded).unwrap().to_text()
        };
        assert_eq!(defaults(Version(3, 14), true), host.settings);
        assert_eq!(defaults(Version(3, 14), false), b"optimize=1\n");
        assert_eq!(defaults(Version(3, 13), true), b"");
    }

    #[test]
    fn errors_name_the_option_and_the_reason() {
        for (text, part) in [
            ("fresh", "\"fresh\" is not name=value"),
            ("colour=red", "no option \"colour=red\""),
            ("optimize=much", "must be a number"),
        ] {
            let error = Options::parse(text.as_bytes()).unwrap_err();
            assert!(error.contains(part), "{error}");
        }
    }
}
