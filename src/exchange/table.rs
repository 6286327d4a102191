//! Objects that C knows by 64-bit numbers: millions at once, each with a number that no other has had.

use std::sync::Arc;
use std::sync::Mutex;

use crate::sys::fork::ForkLocal;
use crate::sys::sync::lock;

/// The kind of object that a number names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NumberKind {
    Call = 1,
    Function = 2,
}

/// From its low bits up, a number consists of the place of its object, of how many objects have been there, and of its
/// kind. So it is positive, and larger than any 32-bit number: one that was truncated is of no object.
const PLACE_BITS: u32 = 32;
const USES_BITS: u32 = 28;
const MAX_USES: u32 = (1 << USES_BITS) - 1;

/// The objects of one kind, by number. The child of a fork begins with an empty table.
pub(crate) struct Table<T: 'static> {
    kind: NumberKind,
    places: ForkLocal<Mutex<Places<T>>>,
}

struct Places<T> {
    places: Vec<Place<T>>,
    /// Places without an object.
    free: Vec<u32>,
}

struct Place<T> {
    uses: u32,
    object: Option<Arc<T>>,
}

impl<T> Default for Places<T> {
    fn default() -> Self {
        Self { places: Vec::new(), free: Vec::new() }
    }
}

impl<T: Send + Sync> Table<T> {
    pub(crate) const fn new(kind: NumberKind) -> Self {
        Self { kind, places: ForkLocal::new(Mutex::default) }
    }

    /// The top of a number.
    fn top(&self, uses: u32) -> u64 {
        (self.kind as u64) << USES_BITS | u64::from(uses)
    }

    /// Stores what `make` makes for its number. `None` if the table is full.
    pub(crate) fn insert(&'static self, make: impl FnOnce(u64) -> T) -> Option<Arc<T>> {
        let mut table = lock(self.places.get());
        let place = match table.free.pop() {
            Some(place) => place,
            None => {
                let place = u32::try_from(table.places.len()).ok()?;
                table.places.push(Place { uses: 0, object: None });
                place
            }
        };
        let entry = &mut table.places[place as usize];
        entry.uses = entry.uses % MAX_USES + 1;
        let number = self.top(entry.uses) << PLACE_BITS | u64::from(place);
        let object = Arc::new(make(number));
        entry.object = Some(Arc::clone(&object));
        Some(object)
    }

    /// The object with this number.
    pub(crate) fn get(&'static self, number: i64) -> Option<Arc<T>> {
        let mut table = lock(self.places.get());
        self.find(&mut table, number)?.object.clone()
    }

    /// Removes the object with this number, which the caller drops: that is not done under the table's lock.
    pub(crate) fn remove(&'static self, number: i64) -> Option<Arc<T>> {
        let mut table = lock(self.places.get());
        let object = self.find(&mut table, number)?.object.take()?;
        table.free.push(number as u32);
        Some(object)
    }

    fn find<'a>(&self, table: &'a mut Places<T>, number: i64) -> Option<&'a mut Place<T>> {
        let number = u64::try_from(number).ok()?;
        let place = table.places.get_mut(number as u32 as usize)?;
        (self.top(place.uses) == number >> PLACE_BITS).then_some(place)
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_of_one_object() {
        static TABLE: Table<u64> = Table::new(NumberKind::Call);
        let first = *TABLE.insert(|number| number).unwrap() as i64;
        assert!(first > 0);
        assert_eq!(TABLE.get(first).as_deref(), Some(&(first as u64)));
        assert!(TABLE.remove(first).is_some());
        let second = *TABLE.insert(|number| number).unwrap() as i64;
        assert_ne!(first, second);
        let other_kind = second + (1 << (PLACE_BITS + USES_BITS));
        for wrong in [first, other_kind, second as i32 as i64, 0, -1, i64::MIN, i64::MAX, second + 1] {
            assert!(TABLE.get(wrong).is_none() && TABLE.remove(wrong).is_none(), "{wrong}");
        }
        assert!(TABLE.remove(second).is_some());
    }
}
