use crate::kernels::arith::montgomery::Montgomery;

/// A test that every prime passes, of `GROUPS` vectors side by side: while one waits for a product, another goes on.
pub(super) trait PrimalityTest {
    /// The lanes that pass, of odd numbers from [`table::END`](super::table::END) on without a factor among the trial
    /// primes.
    fn passes<M: Montgomery, const GROUPS: usize>(numbers: [M::Vector; GROUPS]) -> [u8; GROUPS];
}
