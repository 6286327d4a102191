//! The Euler test to base 2 of 31-bit numbers, by Montgomery's method in lanes of 32 bits, with a start that is a power of
//! two: see `euler`.

use std::arch::aarch64::*;

use super::euler::STEPS;
use super::inverse::negative_inverse_neon;
use super::pseudoprimes;
use super::u32x4_neon::gather;

/// The Euler test with R = 2^32, on odd numbers from 4096 up to 2^31; all ones in the lanes that pass. (Other numbers have
/// any result.)
///
/// A step takes a < 2^31 to a*a, or a*2a if the bit is set: below 2^63. The multiple of n that makes it divisible by R
/// is below 2^63, so the quotient is below 2^31 + n; a subtraction of n, where the quotient is not below n, brings it
/// below 2^31.
#[inline]
#[target_feature(enable = "neon")]
pub(in crate::kernels) fn passed<const N: usize>(n: [uint32x4_t; N]) -> [uint32x4_t; N] {
    let zero = vdupq_n_u32(0);
    let (mut inverse, mut bit, mut a) = ([zero; N], [zero; N], [zero; N]);
    for g in 0..N {
        inverse[g] = negative_inverse_neon(n[g]);
        // -E, shifted so that the bit of the step is at the top.
        let bits = vsubq_u32(zero, vshrq_n_u32::<1>(n[g]));
        bit[g] = vshlq_n_u32::<{ 32 - STEPS as i32 }>(bits);
        let prefix = vshrq_n_s32::<{ STEPS as i32 }>(vreinterpretq_s32_u32(bits));
        let start = vshlq_u32(vdupq_n_u32(1), vaddq_s32(vdupq_n_s32(32), prefix));
        a[g] = reduce_once(start, n[g]); // it may be 2^31
    }
    for _ in 0..STEPS {
        for g in 0..N {
            let doubled = vshlq_u32(a[g], vreinterpretq_s32_u32(vshrq_n_u32::<31>(bit[g])));
            bit[g] = vaddq_u32(bit[g], bit[g]);
            let low = vmull_u32(vget_low_u32(a[g]), vget_low_u32(doubled));
            a[g] = reduce([low, vmull_high_u32(a[g], doubled)], inverse[g], n[g]);
        }
    }
    let mut passed = [zero; N];
    for g in 0..N {
        // a / R, in [0, n): where the quotient is n, the subtraction makes it 0.
        let power = reduce([vmovl_u32(vget_low_u32(a[g])), vmovl_high_u32(a[g])], inverse[g], n[g]);
        let one = vdupq_n_u32(1);
        let minus = vtstq_u32(veorq_u32(n[g], vshrq_n_u32::<1>(n[g])), vdupq_n_u32(2));
        passed[g] = vceqq_u32(power, vbslq_u32(minus, vsubq_u32(n[g], one), one));
    }
    passed
}

/// The quotients by R of multiples of R that are the same as `t` modulo n.
#[inline]
#[target_feature(enable = "neon")]
fn reduce([low, high]: [uint64x2_t; 2], inverse: uint32x4_t, n: uint32x4_t) -> uint32x4_t {
    let halves = [vreinterpretq_u32_u64(low), vreinterpretq_u32_u64(high)];
    let m = vmulq_u32(vuzp1q_u32(halves[0], halves[1]), inverse);
    let low = vmlal_u32(low, vget_low_u32(m), vget_low_u32(n));
    let high = vmlal_high_u32(high, m, n);
    reduce_once(vuzp2q_u32(vreinterpretq_u32_u64(low), vreinterpretq_u32_u64(high)), n)
}

/// The number less n, unless it is below n.
#[inline]
#[target_feature(enable = "neon")]
fn reduce_once(number: uint32x4_t, n: uint32x4_t) -> uint32x4_t {
    vminq_u32(number, vsubq_u32(number, n))
}

/// Lanes that may be in the list of composite numbers that pass: all ones.
#[inline]
#[target_feature(enable = "neon")]
pub(in crate::kernels) fn may_be_pseudoprimes(numbers: uint32x4_t) -> uint32x4_t {
    let hash = vmulq_n_u32(numbers, pseudoprimes::HASH);
    let hash = vshrq_n_u32::<{ 32 - pseudoprimes::FILTER_BITS as i32 }>(hash);
    // SAFETY: a hash has FILTER_BITS bits, so hash / 32 is the index of a word of the filter.
    let words = unsafe { gather(&pseudoprimes::FILTER, vshrq_n_u32::<5>(hash)) };
    let position = vbicq_u32(vdupq_n_u32(31), hash);
    vcltzq_s32(vreinterpretq_s32_u32(vshlq_u32(words, vreinterpretq_s32_u32(position))))
}
