use super::generic::{LANES, LaneSums};
use crate::cpu::Avx2;

#[target_feature(enable = "avx2")]
pub(super) fn push_f64_avx2(_: Avx2, sums: &mut LaneSums, rows: &[[f64; LANES]]) {
    sums.push_rows(rows);
}
