//! Memory for lists of numbers.

use std::mem::MaybeUninit;

/// Memory for a list of at most `N` numbers. The list's owner knows how many at the beginning are initialised.
pub(in crate::kernels) type Buffer<T, const N: usize> = [MaybeUninit<T>; N];

/// A buffer of which nothing is initialised, which costs nothing.
#[inline(always)]
pub(in crate::kernels) const fn uninit<T, const N: usize>() -> Buffer<T, N> {
    [const { MaybeUninit::uninit() }; N]
}
