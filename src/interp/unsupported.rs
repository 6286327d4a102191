//! Stands in for the modules of `interp` on systems without ELF or glibc: [`Checkout::new`] fails there, and no value of
//! any other type exists. Its public names and signatures are those of the real modules that `capi` uses.
//!
//! [`Checkout::new`]: runtime::checkout::Checkout::new

pub mod exit {
    //! Stands in for `exit`.

    pub mod abandon {
        //! No call is abandoned: only code that waits for an interpreter's GIL could be.

        use std::panic::{self, AssertUnwindSafe};
        use std::thread;

        use crate::interp::error::InterpError;
        use crate::sys::foreign::call_foreign;

        /// Calls `body`.
        pub fn protect_frames<R>(body: impl FnOnce() -> R) -> R {
            body()
        }

        /// No.
        pub fn must_abandon_outer_calls() -> bool {
            false
        }

        /// Does nothing.
        ///
        /// # Safety
        /// It is always safe to call.
        pub unsafe fn abandon_outer_calls() {}

        /// Calls a foreign function.
        pub fn call_abandonable<R>(call: impl FnOnce() -> R) -> R {
            call_foreign(call)
        }

        /// Calls `body`. The inner error is a panic, and there is no outer one.
        pub fn catch_panics<T>(body: impl FnOnce() -> T) -> Result<thread::Result<T>, InterpError> {
            // Unwind safety: the caller drops what a panic in `body` leaves behind.
            Ok(panic::catch_unwind(AssertUnwindSafe(body)))
        }
    }
}

pub mod runtime {
    //! Stands in for `runtime`.

    pub mod interpreter {
        //! Stands in for `interpreter`.

        use crate::exchange::foreign_buffer::ForeignBuffer;
        use crate::interp::error::InterpError;
        use crate::interp::runtime::reply::Reply;

        /// An interpreter, of which there is none.
        pub enum Interpreter {}

        /// Stands in for the guard of a thread's stack.
        pub struct GuardedStack;

        #[allow(missing_docs, reason = "nobody can call them")]
        impl Interpreter {
            pub fn own_number(&self) -> i32 {
                match *self {}
            }

            pub fn guard_this_thread(&self) -> GuardedStack {
                match *self {}
            }

            pub fn call_soon(&self, _: Box<dyn FnOnce() + Send>) {
                match *self {}
            }

            pub fn is_dead(&self) -> bool {
                match *self {}
            }

            pub fn death(&self) -> Option<InterpError> {
                match *self {}
            }

            pub fn interrupt(&self) -> Result<bool, InterpError> {
                match *self {}
            }

            pub fn without_interrupts<T>(&self, _: impl FnOnce() -> T) -> T {
                match *self {}
            }

            pub fn exec(&self, _: &[u8]) -> Result<(), InterpError> {
                match *self {}
            }

            pub fn eval(&self, _: &[u8]) -> Result<Vec<u8>, InterpError> {
                match *self {}
            }

            pub fn libraries(&self) -> Result<Vec<u8>, InterpError> {
                match *self {}
            }

            pub fn call(&self, _: &[u8], _: Vec<ForeignBuffer>) -> Result<Reply, InterpError> {
                match *self {}
            }
        }
    }

    pub mod own_number {
        //! Stands in for `own_number`.

        use crate::interp::runtime::interpreter::Interpreter;

        /// There is none.
        pub fn find(_: i32) -> Option<&'static Interpreter> {
            None
        }

        /// None dies.
        pub fn after_death(_: fn(i32)) {}
    }

    pub mod reply {
        //! Stands in for `reply`.

        /// A reply, of which there is none.
        pub enum Reply {}

        #[allow(missing_docs, reason = "nobody can call them")]
        impl Reply {
            pub fn response(&self) -> (*const u8, usize) {
                match *self {}
            }

            pub fn copied(&self) -> Option<&[u8]> {
                match *self {}
            }

            pub fn buffers(&self) -> std::iter::Empty<(*mut u8, usize, bool)> {
                match *self {}
            }
        }
    }

    pub mod checkout {
        //! Stands in for `checkout`.

        use std::marker::PhantomData;

        use crate::interp::error::InterpError;
        use crate::interp::runtime::interpreter::Interpreter;

        /// An interpreter that is checked out, of which there is none.
        pub enum Checkout {}

        /// Keeps an interpreter checked out, of which there is none.
        pub struct InUse<'a>(Checkout, PhantomData<&'a Checkout>);

        #[allow(missing_docs, reason = "nobody can call them")]
        impl Checkout {
            /// Fails.
            ///
            /// # Safety
            /// It is always safe to call.
            pub unsafe fn new(_: &[u8]) -> Result<Self, InterpError> {
                let text = "isolated interpreters require Linux on x86-64 or aarch64, with glibc";
                Err(InterpError::Unsupported(text.to_owned()))
            }

            pub fn enter(&self) -> Result<InUse<'_>, InterpError> {
                match *self {}
            }

            pub fn interrupt(&self) -> Result<(), InterpError> {
                match *self {}
            }

            pub fn check_in(&self) -> Result<(), InterpError> {
                match *self {}
            }

            pub fn own_number(&self) -> i32 {
                match *self {}
            }
        }

        #[allow(missing_docs, reason = "nobody can call them")]
        impl InUse<'_> {
            pub fn interpreter(&self) -> &'static Interpreter {
                match self.0 {}
            }
        }

        /// None are checked out, and none are idle.
        pub fn count() -> (u32, u32) {
            (0, 0)
        }
    }
}
