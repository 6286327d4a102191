use std::collections::HashSet;
use std::rc::Rc;
use std::sync::atomic::{AtomicI32, AtomicUsize};
use std::sync::{Arc, MutexGuard};
use std::thread;

use super::*;

const KINDS: [Kind; 3] = [Kind::Control, Kind::Interpreter, Kind::Reply];

#[test]
fn a_handle_is_positive_and_stands_for_its_value_until_it_is_freed() {
    const COUNT: usize = if cfg!(miri) { 300 } else { 1000 };
    static REGISTRY: Registry<usize> = Registry::new(Kind::Control);
    let handles: Vec<i32> = (0..COUNT).map(|value| REGISTRY.insert(value).unwrap()).collect();
    assert_eq!(handles.iter().collect::<HashSet<_>>().len(), COUNT);
    for (value, &handle) in handles.iter().enumerate() {
        assert!(handle > 0);
        let pinned = REGISTRY.get(handle).unwrap();
        assert_eq!(*pinned, value);
        assert!(pinned.retire());
        assert!(!pinned.retire());
        assert!(REGISTRY.get(handle).is_none());
        assert_eq!(*pinned, value);
    }
}

#[test]
fn made_up_handles_stand_for_nothing() {
    static REGISTRY: Registry<()> = Registry::new(Kind::Reply);
    let handle = REGISTRY.insert(()).unwrap();
    let others = (0..31).map(|bit| handle ^ (1 << bit));
    for wrong in [0, -1, 1, i32::MAX, i32::MIN, handle + 0x10000, -handle].into_iter().chain(others) {
        assert!(REGISTRY.get(wrong).is_none(), "{wrong}");
    }
    assert!(REGISTRY.get(handle).is_some());
}

/// Each registry's first handles, which have the same slots and generations.
#[test]
fn a_handle_of_one_kind_stands_for_nothing_of_another() {
    static REGISTRIES: [Registry<Kind>; 3] =
        [Registry::new(KINDS[0]), Registry::new(KINDS[1]), Registry::new(KINDS[2])];
    for _ in 0..if cfg!(miri) { 3 } else { 300 } {
        let handles = KINDS.map(|kind| REGISTRIES[kind as usize].insert(kind).unwrap());
        for (kind, handle) in KINDS.into_iter().zip(handles) {
            assert!(handle > 0);
            for registry in &REGISTRIES {
                let found = registry.get(handle).map(|value| *value);
                assert_eq!(found, (registry.kind == kind).then_some(kind), "{handle} of {kind:?}");
            }
        }
        for (kind, handle) in KINDS.into_iter().zip(handles) {
            assert!(REGISTRIES[kind as usize].get(handle).unwrap().retire());
        }
    }
}

#[test]
fn a_slot_gives_each_generation_once_and_drops_what_it_held() {
    let slot = Slot::new();
    let value = Arc::new(());
    let mut seen = HashSet::new();
    let times = if cfg!(miri) { 100 } else { GENERATIONS - 1 };
    for _ in 0..times {
        let generation = slot.claim().unwrap();
        assert!((1..GENERATIONS).contains(&generation) && seen.insert(generation));
        assert!(slot.claim().is_none());
        slot.fill(generation, value.clone());
        assert!(slot.pin(generation).unwrap().retire());
        assert!(slot.pin(generation).is_none());
        assert_eq!(Arc::strong_count(&value), 1);
    }
    assert_eq!(seen.contains(&slot.claim().unwrap()), times == GENERATIONS - 1);
}

#[test]
#[cfg_attr(miri, ignore = "65536 values take minutes, by code that the other tests run")]
fn there_is_an_end() {
    static REGISTRY: Registry<usize> = Registry::new(Kind::Control);
    let most = CHUNK as usize * CHUNKS;
    let handles: HashSet<i32> = (0..most).map(|value| REGISTRY.insert(value).unwrap()).collect();
    assert_eq!(handles.len(), most);
    assert!(REGISTRY.insert(0).is_none());
    let some = *handles.iter().next().unwrap();
    assert!(REGISTRY.get(some).unwrap().retire());
    let next = REGISTRY.insert(0).unwrap();
    assert_eq!(next & 0xffff, some & 0xffff);
    assert!(next != some && REGISTRY.get(some).is_none());
}

/// A value that shows whether it is whole, and counts when it goes.
struct Whole(Box<[usize; 2]>);

static GONE: AtomicUsize = AtomicUsize::new(0);

impl Whole {
    fn new(number: usize) -> Self {
        Self(Box::new([number, !number]))
    }

    fn check(&self) {
        assert_eq!(self.0[0], !self.0[1]);
    }
}

impl Drop for Whole {
    fn drop(&mut self) {
        self.check();
        *self.0 = [0, 0];
        GONE.fetch_add(1, Ordering::Relaxed);
    }
}

/// Threads that use and free one another's handles. They exchange them by relaxed atomics, so that only the registry
/// itself puts the accesses to values in order: ThreadSanitizer and Miri see where it does not.
#[test]
fn threads_share_handles() {
    static REGISTRY: Registry<Whole> = Registry::new(Kind::Interpreter);
    const THREADS: usize = 4;
    let rounds = if cfg!(miri) { 30 } else { 20_000 };
    let board: [AtomicI32; THREADS] = Default::default();
    let retire = |handle| REGISTRY.get(handle).is_some_and(|value| value.retire());
    let play = |own: usize| {
        for round in 0..rounds {
            let other = board[(own + round) % THREADS].load(Ordering::Relaxed);
            if let Some(value) = REGISTRY.get(other) {
                value.check();
                let is_mine = round % 3 == 0 && value.retire();
                value.check();
                assert!(!is_mine || REGISTRY.get(other).is_none());
            }
            let new = REGISTRY.insert(Whole::new(own * rounds + round)).unwrap();
            retire(board[own].swap(new, Ordering::Relaxed));
        }
    };
    thread::scope(|scope| (0..THREADS).for_each(|own| drop(scope.spawn(move || play(own)))));
    // Another thread may have freed what is still on the board.
    for handle in &board {
        retire(handle.load(Ordering::Relaxed));
    }
    assert_eq!(GONE.load(Ordering::Relaxed), THREADS * rounds);
    assert!(board.iter().all(|handle| REGISTRY.get(handle.load(Ordering::Relaxed)).is_none()));
}

/// Which of two methods there is tells whether a type is `Sync`: where both are, the call is ambiguous.
macro_rules! assert_not_sync {
    ($type:ty) => {
        const _: fn() = || {
            trait Ambiguous<A> {
                fn is_one() {}
            }
            impl<T: ?Sized> Ambiguous<()> for T {}
            struct IsSync;
            impl<T: ?Sized + Sync> Ambiguous<IsSync> for T {}
            <$type>::is_one();
        };
    };
}

// A value is used by any thread, and dropped by the last one: it must be Sync, and Send.
assert_not_sync!(Registry<MutexGuard<'static, ()>>); // Sync alone
assert_not_sync!(Registry<std::cell::Cell<()>>); // Send alone
assert_not_sync!(Registry<Rc<()>>);
assert_not_sync!(Slot<MutexGuard<'static, ()>>);
