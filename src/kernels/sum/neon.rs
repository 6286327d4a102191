use super::generic::{LANES, LaneSums};
use crate::cpu::Neon;

#[target_feature(enable = "neon")]
pub(super) fn push_f64_neon(_: Neon, sums: &mut LaneSums, rows: &[[f64; LANES]]) {
    sums.push_rows(rows);
}
