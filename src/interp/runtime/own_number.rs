//! Interpreters by the numbers that their own code knows.

use crate::interp::runtime::interpreter::Interpreter;
use crate::interp::runtime::{death, shutdown};

/// The interpreter whose code knows this number as `_ungil.number`.
pub fn find(number: i32) -> Option<&'static Interpreter> {
    shutdown::find(usize::try_from(number.checked_sub(1)?).ok()?)
}

/// From now on `free` is called when an interpreter has died, with this number. The first one that is set stays.
pub fn after_death(free: fn(i32)) {
    death::after_death(free);
}
