//! What a call asks of an interpreter: bytes, memory that is lent, and a function that many calls share.

use std::collections::HashSet;
use std::ffi::c_void;
use std::sync::{Arc, Weak};

use crate::exchange::foreign_buffer::{ForeignBuffer, ReleaseCallback};

/// Memory that may be sent several times. Its release callback is called when the last interpreter has let go of it, and
/// this object is dropped.
pub struct SharedBuffer {
    address: *mut c_void,
    len: usize,
    read_only: bool,
    release: Arc<Release>,
    /// What its owner knows it by, if it is lent for the call alone.
    lent: Option<Owner>,
}

/// What is dropped when nobody uses the memory any more.
struct Release(#[expect(dead_code, reason = "it is dropped")] ReleaseCallback);

// SAFETY: nothing can be done with a shared one.
unsafe impl Sync for Release {}

/// The owner of memory, for callbacks of C.
#[derive(Debug, Clone, Copy)]
pub struct Owner(pub *mut c_void);

// SAFETY: it is only passed to callbacks, which by the header's contract any thread may call.
unsafe impl Send for Owner {}
// SAFETY: as above; it never changes.
unsafe impl Sync for Owner {}
// SAFETY: the address is only passed on: by the contract of `ForeignBuffer`, any thread may use the memory.
unsafe impl Send for SharedBuffer {}
// SAFETY: as above; nothing here changes.
unsafe impl Sync for SharedBuffer {}

impl SharedBuffer {
    /// Takes over a buffer. `lent`: its owner, if it is lent for the call alone.
    pub fn new(buffer: ForeignBuffer, lent: Option<Owner>) -> Self {
        let ForeignBuffer { address, len, read_only, release } = buffer;
        Self { address, len, read_only, release: Arc::new(Release(release)), lent }
    }

    /// The buffer, for one interpreter.
    fn send(&self) -> ForeignBuffer {
        let release = Arc::clone(&self.release);
        let release = ReleaseCallback::new(move || drop(release));
        // SAFETY: whoever made this object's buffer has agreed that its memory may be used until its release callback is
        // called. That is not before the clone of it is dropped, by the callback here.
        unsafe { ForeignBuffer::new(self.address, self.len, self.read_only, release) }
    }
}

/// A function that many calls share: it is sent to each interpreter once.
pub struct Function {
    key: u64,
    bytes: Vec<u8>,
    memory: Vec<SharedBuffer>,
}

impl Function {
    /// `key`: by which interpreters know it.
    pub fn new(key: u64, bytes: Vec<u8>, memory: Vec<SharedBuffer>) -> Self {
        Self { key, bytes, memory }
    }
}

/// What a call asks.
pub struct Request {
    function: Option<Arc<Function>>,
    bytes: Vec<u8>,
    memory: Vec<SharedBuffer>,
}

impl Request {
    /// With a function, `bytes` must not be empty.
    pub fn new(function: Option<Arc<Function>>, bytes: Vec<u8>, memory: Vec<SharedBuffer>) -> Self {
        debug_assert!(function.is_none() || !bytes.is_empty());
        Self { function, bytes, memory }
    }
}

/// The loans of memory to one interpreter that may not have ended.
#[derive(Default)]
pub struct Loans(Vec<Lent>);

struct Lent {
    owner: Owner,
    release: Weak<Release>,
    /// The number of the call that it was lent for.
    call: u64,
}

impl Lent {
    fn is_in_use(&self) -> bool {
        self.release.strong_count() > 0
    }
}

impl Loans {
    /// Adds those of a request of this call, which the interpreter has answered.
    pub fn add(&mut self, call: u64, request: Request) {
        let lent = request.memory.iter().filter_map(|buffer| {
            Some(Lent { owner: buffer.lent?, release: Arc::downgrade(&buffer.release), call })
        });
        self.0.extend(lent);
        drop(request);
    }

    /// Forgets those that have ended. Whether memory of this call is still lent.
    pub fn has_any_of(&mut self, call: u64) -> bool {
        self.0.retain(Lent::is_in_use);
        self.0.iter().any(|lent| lent.call == call)
    }

    /// The owners of memory that the interpreter has kept, each once: the loans are forgotten.
    pub fn take_owners(&mut self) -> impl Iterator<Item = Owner> {
        std::mem::take(&mut self.0).into_iter().filter(Lent::is_in_use).map(|lent| lent.owner)
    }
}

/// What one interpreter has received, so that it gets a function once.
#[derive(Default)]
pub struct Known(HashSet<u64>);

/// How many functions an interpreter is believed to know. It may forget some; then they are sent again.
const MAX_KNOWN: usize = 256;

impl Known {
    /// The bytes and the memory to send for a request.
    pub fn prepare(&self, request: &Request) -> (Vec<u8>, Vec<ForeignBuffer>) {
        let send = |memory: &[SharedBuffer]| memory.iter().map(SharedBuffer::send).collect::<Vec<_>>();
        let Some(function) = &request.function else {
            return (request.bytes.clone(), send(&request.memory));
        };
        let is_known = self.0.contains(&function.key);
        let (sent, memory): (&[u8], &[SharedBuffer]) =
            if is_known { (&[], &[]) } else { (&function.bytes, &function.memory) };
        let (last, start) = request.bytes.split_last().expect("a request with a function is not empty");
        let mut bytes = Vec::with_capacity(request.bytes.len() + sent.len() + HEADER);
        bytes.extend_from_slice(start);
        bytes.extend_from_slice(sent);
        for number in [function.key, sent.len() as u64, memory.len() as u64] {
            bytes.extend_from_slice(&number.to_le_bytes());
        }
        bytes.push(*last);
        let mut buffers = send(memory);
        buffers.extend(send(&request.memory));
        (bytes, buffers)
    }

    /// Notes that the interpreter knows the request's function, if it has one.
    pub fn add(&mut self, request: &Request) {
        let Some(function) = &request.function else { return };
        if self.0.len() >= MAX_KNOWN && !self.0.contains(&function.key) {
            self.0.clear();
        }
        self.0.insert(function.key);
    }

    /// Notes that the interpreter does not know the request's function. `false` if it was not believed to.
    pub fn remove(&mut self, request: &Request) -> bool {
        request.function.as_ref().is_some_and(|function| self.0.remove(&function.key))
    }
}

/// The length of what precedes the last byte of a request that calls a function by its key: three numbers.
const HEADER: usize = 3 * size_of::<u64>();
