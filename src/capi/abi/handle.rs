//! Handles: numbers that C programs hold in place of pointers. The values behind them live here, so a stale or made-up
//! handle is an error and never a crash.

use std::marker::PhantomData;
use std::mem::MaybeUninit;
use std::ops::Deref;
use std::ptr;
use std::sync::atomic::{AtomicPtr, AtomicU32, Ordering};

use crate::sys::sync::{self, UnsafeCell};

/// Slots per slab, which are allocated together.
const SLAB: u32 = 256;
const SLABS: usize = 256;

/// Slots to try before allocating more. A low number keeps the search short and spreads reuse over many slots.
const TRIES: u32 = 16;

/// The kind of object a handle names. Each registry of the process has its own, so none accepts another's handle.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Control = 0,
    Interpreter = 1,
    Reply = 2,
    Message = 3,
    /// Queues, counters and barriers.
    Exchange = 4,
}

const GENERATION_BITS: u32 = 12;
const GENERATIONS: u32 = 1 << GENERATION_BITS;

/// The objects of one kind, by handle. Slots are never freed, only reused, each time with the next generation.
///
/// From its low bits up, a handle consists of the slot's number (16 bits), the generation (12 bits, 1 to 4095) and the
/// kind (3 bits), so it is positive. The same handle returns once its slot has been reused 4095 times. New handles go
/// round all slots, of which there are more than are in use until the maximum is reached; so usually a million other
/// handles come first.
///
/// Nothing here is a lock that a fork could leave held. If a thread of the parent held a guard at the fork, its slot is
/// never reused in the child, where the handle stays valid.
pub(crate) struct Registry<T: 'static> {
    kind: Kind,
    slabs: [AtomicPtr<[Slot<T>; SLAB as usize]>; SLABS],
    /// The number of slabs.
    grown: AtomicU32,
    turn: AtomicU32,
    /// An atomic pointer is `Sync` whatever it points to; this field makes the registry `Sync` only if its slots are.
    slots: PhantomData<Slot<T>>,
}

impl<T: Send + Sync> Registry<T> {
    pub(crate) const fn new(kind: Kind) -> Self {
        Self {
            kind,
            slabs: [const { AtomicPtr::new(ptr::null_mut()) }; SLABS],
            grown: AtomicU32::new(0),
            turn: AtomicU32::new(0),
            slots: PhantomData,
        }
    }

    /// Stores the value and returns its handle; `None` if the maximum number of handles is in use.
    pub(crate) fn insert(&self, value: T) -> Option<i32> {
        self.try_insert(value).ok()
    }

    /// As `insert`, but gives the value back if there is no handle for it.
    pub(crate) fn try_insert(&self, value: T) -> Result<i32, T> {
        loop {
            let grown = self.grown.load(Ordering::Acquire);
            let slots = grown * SLAB;
            let is_full = grown as usize == SLABS;
            for _ in 0..if is_full { slots } else { slots.min(TRIES) } {
                let number = self.turn.fetch_add(1, Ordering::Relaxed) % slots;
                let slot = self.slot(number).expect("the slab exists");
                if let Some(generation) = slot.claim() {
                    slot.fill(generation, value);
                    return Ok(self.handle(generation, number));
                }
            }
            if self.grow(grown).is_none() {
                return Err(value);
            }
        }
    }

    /// Frees the handles of the values for which this is true.
    pub(crate) fn retire_if(&self, is_meant: impl Fn(&T) -> bool) {
        for number in 0..self.grown.load(Ordering::Acquire) * SLAB {
            let value = self.slot(number).and_then(Slot::acquire_any);
            if let Some(value) = value.filter(|value| is_meant(value)) {
                value.retire();
            }
        }
    }

    fn handle(&self, generation: u32, number: u32) -> i32 {
        ((self.kind as u32) << (16 + GENERATION_BITS) | generation << 16 | number) as i32
    }

    /// Adds a slab to the `grown` existing ones, unless another thread does; `None` if there can be no more.
    fn grow(&self, grown: u32) -> Option<()> {
        let entry = self.slabs.get(grown as usize)?;
        let slab = Box::into_raw(Box::new(std::array::from_fn(|_| Slot::new())));
        let null = ptr::null_mut();
        if entry.compare_exchange(null, slab, Ordering::AcqRel, Ordering::Relaxed).is_err() {
            // SAFETY: the slab came from a box, and was not published: no other thread has its address.
            drop(unsafe { Box::from_raw(slab) });
        }
        // If a fork came between the two exchanges, the next thread updates the number.
        let _ = self.grown.compare_exchange(grown, grown + 1, Ordering::AcqRel, Ordering::Relaxed);
        Some(())
    }

    fn slot(&self, number: u32) -> Option<&Slot<T>> {
        let slab = self.slabs.get((number / SLAB) as usize)?.load(Ordering::Acquire);
        // SAFETY: the pointer is NULL or a published slab, which is initialised and never freed.
        unsafe { slab.as_ref() }.map(|slots| &slots[(number % SLAB) as usize])
    }

    /// The object behind the handle. It lives at least as long as the guard, even if the handle is freed.
    pub(crate) fn acquire(&self, handle: i32) -> Option<HandleGuard<'_, T>> {
        let handle = u32::try_from(handle).ok()?;
        let (kind, generation) = (handle >> (16 + GENERATION_BITS), handle >> 16 & (GENERATIONS - 1));
        let slot = (kind == self.kind as u32).then(|| self.slot(handle & 0xffff))??;
        slot.acquire(generation)
    }
}

/// Storage for one value at a time.
pub(crate) struct Slot<T> {
    /// Generation, phase and number of guards: see [`State`].
    state: sync::AtomicU64,
    value: UnsafeCell<MaybeUninit<T>>,
}

// SAFETY: one thread writes the value, the one that moved the slot to FILLING; the thread that drops the last guard
// drops it, perhaps another one (Send). In between, threads share it (Sync).
unsafe impl<T: Send + Sync> Sync for Slot<T> {}

/// A slot's state, unpacked.
#[derive(Clone, Copy)]
struct State {
    generation: u32,
    phase: u64,
    guards: u64,
}

const FREE: u64 = 0;
/// A thread has claimed the slot and is writing the value.
const FILLING: u64 = 1;
const LIVE: u64 = 2;
/// The handle is freed; the value lives until its last guard is dropped.
const RETIRED: u64 = 3;

impl State {
    fn pack(self) -> u64 {
        u64::from(self.generation) << 40 | self.phase << 32 | self.guards
    }

    fn unpack(state: u64) -> Self {
        Self { generation: (state >> 40) as u32, phase: state >> 32 & 3, guards: state & 0xffff_ffff }
    }
}

impl<T> Slot<T> {
    pub(crate) fn new() -> Self {
        let free = State { generation: 1, phase: FREE, guards: 0 };
        Self { state: sync::AtomicU64::new(free.pack()), value: UnsafeCell::new(MaybeUninit::uninit()) }
    }

    /// Changes the state as `step` says, unless that returns `None`; returns the previous state.
    fn update(&self, step: impl Fn(State) -> Option<State>) -> Option<State> {
        let step = |state| step(State::unpack(state)).map(State::pack);
        self.state.fetch_update(Ordering::AcqRel, Ordering::Relaxed, step).ok().map(State::unpack)
    }

    /// Claims a free slot for [`fill`](Self::fill); returns its generation.
    pub(crate) fn claim(&self) -> Option<u32> {
        let take = |state: State| (state.phase == FREE).then_some(State { phase: FILLING, ..state });
        self.update(take).map(|state| state.generation)
    }

    /// Stores a value in a slot that this thread has claimed.
    pub(crate) fn fill(&self, generation: u32, value: T) {
        // SAFETY: in phase FILLING, only the thread that claimed the slot accesses the value.
        self.value.with_mut(|slot| unsafe { (*slot).write(value) });
        self.state.store(State { generation, phase: LIVE, guards: 0 }.pack(), Ordering::Release);
    }

    /// The value, if it is live and of this generation.
    pub(crate) fn acquire(&self, generation: u32) -> Option<HandleGuard<'_, T>> {
        let add = |state: State| {
            let is_live = state.phase == LIVE && state.generation == generation;
            is_live.then_some(State { guards: state.guards + 1, ..state })
        };
        self.update(add).map(|_| HandleGuard(self))
    }

    /// The value, if it is live.
    fn acquire_any(&self) -> Option<HandleGuard<'_, T>> {
        self.acquire(State::unpack(self.state.load(Ordering::Relaxed)).generation)
    }

    fn release(&self) {
        let remove = |state: State| Some(State { guards: state.guards - 1, ..state });
        let before = self.update(remove).expect("a guard exists");
        if before.phase == RETIRED && before.guards == 1 {
            // SAFETY: a retired slot holds a value, and accepts no new guards; this was the last one, so no other thread
            // accesses the value.
            self.value.with_mut(|slot| unsafe { (*slot).assume_init_drop() });
            let generation = before.generation % (GENERATIONS - 1) + 1;
            self.state.store(State { generation, phase: FREE, guards: 0 }.pack(), Ordering::Release);
        }
    }
}

/// Access to a value, which is not dropped while a guard exists.
pub(crate) struct HandleGuard<'a, T>(&'a Slot<T>);

impl<T> HandleGuard<'_, T> {
    /// Frees the handle; `false` if it was freed already. The value is dropped with its last guard.
    pub(crate) fn retire(&self) -> bool {
        let retire = |state: State| (state.phase == LIVE).then_some(State { phase: RETIRED, ..state });
        self.0.update(retire).is_some()
    }
}

impl<T> Deref for HandleGuard<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        // SAFETY: guards exist only for slots that were filled, and until the last one is dropped the value is only read.
        self.0.value.with(|slot| unsafe { (*slot).assume_init_ref() })
    }
}

impl<T> Drop for HandleGuard<'_, T> {
    fn drop(&mut self) {
        self.0.release();
    }
}

#[cfg(all(test, loom))]
mod model;
#[cfg(all(test, not(loom)))]
mod tests;
