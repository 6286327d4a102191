use std::sync::Arc;

use super::*;
use crate::interp::loading::library_info::LibraryInfo;

/// Libraries by path: whether they use Python, and which others they need, by their numbers.
fn verdicts(libraries: &[(&str, bool, &[usize])], choice: &Choice) -> Vec<Verdict> {
    let node = |&(path, uses_python, needed): &(&str, bool, &[usize])| {
        // A name like Python's does not make a symbol Python's.
        let python_names = if uses_python { "PyOwn\0PyPython\0" } else { "PyOwn\0" };
        Node {
            id: FileId::default(),
            path: PathBuf::from(path),
            info: Arc::new(LibraryInfo { python_names: python_names.into(), ..LibraryInfo::default() }),
            is_in_system: path.starts_with("/usr/lib/lib"),
            names: Vec::new(),
            needed: needed.iter().map(|&node| (Vec::new(), Target::Node(node))).collect(),
            parent: None,
        }
    };
    let graph = Graph(libraries.iter().map(node).collect());
    decide(&graph, None, choice, &|name| name == b"PyPython", &|_| PathBuf::new())
}

fn private<'a>(libraries: &[(&'a str, bool, &[usize])], choice: &Choice) -> Vec<&'a str> {
    let all = libraries.iter().zip(verdicts(libraries, choice));
    all.filter(|(_, verdict)| verdict.is_private).map(|((path, ..), _)| *path).collect()
}

fn choice(private: &[&str], shared: &[&str]) -> Choice {
    let patterns = |list: &[&str]| list.iter().map(OsString::from).collect();
    Choice { private: patterns(private), shared: patterns(shared) }
}

const H5PY: [(&str, bool, &[usize]); 5] = [
    ("/venv/site-packages/h5py/h5.so", true, &[1]),
    ("/venv/site-packages/h5py.libs/libhdf5-1a.so.310", false, &[2, 3]),
    ("/venv/site-packages/h5py.libs/libz-2b.so.1", false, &[4]),
    ("/usr/lib/libcrypto.so.3", false, &[4]),
    ("/usr/lib/libc.so.6", false, &[]),
];

const NUMPY: [(&str, bool, &[usize]); 4] = [
    ("/x/numpy/umath.so", true, &[1]),
    ("/x/numpy.libs/libscipy_openblas64_-ff65.so", false, &[2, 3]),
    ("/x/numpy.libs/libgfortran-0400.so.5.0.0", false, &[3]),
    ("/x/numpy.libs/libquadmath-9697.so.0.0.0", false, &[]),
];

#[test]
fn libraries_of_packages_are_private_and_the_systems_are_shared() {
    assert_eq!(private(&H5PY, &Choice::default()), [H5PY[0].0, H5PY[1].0, H5PY[2].0]);
    let verdicts = verdicts(&H5PY, &Choice::default());
    let reasons: Vec<_> = verdicts.into_iter().map(|verdict| verdict.reason).collect();
    let expected =
        [Reason::UsesPython, Reason::InPackage, Reason::InPackage, Reason::System, Reason::CLibrary];
    assert_eq!(reasons, expected);
}

#[test]
#[cfg_attr(miri, ignore = "Miri does not know realpath")]
fn libraries_of_the_system_that_have_no_lock_are_private() {
    let libraries: [(&str, bool, &[usize]); 4] = [
        ("/x/readline.so", true, &[1]),
        ("/usr/lib/libreadline.so.8", false, &[2]),
        ("/usr/lib/libtinfo.so.6", false, &[]),
        ("/usr/lib/libz.so.1", false, &[]),
    ];
    assert_eq!(private(&libraries, &Choice::default()).len(), 3);
    assert_eq!(verdicts(&libraries, &Choice::default())[1].reason, Reason::Unlocked);
    assert_eq!(private(&libraries, &choice(&[], &["libreadline*", "libtinfo*"])).len(), 1);
}

#[test]
fn runtimes_are_shared() {
    assert_eq!(private(&NUMPY, &Choice::default()), [NUMPY[0].0]);
}

#[test]
fn a_runtime_that_needs_a_private_library_is_private_and_so_is_what_needs_it() {
    let mut libraries = NUMPY.to_vec();
    libraries[3] = ("/x/numpy.libs/libown.so", false, &[]);
    assert_eq!(private(&libraries, &Choice::default()).len(), 4);
    let reason = &verdicts(&libraries, &Choice::default())[1].reason;
    assert!(matches!(reason, Reason::NeedsPrivate(_)), "{reason:?}");
}

#[test]
#[cfg_attr(miri, ignore = "Miri does not know realpath")]
fn the_users_word_beats_the_table_and_the_place() {
    let private =
        |private_names: &[&str], shared: &[&str]| private(&NUMPY, &choice(private_names, shared)).len();
    assert_eq!(private(&["libscipy_openblas*"], &[]), 2);
    assert_eq!(private(&["/x/numpy.libs/*"], &[]), 4);
    assert_eq!(private(&["libquadmath*"], &[]), 4, "the others need it");
    assert_eq!(private(&["libgfortran*"], &["libgfortran*"]), 3, "private wins");
    let h5py = |private_names: &[&str], shared: &[&str]| {
        super::tests::private(&H5PY, &choice(private_names, shared))
    };
    assert_eq!(h5py(&["libcrypto.so.3"], &[]).len(), 4);
    assert_eq!(h5py(&[], &["libz-*"]), [H5PY[0].0, H5PY[1].0]);
    assert_eq!(h5py(&["*"], &[]).len(), 4, "there is one C library");
}

#[test]
#[cfg_attr(miri, ignore = "Miri does not know realpath")]
fn a_choice_that_cannot_be_followed_is_told() {
    let verdicts = verdicts(&H5PY, &choice(&[], &["h5.so", "libhdf5*"]));
    assert_eq!(verdicts[0].to_string(), "it uses Python; the option shared=h5.so is not followed");
    assert!(verdicts[1].is_private && verdicts[1].reason == Reason::NeedsPrivate(H5PY[2].0.into()));
    assert_eq!(verdicts[1].ignored, Some("libhdf5*".into()));
}

#[test]
#[cfg_attr(miri, ignore = "Miri does not know realpath")]
fn circular_needs_end() {
    let circle: [(&str, bool, &[usize]); 3] =
        [("/usr/lib/liba.so", false, &[1]), ("/usr/lib/libb.so", false, &[0, 1]), ("/p/c.so", true, &[0])];
    assert_eq!(private(&circle, &Choice::default()), ["/p/c.so"]);
    assert_eq!(private(&circle, &choice(&["liba.so"], &[])).len(), 3);
}
