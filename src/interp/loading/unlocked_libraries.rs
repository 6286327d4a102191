//! Libraries of the system that extension modules of the standard library use, and that have one state without a lock: two
//! interpreters in one of them would overwrite it. What they set in the terminal is the process's anyway.

use super::pattern::matches;

const NAMES: [&str; 8] = [
    // `readline`
    "libreadline.so*",
    "libhistory.so*",
    "libedit.so*",
    // `curses`, and those for `readline`: the current terminal
    "libncurses*.so*",
    "libtinfo*.so*",
    "libpanel*.so*",
    "libmenu*.so*",
    "libform*.so*",
];

/// Whether a library of the system with this file name or SONAME is one of them.
pub(super) fn is_unlocked(name: &[u8]) -> bool {
    NAMES.iter().any(|pattern| matches(pattern.as_bytes(), name))
}
