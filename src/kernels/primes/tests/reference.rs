//! What the kernels are compared with: plain arithmetic, by remainders.

/// The primes below a limit.
pub(super) struct Sieve {
    /// A prime factor, or 0 for 0 and 1.
    factor: Vec<u32>,
}

impl Sieve {
    pub(super) fn new(end: usize) -> Self {
        let mut factor: Vec<u32> = (0..end as u32).collect();
        factor[1] = 0;
        for p in (2..end).take_while(|p| p * p < end) {
            if factor[p] == p as u32 {
                (p * p..end).step_by(p).for_each(|multiple| factor[multiple] = p as u32);
            }
        }
        Self { factor }
    }

    pub(super) fn is_prime(&self, n: u64) -> bool {
        n > 1 && u64::from(self.factor[n as usize]) == n
    }

    /// Korselt's criterion: composite, without a square factor, and p - 1 divides n - 1 for all its prime factors.
    pub(super) fn is_carmichael(&self, n: u64) -> bool {
        let mut rest = n;
        while rest > 1 {
            let p = u64::from(self.factor[rest as usize]);
            rest /= p;
            if rest % p == 0 || (n - 1) % (p - 1) != 0 {
                return false;
            }
        }
        !self.is_prime(n)
    }
}

/// Which of the numbers in `[low, low + len)` are prime, for numbers below 2^32.
pub(super) fn primes_of_segment(low: u64, len: usize) -> Vec<bool> {
    let sieve = Sieve::new(1 << 16);
    let mut primes = vec![true; len];
    for p in (2..1 << 16).filter(|&p| sieve.is_prime(p)) {
        let first = low.next_multiple_of(p).max(p * p);
        (first..low + len as u64).step_by(p as usize).for_each(|n| primes[(n - low) as usize] = false);
    }
    primes
}

/// base^exponent modulo n.
pub(super) fn power(base: u64, exponent: u64, n: u64) -> u64 {
    let product = |a: u64, b: u64| (u128::from(a) * u128::from(b) % u128::from(n)) as u64;
    let (mut power, mut square, mut exponent) = (1, base % n, exponent);
    while exponent > 0 {
        if exponent % 2 == 1 {
            power = product(power, square);
        }
        square = product(square, square);
        exponent /= 2;
    }
    power
}

/// The strong test of an odd number to a base.
pub(super) fn passes_strong_test(n: u64, base: u64) -> bool {
    let s = (n - 1).trailing_zeros();
    let mut x = power(base, (n - 1) >> s, n);
    if x == 1 || x == n - 1 {
        return true;
    }
    for _ in 1..s {
        x = (u128::from(x) * u128::from(x) % u128::from(n)) as u64;
        if x == n - 1 {
            return true;
        }
    }
    false
}

/// The odd composite numbers in `[low, low + len)` that pass the strong test to base 2, for numbers below 2^32: a
/// Fermat test of eight numbers side by side, in 64-bit arithmetic, sorts out most.
pub(super) fn strong_pseudoprimes_of_segment(low: u64, len: usize) -> Vec<u64> {
    let primes = primes_of_segment(low, len);
    let odd: Vec<u64> =
        (low | 1..low + len as u64).step_by(2).filter(|&n| !primes[(n - low) as usize]).collect();
    let mut found = Vec::new();
    for numbers in odd.chunks(8) {
        let mut n = [9; 8];
        n[..numbers.len()].copy_from_slice(numbers);
        let mut x = [1; 8];
        for i in (0..32).rev() {
            for (x, n) in x.iter_mut().zip(n) {
                let power = (*x * *x % n) << ((n - 1) >> i & 1);
                *x = if power < n { power } else { power - n };
            }
        }
        let fermat = numbers.iter().zip(x).filter(|&(_, x)| x == 1).map(|(&n, _)| n);
        found.extend(fermat.filter(|&n| passes_strong_test(n, 2)));
    }
    found
}

/// Whether n is prime: the strong test to the first 12 prime bases, which no composite number below 2^78 passes
/// (Sorenson and Webster, "Strong pseudoprimes to twelve prime bases", Mathematics of Computation 86, 2017).
pub(super) fn is_prime_by_12_bases(n: u64) -> bool {
    const BASES: [u64; 12] = [2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37];
    match BASES.iter().find(|&p| n % p == 0) {
        Some(&p) => n == p,
        None => n > 1 && BASES.iter().all(|&base| passes_strong_test(n, base)),
    }
}
