use super::table::{self, Table};
use super::{Tally, is_bare, trial};

pub(super) fn tally_i32_scalar(chunk: &[i32], table: Table) -> Tally {
    let mut tally = Tally::default();
    for n in chunk.iter().filter_map(|&n| u32::try_from(n).ok()) {
        tally.counted += u64::from(n >= 10);
        if n % 2 == 1 {
            let bare = if n < table.end() {
                table.is_bare(n)
            } else {
                for (missed, end) in tally.missed.iter_mut().zip(table::LARGER_ENDS) {
                    *missed += u64::from(n < end);
                }
                !trial::divides(n) && is_bare(n)
            };
            tally.counted -= u64::from(bare);
        }
    }
    tally
}
