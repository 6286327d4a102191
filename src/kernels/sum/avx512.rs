use super::generic::{LANES, LaneSums};
use crate::cpu::Avx512;

#[target_feature(enable = "avx512f")]
pub(super) fn push_f64_avx512(_: Avx512, sums: &mut LaneSums, rows: &[[f64; LANES]]) {
    sums.push_rows(rows);
}
