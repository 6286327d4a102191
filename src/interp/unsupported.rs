//! What stands for interpreters where there cannot be any: none can be made, so none can be used.

pub mod exit {
    //! No end that needs care.

    pub mod abandon {
        //! No call of Python's that could be abandoned.

        use std::panic::{self, AssertUnwindSafe};
        use std::thread;

        use crate::interp::error::InterpError;
        use crate::sys::foreign::call_foreign;

        /// Runs it.
        pub fn protect_frames<R>(body: impl FnOnce() -> R) -> R {
            body()
        }

        /// Calls a function from outside.
        pub fn call_abandonable<R>(call: impl FnOnce() -> R) -> R {
            call_foreign(call)
        }

        /// Does what calls such functions; the inner error is a panic.
        pub fn catch_panics<T>(body: impl FnOnce() -> T) -> Result<thread::Result<T>, InterpError> {
            // Unwind safety: the caller drops what the body leaves behind.
            Ok(panic::catch_unwind(AssertUnwindSafe(body)))
        }
    }
}

pub mod runtime {
    //! No copy that runs.

    pub mod interpreter {
        //! An interpreter that cannot be.

        use crate::interp::error::InterpError;
        use crate::interp::foreign_buffer::ForeignBuffer;
        use crate::interp::runtime::reply::Reply;

        /// There is none.
        pub enum Interpreter {}

        #[allow(missing_docs, reason = "nobody can call them")]
        impl Interpreter {
            pub fn exec(&self, _: &[u8]) -> Result<(), InterpError> {
                match *self {}
            }

            pub fn eval(&self, _: &[u8]) -> Result<Vec<u8>, InterpError> {
                match *self {}
            }

            pub fn call(&'static self, _: &[u8], _: Vec<ForeignBuffer>) -> Result<Reply, InterpError> {
                match *self {}
            }
        }
    }

    pub mod reply {
        //! A reply that cannot be.

        /// There is none.
        pub enum Reply {}

        #[allow(missing_docs, reason = "nobody can call them")]
        impl Reply {
            pub fn response(&self) -> (*const u8, usize) {
                match *self {}
            }

            pub fn buffers(&self) -> impl Iterator<Item = (*mut u8, usize, bool)> {
                match *self {
                    #[allow(unreachable_code, reason = "a type is wanted")]
                    _ => std::iter::empty(),
                }
            }
        }
    }

    pub mod checkout {
        //! A lease that cannot be.

        use crate::interp::error::InterpError;
        use crate::interp::runtime::interpreter::Interpreter;

        /// There is none.
        pub enum Checkout {}

        /// There is none.
        pub enum Using {}

        #[allow(missing_docs, reason = "nobody can call them")]
        impl Checkout {
            /// # Safety
            /// It does nothing.
            pub unsafe fn new(_: &[u8]) -> Result<Self, InterpError> {
                let text = "isolated interpreters want Linux on x86-64 or aarch64, with glibc";
                Err(InterpError::Unsupported(text.to_owned()))
            }

            pub fn enter(&self) -> Result<Using, InterpError> {
                match *self {}
            }

            pub fn interrupt(&self) -> Result<(), InterpError> {
                match *self {}
            }

            pub fn end(&self) -> Result<(), InterpError> {
                match *self {}
            }
        }

        #[allow(missing_docs, reason = "nobody can call them")]
        impl Using {
            pub fn interpreter(&self) -> &'static Interpreter {
                match *self {}
            }
        }

        /// None are lent, none idle.
        pub fn count() -> (u32, u32) {
            (0, 0)
        }
    }
}
