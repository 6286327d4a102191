//! Handles: what stands behind each is kept here, so that a stale or made-up one is found out.

use std::marker::PhantomData;
use std::mem::MaybeUninit;
use std::ops::Deref;
use std::ptr;
use std::sync::atomic::{AtomicPtr, AtomicU32, Ordering};

use crate::sys::sync::{self, UnsafeCell};

/// Slots that are allocated together.
const CHUNK: u32 = 256;
const CHUNKS: usize = 256;

/// Slots that are looked at before there are more of them: so finding a free one is quick, and no slot wears out.
const TRIES: u32 = 16;

/// What a handle stands for. No two registries of a process have the same kind, so none takes another's handle.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Control = 0,
    Interpreter = 1,
    Reply = 2,
}

const GENERATION_BITS: u32 = 13;
const GENERATIONS: u32 = 1 << GENERATION_BITS;

/// What handles of one kind stand for. Slots are never freed, only reused, each time with the next generation.
///
/// From its low bits up, a handle has the slot's number (16 bits), the generation (13 bits, 1 to 8191) and the kind
/// (2 bits): it is positive. It comes again when its slot has been taken as many times. The slots take turns, and there
/// are more than are in use as long as there is room, so that is after two million others as a rule.
///
/// Nothing here is a lock that a fork could leave taken. What a thread of the parent process looked at when it forked
/// stays pinned in the child: it can be used there, but its slot is not reused.
pub(crate) struct Registry<T: 'static> {
    kind: Kind,
    chunks: [AtomicPtr<[Slot<T>; CHUNK as usize]>; CHUNKS],
    /// How many chunks there are.
    grown: AtomicU32,
    turn: AtomicU32,
    /// An atomic pointer may go to any thread, whatever it points to: this may only where the slots may.
    slots: PhantomData<Slot<T>>,
}

impl<T: Send + Sync> Registry<T> {
    pub(crate) const fn new(kind: Kind) -> Self {
        Self {
            kind,
            chunks: [const { AtomicPtr::new(ptr::null_mut()) }; CHUNKS],
            grown: AtomicU32::new(0),
            turn: AtomicU32::new(0),
            slots: PhantomData,
        }
    }

    /// A new handle; `None` if as many are in use as there can be.
    pub(crate) fn insert(&self, value: T) -> Option<i32> {
        loop {
            let grown = self.grown.load(Ordering::Acquire);
            let slots = grown * CHUNK;
            let is_full = grown as usize == CHUNKS;
            for _ in 0..if is_full { slots } else { slots.min(TRIES) } {
                let number = self.turn.fetch_add(1, Ordering::Relaxed) % slots;
                let slot = self.slot(number).expect("the chunk is there");
                if let Some(generation) = slot.claim() {
                    slot.fill(generation, value);
                    return Some(self.handle(generation, number));
                }
            }
            self.grow(grown)?;
        }
    }

    fn handle(&self, generation: u32, number: u32) -> i32 {
        ((self.kind as u32) << (16 + GENERATION_BITS) | generation << 16 | number) as i32
    }

    /// Adds a chunk to so many, unless another thread does.
    fn grow(&self, grown: u32) -> Option<()> {
        let place = self.chunks.get(grown as usize)?;
        let chunk = Box::into_raw(Box::new(std::array::from_fn(|_| Slot::new())));
        let null = ptr::null_mut();
        if place.compare_exchange(null, chunk, Ordering::AcqRel, Ordering::Relaxed).is_err() {
            // SAFETY: nobody has seen this one.
            drop(unsafe { Box::from_raw(chunk) });
        }
        // Where a fork left the chunk, but not the number, the next thread to come sets it.
        let _ = self.grown.compare_exchange(grown, grown + 1, Ordering::AcqRel, Ordering::Relaxed);
        Some(())
    }

    fn slot(&self, number: u32) -> Option<&Slot<T>> {
        let chunk = self.chunks.get((number / CHUNK) as usize)?.load(Ordering::Acquire);
        // SAFETY: a chunk that is published is never freed.
        unsafe { chunk.as_ref() }.map(|slots| &slots[(number % CHUNK) as usize])
    }

    /// What the handle stands for; it stays there until the guard goes, even if the handle is freed.
    pub(crate) fn get(&self, handle: i32) -> Option<HandleGuard<'_, T>> {
        let handle = u32::try_from(handle).ok()?;
        let (kind, generation) = (handle >> (16 + GENERATION_BITS), handle >> 16 & (GENERATIONS - 1));
        let slot = (kind == self.kind as u32).then(|| self.slot(handle & 0xffff))??;
        slot.pin(generation)
    }
}

/// Place for one value after the other.
pub(crate) struct Slot<T> {
    /// Generation, phase and number of pins: see [`State`].
    state: sync::AtomicU64,
    value: UnsafeCell<MaybeUninit<T>>,
}

// SAFETY: the value is written by the one thread that moved the slot into FILLING, and dropped by the one that took its
// last pin, which may be another (Send); in between it is shared (Sync).
unsafe impl<T: Send + Sync> Sync for Slot<T> {}

/// A slot's state, taken apart.
#[derive(Clone, Copy)]
struct State {
    generation: u32,
    phase: u64,
    pins: u64,
}

const FREE: u64 = 0;
/// A thread has it, and writes its value.
const FILLING: u64 = 1;
const LIVE: u64 = 2;
/// The handle is freed; the value stays for those who have pinned it.
const RETIRED: u64 = 3;

impl State {
    fn pack(self) -> u64 {
        u64::from(self.generation) << 40 | self.phase << 32 | self.pins
    }

    fn unpack(state: u64) -> Self {
        Self { generation: (state >> 40) as u32, phase: state >> 32 & 3, pins: state & 0xffff_ffff }
    }
}

impl<T> Slot<T> {
    pub(crate) fn new() -> Self {
        let free = State { generation: 1, phase: FREE, pins: 0 };
        Self { state: sync::AtomicU64::new(free.pack()), value: UnsafeCell::new(MaybeUninit::uninit()) }
    }

    /// Moves the state on, unless `step` finds that it cannot; returns the state before.
    fn update(&self, step: impl Fn(State) -> Option<State>) -> Option<State> {
        let step = |state| step(State::unpack(state)).map(State::pack);
        self.state.fetch_update(Ordering::AcqRel, Ordering::Relaxed, step).ok().map(State::unpack)
    }

    /// Takes a free slot, to be filled; returns the generation.
    pub(crate) fn claim(&self) -> Option<u32> {
        let take = |state: State| (state.phase == FREE).then_some(State { phase: FILLING, ..state });
        self.update(take).map(|state| state.generation)
    }

    /// Fills a slot that this thread has claimed.
    pub(crate) fn fill(&self, generation: u32, value: T) {
        // SAFETY: between `claim` and the store below nobody else touches the value.
        self.value.with_mut(|place| unsafe { (*place).write(value) });
        self.state.store(State { generation, phase: LIVE, pins: 0 }.pack(), Ordering::Release);
    }

    /// The value of this generation, if it is live.
    pub(crate) fn pin(&self, generation: u32) -> Option<HandleGuard<'_, T>> {
        let add = |state: State| {
            let is_there = state.phase == LIVE && state.generation == generation;
            is_there.then_some(State { pins: state.pins + 1, ..state })
        };
        self.update(add).map(|_| HandleGuard(self))
    }

    fn unpin(&self) {
        let remove = |state: State| Some(State { pins: state.pins - 1, ..state });
        let before = self.update(remove).expect("it is pinned");
        if before.phase == RETIRED && before.pins == 1 {
            // SAFETY: the value is there, and after the last pin of a retired slot nobody else touches it.
            self.value.with_mut(|place| unsafe { (*place).assume_init_drop() });
            let generation = before.generation % (GENERATIONS - 1) + 1;
            self.state.store(State { generation, phase: FREE, pins: 0 }.pack(), Ordering::Release);
        }
    }
}

/// A value that cannot go.
pub(crate) struct HandleGuard<'a, T>(&'a Slot<T>);

impl<T> HandleGuard<'_, T> {
    /// Frees the handle; `false` if another thread was first. The value goes with its last pin.
    pub(crate) fn retire(&self) -> bool {
        let retire = |state: State| (state.phase == LIVE).then_some(State { phase: RETIRED, ..state });
        self.0.update(retire).is_some()
    }
}

impl<T> Deref for HandleGuard<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        // SAFETY: a pinned value is there, and nobody writes to it.
        self.0.value.with(|place| unsafe { (*place).assume_init_ref() })
    }
}

impl<T> Drop for HandleGuard<'_, T> {
    fn drop(&mut self) {
        self.0.unpin();
    }
}

#[cfg(all(test, loom))]
mod model;
#[cfg(all(test, not(loom)))]
mod tests;
