//! All interleavings of threads that use and free one handle, by loom. `make test-loom` runs them.
//!
//! The value is in loom's cell, so loom checks the accesses to it too. Each ordering in [`Slot`] is needed. With
//! `Relaxed` in place of one of them, these models fail:
//!
//! | ordering | models that fail |
//! |---|---|
//! | of `update` (claim, acquire, release, retire) | `a_value_is_complete_when_it_is_seen`, `the_last_guard_drops_the_value` |
//! | of the store that ends `fill` | `a_value_is_complete_when_it_is_seen` |
//! | of the store that ends `release` | `another_thread_reuses_the_slot` |

use super::Slot;
use crate::sys::sync::{Arc, AtomicUsize, Ordering, thread};

/// Counts its drops.
struct Value(Arc<AtomicUsize>);

impl Drop for Value {
    fn drop(&mut self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

/// A value with a guard is not dropped; it is dropped once, and only then does the next generation use its slot.
#[test]
fn the_last_guard_drops_the_value() {
    loom::model(|| {
        let dropped = Arc::new(AtomicUsize::new(0));
        let slot = Arc::new(Slot::new());
        let generation = slot.claim().unwrap();
        slot.fill(generation, Value(dropped.clone()));
        let user = thread::spawn({
            let (slot, dropped) = (slot.clone(), dropped.clone());
            move || {
                if let Some(guard) = slot.acquire(generation) {
                    let value: &Value = &guard;
                    assert_eq!(value.0.load(Ordering::Relaxed), 0);
                    drop(guard);
                } else {
                    assert!(slot.acquire(generation).is_none());
                }
                drop(dropped);
            }
        });
        assert!(slot.acquire(generation).unwrap().retire());
        let next = slot.claim();
        assert!(next.is_none_or(|next| next != generation));
        user.join().unwrap();
        assert_eq!(dropped.load(Ordering::Relaxed), 1);
    });
}

/// A thread that acquires the value sees all of it, even if another thread frees the handle meanwhile.
#[test]
fn a_value_is_complete_when_it_is_seen() {
    loom::model(|| {
        let slot = Arc::new(Slot::new());
        let finder = thread::spawn({
            let slot = slot.clone();
            move || {
                if let Some(guard) = slot.acquire(1) {
                    assert_eq!(*guard, [7, 8]);
                }
            }
        });
        let generation = slot.claim().unwrap();
        assert_eq!(generation, 1);
        slot.fill(generation, [7, 8]);
        assert!(slot.acquire(generation).unwrap().retire());
        finder.join().unwrap();
    });
}

/// A slot that one thread has freed is filled by another, which synchronises with it only through the slot's state.
#[test]
fn another_thread_reuses_the_slot() {
    loom::model(|| {
        let slot = Arc::new(Slot::new());
        let generation = slot.claim().unwrap();
        slot.fill(generation, [1, 1]);
        let other = thread::spawn({
            let slot = slot.clone();
            move || {
                if let Some(next) = slot.claim() {
                    assert_ne!(next, generation);
                    slot.fill(next, [2, 2]);
                }
            }
        });
        assert!(slot.acquire(generation).unwrap().retire());
        if let Some(guard) = slot.acquire(generation + 1) {
            assert_eq!(*guard, [2, 2]);
        }
        other.join().unwrap();
    });
}

/// If two threads free a handle at once, exactly one succeeds.
#[test]
fn freed_once() {
    loom::model(|| {
        let slot = Arc::new(Slot::new());
        let generation = slot.claim().unwrap();
        slot.fill(generation, ());
        let free = move |slot: &Slot<()>| slot.acquire(generation).is_some_and(|value| value.retire());
        let other = thread::spawn({
            let slot = slot.clone();
            move || free(&slot)
        });
        let own = free(&slot);
        assert!(own != other.join().unwrap());
        assert!(slot.claim().is_some_and(|next| next != generation));
    });
}
