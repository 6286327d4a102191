//! Terms with a division each, for those that make up no group.

use std::ops::Range;

use super::generic::{F64x8, LANES};

/// Terms whose sum is computed before it is added to the others.
const STAGE: u64 = 64;

/// The sum of the terms in `range`. In two stages, and the first of them in lanes, so that few roundings fall on a large
/// sum, and divisions go side by side.
#[inline(always)]
pub(super) fn sum<V: F64x8>(isa: V::Isa, n: u64, range: Range<u64>) -> f64 {
    let h = 1.0 / n as f64;
    let (mut sum, mut from) = (0.0, range.start);
    // Loops, not `map`: closures that are not inlined have none of the CPU's features.
    while from < range.end {
        let end = range.end.min(from + STAGE);
        sum += sum_stage::<V>(isa, h, from..end);
        from = end;
    }
    sum
}

#[inline(always)]
fn sum_stage<V: F64x8>(isa: V::Isa, h: f64, range: Range<u64>) -> f64 {
    const NUMBERS: [f64; LANES] = [0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0];
    let (h_lanes, one, four) = (V::splat(isa, h), V::splat(isa, 1.0), V::splat(isa, 4.0));
    let (mut sums, mut at) = (V::splat(isa, 0.0), range.start);
    while at + LANES as u64 <= range.end {
        let x = h_lanes.mul(V::splat(isa, at as f64 - 0.5).add(V::from_array(isa, NUMBERS)));
        sums = sums.add(four.div(one.add(x.mul(x))));
        at += LANES as u64;
    }
    let mut lanes = sums.to_array();
    for (i, sum) in (at..range.end).zip(&mut lanes) {
        let x = h * (i as f64 - 0.5);
        *sum += 4.0 / (1.0 + x * x);
    }
    let [a, b, c, d, e, f, g, h] = lanes;
    ((a + e) + (c + g)) + ((b + f) + (d + h))
}
