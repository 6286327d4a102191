use std::collections::HashSet;
use std::rc::Rc;
use std::sync::atomic::{AtomicI32, AtomicUsize};
use std::sync::{Arc, MutexGuard};
use std::thread;

use super::*;

const KINDS: [Kind; 5] = [Kind::Control, Kind::Interpreter, Kind::Reply, Kind::Message, Kind::Exchange];

#[test]
fn a_handle_is_positive_and_valid_until_it_is_freed() {
    const COUNT: usize = if cfg!(miri) { 300 } else { 1000 };
    static REGISTRY: Registry<usize> = Registry::new(Kind::Control);
    let handles: Vec<i32> = (0..COUNT).map(|value| REGISTRY.insert(value).unwrap()).collect();
    assert_eq!(handles.iter().collect::<HashSet<_>>().len(), COUNT);
    for (value, &handle) in handles.iter().enumerate() {
        assert!(handle > 0);
        let guard = REGISTRY.acquire(handle).unwrap();
        assert_eq!(*guard, value);
        assert!(guard.retire());
        assert!(!guard.retire());
        assert!(REGISTRY.acquire(handle).is_none());
        assert_eq!(*guard, value);
    }
}

#[test]
fn made_up_handles_are_invalid() {
    static REGISTRY: Registry<()> = Registry::new(Kind::Reply);
    let handle = REGISTRY.insert(()).unwrap();
    let others = (0..31).map(|bit| handle ^ (1 << bit));
    for wrong in [0, -1, 1, i32::MAX, i32::MIN, handle + 0x10000, -handle].into_iter().chain(others) {
        assert!(REGISTRY.acquire(wrong).is_none(), "{wrong}");
    }
    assert!(REGISTRY.acquire(handle).is_some());
}

/// Compares the first handles of each registry, which have the same slots and generations.
#[test]
fn a_handle_of_one_kind_is_invalid_for_another() {
    static REGISTRIES: [Registry<Kind>; KINDS.len()] = [
        Registry::new(KINDS[0]),
        Registry::new(KINDS[1]),
        Registry::new(KINDS[2]),
        Registry::new(KINDS[3]),
        Registry::new(KINDS[4]),
    ];
    for _ in 0..if cfg!(miri) { 3 } else { 300 } {
        let handles = KINDS.map(|kind| REGISTRIES[kind as usize].insert(kind).unwrap());
        for (kind, handle) in KINDS.into_iter().zip(handles) {
            assert!(handle > 0);
            for registry in &REGISTRIES {
                let found = registry.acquire(handle).map(|value| *value);
                assert_eq!(found, (registry.kind == kind).then_some(kind), "{handle} of {kind:?}");
            }
        }
        for (kind, handle) in KINDS.into_iter().zip(handles) {
            assert!(REGISTRIES[kind as usize].acquire(handle).unwrap().retire());
        }
    }
}

#[test]
fn handles_are_freed_by_their_values() {
    static REGISTRY: Registry<i32> = Registry::new(Kind::Exchange);
    let handles = [1, 2, 1].map(|value| REGISTRY.insert(value).unwrap());
    REGISTRY.retire_if(|value| *value == 1);
    assert_eq!(handles.map(|handle| REGISTRY.acquire(handle).is_some()), [false, true, false]);
}

#[test]
fn a_slot_uses_each_generation_once_and_drops_its_values() {
    let slot = Slot::new();
    let value = Arc::new(());
    let mut seen = HashSet::new();
    let times = if cfg!(miri) { 100 } else { GENERATIONS - 1 };
    for _ in 0..times {
        let generation = slot.claim().unwrap();
        assert!((1..GENERATIONS).contains(&generation) && seen.insert(generation));
        assert!(slot.claim().is_none());
        slot.fill(generation, value.clone());
        assert!(slot.acquire(generation).unwrap().retire());
        assert!(slot.acquire(generation).is_none());
        assert_eq!(Arc::strong_count(&value), 1);
    }
    assert_eq!(seen.contains(&slot.claim().unwrap()), times == GENERATIONS - 1);
}

#[test]
#[cfg_attr(miri, ignore = "65536 values take minutes, and the other tests cover the code")]
fn a_full_registry_returns_none() {
    static REGISTRY: Registry<usize> = Registry::new(Kind::Control);
    let most = SLAB as usize * SLABS;
    let handles: HashSet<i32> = (0..most).map(|value| REGISTRY.insert(value).unwrap()).collect();
    assert_eq!(handles.len(), most);
    assert!(REGISTRY.insert(0).is_none());
    let some = *handles.iter().next().unwrap();
    assert!(REGISTRY.acquire(some).unwrap().retire());
    let next = REGISTRY.insert(0).unwrap();
    assert_eq!(next & 0xffff, some & 0xffff);
    assert!(next != some && REGISTRY.acquire(some).is_none());
}

/// A value that can check that it is complete, and counts its drops.
struct Checked(Box<[usize; 2]>);

static DROPS: AtomicUsize = AtomicUsize::new(0);

impl Checked {
    fn new(number: usize) -> Self {
        Self(Box::new([number, !number]))
    }

    fn check(&self) {
        assert_eq!(self.0[0], !self.0[1]);
    }
}

impl Drop for Checked {
    fn drop(&mut self) {
        self.check();
        *self.0 = [0, 0];
        DROPS.fetch_add(1, Ordering::Relaxed);
    }
}

/// Threads use and free one another's handles. They exchange them by relaxed atomics, so that only the registry itself
/// orders the accesses to values: ThreadSanitizer and Miri report a missing ordering.
#[test]
fn threads_share_handles() {
    static REGISTRY: Registry<Checked> = Registry::new(Kind::Interpreter);
    const THREADS: usize = 4;
    let rounds = if cfg!(miri) { 30 } else { 20_000 };
    let board: [AtomicI32; THREADS] = Default::default();
    let retire = |handle| REGISTRY.acquire(handle).is_some_and(|value| value.retire());
    let play = |own: usize| {
        for round in 0..rounds {
            let other = board[(own + round) % THREADS].load(Ordering::Relaxed);
            if let Some(value) = REGISTRY.acquire(other) {
                value.check();
                let is_mine = round % 3 == 0 && value.retire();
                value.check();
                assert!(!is_mine || REGISTRY.acquire(other).is_none());
            }
            let new = REGISTRY.insert(Checked::new(own * rounds + round)).unwrap();
            retire(board[own].swap(new, Ordering::Relaxed));
        }
    };
    thread::scope(|scope| (0..THREADS).for_each(|own| drop(scope.spawn(move || play(own)))));
    // Another thread may have freed the handles that are still on the board.
    for handle in &board {
        retire(handle.load(Ordering::Relaxed));
    }
    assert_eq!(DROPS.load(Ordering::Relaxed), THREADS * rounds);
    assert!(board.iter().all(|handle| REGISTRY.acquire(handle.load(Ordering::Relaxed)).is_none()));
}

/// Compiles only if the type is not `Sync`: if it is, both traits apply, and the call is ambiguous.
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

// Any thread uses a value, and any may be the one that drops it: it must be Sync and Send.
assert_not_sync!(Registry<MutexGuard<'static, ()>>); // Sync alone
assert_not_sync!(Registry<std::cell::Cell<()>>); // Send alone
assert_not_sync!(Registry<Rc<()>>);
assert_not_sync!(Slot<MutexGuard<'static, ()>>);
