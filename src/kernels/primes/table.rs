//! The primes below 2^14, a bit each. So the tests of larger numbers need not consider that a number is a trial
//! prime, or smaller than a parameter.

/// All numbers below are in the table. More than any trial prime.
pub(super) const END: u64 = 1 << 14;

static WORDS: [u64; END as usize / 64] = {
    let mut words = [!0; END as usize / 64];
    words[0] = !0b11; // 0 and 1 are no primes
    let mut p = 2;
    while p * p < END as usize {
        let mut multiple = p * p;
        while multiple < END as usize {
            words[multiple / 64] &= !(1 << (multiple % 64));
            multiple += p;
        }
        p += 1;
    }
    words
};

/// Whether a number below [`END`] is prime.
pub(super) const fn is_prime(n: u64) -> bool {
    WORDS[(n / 64) as usize] >> (n % 64) & 1 == 1
}
