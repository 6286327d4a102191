//! The functions that the dynamic loader calls in a library when it has loaded that (`DT_INIT`, `DT_INIT_ARRAY`), and when
//! the process exits (`DT_FINI_ARRAY`, `DT_FINI`).
//!
//! In a copy their entries of the dynamic section get other tags, so that the dynamic loader does not see them, but this
//! library does (`loading/initializers.rs`, `loading/finalizers.rs`).

use object::LittleEndian as LE;
use object::elf::{
    DT_FINI, DT_FINI_ARRAY, DT_FINI_ARRAYSZ, DT_INIT, DT_INIT_ARRAY, DT_INIT_ARRAYSZ, DynamicTag,
};

use super::image::Image;

/// Tags that no dynamic loader knows, from the range that is free for any use: they are ignored.
pub(crate) const HIDDEN_FINI: DynamicTag = DynamicTag(0x6000_0ff0);
pub(crate) const HIDDEN_FINI_ARRAY: DynamicTag = DynamicTag(0x6000_0ff1);
pub(crate) const HIDDEN_FINI_ARRAYSZ: DynamicTag = DynamicTag(0x6000_0ff2);
pub(crate) const HIDDEN_INIT: DynamicTag = DynamicTag(0x6000_0ff3);
pub(crate) const HIDDEN_INIT_ARRAY: DynamicTag = DynamicTag(0x6000_0ff4);
pub(crate) const HIDDEN_INIT_ARRAYSZ: DynamicTag = DynamicTag(0x6000_0ff5);

const INITIALIZERS: [(DynamicTag, DynamicTag); 3] =
    [(DT_INIT, HIDDEN_INIT), (DT_INIT_ARRAY, HIDDEN_INIT_ARRAY), (DT_INIT_ARRAYSZ, HIDDEN_INIT_ARRAYSZ)];
const FINALIZERS: [(DynamicTag, DynamicTag); 3] =
    [(DT_FINI, HIDDEN_FINI), (DT_FINI_ARRAY, HIDDEN_FINI_ARRAY), (DT_FINI_ARRAYSZ, HIDDEN_FINI_ARRAYSZ)];

/// Hides the functions that are called when the library is loaded.
pub(crate) fn hide_initializers(image: &mut Image) {
    hide(image, &INITIALIZERS);
}

/// Hides the functions that are called when the process exits.
pub(crate) fn hide_finalizers(image: &mut Image) {
    hide(image, &FINALIZERS);
}

fn hide(image: &mut Image, tags: &[(DynamicTag, DynamicTag)]) {
    for entry in image.dyn_entries_mut() {
        let tag = entry.d_tag.get(LE);
        if let Some((_, hidden)) = tags.iter().find(|(shown, _)| *shown == tag) {
            entry.d_tag.set(LE, *hidden);
        }
    }
}
