//! The functions that the dynamic loader calls in a library when the process exits: `DT_FINI_ARRAY`, `DT_FINI`.
//!
//! In a copy their entries of the dynamic section get other tags, so that the dynamic loader does not see them, but this
//! library does (`loading/finalizers.rs`).

use object::LittleEndian as LE;
use object::elf::{DT_FINI, DT_FINI_ARRAY, DT_FINI_ARRAYSZ, DynamicTag};

use super::image::Image;

/// Tags that no dynamic loader knows, from the range that is free for any use: they are ignored.
pub(crate) const HIDDEN_FINI: DynamicTag = DynamicTag(0x6000_0ff0);
pub(crate) const HIDDEN_FINI_ARRAY: DynamicTag = DynamicTag(0x6000_0ff1);
pub(crate) const HIDDEN_FINI_ARRAYSZ: DynamicTag = DynamicTag(0x6000_0ff2);

/// Hides them from the dynamic loader.
pub(crate) fn hide_finalizers(image: &mut Image) {
    for entry in image.dyn_entries_mut() {
        let hidden = match entry.d_tag.get(LE) {
            DT_FINI => HIDDEN_FINI,
            DT_FINI_ARRAY => HIDDEN_FINI_ARRAY,
            DT_FINI_ARRAYSZ => HIDDEN_FINI_ARRAYSZ,
            _ => continue,
        };
        entry.d_tag.set(LE, hidden);
    }
}
