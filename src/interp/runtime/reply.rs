//! The answer to a request: memory of the interpreter's, which is not copied unless it is short.

use crate::interp::cpython::buffer::BufferView;
use crate::interp::cpython::ffi::Api;
use crate::interp::cpython::gil::{Gil, PyErrSet, PyRef};
use crate::interp::runtime::service::ViewReturner;

/// The answer to a request. Its drop has the interpreter's buffers released.
pub struct Reply {
    returner: ViewReturner,
    response: Response,
    buffers: Vec<BufferView>,
}

enum Response {
    Copied(Vec<u8>),
    Acquired(BufferView),
}

/// Responses of at most this many bytes are copied, as that is faster than to have a buffer released.
const LONGEST_COPY: usize = 1 << 16;

impl Reply {
    /// The address of the response, and its length in bytes.
    pub fn response(&self) -> (*const u8, usize) {
        match &self.response {
            Response::Copied(bytes) => (bytes.as_ptr(), bytes.len()),
            Response::Acquired(view) => (view.address().cast_const().cast(), view.len()),
        }
    }

    /// The response, if it was copied because it is short.
    pub fn copied(&self) -> Option<&[u8]> {
        match &self.response {
            Response::Copied(bytes) => Some(bytes),
            Response::Acquired(_) => None,
        }
    }

    /// The response's buffers: their addresses, their lengths in bytes, and whether they are read-only.
    pub fn buffers(&self) -> impl Iterator<Item = (*mut u8, usize, bool)> {
        self.buffers.iter().map(|view| (view.address().cast(), view.len(), view.is_read_only()))
    }
}

impl Drop for Reply {
    fn drop(&mut self) {
        let mut views = std::mem::take(&mut self.buffers);
        let response = std::mem::replace(&mut self.response, Response::Copied(Vec::new()));
        if let Response::Acquired(view) = response {
            views.push(view);
        }
        if !views.is_empty() {
            self.returner.release(views);
        }
    }
}

/// The buffers of an answer. They are released at once unless they become a reply.
pub(crate) struct Views<'py> {
    gil: Gil<'py>,
    api: &'static Api,
    views: Vec<BufferView>,
}

impl<'py> Views<'py> {
    /// `api` has the functions of the token's Python.
    pub(crate) fn new(gil: Gil<'py>, api: &'static Api) -> Self {
        Self { gil, api, views: Vec::new() }
    }

    pub(crate) fn add(&mut self, object: &PyRef<'py>) -> Result<(), PyErrSet> {
        self.views.push(BufferView::acquire(object, self.gil, self.api)?);
        Ok(())
    }

    /// The first is the response, the others are its buffers.
    pub(crate) fn into_reply(mut self, returner: ViewReturner) -> Reply {
        let mut views = std::mem::take(&mut self.views).into_iter();
        let response = match views.next() {
            Some(view) if view.len() > LONGEST_COPY => Response::Acquired(view),
            Some(view) => {
                let bytes = view.to_vec();
                view.release(self.gil);
                Response::Copied(bytes)
            }
            None => Response::Copied(Vec::new()),
        };
        Reply { returner, response, buffers: views.collect() }
    }
}

impl Drop for Views<'_> {
    fn drop(&mut self) {
        for view in self.views.drain(..) {
            view.release(self.gil);
        }
    }
}
