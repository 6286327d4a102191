use super::generic::{LANES, LaneSums};

pub(super) fn push_f64_scalar(sums: &mut LaneSums, rows: &[[f64; LANES]]) {
    sums.push_rows(rows);
}
