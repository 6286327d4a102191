//! The library's operations: a kernel, run on several threads by the pool, with a control.
//!
//! | module | contents |
//! |---|---|
//! | [`options`] | how a call runs: its threads and its control |
//! | [`threads`] | the number of threads of a call |
//! | [`arrays`] | what an operation needs of an array |
//! | [`multiples`], [`pi`], [`sum`], [`primes`], [`small_divisors`] | the kernels' families |
//! | [`functions`] | functions of the caller over ranges and arrays |
//! | [`compat`] | the operations of ctypes tutorials, which take neither threads nor a control |
//!
//! A family has the same name in `kernels`, here and in `capi`. The names of these exports do not show the operation:
//!
//! | export | operation | kernel |
//! |---|---|---|
//! | `test`, `ungil_test` | `multiples::sum_multiples_of_3` | `multiples::sum_multiples_of_3_in` |
//! | `num_primes`, `ungil_num_primes_i32` | `small_divisors::count_with_small_divisor` | of the same name |
//! | `compPi_ctypes`, `ungil_pi` | `pi::pi` | `pi::Terms` |
//! | `ungil_integrate` | `functions::integrate` | `midpoints::Midpoints`, and the caller's function |
//!
//! (`test`, `num_primes` and `compPi_ctypes` call the operations of these names in `compat`.)
//!
//! An operation chooses the grain: how much work a thread takes at a time. It is generic over the type of the numbers, or
//! converts them to the kernel's. It knows nothing of C. The exports in `capi` use this module; it uses the kernels, the
//! pool and controls.

pub mod arrays;
pub mod compat;
pub mod functions;
pub mod multiples;
pub mod options;
pub mod pi;
pub mod primes;
pub mod small_divisors;
pub mod sum;
pub mod threads;

#[cfg(all(test, not(loom)))]
mod tests;
