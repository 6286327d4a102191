//! The sum for pi.

use super::options::CallOptions;
use crate::cpu::{self, Level};
use crate::error::Error;
use crate::kernels::pi;
use crate::pool::Grain;

/// In blocks of the kernel.
const GRAIN: Grain = Grain::Adaptive { min_items: 1, max_items: 4 };

/// The longest call that stays on the calling thread by default. With AVX2 so many terms take some 40 microseconds, about
/// as long as a worker takes to wake.
fn max_serial() -> u64 {
    match cpu::active() {
        Level::Avx2 | Level::Avx512 => 2 * pi::BLOCK,
        _ => pi::BLOCK,
    }
}

/// The sum of `4/(1 + x^2)` for `x = (i - 0.5)/n`, `i` from 0 to `n - 1`, over `n`.
///
/// Errors: [`Error::Invalid`] if `n` is 0 or negative.
pub fn pi(n: i64, options: CallOptions<'_>) -> Result<f64, Error> {
    let items = u64::try_from(n).ok().filter(|&n| n > 0);
    let items = items.ok_or(Error::Invalid { parameter: "n", expected: "positive" })?;
    let terms = pi::Terms::new(items);
    let sum = options.run(items, max_serial(), |mut call| {
        call.control = call.control.with_unit(pi::BLOCK);
        call.sum(terms.blocks(), GRAIN, |blocks| Ok(terms.sum(blocks)))
    })?;
    Ok(pi::finish(0.0, n, sum))
}
