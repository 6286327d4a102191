use super::table::Table;
use super::{Tally, composite_without_trial_factor, trial};

pub(super) fn tally_i32_scalar(chunk: &[i32], table: Table) -> Tally {
    let mut tally = Tally::default();
    for n in chunk.iter().filter_map(|&n| u32::try_from(n).ok()) {
        let counted = if n % 2 == 0 {
            n >= 10
        } else if n < table.end() {
            table.contains(n)
        } else {
            tally.missed += u64::from(n < table.next_end);
            trial::divides(n) || composite_without_trial_factor(n)
        };
        tally.counted += u64::from(counted);
    }
    tally
}
