//! Each operation gives the kernel's answer for any number of threads, and stops by its control.

use std::cell::UnsafeCell;
use std::num::NonZero;
use std::ops::Range;

use super::arrays::{Flagged, Mapped, Source};
use super::functions::{self, ForeignCalls};
use super::options::CallOptions;
use super::{compat, multiples, pi, primes, small_divisors, sum};
use crate::control::Control;
use crate::error::Error;
use crate::kernels;

/// Lengths at the bounds of chunks and conversions.
const LENGTHS: [usize; 8] = [0, 1, 1023, 1024, 1025, 8193, 1 << 14, (1 << 16) + 1];

/// The options of a call with each number of threads, the default one included.
fn each_number_of_threads() -> impl Iterator<Item = CallOptions<'static>> {
    (0..=3).map(|threads| CallOptions { threads: NonZero::new(threads), control: None })
}

/// An array with results, which threads write to in ranges of their own.
struct Array<T, R> {
    numbers: Vec<T>,
    results: UnsafeCell<Vec<R>>,
}

// SAFETY: the contracts of `flags` and `map` give each thread a range of its own.
unsafe impl<T: Sync, R: Send> Sync for Array<T, R> {}

impl<T, R: Default + Clone> Array<T, R> {
    fn new(numbers: Vec<T>) -> Self {
        let results = UnsafeCell::new(vec![R::default(); numbers.len()]);
        Self { numbers, results }
    }

    /// # Safety
    /// No other thread accesses the results in this range.
    #[expect(clippy::mut_from_ref, reason = "by contract, each thread has a range of its own")]
    unsafe fn results(&self, range: Range<u64>) -> &mut [R] {
        // SAFETY: by this function's contract; the vector itself is not changed.
        unsafe {
            let results = (*self.results.get()).as_mut_ptr();
            let len = (range.end - range.start) as usize;
            std::slice::from_raw_parts_mut(results.add(range.start as usize), len)
        }
    }
}

impl<T: Sync> Source<T> for Array<T, u8> {
    fn len(&self) -> u64 {
        self.numbers.len() as u64
    }

    fn for_each_slice(&self, range: Range<u64>, body: impl FnMut(&[T])) {
        self.numbers.for_each_slice(range, body);
    }
}

impl<T: Sync> Flagged<T> for Array<T, u8> {
    unsafe fn flags(&self, range: Range<u64>) -> &mut [u8] {
        // SAFETY: the contracts are the same.
        unsafe { self.results(range) }
    }
}

impl Mapped<i64> for Array<i64, i64> {
    fn len(&self) -> u64 {
        self.numbers.len() as u64
    }

    unsafe fn map(
        &self,
        range: Range<u64>,
        mut function: impl FnMut(i64) -> Result<i64, Error>,
    ) -> Result<(), Error> {
        // SAFETY: the contracts are the same.
        let results = unsafe { self.results(range.clone()) };
        let numbers = &self.numbers[range.start as usize..range.end as usize];
        results.iter_mut().zip(numbers).try_for_each(|(result, &number)| {
            *result = function(number)?;
            Ok(())
        })
    }
}

/// Calls nothing foreign.
struct Plain;

impl ForeignCalls for Plain {
    fn run<R>(&self, calls: impl FnOnce() -> R) -> R {
        calls()
    }
}

fn signed(len: usize) -> Vec<i64> {
    (0..len as i64).map(|i| if i % 5 == 0 { -i } else { i * 1_000_003 }).collect()
}

#[test]
#[cfg_attr(miri, ignore = "it takes minutes")]
fn primes_of_any_type() {
    for len in LENGTHS {
        let unsigned: Vec<u64> = signed(len).iter().map(|&n| n.max(0) as u64).collect();
        let mut expected = vec![0; len];
        kernels::primes::is_prime(&unsigned, &mut expected);
        let count = expected.iter().map(|&flag| u64::from(flag)).sum();
        let narrow: Vec<i32> = (0..len as i32).map(|i| i - 7).collect();
        let narrow_count =
            kernels::primes::count(&narrow.iter().map(|&n| n.max(0) as u64).collect::<Vec<_>>());
        for options in each_number_of_threads() {
            let array = Array::<i64, u8>::new(signed(len));
            assert_eq!(primes::is_prime(&array, options), Ok(()));
            assert_eq!(array.results.into_inner(), expected);
            assert_eq!(primes::count(&*signed(len), options), Ok(count));
            assert_eq!(primes::count(&*unsigned, options), Ok(count));
            assert_eq!(primes::count(&*narrow, options), Ok(narrow_count));
        }
    }
}

#[test]
#[cfg_attr(miri, ignore = "it takes minutes")]
fn counts_and_sums() {
    for len in LENGTHS {
        let numbers: Vec<i32> = (0..len as i32).map(|i| i - 7).collect();
        let expected = kernels::small_divisors::count_with_small_divisor(&numbers);
        assert_eq!(compat::count_with_small_divisor(&*numbers), Ok(expected));
        let reals: Vec<f64> = (0..len).map(|i| i as f64 + 0.25).collect();
        let total = (len as f64) * (len as f64 - 1.0) / 2.0 + len as f64 * 0.25;
        for options in each_number_of_threads() {
            assert_eq!(small_divisors::count_with_small_divisor(&*numbers, options), Ok(expected));
            assert_eq!(sum::sum(&*reals, options), Ok(total));
        }
    }
}

#[test]
#[cfg_attr(miri, ignore = "it takes minutes")]
fn ranges() {
    for to in [-3, 0, 1, 1000, 5_000_000] {
        let expected = kernels::multiples::sum_multiples_of_3(-2, to);
        assert_eq!(compat::sum_multiples_of_3(-2, to), Ok(expected));
        for options in each_number_of_threads() {
            assert_eq!(multiples::sum_multiples_of_3(-2, to, options), Ok(expected));
        }
    }
    for n in [1, 1000, 1_000_000] {
        let expected = compat::pi(0.0, n);
        for options in each_number_of_threads() {
            assert_eq!(pi::pi(n.into(), options), expected);
        }
    }
    assert_eq!(pi::pi(0, CallOptions::default()).unwrap_err().to_string(), "n must be positive");
}

#[test]
#[cfg_attr(miri, ignore = "it makes system calls that Miri lacks")]
fn functions_of_the_caller() {
    for options in each_number_of_threads() {
        let array = Array::<i64, i64>::new(signed(1000));
        assert_eq!(functions::map(&array, &Plain, |n| n / 2, options), Ok(()));
        assert_eq!(array.results.into_inner(), signed(1000).iter().map(|n| n / 2).collect::<Vec<_>>());
        let stop = |begin, _| if begin >= 30 { begin as i32 } else { 0 };
        let stopped = functions::parallel_for((-10, 100), 10, &Plain, stop, options);
        assert_eq!(stopped, Err(Error::StoppedByFunction(30)));
        let area = functions::integrate((0.0, 2.0), 1000, &Plain, |x| 2.0 * x, options);
        assert!(area.is_ok_and(|area| (area - 4.0).abs() < 1e-12));
        for (range, grain) in [((1, 0), 1), ((0, 1), 0), ((0, 1), -1)] {
            let outcome = functions::parallel_for(range, grain, &Plain, |_, _| 0, options);
            assert!(matches!(outcome, Err(Error::Invalid { .. })));
        }
        assert!(functions::integrate((0.0, 1.0), -1, &Plain, |x| x, options).is_err());
    }
}

#[test]
#[cfg_attr(miri, ignore = "it takes minutes")]
fn a_control_stops_a_call_and_serves_one_at_a_time() {
    let control = Control::new();
    let options = CallOptions { threads: NonZero::new(2), control: Some(&control) };
    assert_eq!(pi::pi(100_000, options).map(|pi| pi > 3.0), Ok(true));
    assert_eq!(control.progress(), (100_000, 100_000));
    let call = control.begin(1).unwrap();
    assert_eq!(pi::pi(1, options), Err(Error::ControlInUse));
    drop(call);
    control.cancel();
    assert_eq!(pi::pi(100_000, options), Err(Error::Cancelled));
}
