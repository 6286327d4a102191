//! Handles: what stands behind each is kept here, so that a stale or made-up one is found out.

use std::cell::UnsafeCell;
use std::mem::MaybeUninit;
use std::ops::Deref;
use std::ptr;
use std::sync::atomic::{AtomicPtr, AtomicU32, Ordering};

use crate::sync;

/// Slots that are allocated together.
const CHUNK: u32 = 256;
const CHUNKS: usize = 256;

/// Slots that are looked at before there are more of them: so finding a free one is quick, and no slot wears out.
const TRIES: u32 = 16;

/// What handles of one kind stand for. Slots are never freed, only reused, each time with the next generation.
///
/// A handle has the slot's number in its low 16 bits, and the generation, 1 to 32767, above: it is positive. It comes
/// again when its slot has been taken as many times. The slots take turns, and there are more than are in use as
/// long as there is room, so that is after millions of others as a rule.
///
/// Nothing here is a lock that a fork could leave taken. What a thread of the parent process looked at when it forked
/// stays pinned in the child: it can be used there, but its slot is not reused.
pub(super) struct Registry<T: 'static> {
    chunks: [AtomicPtr<[Slot<T>; CHUNK as usize]>; CHUNKS],
    /// How many chunks there are.
    grown: AtomicU32,
    turn: AtomicU32,
}

impl<T: Sync> Registry<T> {
    pub(super) const fn new() -> Self {
        Self {
            chunks: [const { AtomicPtr::new(ptr::null_mut()) }; CHUNKS],
            grown: AtomicU32::new(0),
            turn: AtomicU32::new(0),
        }
    }

    /// A new handle; `None` if as many are in use as there can be.
    pub(super) fn insert(&self, value: T) -> Option<i32> {
        loop {
            let grown = self.grown.load(Ordering::Acquire);
            let slots = grown * CHUNK;
            let is_full = grown as usize == CHUNKS;
            for _ in 0..if is_full { slots } else { slots.min(TRIES) } {
                let number = self.turn.fetch_add(1, Ordering::Relaxed) % slots;
                let slot = self.slot(number).expect("the chunk is there");
                if let Some(generation) = slot.claim() {
                    slot.fill(generation, value);
                    return Some((generation << 16 | number) as i32);
                }
            }
            self.grow(grown)?;
        }
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
    pub(super) fn get(&self, handle: i32) -> Option<Pinned<'_, T>> {
        let handle = u32::try_from(handle).ok()?;
        self.slot(handle & 0xffff)?.pin(handle >> 16)
    }
}

/// Place for one value after the other.
pub(super) struct Slot<T> {
    /// Generation, phase and number of pins: see [`State`].
    state: sync::AtomicU64,
    value: UnsafeCell<MaybeUninit<T>>,
}

// SAFETY: the value is written and dropped by the one thread that moved the slot into FILLING or took its last pin;
// in between it is shared.
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

const GENERATIONS: u32 = 1 << 15;

impl State {
    fn pack(self) -> u64 {
        u64::from(self.generation) << 40 | self.phase << 32 | self.pins
    }

    fn unpack(state: u64) -> Self {
        Self { generation: (state >> 40) as u32, phase: state >> 32 & 3, pins: state & 0xffff_ffff }
    }
}

impl<T> Slot<T> {
    pub(super) fn new() -> Self {
        let free = State { generation: 1, phase: FREE, pins: 0 };
        Self { state: sync::AtomicU64::new(free.pack()), value: UnsafeCell::new(MaybeUninit::uninit()) }
    }

    /// Moves the state on, unless `step` finds that it cannot; returns the state before.
    fn update(&self, step: impl Fn(State) -> Option<State>) -> Option<State> {
        let step = |state| step(State::unpack(state)).map(State::pack);
        self.state.fetch_update(Ordering::AcqRel, Ordering::Acquire, step).ok().map(State::unpack)
    }

    /// Takes a free slot, to be filled; returns the generation.
    pub(super) fn claim(&self) -> Option<u32> {
        let take = |state: State| (state.phase == FREE).then_some(State { phase: FILLING, ..state });
        self.update(take).map(|state| state.generation)
    }

    /// Fills a slot that this thread has claimed.
    pub(super) fn fill(&self, generation: u32, value: T) {
        // SAFETY: between `claim` and the store below nobody else touches the value.
        unsafe { (*self.value.get()).write(value) };
        self.state.store(State { generation, phase: LIVE, pins: 0 }.pack(), Ordering::Release);
    }

    /// The value of this generation, if it is live.
    pub(super) fn pin(&self, generation: u32) -> Option<Pinned<'_, T>> {
        let add = |state: State| {
            let is_there = state.phase == LIVE && state.generation == generation;
            is_there.then_some(State { pins: state.pins + 1, ..state })
        };
        self.update(add).map(|_| Pinned(self))
    }

    fn unpin(&self) {
        let remove = |state: State| Some(State { pins: state.pins - 1, ..state });
        let before = self.update(remove).expect("it is pinned");
        if before.phase == RETIRED && before.pins == 1 {
            // SAFETY: the value is there, and after the last pin of a retired slot nobody else touches it.
            unsafe { (*self.value.get()).assume_init_drop() };
            let generation = before.generation % (GENERATIONS - 1) + 1;
            self.state.store(State { generation, phase: FREE, pins: 0 }.pack(), Ordering::Release);
        }
    }
}

/// A value that cannot go.
pub(super) struct Pinned<'a, T>(&'a Slot<T>);

impl<T> Pinned<'_, T> {
    /// Frees the handle; `false` if another thread was first. The value goes with its last pin.
    pub(super) fn retire(&self) -> bool {
        let retire = |state: State| (state.phase == LIVE).then_some(State { phase: RETIRED, ..state });
        self.0.update(retire).is_some()
    }
}

impl<T> Deref for Pinned<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        // SAFETY: a pinned value is there, and nobody writes to it.
        unsafe { (*self.0.value.get()).assume_init_ref() }
    }
}

impl<T> Drop for Pinned<'_, T> {
    fn drop(&mut self) {
        self.0.unpin();
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use std::collections::HashSet;
    use std::sync::Arc;

    use super::*;

    #[test]
    fn a_handle_is_positive_and_stands_for_its_value_until_it_is_freed() {
        let registry = Registry::new();
        let handles: Vec<i32> = (0..1000).map(|value| registry.insert(value).unwrap()).collect();
        assert_eq!(handles.iter().collect::<HashSet<_>>().len(), 1000);
        for (value, &handle) in handles.iter().enumerate() {
            assert!(handle > 0);
            let pinned = registry.get(handle).unwrap();
            assert_eq!(*pinned, value);
            assert!(pinned.retire());
            assert!(!pinned.retire());
            assert!(registry.get(handle).is_none());
            assert_eq!(*pinned, value);
        }
    }

    #[test]
    fn made_up_handles_stand_for_nothing() {
        let registry = Registry::new();
        let handle = registry.insert(()).unwrap();
        for wrong in [0, -1, 1, i32::MAX, i32::MIN, handle ^ 1, handle + 0x10000, -handle] {
            assert!(registry.get(wrong).is_none(), "{wrong}");
        }
    }

    #[test]
    fn a_slot_gives_each_generation_once_and_drops_what_it_held() {
        let slot = Slot::new();
        let value = Arc::new(());
        let mut seen = HashSet::new();
        for _ in 1..GENERATIONS {
            let generation = slot.claim().unwrap();
            assert!((1..GENERATIONS).contains(&generation) && seen.insert(generation));
            assert!(slot.claim().is_none());
            slot.fill(generation, value.clone());
            assert!(slot.pin(generation).unwrap().retire());
            assert!(slot.pin(generation).is_none());
            assert_eq!(Arc::strong_count(&value), 1);
        }
    }

    #[test]
    fn there_is_an_end() {
        let registry = Registry::new();
        let most = CHUNK as usize * CHUNKS;
        let handles: HashSet<i32> = (0..most).map(|value| registry.insert(value).unwrap()).collect();
        assert_eq!(handles.len(), most);
        assert!(registry.insert(0).is_none());
        let some = *handles.iter().next().unwrap();
        assert!(registry.get(some).unwrap().retire());
        let next = registry.insert(0).unwrap();
        assert_eq!(next & 0xffff, some & 0xffff);
        assert!(next != some && registry.get(some).is_none());
    }
}

#[cfg(all(test, loom))]
mod model;
