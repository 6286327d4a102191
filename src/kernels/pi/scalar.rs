use std::ops::Range;

/// The sum of the terms in `range`, in order.
pub(super) fn sum_terms_f64_scalar(n: u64, range: Range<u64>) -> f64 {
    let h = 1.0 / n as f64;
    let term = |i: u64| {
        let x = h * (i as f64 - 0.5);
        4.0 / (1.0 + x * x)
    };
    range.map(term).sum()
}
