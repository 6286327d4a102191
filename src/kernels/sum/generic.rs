//! The sums of all lanes, for the compiler to make vectors of, as wide as the caller's CPU features allow.

use crate::kernels::arith::CompensatedSum;

/// Sums side by side: as many as hide the latency of additions in the widest vectors.
pub const LANES: usize = 32;

/// A sum for each lane, in the layout that vectors need.
pub(super) struct LaneSums {
    rounded: [f64; LANES],
    compensation: [f64; LANES],
}

impl LaneSums {
    pub(super) const ZERO: Self = Self { rounded: [0.0; LANES], compensation: [0.0; LANES] };

    /// Adds the numbers of each row to the lanes, one to each.
    #[inline(always)]
    pub(super) fn push_rows(&mut self, rows: &[[f64; LANES]]) {
        let Self { mut rounded, mut compensation } = *self;
        for row in rows {
            for lane in 0..LANES {
                let mut sum = CompensatedSum { rounded: rounded[lane], compensation: compensation[lane] };
                sum.push(row[lane]);
                (rounded[lane], compensation[lane]) = (sum.rounded, sum.compensation);
            }
        }
        *self = Self { rounded, compensation };
    }

    /// The lanes' sums, in order.
    pub(super) fn into_sums(self) -> impl Iterator<Item = CompensatedSum> {
        let lanes = self.rounded.into_iter().zip(self.compensation);
        lanes.map(|(rounded, compensation)| CompensatedSum { rounded, compensation })
    }
}
