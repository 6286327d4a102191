//! Calls of functions that are not this library's: the caller's, and Python's. They may unwind instead of returning,
//! and there is one policy for that:
//!
//! - *Forced unwinding* ends a thread in glibc: `pthread_exit`, `pthread_cancel`. Python before 3.14 does that to
//!   threads that come back to it after its end. Other threads may use data of the frames below, so the thread stops
//!   here forever. It does not keep the process from ending. (Python 3.14 does the same itself.) musl ends threads
//!   without unwinding, and nothing can be done here.
//! - *An exception*, of C++ or another language, or a panic of another Rust library, ends the process by `abort`, with
//!   a line on stderr. It cannot become an error, as nothing is known about its object, and a call that never returned
//!   would hide it.
//! - *A panic of this library* continues up to the export, which makes an error of it (`capi::abi::guard`).
//!
//! The *unwind boundary* is the frame of [`call_foreign`] that holds to this policy. It has a personality routine, which
//! the unwinder asks before it removes any frame. So both stops happen where the function is, and a debugger still sees
//! its frames. Where there is no such routine (`fallback`), a panic of this library inside `call_foreign` aborts too.
//!
//! | file | contents |
//! |---|---|
//! | `personality` | the unwind boundary on Linux |
//! | `fallback` | the one on other systems |
//! | `none` | none, under Miri |
//! | `thunk` | a closure as the boundary calls it: a function and a pointer |
//!
//! Any module may use it; it uses `sys::unwind`.

#[cfg(not(any(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64")), miri)))]
mod fallback;
#[cfg(miri)]
mod none;
#[cfg(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64"), not(miri)))]
mod personality;
mod thunk;

#[cfg(not(any(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64")), miri)))]
use fallback as boundary;
#[cfg(miri)]
use none as boundary;
#[cfg(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64"), not(miri)))]
use personality as boundary;
use thunk::{PendingCall, Thunk};

/// Calls functions that are not this library's, under the policy above. `call` owns nothing that must be dropped, as a
/// function may never return.
///
/// Cost: a few nanoseconds. Many shorter calls can share one `call_foreign`.
#[inline]
pub(crate) fn call_foreign<R>(call: impl FnOnce() -> R) -> R {
    let mut call = PendingCall::new(call);
    let thunk = thunk_for(&call);
    // SAFETY: `thunk` is made for the type of `call`, which nothing else accesses until `enter` returns.
    unsafe { boundary::enter(thunk, (&raw mut call).cast()) };
    call.into_result().expect("the boundary returns after the call has returned")
}

/// The thunk for this call's type, which cannot be named.
fn thunk_for<R, F: FnOnce() -> R>(_: &PendingCall<F, R>) -> Thunk {
    PendingCall::<F, R>::thunk
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn the_calls_result_comes_back() {
        let text = String::from("of the caller's");
        assert_eq!(call_foreign(|| text.len()), 15);
        assert_eq!(call_foreign(|| text), "of the caller's");
        call_foreign(|| ());
    }

    #[cfg(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64")))]
    #[test]
    fn a_panic_of_this_library_passes_through() {
        for depth in 0..3 {
            let nested =
                || call_foreign(|| if depth == 1 { call_foreign(|| panic!("own")) } else { panic!("own") });
            let payload = std::panic::catch_unwind(nested).unwrap_err();
            assert_eq!(payload.downcast_ref::<&str>(), Some(&"own"));
        }
    }
}
