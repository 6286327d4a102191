//! The parameter P of the Lucas test: the least P >= 3 with the Jacobi symbol (P^2 - 4 / n) = -1. (Baillie, in OEIS
//! A217719, "method C"; the choice with which the test was checked against all pseudoprimes to base 2.)

/// P up to 6, half of the numbers each, and what tells them: the symbol depends on n modulo `modulus`, where the
/// bits of `residues` stand for -1.
struct Quick {
    p: u64,
    modulus: u64,
    residues: u64,
}

/// (5/n), (3/n), (21/n) and (2/n): odd numbers that are 1 modulo 4 change places with n, by the law of reciprocity.
const QUICK: [Quick; 4] = [quick(3, 5), quick(4, 12), quick(5, 21), quick(6, 8)];

const fn quick(p: u64, modulus: u64) -> Quick {
    let (mut residues, mut n) = (0, 1);
    while n < 2 * modulus {
        if jacobi(p * p - 4, n) == -1 {
            residues |= 1 << (n % modulus);
        }
        n += 2;
    }
    Quick { p, modulus, residues }
}

/// After this P, seen by one number in a thousand, it is time to ask whether n is a square, which has no P.
const SQUARE_AFTER: u64 = 21;

/// The parameter for an odd number `n >= small::END`; None if it turns out to be composite.
///
/// Cost: one to four remainders for 15 numbers of 16.
pub(super) fn find(n: u64) -> Option<u64> {
    let tells = |quick: &&Quick| quick.residues >> (n % quick.modulus) & 1 == 1;
    QUICK.iter().find(tells).map_or_else(|| search(n), |quick| Some(quick.p))
}

#[cold]
fn search(n: u64) -> Option<u64> {
    let mut p = 7;
    loop {
        match jacobi(p * p - 4, n) {
            -1 => return Some(p),
            // A factor in common, smaller than n: the least P of a number below 2^64 that is no square is below 128.
            0 => return None,
            _ => p += 1,
        }
        if p == SQUARE_AFTER && n.isqrt().pow(2) == n {
            return None;
        }
    }
}

/// The Jacobi symbol (a/n) for odd n.
const fn jacobi(a: u64, n: u64) -> i32 {
    let (mut a, mut n, mut symbol) = (a % n, n, 1);
    while a != 0 {
        let twos = a.trailing_zeros();
        a >>= twos;
        if twos % 2 == 1 && matches!(n % 8, 3 | 5) {
            symbol = -symbol;
        }
        if a % 4 == 3 && n % 4 == 3 {
            symbol = -symbol;
        }
        (a, n) = (n % a, a);
    }
    if n == 1 { symbol } else { 0 }
}
