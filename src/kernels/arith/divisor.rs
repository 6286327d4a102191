//! Divisibility by a fixed odd number, by a multiplication.

use super::inverse::inverse;

/// What decides divisibility by an odd number `d`: with k bits, `n` is a multiple of `d` if and only if
/// `n * inverse mod 2^k <= limit`.
///
/// (Multiplying by the inverse of `d` modulo 2^k permutes the residues, and takes the multiples `d*q` to the `q`,
/// which are the smallest residues. Granlund and Montgomery, "Division by invariant integers using multiplication",
/// PLDI 1994, section 9.)
#[derive(Debug, Clone, Copy)]
pub(in crate::kernels) struct Divisor<T> {
    pub(in crate::kernels) inverse: T,
    pub(in crate::kernels) limit: T,
}

impl Divisor<u32> {
    /// For numbers of 32 bits.
    pub(in crate::kernels) const fn new(d: u32) -> Self {
        Self { inverse: inverse(d as u64) as u32, limit: u32::MAX / d }
    }

    /// Whether `n` is a multiple.
    #[inline(always)]
    pub(in crate::kernels) const fn divides(self, n: u32) -> bool {
        n.wrapping_mul(self.inverse) <= self.limit
    }
}

impl Divisor<u64> {
    /// For numbers of 64 bits.
    pub(in crate::kernels) const fn new(d: u64) -> Self {
        Self { inverse: inverse(d), limit: u64::MAX / d }
    }

    /// For numbers of 52 bits: as many as the multiplications of AVX-512 IFMA have. The inverse has more bits, which
    /// these multiplications ignore.
    #[cfg(target_arch = "x86_64")]
    pub(in crate::kernels) const fn of_52_bits(d: u64) -> Self {
        Self { inverse: inverse(d), limit: ((1 << 52) - 1) / d }
    }

    /// Whether `n` is a multiple.
    #[inline(always)]
    pub(in crate::kernels) const fn divides(self, n: u64) -> bool {
        n.wrapping_mul(self.inverse) <= self.limit
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[cfg_attr(miri, ignore = "it takes minutes")]
    fn agrees_with_the_remainder() {
        for d in [1, 3, 5, 7, 37, 16_381] {
            let (of_32_bits, of_64_bits) = (Divisor::<u32>::new(d), Divisor::<u64>::new(d.into()));
            for n in (0..100_000).chain(u32::MAX - 100_000..=u32::MAX) {
                assert_eq!(of_32_bits.divides(n), n % d == 0, "n = {n}, d = {d}");
                for n in [u64::from(n), u64::MAX - u64::from(n)] {
                    assert_eq!(of_64_bits.divides(n), n % u64::from(d) == 0, "n = {n}, d = {d}");
                }
            }
        }
    }
}
