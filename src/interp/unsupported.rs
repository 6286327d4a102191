//! What stands for interpreters where there cannot be any: none can be made, so none can be used.

pub mod exit {
    //! No end that needs care.

    pub mod abandon {
        //! No call of Python's that could be abandoned.

        use std::panic::{self, AssertUnwindSafe};
        use std::thread;

        use crate::interp::error::Trouble;
        use crate::sys::foreign::outside;

        /// Runs it.
        pub fn with_barrier<R>(body: impl FnOnce() -> R) -> R {
            body()
        }

        /// Calls a function from outside.
        pub fn abandonable<R>(call: impl FnOnce() -> R) -> R {
            outside(call)
        }

        /// Does what calls such functions; the inner error is a panic.
        pub fn outcome_of<T>(body: impl FnOnce() -> T) -> Result<thread::Result<T>, Trouble> {
            // Unwind safety: the caller drops what the body leaves behind.
            Ok(panic::catch_unwind(AssertUnwindSafe(body)))
        }
    }
}

pub mod runtime {
    //! No copy that runs.

    pub mod interpreter {
        //! An interpreter that cannot be.

        use crate::interp::error::Trouble;
        use crate::interp::foreign_buffer::Loan;
        use crate::interp::runtime::reply::Reply;

        /// There is none.
        pub enum Interpreter {}

        #[allow(missing_docs, reason = "nobody can call them")]
        impl Interpreter {
            pub fn exec(&self, _: &[u8]) -> Result<(), Trouble> {
                match *self {}
            }

            pub fn eval(&self, _: &[u8]) -> Result<Vec<u8>, Trouble> {
                match *self {}
            }

            pub fn call(&'static self, _: &[u8], _: Vec<Loan>) -> Result<Reply, Trouble> {
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

        use crate::interp::error::Trouble;
        use crate::interp::runtime::interpreter::Interpreter;

        /// There is none.
        pub enum Lease {}

        /// There is none.
        pub enum Using {}

        #[allow(missing_docs, reason = "nobody can call them")]
        impl Lease {
            /// # Safety
            /// It does nothing.
            pub unsafe fn new(_: &[u8]) -> Result<Self, Trouble> {
                let text = "isolated interpreters want Linux on x86-64 or aarch64, with glibc";
                Err(Trouble::Unsupported(text.to_owned()))
            }

            pub fn enter(&self) -> Result<Using, Trouble> {
                match *self {}
            }

            pub fn interrupt(&self) -> Result<(), Trouble> {
                match *self {}
            }

            pub fn end(&self) -> Result<(), Trouble> {
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
