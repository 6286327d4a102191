//! The parameter P of the Lucas test: the least P >= 3 with the Jacobi symbol (P^2 - 4 / n) = -1. (Baillie, in OEIS
//! A217719, "method C"; the choice with which the test was checked against all pseudoprimes to base 2.)

/// P if it is at most 6, else 0, by n modulo 840. The symbols (5/n), (3/n), (21/n) and (2/n) depend on n modulo 5,
/// 12, 21 and 8 alone: by the law of reciprocity, an odd number that is 1 modulo 4 changes sides with n.
static UP_TO_6: [u8; 840] = {
    let mut table = [0; 840];
    let mut n = 1;
    while n < table.len() {
        let mut p = 6;
        while p >= 3 {
            if jacobi(p * p - 4, n as u64) == -1 {
                table[n] = p as u8;
            }
            p -= 1;
        }
        n += 2;
    }
    table
};

/// The P at which to check whether n is a square, which has no P. Few numbers get as far; all others have a P.
const SQUARE_AT: u64 = 21;

/// The parameter for an odd number `n >= table::END`; None if it turns out to be composite.
///
/// Cost: a remainder for 15 numbers of 16.
#[inline(always)]
pub(super) fn find(n: u64) -> Option<u64> {
    match UP_TO_6[(n % UP_TO_6.len() as u64) as usize] {
        0 => search(n),
        p => Some(p.into()),
    }
}

#[cold]
fn search(n: u64) -> Option<u64> {
    let mut p = 7;
    loop {
        match jacobi(p * p - 4, n) {
            -1 => return Some(p),
            // n has a factor in common with p - 2 or p + 2. A prime has none before p = n - 2, and its parameter is
            // smaller.
            0 => return None,
            _ => p += 1,
        }
        if p == SQUARE_AT && n.isqrt().pow(2) == n {
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
