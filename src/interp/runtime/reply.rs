//! What a request is answered with: memory of the interpreter's, without a copy unless it is little.

use crate::interp::cpython::buffer::BufferView;
use crate::interp::cpython::gil::{Gil, PyErrSet, PyRef};
use crate::interp::runtime::interpreter::Interpreter;

/// What a request was answered with. What it borrows is given back when this goes.
pub struct Reply {
    interpreter: &'static Interpreter,
    response: Response,
    buffers: Vec<BufferView>,
}

enum Response {
    Copied(Vec<u8>),
    BufferExporter(BufferView),
}

/// Responses up to this many bytes are copied: to give one back takes longer.
const COPIED: usize = 1 << 16;

impl Reply {
    /// Where the response is, and its length in bytes.
    pub fn response(&self) -> (*const u8, usize) {
        match &self.response {
            Response::Copied(bytes) => (bytes.as_ptr(), bytes.len()),
            Response::BufferExporter(view) => (view.address().cast_const().cast(), view.len()),
        }
    }

    /// The response's buffers: where they are, their lengths in bytes, and whether they are read-only.
    pub fn buffers(&self) -> impl Iterator<Item = (*mut u8, usize, bool)> {
        self.buffers.iter().map(|view| (view.address().cast(), view.len(), view.is_read_only()))
    }
}

impl Drop for Reply {
    fn drop(&mut self) {
        let mut views = std::mem::take(&mut self.buffers);
        if let Response::BufferExporter(view) =
            std::mem::replace(&mut self.response, Response::Copied(Vec::new()))
        {
            views.push(view);
        }
        if !views.is_empty() {
            self.interpreter.release(views);
        }
    }
}

/// Views that are given back at once unless they become a reply.
pub(crate) struct Views<'a> {
    held: Gil<'a>,
    views: Vec<BufferView>,
}

impl<'a> Views<'a> {
    pub(crate) fn new(held: Gil<'a>) -> Self {
        Self { held, views: Vec::new() }
    }

    pub(crate) fn add(&mut self, object: &PyRef<'a>) -> Result<(), PyErrSet> {
        self.views.push(BufferView::of(object, self.held)?);
        Ok(())
    }

    /// The first is the response, the others are its buffers.
    pub(crate) fn reply(mut self, interpreter: &'static Interpreter) -> Reply {
        let mut views = std::mem::take(&mut self.views).into_iter();
        let response = match views.next() {
            Some(view) if view.len() > COPIED => Response::BufferExporter(view),
            Some(view) => {
                let bytes = view.to_vec();
                view.release(self.held);
                Response::Copied(bytes)
            }
            None => Response::Copied(Vec::new()),
        };
        Reply { interpreter, response, buffers: views.collect() }
    }
}

impl Drop for Views<'_> {
    fn drop(&mut self) {
        for view in self.views.drain(..) {
            view.release(self.held);
        }
    }
}
