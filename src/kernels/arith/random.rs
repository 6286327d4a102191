//! Random numbers for tests.

/// xorshift64*, seeded: the tests draw the same numbers every time.
pub(in crate::kernels) fn random(seed: u64) -> impl FnMut() -> u64 {
    let mut state = seed;
    move || {
        state ^= state >> 12;
        state ^= state << 25;
        state ^= state >> 27;
        state.wrapping_mul(0x2545_F491_4F6C_DD1D)
    }
}
