//! The visit in vector lanes, once for every vector width.
//!
//! Three vectors walk the range side by side: after 3 * WIDTH numbers each lane is at a multiple of 3 again, or
//! again is not. A lane that never is holds 0 and walks in steps of 0, so that it adds nothing.

/// A vector of `WIDTH` 32-bit integers whose addition wraps.
///
/// # Safety
/// Methods may be called only where the CPU has the vector's features.
pub(super) trait Lanes: Copy {
    const WIDTH: usize;
    unsafe fn load(values: &[i32]) -> Self;
    unsafe fn add(self, other: Self) -> Self;
    unsafe fn store(self, values: &mut [i32]);
}

const MAX_WIDTH: usize = 16;

/// # Safety
/// The CPU has the features of `V`.
#[inline(always)]
pub(super) unsafe fn sum_multiples_of_3<V: Lanes>(from: i32, to: i32) -> i32 {
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
    // SAFETY: the caller vouches for the CPU.
    let total = unsafe {
        let load = |values: &[i32; 3 * MAX_WIDTH]| {
            [V::load(values), V::load(&values[V::WIDTH..]), V::load(&values[2 * V::WIDTH..])]
        };
        let (mut at, step) = (load(&start), load(&step));
        let mut sums = [V::load(&[0; MAX_WIDTH]); 3];
        for _ in 0..len / walk {
            for j in 0..3 {
                sums[j] = sums[j].add(at[j]);
                at[j] = at[j].add(step[j]);
            }
        }
        let mut lanes = [0; MAX_WIDTH];
        sums[0].add(sums[1]).add(sums[2]).store(&mut lanes);
        lanes.into_iter().fold(0, i32::wrapping_add)
    };
    let rest = to.wrapping_sub((len % walk) as i32);
    (rest..to).filter(|i| i % 3 == 0).fold(total, i32::wrapping_add)
}
