//! A fork by an interpreter while threads of it load libraries. Its child may load some, too: in the `preexec_fn` of a
//! subprocess, for example.

use std::time::Duration;

use super::loader::Loader;
use crate::sys::sync::lock;

/// How long a fork waits until no other thread loads a library. Then it goes on: the initialiser of that library may wait for
/// the GIL, which the thread that forks may have.
const TIMEOUT: Duration = Duration::from_secs(10);

impl Loader {
    /// Forks while no other thread has a lock of this loader's, or the child would wait for it forever.
    pub(crate) fn fork(&self, fork: impl FnOnce() -> libc::pid_t) -> libc::pid_t {
        self.loading.fork(TIMEOUT, || {
            // In the order in which others take them. They are held for a short time.
            let _copies =
                (lock(&self.copies), lock(&self.global), self.finalizers.hold(), self.report.hold());
            fork()
        })
    }
}
