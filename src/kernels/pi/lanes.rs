//! The sum over groups in eight lanes, once for every way to have eight lanes.

use super::group::{CENTRE, GROUP, Group};

/// Lanes, on every level: the order of additions must not depend on the width of a vector.
pub(super) const LANES: usize = 8;

/// Terms that all lanes together take at a time.
pub(super) const ROUND: u64 = (LANES * GROUP) as u64;

/// Eight doubles, in as many registers as it takes.
///
/// # Safety
/// Methods may be called only where the CPU has the implementation's features.
pub(super) trait Lanes: Copy {
    /// Rounds to evaluate side by side: as many as there are registers for. They keep the multipliers busy, where
    /// one round's chain of dependent operations would wait for itself.
    const INTERLEAVE: usize;
    /// Does nothing, at this place in the order of instructions: a compiler that is free to would put one chain
    /// after the other.
    unsafe fn pin(self) -> Self;
    unsafe fn from_array(values: [f64; LANES]) -> Self;
    unsafe fn to_array(self) -> [f64; LANES];
    unsafe fn splat(value: f64) -> Self;
    unsafe fn add(self, other: Self) -> Self;
    unsafe fn mul(self, other: Self) -> Self;
    unsafe fn div(self, other: Self) -> Self;
    /// `self * factor + addend`, rounded once.
    unsafe fn mul_add(self, factor: Self, addend: Self) -> Self;
}

/// The sum of the `rounds * ROUND` terms from index `first` on, by lanes: a lane takes every eighth group.
///
/// # Safety
/// The CPU has the features of `V`.
#[inline(always)]
pub(super) unsafe fn sum_groups<V: Lanes>(group: &Group, first: u64, rounds: u64) -> [f64; LANES] {
    let centre = |lane: usize| (first + CENTRE) as f64 + (lane * GROUP) as f64;
    let mut left = rounds as usize;
    // SAFETY: the caller vouches for the CPU.
    unsafe {
        let mut centres = V::from_array(std::array::from_fn(centre));
        let mut sums = V::splat(0.0);
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
}

/// Adds the next `N` rounds to the sums, one after the other.
///
/// # Safety
/// The CPU has the features of `V`.
#[inline(always)]
unsafe fn add_rounds<V: Lanes, const N: usize>(group: &Group, centres: &mut V, sums: V) -> V {
    // SAFETY: the caller vouches for the CPU.
    unsafe {
        let mut squares = [*centres; N];
        for t in &mut squares {
            let x = centres.mul(V::splat(group.h));
            *t = x.mul(x);
            *centres = centres.add(V::splat(ROUND as f64));
        }
        evaluate(group, squares).into_iter().fold(sums, |sums, group| sums.add(group))
    }
}

/// P(t)/Q(t) for each t, by Horner's rule.
///
/// # Safety
/// The CPU has the features of `V`.
#[inline(always)]
unsafe fn evaluate<V: Lanes, const N: usize>(group: &Group, t: [V; N]) -> [V; N] {
    // SAFETY: the caller vouches for the CPU.
    unsafe {
        let mut p = [V::splat(group.numerator[GROUP - 1]); N];
        let mut q = t.map(|t| t.add(V::splat(group.denominator[GROUP - 1]))); // the leading coefficient is 1
        for i in (0..GROUP - 1).rev() {
            for round in 0..N {
                p[round] = p[round].mul_add(t[round], V::splat(group.numerator[i])).pin();
                q[round] = q[round].mul_add(t[round], V::splat(group.denominator[i])).pin();
            }
        }
        std::array::from_fn(|round| p[round].div(q[round]))
    }
}
