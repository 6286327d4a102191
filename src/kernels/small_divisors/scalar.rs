use super::counts::Counts;
use super::decide::has_no_small_divisor;
use super::table::{LARGER_ENDS, Table};
use super::trial;

pub(super) fn count_i32_scalar(batch: &[i32], table: Table) -> Counts {
    let mut counts = Counts::default();
    for n in batch.iter().filter_map(|&n| u32::try_from(n).ok()) {
        counts.with_small_divisor += u64::from(n >= 10);
        if n % 2 == 1 {
            let none = if n < table.end() {
                table.has_no_small_divisor(n)
            } else {
                for (misses, end) in counts.table_misses.iter_mut().zip(LARGER_ENDS) {
                    *misses += u64::from(n < end);
                }
                !trial::divides(n) && has_no_small_divisor(n)
            };
            counts.with_small_divisor -= u64::from(none);
        }
    }
    counts
}
