//! Messages: what a queue holds.

use super::foreign_buffer::ForeignBuffer;

/// Bytes, and memory that is lent. When it is dropped, the memory's release callbacks are called.
pub struct Message {
    tag: i64,
    bytes: Box<[u8]>,
    buffers: Vec<ForeignBuffer>,
}

impl Message {
    /// A message with a number of the sender's choice.
    pub fn new(tag: i64, bytes: &[u8], buffers: Vec<ForeignBuffer>) -> Self {
        Self { tag, bytes: bytes.into(), buffers }
    }

    /// The number that the sender has chosen.
    pub fn tag(&self) -> i64 {
        self.tag
    }

    /// The bytes. They stay where they are as long as the message exists.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The memory that is lent: addresses, lengths in bytes, and whether it is read-only.
    pub fn buffers(&self) -> impl Iterator<Item = (*mut u8, usize, bool)> {
        self.buffers.iter().map(|buffer| (buffer.address.cast(), buffer.len, buffer.read_only))
    }

    /// Drops the message without a call of the release callbacks: the memory was not lent after all.
    pub fn disown(self) {
        self.buffers.into_iter().for_each(|buffer| buffer.release.disarm());
    }
}

// SAFETY: only the buffers' addresses are not Send by themselves. By the contract of `ForeignBuffer::new`, any thread may
// use that memory, and call the release callback.
unsafe impl Send for Message {}
// SAFETY: a shared message only gives out addresses and its bytes, which do not change.
unsafe impl Sync for Message {}
