//! The visit of the range by vectors, written once for all widths.
//!
//! Six vectors walk the range side by side: after 3 * WIDTH numbers each lane that was at a multiple of 3 is at one
//! again, and the other lanes are not. Those hold 0 and walk in steps of 0, so that they add nothing. (With three vectors,
//! each would wait for the last addition to itself where that takes longer than a cycle.)

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

/// The vectors that walk side by side.
const WALKERS: usize = 6;

#[inline(always)]
pub(super) fn sum_multiples_of_3<V: I32Vector>(isa: V::Isa, from: i32, to: i32) -> i32 {
    let walk = WALKERS * V::WIDTH;
    let len = (i64::from(to) - i64::from(from)).max(0) as usize;

    let mut start = [0; WALKERS * MAX_WIDTH];
    let mut step = [0; WALKERS * MAX_WIDTH];
    for (lane, (start, step)) in start.iter_mut().zip(&mut step).enumerate() {
        let i = from.wrapping_add(lane as i32);
        if i % 3 == 0 && lane < len {
            (*start, *step) = (i, walk as i32);
        }
    }
    let (mut at, step) = (load_walkers::<V>(isa, &start), load_walkers::<V>(isa, &step));
    let mut sums = [V::load(isa, &[0; MAX_WIDTH]); WALKERS];
    for _ in 0..len / walk {
        for j in 0..WALKERS {
            sums[j] = sums[j].add(at[j]);
            at[j] = at[j].add(step[j % 3]); // the pattern of multiples repeats
        }
    }
    let mut lanes = [0; MAX_WIDTH];
    let [a, b, c, d, e, f] = sums;
    a.add(b).add(c).add(d.add(e).add(f)).store(&mut lanes);
    let total = lanes.into_iter().fold(0, i32::wrapping_add);
    let rest = to.wrapping_sub((len % walk) as i32);
    (rest..to).filter(|i| i % 3 == 0).fold(total, i32::wrapping_add)
}

#[inline(always)]
fn load_walkers<V: I32Vector>(isa: V::Isa, values: &[i32; WALKERS * MAX_WIDTH]) -> [V; WALKERS] {
    // A loop, not `from_fn`: closures that are not inlined have none of the CPU's features.
    let mut walkers = [V::load(isa, values); WALKERS];
    for (j, walker) in walkers.iter_mut().enumerate() {
        *walker = V::load(isa, &values[j * V::WIDTH..]);
    }
    walkers
}
