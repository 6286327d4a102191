//! Primality, and the rule of num_primes().

use super::control::with_call;
use crate::capi::abi::array::{CHUNK, CallerArray, CallerOutArray, Out};
use crate::capi::abi::guard::guarded_status;
use crate::cpu;
use crate::error::Error;
use crate::kernels::{primes, small_divisors};
use crate::pool::Grain;

/// How numbers are shared out.
struct Sharing {
    /// So many that others are not asked to help: some 40 microseconds' work, about as long as they take to come.
    few: u64,
    grain: Grain,
}

/// Even if all are large and prime, the most that a thread takes at a time take it a few milliseconds.
const PRIMES: Sharing =
    Sharing { few: CHUNK as u64, grain: Grain::Adaptive { min: CHUNK as u64, max: 8 * CHUNK as u64 } };

/// For the rule of num_primes(), which takes a few nanoseconds a number, and 30 without vectors.
fn rule() -> Sharing {
    let few = match cpu::active() {
        cpu::Level::Scalar => 1 << 11,
        cpu::Level::Avx2 => 1 << 13,
        cpu::Level::Avx512 => 1 << 14,
    };
    Sharing { few, grain: Grain::Adaptive { min: 1 << 12, max: 1 << 16 } }
}

/// What can be told prime, as a 64-bit number without a sign.
trait Number: Copy + Default + Sync {
    /// Shows the numbers, negative ones as 0, which is no prime, in consecutive slices.
    fn show(numbers: CallerArray<Self>, show: impl FnMut(&[u64]));
}

impl Number for u64 {
    fn show(numbers: CallerArray<Self>, show: impl FnMut(&[u64])) {
        numbers.slices(show);
    }
}

impl Number for i64 {
    fn show(numbers: CallerArray<Self>, show: impl FnMut(&[u64])) {
        show_converted(numbers, |n| n.max(0) as u64, show);
    }
}

impl Number for i32 {
    fn show(numbers: CallerArray<Self>, show: impl FnMut(&[u64])) {
        show_converted(numbers, |n| n.max(0) as u64, show);
    }
}

fn show_converted<T: Number>(
    numbers: CallerArray<T>,
    convert: impl Fn(T) -> u64,
    mut show: impl FnMut(&[u64]),
) {
    numbers.slices(|slice| {
        for chunk in slice.chunks(CHUNK) {
            let mut room = [0; CHUNK];
            room.iter_mut().zip(chunk).for_each(|(converted, &number)| *converted = convert(number));
            show(&room[..chunk.len()]);
        }
    });
}

/// Tells primes: out[i] = 1 if numbers[i] is a prime, else 0.
///
/// It is a proof, not a probability: a strong probable prime test to base 2 and an extra strong Lucas test, which
/// together no composite number below 2^64 passes (Feitsma's list of base-2 pseudoprimes, checked by Jacobsen).
///
/// numbers: the array, read only, at any alignment; nobody may write to it during the call. NULL if length is 0.
/// length: how many numbers.
/// out: room for length bytes, apart from numbers; nobody else may use it during the call. NULL if length is 0.
/// nthreads, control: see "Calls on many threads" above.
/// Returns UNGIL_OK, or an error with a message in ungil_last_error().
/// Errors: UNGIL_E_NULL if numbers or out is NULL while length is positive; UNGIL_E_INVALID if length is more than the
/// address space, or if numbers and out overlap; those of nthreads and control.
/// Thread-safety: any number of threads at once.
/// Cost: with one thread and AVX-512, some 16 ns per random odd number below 2^64, 135 ns per number if all are prime;
/// without, three times as much.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ungil_is_prime_u64(
    numbers: *const u64,
    length: usize,
    out: *mut u8,
    nthreads: i32,
    control: i32,
) -> i32 {
    guarded_status("ungil_is_prime_u64", || {
        // SAFETY: the caller's contract is the one that `tell` asks for.
        unsafe { tell(numbers, length, out, nthreads, control) }
    })
}

/// ungil_is_prime_u64() for numbers with a sign. Negative numbers are not prime.
///
/// numbers, length, out, nthreads, control: as for ungil_is_prime_u64().
/// Returns, Errors, Thread-safety, Cost: as for ungil_is_prime_u64().
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ungil_is_prime_i64(
    numbers: *const i64,
    length: usize,
    out: *mut u8,
    nthreads: i32,
    control: i32,
) -> i32 {
    guarded_status("ungil_is_prime_i64", || {
        // SAFETY: the caller's contract is the one that `tell` asks for.
        unsafe { tell(numbers, length, out, nthreads, control) }
    })
}

/// # Safety
/// The arrays are there and unused by others for the length of the call, as `CallerArray::new` and `CallerOutArray::new` ask.
unsafe fn tell<T: Number>(
    numbers: *const T,
    length: usize,
    out: *mut u8,
    nthreads: i32,
    control: i32,
) -> Result<(), Error> {
    // SAFETY: by this function's contract.
    let (numbers, out) =
        unsafe { (CallerArray::new("numbers", numbers, length)?, CallerOutArray::new("out", out, length)?) };
    out.check_apart(&numbers, false)?;
    with_call(nthreads, control, numbers.len(), PRIMES.few, |call| {
        call.for_each(numbers.len(), PRIMES.grain, |range| {
            // SAFETY: the pool gives each thread ranges of its own; the kernel writes, and does not read.
            let mut out = unsafe { out.bytes(range.clone()) };
            T::show(numbers.part(range), |slice| {
                let (bytes, rest) = std::mem::take(&mut out).split_at_mut(slice.len());
                primes::is_prime(slice, bytes);
                out = rest;
            });
            Ok(())
        })
    })
}

/// How many of the numbers are prime.
///
/// numbers: the array, read only, at any alignment; nobody may write to it during the call. NULL if length is 0.
/// length: how many numbers.
/// nthreads, control: see "Calls on many threads" above.
/// count: receives the count, on success only; at any alignment.
/// Returns UNGIL_OK, or an error with a message in ungil_last_error().
/// Errors: UNGIL_E_NULL if count is NULL, or numbers while length is positive; UNGIL_E_INVALID if length is more than
/// the address space; those of nthreads and control.
/// Thread-safety: any number of threads at once.
/// Cost: that of ungil_is_prime_u64().
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ungil_count_primes_u64(
    numbers: *const u64,
    length: usize,
    nthreads: i32,
    control: i32,
    count: *mut u64,
) -> i32 {
    guarded_status("ungil_count_primes_u64", || {
        // SAFETY: the caller's contract is the one that `count_parts` asks for.
        unsafe { count_parts(numbers, length, nthreads, control, count, PRIMES, count_primes) }
    })
}

/// ungil_count_primes_u64() for numbers with a sign. Negative numbers are not prime.
///
/// numbers, length, nthreads, control, count: as for ungil_count_primes_u64().
/// Returns, Errors, Thread-safety, Cost: as for ungil_count_primes_u64().
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ungil_count_primes_i64(
    numbers: *const i64,
    length: usize,
    nthreads: i32,
    control: i32,
    count: *mut u64,
) -> i32 {
    guarded_status("ungil_count_primes_i64", || {
        // SAFETY: the caller's contract is the one that `count_parts` asks for.
        unsafe { count_parts(numbers, length, nthreads, control, count, PRIMES, count_primes) }
    })
}

/// ungil_count_primes_u64() for 32-bit numbers with a sign. Negative numbers are not prime.
///
/// numbers, length, nthreads, control, count: as for ungil_count_primes_u64().
/// Returns, Errors, Thread-safety: as for ungil_count_primes_u64().
/// Cost: some 5 ns a number, with one thread and AVX-512.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ungil_count_primes_i32(
    numbers: *const i32,
    length: usize,
    nthreads: i32,
    control: i32,
    count: *mut u64,
) -> i32 {
    guarded_status("ungil_count_primes_i32", || {
        // SAFETY: the caller's contract is the one that `count_parts` asks for.
        unsafe { count_parts(numbers, length, nthreads, control, count, PRIMES, count_primes) }
    })
}

/// num_primes() for arrays of any length: how many of the numbers n have a divisor d with 2 <= d < floor(sqrt(n)).
///
/// It does *not* count primes: see num_primes(), and ungil_count_primes_i32() for a count of primes.
///
/// numbers: the array, read only, at any alignment; nobody may write to it during the call. NULL if length is 0.
/// length: how many numbers.
/// nthreads, control: see "Calls on many threads" above.
/// count: receives the count, on success only; at any alignment.
/// Returns UNGIL_OK, or an error with a message in ungil_last_error().
/// Errors: UNGIL_E_NULL if count is NULL, or numbers while length is positive; UNGIL_E_INVALID if length is more than
/// the address space; those of nthreads and control.
/// Thread-safety: any number of threads at once.
/// Cost: that of num_primes(), divided by the threads.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ungil_num_primes_i32(
    numbers: *const i32,
    length: usize,
    nthreads: i32,
    control: i32,
    count: *mut u64,
) -> i32 {
    guarded_status("ungil_num_primes_i32", || {
        // SAFETY: the caller's contract is the one that `count_parts` asks for.
        unsafe {
            count_parts(numbers, length, nthreads, control, count, rule(), |part| {
                part.sum(small_divisors::count_with_small_divisor)
            })
        }
    })
}

fn count_primes<T: Number>(part: CallerArray<T>) -> u64 {
    let mut total = 0;
    T::show(part, |slice| total += primes::count(slice));
    total
}

/// # Safety
/// The array is there and nobody writes to it for the length of the call, as `CallerArray::new` asks; `count` is NULL or a
/// place.
unsafe fn count_parts<T: Copy + Default + Sync>(
    numbers: *const T,
    length: usize,
    nthreads: i32,
    control: i32,
    count: *mut u64,
    sharing: Sharing,
    count_part: impl Fn(CallerArray<T>) -> u64 + Sync,
) -> Result<(), Error> {
    // SAFETY: by this function's contract.
    let (numbers, out) =
        unsafe { (CallerArray::new("numbers", numbers, length)?, Out::new("count", count)?) };
    let total = with_call(nthreads, control, numbers.len(), sharing.few, |call| {
        call.sum(numbers.len(), sharing.grain, |range| Ok(count_part(numbers.part(range))))
    })?;
    out.write(total);
    Ok(())
}
