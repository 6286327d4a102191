use super::table::Table;
use super::{Tally, euler, exceptions, least_factor_is_root, trial};

pub(super) fn tally_i32_scalar(chunk: &[i32], table: Table) -> Tally {
    let mut tally = Tally::default();
    for n in chunk.iter().filter_map(|&n| u32::try_from(n).ok()) {
        let counted = if n % 2 == 0 {
            n >= 10
        } else if n < table.end() {
            table.contains(n)
        } else {
            tally.missed += u64::from(n < table.next_end);
            has_small_divisor(n)
        };
        tally.counted += u64::from(counted);
    }
    tally
}

/// For an odd `n` past the small table: the trial primes are below its root.
fn has_small_divisor(n: u32) -> bool {
    trial::divides(n) || if euler::passes(n) { exceptions::contains(n) } else { !least_factor_is_root(n) }
}
