//! The visit of the range by vectors, written once for all widths.
//!
//! Three vectors walk the range side by side: after 3 * WIDTH numbers each lane that was at a multiple of 3 is at one
//! again, and the other lanes are not. Those hold 0 and walk in steps of 0, so that they add nothing.

/// A vector of `WIDTH` 32-bit integers whose addition wraps. It exists only where the CPU has the features for it: it
/// is made from the witness for them.
pub(super) trait I32Vector: Copy {
    /// The witness that the CPU has the features.
    type Isa: Copy;

    const WIDTH: usize;

    /// The first `WIDTH` values.
    fn load(isa: Self::Isa, values: &[i32]) -> Self;
    fn add(self, other: Self) -> Self;
    fn store(self, values: &mut [i32]);
}

const MAX_WIDTH: usize = 16;

#[inline(always)]
pub(super) fn sum_multiples_of_3<V: I32Vector>(isa: V::Isa, from: i32, to: i32) -> i32 {
    let walk = 3 * V::WIDTH;
    let len = (i64::from(to) - i64::from(from)).max(0) as usize;

    let mut start = [0; 3 * MAX_WIDTH];
    let mut step = [0; 3 * MAX_WIDTH];
    for (lane, (start, step)) in start.iter_mut().zip(&mut step).enumerate() {
        let i = from.wrapping_add(lane as i32);
        if i % 3 == 0 && lane < len {
            (*start, *step) = (i, walk as i32);
        }
    }
    let (mut at, step) = (load_three::<V>(isa, &start), load_three::<V>(isa, &step));
    let mut sums = [V::load(isa, &[0; MAX_WIDTH]); 3];
    for _ in 0..len / walk {
        for j in 0..3 {
            sums[j] = sums[j].add(at[j]);
            at[j] = at[j].add(step[j]);
        }
    }
    let mut lanes = [0; MAX_WIDTH];
    sums[0].add(sums[1]).add(sums[2]).store(&mut lanes);
    let total = lanes.into_iter().fold(0, i32::wrapping_add);
    let rest = to.wrapping_sub((len % walk) as i32);
    (rest..to).filter(|i| i % 3 == 0).fold(total, i32::wrapping_add)
}

#[inline(always)]
fn load_three<V: I32Vector>(isa: V::Isa, values: &[i32; 3 * MAX_WIDTH]) -> [V; 3] {
    [V::load(isa, values), V::load(isa, &values[V::WIDTH..]), V::load(isa, &values[2 * V::WIDTH..])]
}
