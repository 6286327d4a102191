//! The sum over groups in eight lanes, written once for all vectors.

use super::group::{CENTRE, GROUP, Group};

/// Lanes at every level: the order of additions must not depend on the width of a vector.
pub(super) const LANES: usize = 8;

/// Terms that all lanes together take at a time.
pub(super) const ROUND: u64 = (LANES * GROUP) as u64;

/// Eight doubles, in as many registers as it takes. They exist only where the CPU has the features for them: the first
/// ones are made from the witness for these, and carry it along.
pub(super) trait F64x8: Copy {
    /// The witness that the CPU has the features.
    type Isa: Copy;

    /// Rounds to evaluate side by side: as many as there are registers for. They keep the multipliers busy, while
    /// one round's chain of dependent operations would wait for itself.
    const INTERLEAVE: usize;

    fn isa(self) -> Self::Isa;
    fn from_array(isa: Self::Isa, values: [f64; LANES]) -> Self;
    fn to_array(self) -> [f64; LANES];
    fn splat(isa: Self::Isa, value: f64) -> Self;
    /// The value itself. Its computation keeps its position in the order of instructions: a compiler that is free to
    /// reorder them would put one chain after the other.
    fn pin(self) -> Self;
    fn add(self, other: Self) -> Self;
    fn mul(self, other: Self) -> Self;
    fn div(self, other: Self) -> Self;
    /// `self * factor + addend`, rounded once.
    fn mul_add(self, factor: Self, addend: Self) -> Self;

    /// P(t)/Q(t) for each t, by Horner's rule.
    #[inline(always)]
    fn evaluate<const N: usize>(isa: Self::Isa, group: &Group, t: [Self; N]) -> [Self; N] {
        // Loops, not `map`: closures that are not inlined have none of the CPU's features.
        let (mut p, mut q) = ([Self::splat(isa, group.numerator[GROUP - 1]); N], t);
        for q in &mut q {
            *q = q.add(Self::splat(isa, group.denominator[GROUP - 1])); // the leading coefficient is 1
        }
        for i in (0..GROUP - 1).rev() {
            for round in 0..N {
                p[round] = p[round].mul_add(t[round], Self::splat(isa, group.numerator[i])).pin();
                q[round] = q[round].mul_add(t[round], Self::splat(isa, group.denominator[i])).pin();
            }
        }
        for round in 0..N {
            p[round] = p[round].div(q[round]);
        }
        p
    }
}

/// The sum of the `rounds * ROUND` terms from index `first` on, by lanes: a lane takes every eighth group.
#[inline(always)]
pub(super) fn sum_groups<V: F64x8>(isa: V::Isa, group: &Group, first: u64, rounds: u64) -> [f64; LANES] {
    let mut centres = [(first + CENTRE) as f64; LANES];
    for (lane, centre) in centres.iter_mut().enumerate() {
        *centre += (lane * GROUP) as f64;
    }
    let mut centres = V::from_array(isa, centres);
    let mut left = rounds as usize;
    let mut sums = V::splat(isa, 0.0);
    while V::INTERLEAVE >= 6 && left >= 6 {
        sums = add_rounds::<V, 6>(group, &mut centres, sums);
        left -= 6;
    }
    while V::INTERLEAVE >= 2 && left >= 2 {
        sums = add_rounds::<V, 2>(group, &mut centres, sums);
        left -= 2;
    }
    for _ in 0..left {
        sums = add_rounds::<V, 1>(group, &mut centres, sums);
    }
    sums.to_array()
}

/// Adds the next `N` rounds to the sums, one after the other.
#[inline(always)]
fn add_rounds<V: F64x8, const N: usize>(group: &Group, centres: &mut V, mut sums: V) -> V {
    let isa = sums.isa();
    let mut squares = [*centres; N];
    for t in &mut squares {
        let x = centres.mul(V::splat(isa, group.h));
        *t = x.mul(x);
        *centres = centres.add(V::splat(isa, ROUND as f64));
    }
    for group in V::evaluate(isa, group, squares) {
        sums = sums.add(group);
    }
    sums
}
