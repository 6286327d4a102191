//! Buffers of replies that are not in use any more.
//!
//! To wake the interpreter's own thread for each reply would take longer than most requests. So the next request releases
//! them, or else that thread does, a little later.

use std::sync::Mutex;
use std::time::Duration;

use crate::interp::cpython::buffer::BufferView;
use crate::interp::cpython::gil::Gil;
use crate::sys::sync::lock;

/// How long buffers wait for a request.
pub(crate) const SOON: Duration = Duration::from_millis(2);

/// How many bytes wait at most.
const MOST: usize = 1 << 23;

/// When the interpreter's own thread is to release what was returned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Due {
    /// It has been told already.
    Told,
    Soon,
    Now,
}

#[derive(Default)]
pub(crate) struct ReturnedViews(Mutex<Returned>);

#[derive(Default)]
struct Returned {
    views: Vec<BufferView>,
    size: usize,
    /// Whether the interpreter's own thread will look.
    is_told: bool,
}

impl ReturnedViews {
    pub(crate) fn add(&self, views: Vec<BufferView>) -> Due {
        let mut returned = lock(&self.0);
        returned.size = views.iter().fold(returned.size, |size, view| size.saturating_add(view.len()));
        returned.views.extend(views);
        if returned.size > MOST {
            Due::Now
        } else if std::mem::replace(&mut returned.is_told, true) {
            Due::Told
        } else {
            Due::Soon
        }
    }

    /// Releases them, in a request.
    pub(crate) fn release(&self, gil: Gil<'_>) {
        let views = lock(&self.0).take();
        views.into_iter().for_each(|view| view.release(gil));
    }

    /// Takes them, for the interpreter's own thread, which is to be told of the next ones again.
    pub(crate) fn take(&self) -> Vec<BufferView> {
        let mut returned = lock(&self.0);
        returned.is_told = false;
        returned.take()
    }
}

impl Returned {
    fn take(&mut self) -> Vec<BufferView> {
        self.size = 0;
        std::mem::take(&mut self.views)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_thread_is_told_once_until_it_has_looked() {
        let returned = ReturnedViews::default();
        assert_eq!(returned.add(Vec::new()), Due::Soon);
        assert_eq!(returned.add(Vec::new()), Due::Told);
        lock(&returned.0).take(); // as a request does
        assert_eq!(returned.add(Vec::new()), Due::Told);
        returned.take();
        assert_eq!(returned.add(Vec::new()), Due::Soon);
        lock(&returned.0).size = MOST + 1;
        assert_eq!(returned.add(Vec::new()), Due::Now);
    }
}
