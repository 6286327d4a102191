//! All interleavings of threads that use and free one handle, by loom. `make test-loom` runs them.
//!
//! Loom watches the accesses to the value too, as its cell is loom's. Each ordering of [`Slot`] is needed. With
//! `Relaxed` in place of one of them, these models fail:
//!
//! | ordering | models that fail |
//! |---|---|
//! | of `update` (claim, pin, unpin, retire) | `a_value_is_whole_when_it_is_seen`, `a_value_goes_with_its_last_pin` |
//! | of the store that ends `fill` | `a_value_is_whole_when_it_is_seen` |
//! | of the store that ends `unpin` | `a_slot_is_filled_anew_by_another_thread` |

use super::Slot;
use crate::sys::sync::{Arc, AtomicUsize, Ordering, thread};

/// Counts when it is dropped.
struct Value(Arc<AtomicUsize>);

impl Drop for Value {
    fn drop(&mut self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

/// A value that is pinned stays, is dropped once, and its place is taken by the next generation only then.
#[test]
fn a_value_goes_with_its_last_pin() {
    loom::model(|| {
        let dropped = Arc::new(AtomicUsize::new(0));
        let slot = Arc::new(Slot::new());
        let generation = slot.claim().unwrap();
        slot.fill(generation, Value(dropped.clone()));
        let user = thread::spawn({
            let (slot, dropped) = (slot.clone(), dropped.clone());
            move || {
                if let Some(pinned) = slot.pin(generation) {
                    let value: &Value = &pinned;
                    assert_eq!(value.0.load(Ordering::Relaxed), 0);
                    drop(pinned);
                } else {
                    assert!(slot.pin(generation).is_none());
                }
                drop(dropped);
            }
        });
        assert!(slot.pin(generation).unwrap().retire());
        let next = slot.claim();
        assert!(next.is_none_or(|next| next != generation));
        user.join().unwrap();
        assert_eq!(dropped.load(Ordering::Relaxed), 1);
    });
}

/// A thread that finds the value finds all of it, and one that frees it meanwhile does not take it away.
#[test]
fn a_value_is_whole_when_it_is_seen() {
    loom::model(|| {
        let slot = Arc::new(Slot::new());
        let finder = thread::spawn({
            let slot = slot.clone();
            move || {
                if let Some(pinned) = slot.pin(1) {
                    assert_eq!(*pinned, [7, 8]);
                }
            }
        });
        let generation = slot.claim().unwrap();
        assert_eq!(generation, 1);
        slot.fill(generation, [7, 8]);
        assert!(slot.pin(generation).unwrap().retire());
        finder.join().unwrap();
    });
}

/// A slot that one thread leaves is filled by another one, which has nothing but the slot's state from it.
#[test]
fn a_slot_is_filled_anew_by_another_thread() {
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
        assert!(slot.pin(generation).unwrap().retire());
        if let Some(pinned) = slot.pin(generation + 1) {
            assert_eq!(*pinned, [2, 2]);
        }
        other.join().unwrap();
    });
}

/// Of two threads that free it at once, one does.
#[test]
fn freed_once() {
    loom::model(|| {
        let slot = Arc::new(Slot::new());
        let generation = slot.claim().unwrap();
        slot.fill(generation, ());
        let free = move |slot: &Slot<()>| slot.pin(generation).is_some_and(|value| value.retire());
        let other = thread::spawn({
            let slot = slot.clone();
            move || free(&slot)
        });
        let own = free(&slot);
        assert!(own != other.join().unwrap());
        assert!(slot.claim().is_some_and(|next| next != generation));
    });
}
