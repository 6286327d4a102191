//! Isolated interpreters.

use std::cell::RefCell;
use std::ffi::{CStr, CString, c_char, c_void};

use crate::capi::abi::array::{CallerArray, Out};
use crate::capi::abi::guard::guarded_status;
use crate::capi::abi::handle::{HandleGuard, Kind, Registry};
use crate::error::Error;
use crate::interp::error::InterpError;
use crate::interp::foreign_buffer::{ForeignBuffer, ReleaseCallback};
use crate::interp::release;
use crate::interp::runtime::checkout::{self, Checkout};
use crate::interp::runtime::interpreter::Interpreter;
use crate::interp::runtime::reply::Reply;

static LEASES: Registry<Checkout> = Registry::new(Kind::Interpreter);
static REPLIES: Registry<GivenReply> = Registry::new(Kind::Reply);

fn get(interp: i32) -> Result<HandleGuard<'static, Checkout>, Error> {
    LEASES.get(interp).ok_or(Error::Handle { parameter: "interp", handle: interp })
}

/// Does something in the interpreter, which is not given back meanwhile.
fn with_interpreter<T>(
    interp: i32,
    body: impl FnOnce(&'static Interpreter) -> Result<T, InterpError>,
) -> Result<T, Error> {
    let lease = get(interp)?;
    let using = lease.enter().map_err(|_| Error::Handle { parameter: "interp", handle: interp })?;
    Ok(body(using.interpreter())?)
}

/// # Safety
/// Unless NULL, `text` is a C string until the call that gave it returns.
unsafe fn text<'a>(parameter: &'static str, text: *const c_char) -> Result<&'a [u8], Error> {
    if text.is_null() {
        return Err(Error::Null { parameter });
    }
    // SAFETY: not NULL, and so a C string.
    Ok(unsafe { CStr::from_ptr(text) }.to_bytes())
}

/// Is told that memory is not in use any more: owner is the buffer's.
pub type UngilRelease = Option<unsafe extern "C-unwind" fn(owner: *mut c_void)>;

/// Memory that goes to an interpreter, or comes from one, without a copy.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct UngilBuffer {
    /// Where it is; it may be NULL if length is 0.
    pub address: *mut c_void,
    /// Its length in bytes.
    pub length: usize,
    /// 0 if it may be written to.
    pub readonly: i32,
    /// Called once with owner when nothing uses the memory any more; NULL if nobody wants to know.
    pub release: UngilRelease,
    /// Handed on to release.
    pub owner: *mut c_void,
}

/// An interpreter's answer, to be given back with ungil_reply_free().
#[repr(C)]
pub struct UngilReply {
    /// The response; what is there when length is 0 is not defined.
    pub response: *const c_void,
    /// Its length in bytes.
    pub length: usize,
    /// Memory that the interpreter lends, without a release.
    pub buffers: *const UngilBuffer,
    /// How many buffers there are.
    pub count: usize,
    /// What to free it by.
    pub handle: i32,
}

/// A reply that C looks at, and its buffers as C has them.
struct GivenReply {
    _reply: Reply,
    /// A vector, as a box that is moved makes pointers to its content void.
    _buffers: Vec<UngilBuffer>,
}

// SAFETY: the buffers' addresses are not used here: C reads them, on threads of its choice, until it gives the reply back.
// The reply itself may go to other threads.
unsafe impl Send for GivenReply {}
// SAFETY: as above.
unsafe impl Sync for GivenReply {}

/// An owner's pointer, which goes back to it, from any thread.
struct OwnerPointer(*mut c_void);

// SAFETY: it is only given to the buffer's release, which by the header's word for ungil_interp_call() may be called from
// any thread.
unsafe impl Send for OwnerPointer {}

impl UngilBuffer {
    /// Takes over what the caller lends: from here on the release is called, whatever happens.
    ///
    /// # Safety
    /// The caller of the export lends this buffer, by the header's contract.
    unsafe fn into_loan(self) -> Result<ForeignBuffer, Error> {
        let (release, owner) = (self.release, OwnerPointer(self.owner));
        let owner = ReleaseCallback::new(move || {
            let owner = owner; // the whole of it, which may go to another thread
            if let Some(release) = release {
                // SAFETY: the caller gives a function that may be called so, from any thread, until its end.
                unsafe { release::call(release, owner.0) }
            }
        });
        if self.address.is_null() && self.length > 0 {
            return Err(Error::Invalid {
                parameter: "a buffer's address",
                expected: "there if its length is positive",
            });
        }
        if self.length > isize::MAX as usize {
            return Err(Error::TooLong { parameter: "a buffer" });
        }
        // SAFETY: by this function's contract; the release says when the loan is over.
        Ok(unsafe { ForeignBuffer::new(self.address, self.length, self.readonly != 0, owner) })
    }
}

/// Gives an isolated interpreter: a Python of its own, with a lock of its own, in this process.
///
/// It is a private copy of the Python library, which loads private copies of the extension modules that it imports;
/// see "Isolated interpreters" above. It is one that was freed, made as new, if there is one with the same options; its
/// modules are imported already then.
///
/// options: NULL, or lines of name=value, UTF-8; where they are silent, the interpreter is like the process's own
/// Python if that is of the same version, and like a new Python program otherwise:
///   libpython: the shared library of a CPython from 3.8 to 3.14. Else that of the environment's UNGIL_LIBPYTHON, that
///   of executable, the process's own or the one beside it, or the newest that the system's loader finds.
///   fresh: 1 for an interpreter that nobody has had.
///   executable: the Python program that it is to be like, of a venv for example: its packages, its sys.executable.
///   home: the prefix that has the standard library, if there is no executable.
///   path, argv, warnoption, xoption: entries of sys.path, sys.argv, sys.warnoptions and sys._xoptions, a line each.
///   pycache_prefix, int_max_str_digits, optimize, dont_write_bytecode, no_user_site, no_site, ignore_environment,
///   isolated, bytes_warning, verbose, quiet, debug, utf8_mode, dev_mode: as in sys and sys.flags; flags are numbers.
/// interp: receives the handle, a positive number, on success only.
/// Returns UNGIL_OK, or an error with a message in ungil_last_error().
/// Errors: UNGIL_E_NULL if interp is NULL; UNGIL_E_INVALID if an option is unknown or wrong; UNGIL_E_UNSUPPORTED if no
/// libpython is found, it is of another version, or it is missing, static, damaged or without its standard library, and
/// where a system has no ELF or no glibc from 2.28 on; UNGIL_E_EXHAUSTED if the process cannot have more: each takes
/// one of pthreads' 1024 keys; UNGIL_E_EXITING if the process is exiting.
/// Ownership: free it with ungil_interp_free().
/// Thread-safety: any number of threads at once. A thread that holds the lock of the process's Python (one in a
/// function of ctypes.PyDLL, but not of CDLL) must be the one that calls.
/// Cost: a new one, about 20 ms and 10 MB, which the process keeps; one that was freed, 0.1 ms.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ungil_interp_new(options: *const c_char, interp: *mut i32) -> i32 {
    guarded_status("ungil_interp_new", || {
        // SAFETY: the caller gives NULL or a place for an int32_t.
        let out = unsafe { Out::new("interp", interp) }?;
        // SAFETY: the caller gives NULL or a C string.
        let options = if options.is_null() { b"" } else { unsafe { text("options", options) }? };
        // SAFETY: the caller vouches for the Python that the options name, as the header says.
        let lease = unsafe { Checkout::new(options) }?;
        out.write(LEASES.insert(lease).ok_or(Error::Exhausted { what: "interpreters" })?);
        Ok(())
    })
}

/// Gives an interpreter back, for others to have.
///
/// Its `__main__`, sys.argv, sys.path, standard streams and, if it changed that, the process's working directory become
/// what they were; modules stay imported. If threads are left in it, it is not given to others.
///
/// interp: the handle; 0 does nothing.
/// Returns UNGIL_OK, or an error with a message in ungil_last_error().
/// Errors: UNGIL_E_HANDLE if there is no such interpreter; UNGIL_E_IN_USE while a request is under way in it;
/// UNGIL_E_FORKED in the child of a fork, if it is the parent's.
/// Thread-safety: any number of threads at once.
/// Cost: 0.1 ms, and what it takes to end the objects of `__main__` and to look for others that nobody has: some
/// milliseconds where many modules are imported.
#[unsafe(no_mangle)]
pub extern "C" fn ungil_interp_free(interp: i32) -> i32 {
    guarded_status("ungil_interp_free", || {
        if interp == 0 {
            return Ok(());
        }
        let lease = get(interp)?;
        match lease.check_in() {
            Err(InterpError::Gone) => return Err(Error::Handle { parameter: "interp", handle: interp }),
            outcome => outcome?,
        }
        lease.retire();
        Ok(())
    })
}

/// How many interpreters there are in this process.
///
/// in_use: receives the number of those that were given out and not freed.
/// idle: receives the number of those that were freed, and wait to be given out again.
/// Returns UNGIL_OK, or an error with a message in ungil_last_error().
/// Errors: UNGIL_E_NULL if in_use or idle is NULL.
/// Thread-safety: any number of threads at once.
/// Cost: below a microsecond.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ungil_interp_count(in_use: *mut i32, idle: *mut i32) -> i32 {
    guarded_status("ungil_interp_count", || {
        // SAFETY: the caller gives NULL or places for an int32_t each.
        let (in_use, idle) = unsafe { (Out::new("in_use", in_use)?, Out::new("idle", idle)?) };
        let (lent, waiting) = checkout::count();
        in_use.write(lent as i32);
        idle.write(waiting as i32);
        Ok(())
    })
}

/// Runs Python source in the interpreter's `__main__`, on the calling thread.
///
/// interp: the handle.
/// source: any number of statements, UTF-8.
/// Returns UNGIL_OK, or an error with a message in ungil_last_error().
/// Errors: UNGIL_E_NULL if source is NULL; UNGIL_E_HANDLE if there is no such interpreter; UNGIL_E_PYTHON if the source
/// ends with an exception, sys.exit()'s among them; UNGIL_E_FORKED in the child of a fork; UNGIL_E_EXITING if the process is
/// exiting: the code may have run in part.
/// Thread-safety: any number of threads at once. In one interpreter they take turns, as threads in Python do; in
/// several they run at the same time. Each request has a thread state of its own: threading.local does not outlast it.
/// Cost: that of the code, and 20 us, mostly to compile it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ungil_interp_exec(interp: i32, source: *const c_char) -> i32 {
    guarded_status("ungil_interp_exec", || {
        // SAFETY: the caller gives NULL or a C string.
        let source = unsafe { text("source", source) }?;
        with_interpreter(interp, |interpreter| interpreter.exec(source))
    })
}

/// The value of a Python expression in the interpreter's `__main__`, as str() shows it.
///
/// interp: the handle.
/// expression: UTF-8.
/// text: receives the text, UTF-8, on success only. It belongs to the library, and is valid until this thread's next
/// call of this function or the thread's end; it ends at its first NUL.
/// Returns UNGIL_OK, or an error with a message in ungil_last_error().
/// Errors: UNGIL_E_NULL if expression or text is NULL; those of ungil_interp_exec().
/// Thread-safety, Cost: as for ungil_interp_exec().
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ungil_interp_eval(
    interp: i32,
    expression: *const c_char,
    text: *mut *const c_char,
) -> i32 {
    thread_local! {
        static TEXT: RefCell<CString> = RefCell::default();
    }
    guarded_status("ungil_interp_eval", || {
        // SAFETY: the caller gives NULL or a place for a pointer.
        let out = unsafe { Out::new("text", text) }?;
        // SAFETY: the caller gives NULL or a C string.
        let expression = unsafe { self::text("expression", expression) }?;
        let mut value = with_interpreter(interp, |interpreter| interpreter.eval(expression))?;
        value.truncate(value.iter().position(|&byte| byte == 0).unwrap_or(value.len()));
        let value = CString::new(value).expect("it has no NUL");
        let kept = TEXT.try_with(|kept| {
            kept.replace(value);
            kept.borrow().as_ptr()
        });
        out.write(kept.map_err(|_| Error::Internal("this thread is ending".to_owned()))?);
        Ok(())
    })
}

/// Sends a request to the function that the interpreter's code gave to `_ungil.serve`, and waits for its response.
///
/// That function is called on the calling thread as function(request, *buffers), with a bytes object and memoryviews,
/// and returns something with a buffer (bytes, bytearray, an array), or a tuple of several: the response, and buffers.
/// `import _ungil` is there in each interpreter.
///
/// interp: the handle.
/// request: length bytes, which are copied; NULL if length is 0.
/// buffers: count buffers, which are not copied; NULL if count is 0. Each stays in use as long as there is a view of
/// it, which may be longer than the call; then its release is called, from any thread, and before this returns if no
/// view is left then. It is called exactly once for each buffer, also where this returns an error, except
/// UNGIL_E_NULL, and UNGIL_E_EXITING for buffers that Python code had already; and not after
/// ungil_interp_end_release(). Python code that writes to a buffer, and whoever else reads it, must agree when.
/// reply: receives the answer, on success only. It and its memory belong to the library: see ungil_reply_free().
/// Returns UNGIL_OK, or an error with a message in ungil_last_error().
/// Errors: UNGIL_E_NULL if reply is NULL, or request or buffers while their length is positive; UNGIL_E_INVALID if a
/// length is more than the address space, or a buffer has a length but no address; UNGIL_E_EXHAUSTED if 65536 replies
/// are in use; those of ungil_interp_exec().
/// Thread-safety: as for ungil_interp_exec().
/// Cost: that of the function, and about 2 us.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ungil_interp_call(
    interp: i32,
    request: *const c_void,
    length: usize,
    buffers: *const UngilBuffer,
    count: usize,
    reply: *mut UngilReply,
) -> i32 {
    guarded_status("ungil_interp_call", || {
        // SAFETY: the caller gives NULL or a place for a reply, and arrays that are readable until this returns.
        let (out, request, buffers) = unsafe {
            (
                Out::new("reply", reply)?,
                CallerArray::new("request", request.cast::<u8>(), length)?,
                CallerArray::<UngilBuffer>::new("buffers", buffers, count)?,
            )
        };
        // All are taken over before one that is wrong ends the call.
        // SAFETY: they are what the caller lends.
        let take = |buffer: UngilBuffer| unsafe { buffer.into_loan() };
        let loans: Vec<_> = buffers.to_vec().into_iter().map(take).collect();
        let loans = loans.into_iter().collect::<Result<Vec<ForeignBuffer>, _>>()?;
        let given = with_interpreter(interp, |interpreter| interpreter.call(request.as_slice(), loans))?;
        out.write(give(given)?);
        Ok(())
    })
}

/// Keeps a reply for C to look at.
fn give(reply: Reply) -> Result<UngilReply, Error> {
    let as_c = |(address, length, read_only): (*mut u8, usize, bool)| UngilBuffer {
        address: address.cast(),
        length,
        readonly: read_only.into(),
        release: None,
        owner: std::ptr::null_mut(),
    };
    let buffers: Vec<UngilBuffer> = reply.buffers().map(as_c).collect();
    let (response, length) = reply.response();
    let (first, count) = (buffers.as_ptr(), buffers.len());
    let handle = REPLIES.insert(GivenReply { _reply: reply, _buffers: buffers });
    let handle = handle.ok_or(Error::Exhausted { what: "replies" })?;
    Ok(UngilReply { response: response.cast(), length, buffers: first, count, handle })
}

/// Gives a reply back: its memory, and the interpreter's memory that it lends, are not to be used any more.
///
/// handle: the reply's; 0 does nothing.
/// Returns UNGIL_OK, or an error with a message in ungil_last_error().
/// Errors: UNGIL_E_HANDLE if there is no such reply.
/// Thread-safety: any number of threads at once.
/// Cost: below a microsecond, some more if it lends memory: the interpreter's own thread gives that back.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ungil_reply_free(handle: i32) -> i32 {
    guarded_status("ungil_reply_free", || {
        if handle == 0 {
            return Ok(());
        }
        let gone = || Error::Handle { parameter: "handle", handle };
        REPLIES.get(handle).ok_or_else(gone)?.retire().then_some(()).ok_or_else(gone)
    })
}

/// Ends a release: the library calls this function no more, and its buffers' memory stays in use.
///
/// It is for functions that need something which is about to end, as one in Python needs that Python.
///
/// release: the function; NULL does nothing.
/// Returns UNGIL_OK, or an error with a message in ungil_last_error().
/// Errors: UNGIL_E_IN_USE if a call of it is not over within a second; no other begins.
/// Thread-safety: any number of threads at once, but not in a call of the function.
/// Cost: below a microsecond, if no call is under way.
#[unsafe(no_mangle)]
pub extern "C" fn ungil_interp_end_release(release: UngilRelease) -> i32 {
    guarded_status("ungil_interp_end_release", || {
        release.is_none_or(release::end).then_some(()).ok_or(Error::ReleaseInUse)
    })
}

/// Raises KeyboardInterrupt in the requests that are under way in an interpreter.
///
/// Each ends as the code there lets it, with UNGIL_E_PYTHON as a rule. Code in C is interrupted when it returns to
/// Python: a time.sleep() is slept to its end. If no request is under way, nothing happens.
///
/// interp: the handle.
/// Returns UNGIL_OK, or an error with a message in ungil_last_error().
/// Errors: UNGIL_E_HANDLE if there is no such interpreter; UNGIL_E_FORKED in the child of a fork.
/// Thread-safety: any number of threads at once; that is what it is for. It concerns requests of this handle's only:
/// who has the interpreter next, after ungil_interp_free(), is not interrupted.
/// Cost: some microseconds; it does not wait.
#[unsafe(no_mangle)]
pub extern "C" fn ungil_interp_interrupt(interp: i32) -> i32 {
    guarded_status("ungil_interp_interrupt", || {
        let gone = || Error::Handle { parameter: "interp", handle: interp };
        get(interp)?
            .interrupt()
            .map_err(|trouble| if trouble == InterpError::Gone { gone() } else { trouble.into() })
    })
}
