//! Residues modulo odd numbers of up to 64 bits, in the 32-bit multiplications of AVX2: R = 2^64, and residues are below
//! n, which is below `END`.
//!
//! A product T goes to (T - m*n)/R, by 32 bits at a time: m0 is such that T and m0*n have the same low 32 bits, and m1
//! does the same for what is left above them. Of the middle limbs of T only the low halves are added up, and the high
//! halves go to the result, so that nothing overflows. What m0*n takes off there would make a negative number, but for a
//! bias, which goes off the result again. Then the result is the difference of two numbers below 2^64, and n is added if
//! it is negative.
//!
//! To halve a residue takes no comparison, and to double it does: a number is halved by half of n + 1 where it is odd.

use std::arch::asm;
use std::arch::x86_64::*;

use super::inverse::negative_inverse_avx2;
use super::montgomery::Montgomery;
use super::u64_vector::U64Vector;
use super::u64x8_avx2::{U64x8Avx2, blend};

/// Eight residues in Montgomery form.
#[derive(Clone, Copy)]
pub(in crate::kernels) struct Mont64Avx2(U64x8Avx2);

/// Two registers, which take each step side by side: while one waits for a product, the other goes on.
type Pair = [__m256i; 2];

/// The moduli, and what multiplications need of them.
#[derive(Clone, Copy)]
pub(in crate::kernels) struct Modulus64Avx2 {
    n: Pair,
    /// The high halves.
    high: Pair,
    /// The inverses modulo 2^32.
    inverse: Pair,
    /// (n + 1) / 2.
    half: Pair,
}

/// Products before their reduction: `low + 2^32 * (middle - BIAS * 2^32) + 2^64 * high`.
struct Product {
    low: Pair,
    middle: Pair,
    high: Pair,
}

/// In units of 2^32, the bias of the middle. Without it the middle is below 4 * 2^32, and what is taken off is below n: with
/// it there is no overflow where n is below [`END`].
const BIAS: u64 = (1 << 32) - 4;

/// The end of the moduli.
pub(in crate::kernels) const END: u64 = BIAS << 32;

/// Operations of both registers.
macro_rules! pairwise {
    ($($name:ident($($argument:ident),*) => $result:expr;)*) => {$(
        #[inline]
        #[target_feature(enable = "avx2")]
        fn $name($($argument: Pair),*) -> Pair {
            let of = |i: usize| {
                $(let $argument = $argument[i];)*
                $result
            };
            [of(0), of(1)]
        }
    )*};
}

pairwise! {
    add(a, b) => _mm256_add_epi64(a, b);
    sub(a, b) => _mm256_sub_epi64(a, b);
    multiply(a, b) => _mm256_mul_epu32(a, b);
    multiply_low_halves(a, b) => multiply_opaquely(a, b);
    low_half_and_bias(a) => _mm256_blend_epi32::<0b1010_1010>(a, _mm256_set1_epi64x((BIAS << 32) as i64));
    low_half(a) => _mm256_blend_epi32::<0b1010_1010>(a, _mm256_setzero_si256());
    high_half(a) => _mm256_srli_epi64::<32>(a);
    half(a) => _mm256_srli_epi64::<1>(a);
    odd_to_top(a) => _mm256_slli_epi64::<63>(a);
    where_negative(choice, a) => blend(_mm256_setzero_si256(), a, choice);
    select(choice, a, b) => blend(a, b, choice);
    shift_left(a, by) => _mm256_sllv_epi64(a, by);
    shift_right(a, by) => _mm256_srlv_epi64(a, by);
    bit_31_on(a) => _mm256_srli_epi64::<31>(a);
    where_above(a, b, n) => _mm256_and_si256(_mm256_cmpgt_epi64(a, b), n);
    with_top_inverted(a) => _mm256_xor_si256(a, _mm256_set1_epi64x(i64::MIN));
}

/// The product of the low halves. Where nothing but its low half is used, a compiler would multiply whole lanes, for
/// which it takes three multiplications.
#[inline]
#[target_feature(enable = "avx2")]
fn multiply_opaquely(mut a: __m256i, b: __m256i) -> __m256i {
    if cfg!(miri) {
        return _mm256_mul_epu32(a, b); // Miri runs no assembly
    }
    // SAFETY: the instruction multiplies registers, reads no memory and changes no flags; it is one of AVX2, which this
    // function enables.
    unsafe {
        asm!(
            "vpmuludq {a}, {a}, {b}",
            a = inout(ymm_reg) a,
            b = in(ymm_reg) b,
            options(pure, nomem, nostack, preserves_flags)
        );
    }
    a
}

#[inline]
#[target_feature(enable = "avx2")]
fn splat(value: i64) -> Pair {
    [_mm256_set1_epi64x(value); 2]
}

#[inline]
#[target_feature(enable = "avx2")]
fn square(a: Pair) -> Product {
    let a_high = high_half(a);
    let low = multiply(a, a);
    let middle = multiply(a, a_high);
    let high = add(multiply(a_high, a_high), bit_31_on(middle));
    Product { low, middle: low_half_and_bias(add(middle, middle)), high }
}

#[inline]
#[target_feature(enable = "avx2")]
fn product(a: Pair, b: Pair) -> Product {
    let (a_high, b_high) = (high_half(a), high_half(b));
    let low = multiply(a, b);
    let (first, second) = (multiply(a, b_high), multiply(a_high, b));
    let high = add(multiply(a_high, b_high), high_half(first));
    Product {
        low,
        middle: add(low_half_and_bias(first), low_half(second)),
        high: add(high, high_half(second)),
    }
}

impl Modulus64Avx2 {
    #[inline]
    #[target_feature(enable = "avx2")]
    fn new(n: Pair) -> Self {
        let negative = [negative_inverse_avx2(n[0]), negative_inverse_avx2(n[1])];
        Self { n, high: high_half(n), inverse: sub(splat(0), negative), half: sub(n, half(n)) }
    }

    /// The quotient by R of the product less m*n, as what is added, with the bias, and what is taken off. The extra terms
    /// of the two are added where nothing waits for them.
    #[inline]
    #[target_feature(enable = "avx2")]
    fn reduce(&self, t: Product, [extra_on, extra_off]: [i64; 2]) -> (Pair, Pair) {
        let m0 = multiply_low_halves(t.low, self.inverse);
        // The low halves of t.low and of m0 * n are the same. Of the middle, m1 takes the low half, without the bias.
        let off = add(multiply(m0, self.high), high_half(multiply(m0, self.n)));
        let middle = sub(add(t.middle, high_half(t.low)), off);
        let m1 = multiply_low_halves(middle, self.inverse);
        let off = add(add(multiply(m1, self.high), high_half(multiply(m1, self.n))), splat(extra_off));
        (add(add(t.high, splat(extra_on)), high_half(middle)), off)
    }

    /// The reduced product, below n.
    #[inline]
    #[target_feature(enable = "avx2")]
    fn reduced(&self, t: Product) -> Pair {
        // With the bias, neither is negative. With the top bit inverted, signed numbers compare as unsigned ones would.
        let (on, off) = self.reduce(t, [i64::MIN, i64::MIN + BIAS as i64]);
        add(sub(on, off), where_above(off, on, self.n))
    }

    /// a - b modulo n.
    #[inline]
    #[target_feature(enable = "avx2")]
    fn subtract(&self, a: Pair, b: Pair) -> Pair {
        add(sub(a, b), where_above(with_top_inverted(b), with_top_inverted(a), self.n))
    }

    /// The square, halved where the top bit of `unset` is not set.
    #[inline]
    #[target_feature(enable = "avx2")]
    fn square_and_halve(&self, a: Pair, unset: Pair) -> Pair {
        let square = self.reduced(square(a));
        let halved = add(half(square), where_negative(odd_to_top(square), self.half));
        select(unset, halved, square)
    }

    /// The residue divided by 2^e, for e < 32: as in a reduction, a * 2^(32-e) less a multiple of n with the same low
    /// 32 bits.
    #[inline]
    #[target_feature(enable = "avx2")]
    fn divide_by_power(&self, a: Pair, e: Pair) -> Pair {
        let m = multiply_low_halves(shift_left(a, sub(splat(32), e)), self.inverse);
        let off = add(multiply(m, self.high), high_half(multiply(m, self.n)));
        self.subtract(shift_right(a, e), off)
    }

    /// Minus the residue, not in Montgomery form.
    #[inline]
    #[target_feature(enable = "avx2")]
    fn negated(&self, a: Pair) -> Pair {
        let (on, off) = self
            .reduce(Product { low: a, middle: splat((BIAS << 32) as i64), high: splat(0) }, [0, BIAS as i64]);
        sub(off, on)
    }
}

impl Mont64Avx2 {
    /// The residues in two registers.
    #[inline(always)]
    fn of(self, halves: Pair) -> Self {
        Self(U64x8Avx2::new(self.0.isa(), halves))
    }
}

impl Montgomery for Mont64Avx2 {
    type Vector = U64x8Avx2;
    type Modulus = Modulus64Avx2;
    type Constant = U64x8Avx2;

    const LOG_R: u32 = 64;

    const TOP: u32 = 6;

    const HALVES: bool = true;

    const WINDOW: u32 = 5;

    #[inline(always)]
    fn modulus(n: U64x8Avx2) -> Modulus64Avx2 {
        // SAFETY: `n` is a vector, which exists only where the CPU has AVX2.
        unsafe { Modulus64Avx2::new(n.halves()) }
    }

    #[inline(always)]
    fn power_from_leading_bits(bits: U64x8Avx2) -> Self {
        let powers =
            bits.to_array().map(|bits| 1 << (64 - (bits << bits.leading_zeros() >> (64 - Self::TOP))));
        // SAFETY: the array is as long as a vector.
        Self(unsafe { U64x8Avx2::load(bits.isa(), powers.as_ptr()) })
    }

    #[inline(always)]
    fn from_montgomery(residues: U64x8Avx2) -> Self {
        Self(residues)
    }

    #[inline(always)]
    fn constant(residues: U64x8Avx2, _: &Modulus64Avx2) -> U64x8Avx2 {
        residues
    }

    #[inline(always)]
    fn square_and_shift(self, unset: Pair, modulus: &Modulus64Avx2) -> Self {
        // SAFETY: `self` is made of vectors, which exist only where the CPU has AVX2.
        self.of(unsafe { modulus.square_and_halve(self.0.halves(), unset) })
    }

    #[inline(always)]
    fn square(self, modulus: &Modulus64Avx2) -> Self {
        // SAFETY: `self` is made of vectors, which exist only where the CPU has AVX2.
        self.of(unsafe { modulus.reduced(square(self.0.halves())) })
    }

    #[inline(always)]
    fn divide_by_power(self, bits: U64x8Avx2, i: u32, modulus: &Modulus64Avx2) -> Self {
        // SAFETY: `self` is made of vectors, which exist only where the CPU has AVX2.
        self.of(unsafe {
            let [a, b] = bits.halves();
            let count = _mm_cvtsi32_si128(i as i32);
            let window = _mm256_set1_epi64x((1 << Self::WINDOW) - 1);
            let e = [
                _mm256_and_si256(_mm256_srl_epi64(a, count), window),
                _mm256_and_si256(_mm256_srl_epi64(b, count), window),
            ];
            modulus.divide_by_power(self.0.halves(), e)
        })
    }

    #[inline(always)]
    fn multiply_and_subtract(self, other: Self, constant: &U64x8Avx2, modulus: &Modulus64Avx2) -> Self {
        let (a, b, constant) = (self.0.halves(), other.0.halves(), constant.halves());
        // SAFETY: `self` is made of vectors, which exist only where the CPU has AVX2.
        self.of(unsafe { modulus.subtract(modulus.reduced(product(a, b)), constant) })
    }

    #[inline(always)]
    fn square_and_subtract(self, constant: &U64x8Avx2, modulus: &Modulus64Avx2) -> Self {
        let (a, constant) = (self.0.halves(), constant.halves());
        // SAFETY: `self` is made of vectors, which exist only where the CPU has AVX2.
        self.of(unsafe { modulus.subtract(modulus.reduced(square(a)), constant) })
    }

    #[inline(always)]
    fn select(self, choice: Pair, other: Self) -> Self {
        // SAFETY: `self` is made of vectors, which exist only where the CPU has AVX2.
        self.of(unsafe { select(choice, self.0.halves(), other.0.halves()) })
    }

    #[inline(always)]
    fn negated(self, modulus: &Modulus64Avx2) -> U64x8Avx2 {
        // SAFETY: `self` is made of vectors, which exist only where the CPU has AVX2.
        self.of(unsafe { modulus.negated(self.0.halves()) }).0
    }
}
