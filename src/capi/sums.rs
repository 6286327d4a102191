//! Numbers in, one number out.

use super::control::with_call;
use crate::capi::abi::array::{CallerArray, Out};
use crate::capi::abi::guard::guarded_status;
use crate::error::Error;
use crate::kernels::sum::{Accumulator, LANES};
use crate::kernels::{multiples, pi};
use crate::pool::Grain;

/// The sum of 4/(1 + x^2) for x = (i - 0.5)/n, i = 0 to n-1, over n: compPi_ctypes(0, n), with a 64-bit n.
///
/// It tends to the number pi as n grows, and is 2/n too large.
///
/// n: the number of terms, 1 or more.
/// nthreads, control: see "Calls on many threads" above.
/// out: receives the value, on success only; at any alignment.
/// Returns UNGIL_OK, or an error with a message in ungil_last_error().
/// Errors: UNGIL_E_NULL if out is NULL; UNGIL_E_INVALID if n is 0 or negative; those of nthreads and control.
/// Thread-safety: any number of threads at once.
/// Precision: a relative error of at most 1e-14 against exact arithmetic. The bits depend neither on the number of
/// threads nor on the CPU.
/// Cost: that of compPi_ctypes(), divided by the threads: 10^10 terms take 0.6 seconds on one core with AVX-512.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ungil_pi(n: i64, nthreads: i32, control: i32, out: *mut f64) -> i32 {
    guarded_status("ungil_pi", || {
        // SAFETY: the caller gives NULL or a place for a double.
        let out = unsafe { Out::new("out", out) }?;
        let items = u64::try_from(n).ok().filter(|&n| n > 0);
        let items = items.ok_or(Error::Invalid { parameter: "n", expected: "positive" })?;
        let terms = pi::Terms::new(items);
        let sum = with_call(nthreads, control, items, pi::BLOCK, |mut call| {
            call.token = call.token.with_unit(pi::BLOCK);
            call.sum(terms.blocks(), Grain::Adaptive { min: 1, max: 4 }, |blocks| Ok(terms.sum(blocks)))
        })?;
        out.write(pi::finish(0.0, n, sum));
        Ok(())
    })
}

/// What is begun is ended: so many numbers, below a millisecond.
const FEW: u64 = 1 << 20;
const VISITED: Grain = Grain::Adaptive { min: FEW, max: 1 << 22 };

/// test() on several threads, under a control: the sum of the i in [from, to) with i % 3 == 0, modulo 2^32.
///
/// It visits the whole range, as test() does; ungil_sum_multiples() is the closed form.
///
/// from, to: the ends of the range; from >= to is an empty range.
/// nthreads, control: see "Calls on many threads" above.
/// out: receives the sum, reduced to 32 bits in two's complement, on success only; at any alignment.
/// Returns UNGIL_OK, or an error with a message in ungil_last_error().
/// Errors: UNGIL_E_NULL if out is NULL; those of nthreads and control.
/// Thread-safety: any number of threads at once.
/// Cost: that of test(), divided by the threads.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ungil_test(from: i32, to: i32, nthreads: i32, control: i32, out: *mut i32) -> i32 {
    guarded_status("ungil_test", || {
        // SAFETY: the caller gives NULL or a place for a number.
        let out = unsafe { Out::new("out", out) }?;
        let visited = multiples::visited(from, to);
        let sum = with_call(nthreads, control, visited, FEW, |call| {
            call.sum(visited, VISITED, |part| {
                Ok(std::num::Wrapping(multiples::sum_multiples_of_3_in(from, part)))
            })
        })?;
        out.write(sum.0);
        Ok(())
    })
}

/// Numbers between looks at the control, a multiple of the lanes: they may have to be read from a disk.
const PART: u64 = 1 << 16;
const _: () = assert!(PART.is_multiple_of(LANES as u64));

/// The sum of an array of doubles, as if in twice the precision, rounded once.
///
/// numbers: the array, read only, at any alignment; nobody may write to it during the call. NULL if length is 0.
/// length: how many numbers; the sum of none is 0.
/// nthreads, control: see "Calls on many threads" above.
/// sum: receives the sum, on success only; at any alignment.
/// Returns UNGIL_OK, or an error with a message in ungil_last_error().
/// Errors: UNGIL_E_NULL if sum is NULL, or numbers while length is positive; UNGIL_E_INVALID if length is more than the
/// address space; those of nthreads and control.
/// Thread-safety: any number of threads at once.
/// Precision: an error of at most 2^-53 relative to the sum, and length^2 * 2^-105 relative to the sum of magnitudes
/// (Ogita, Rump, Oishi 2005). Infinities and NaNs give what IEEE 754 gives; a sum on the way that overflows gives an
/// infinity, or NaN. The bits depend neither on the number of threads nor on the CPU.
/// Cost: that of reading the array, if it is not in the cache; 3 cycles per 8 numbers with AVX-512 if it is.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ungil_sum_f64(
    numbers: *const f64,
    length: usize,
    nthreads: i32,
    control: i32,
    sum: *mut f64,
) -> i32 {
    guarded_status("ungil_sum_f64", || {
        // SAFETY: the caller's contract is the one that Array and Out ask for.
        let (numbers, out) =
            unsafe { (CallerArray::new("numbers", numbers, length)?, Out::new("sum", sum)?) };
        let len = numbers.len();
        let shortest = 256 * LANES as u64; // longer than what adding up the lanes takes
        let sum = with_call(nthreads, control, len, PART, |call| {
            call.sum_in_order(len, shortest, |block| {
                let mut accumulator = Accumulator::new();
                for start in block.clone().step_by(PART as usize) {
                    call.token.check()?;
                    let part = start..block.end.min(start + PART);
                    numbers.part(part.clone()).slices(|slice| accumulator.push(slice));
                    call.token.advance(part.end - part.start);
                }
                Ok(accumulator.finish())
            })
        })?;
        out.write(sum.value());
        Ok(())
    })
}
