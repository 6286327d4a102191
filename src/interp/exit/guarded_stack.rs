//! Stacks of threads with requests, and of servers, so that an overflow can be noticed (`overflow.rs`): the end of the
//! stack is made inaccessible, and signal handlers get a stack of their own.
//!
//! The end that the system makes inaccessible is a page: larger frames step over it. And the C library's own functions,
//! whose locks may be held, must not be abandoned: if they reach the end, they get a step more, and return.
//!
//! From 3.14 on, Python looks at the address to know how much of the stack is left. A host that does so gets the end back
//! after each request, or when a server's thread ends to serve, as it would go on into it.

use std::cell::Cell;
use std::ffi::{c_int, c_void};
use std::mem::MaybeUninit;
use std::ptr;
use std::sync::atomic::{AtomicI32, AtomicUsize, Ordering};
use std::sync::{Mutex, OnceLock};

use crate::sys::fork::ForkLocal;
use crate::sys::sync::lock;
use crate::sys::thread_id::thread_id;

/// How much of a stack is made inaccessible: this part of it, and this much at most.
const PART: usize = 16;
const LONGEST: usize = 256 << 10;

/// How much is made accessible again at a time.
const STEP: usize = 16 << 10;

/// Shorter stacks are left as they are.
const SHORTEST: usize = 1 << 20;

/// What must be left of the stack when it is made inaccessible.
const MARGIN: usize = 128 << 10;

const ALTERNATE_LENGTH: usize = 128 << 10;

/// A thread that is guarded, for the signal handler. (It cannot use thread-local data: on a thread that has none yet,
/// that would be allocated.)
pub(super) struct Slot {
    /// The number that the kernel has for the thread; 0 in a free slot.
    thread: AtomicI32,
    /// What is inaccessible: from `start` to `end`.
    start: AtomicUsize,
    end: AtomicUsize,
}

const FREE: i32 = 0;
const MOST_THREADS: usize = 1024;
static SLOTS: [Slot; MOST_THREADS] =
    [const { Slot { thread: AtomicI32::new(FREE), start: AtomicUsize::new(0), end: AtomicUsize::new(0) } };
        MOST_THREADS];

/// Stacks for signal handlers that no thread has: their addresses.
static ALTERNATE: ForkLocal<Mutex<Vec<usize>>> = ForkLocal::new(Mutex::default);

/// The end of a thread's stack.
#[derive(Clone, Copy)]
struct Zone {
    start: usize,
    end: usize,
    /// What is inaccessible ends here.
    end_of_inaccessible: usize,
}

impl Zone {
    /// That of a stack which is left as it is.
    const NONE: Self = Self { start: 0, end: 0, end_of_inaccessible: 0 };
}

thread_local! {
    /// This thread's, once it is known. (The types have no destructors, so these can be used while the thread ends.)
    static ZONE: Cell<Option<Zone>> = const { Cell::new(None) };

    /// Its slot, while it has one.
    static SLOT: Cell<Option<&'static Slot>> = const { Cell::new(None) };
}

/// How much of this thread's stack, at its end, code must not use.
pub(crate) fn inaccessible_of_this_thread() -> usize {
    ZONE.get().map_or(0, |zone| zone.end - zone.start)
}

impl Slot {
    /// That of this thread, if it is guarded. For a signal handler.
    pub(super) fn of_this_thread() -> Option<&'static Self> {
        let thread = thread_id();
        SLOTS.iter().find(|slot| slot.thread.load(Ordering::Acquire) == thread)
    }

    /// In the child of a fork: makes the stack of a thread of the parent accessible, as another one may get it, and frees
    /// this slot.
    fn take_back(&self) {
        let end = self.end.swap(0, Ordering::Relaxed);
        let start = self.start.load(Ordering::Relaxed);
        if start < end {
            protect(start, end, libc::PROT_READ | libc::PROT_WRITE);
        }
        self.thread.store(FREE, Ordering::Release);
    }

    fn claim() -> Option<&'static Self> {
        let thread = thread_id();
        let claim = |slot: &&Self| {
            slot.thread.compare_exchange(FREE, thread, Ordering::AcqRel, Ordering::Relaxed).is_ok()
        };
        let slot = SLOTS.iter().find(claim)?;
        slot.end.store(0, Ordering::Relaxed);
        Some(slot)
    }

    fn set(&self, zone: Zone) {
        self.start.store(zone.start, Ordering::Relaxed);
        self.end.store(zone.end_of_inaccessible, Ordering::Relaxed);
    }

    /// Makes what the handler has made accessible for this thread inaccessible again.
    fn renew(&self) {
        let (zone, end) = (ZONE.get().unwrap_or(Zone::NONE), self.end.load(Ordering::Relaxed));
        if end < zone.end {
            ZONE.set(Some(Zone { end_of_inaccessible: end, ..zone }));
            self.set(zone_of_this_thread());
        }
    }

    /// Whether this thread has reached the end of its stack if it cannot access this address.
    pub(super) fn has(&self, address: usize) -> bool {
        (self.start.load(Ordering::Relaxed)..self.end.load(Ordering::Relaxed)).contains(&address)
    }

    /// Makes a step accessible, and all up to it, so that this thread can go on. Whether that was possible. For a signal
    /// handler.
    pub(super) fn extend(&self, address: usize) -> bool {
        let (start, end) = (self.start.load(Ordering::Relaxed), self.end.load(Ordering::Relaxed));
        let below = (address & !(STEP - 1)).saturating_sub(STEP);
        if below < start + STEP {
            return false;
        }
        self.end.store(below, Ordering::Relaxed);
        protect(below, end, libc::PROT_READ | libc::PROT_WRITE)
    }
}

fn protect(start: usize, end: usize, access: c_int) -> bool {
    // SAFETY: callers give a part of this thread's stack that is below all frames, or is not accessible now; or one of the
    // stack of a thread that this process does not have.
    unsafe { libc::mprotect(ptr::without_provenance_mut(start), end - start, access) == 0 }
}

/// The end of this thread's stack, which is inaccessible when this returns, if possible.
fn zone_of_this_thread() -> Zone {
    let mut zone = ZONE.get().unwrap_or_else(find_zone);
    let here = 0u8;
    if zone.end_of_inaccessible < zone.end
        && (&raw const here).addr() > zone.end + MARGIN
        && protect(zone.start, zone.end, libc::PROT_NONE)
    {
        zone.end_of_inaccessible = zone.end;
    }
    ZONE.set(Some(zone));
    zone
}

/// None for the process's first thread, whose stack is mapped as it grows, for short ones, and for those that the host has
/// made itself.
fn find_zone() -> Zone {
    // SAFETY: it takes nothing and cannot fail.
    let is_first = thread_id() == unsafe { libc::getpid() };
    let stack = if is_first { None } else { stack_of_this_thread() };
    let here = 0u8;
    let is_this = |&(start, length): &(usize, usize)| {
        length >= SHORTEST && (start..start + length).contains(&(&raw const here).addr())
    };
    let Some((start, length)) = stack.filter(is_this) else { return Zone::NONE };
    let start = start.next_multiple_of(STEP);
    let end = start + (length / PART).min(LONGEST) / STEP * STEP;
    Zone { start, end, end_of_inaccessible: start }
}

/// The stack, if the C library has made it: then it has a guard page.
fn stack_of_this_thread() -> Option<(usize, usize)> {
    let mut attributes = MaybeUninit::uninit();
    let (mut start, mut length, mut guard) = (ptr::null_mut::<c_void>(), 0, 0);
    // SAFETY: the first call initialises the attributes if it returns 0, and then they are read and destroyed.
    unsafe {
        if libc::pthread_getattr_np(libc::pthread_self(), attributes.as_mut_ptr()) != 0 {
            return None;
        }
        let result = libc::pthread_attr_getstack(attributes.as_ptr(), &mut start, &mut length)
            | libc::pthread_attr_getguardsize(attributes.as_ptr(), &mut guard);
        libc::pthread_attr_destroy(attributes.as_mut_ptr());
        (result == 0 && guard > 0).then_some((start.addr(), length))
    }
}

/// Whether the host's Python looks at the addresses of stacks.
fn does_host_measure_stacks() -> bool {
    static MEASURES: OnceLock<bool> = OnceLock::new();
    // SAFETY: the name is a C string.
    let find = || unsafe { libc::dlsym(libc::RTLD_DEFAULT, c"_Py_ReachedRecursionLimitWithMargin".as_ptr()) };
    *MEASURES.get_or_init(|| !find().is_null())
}

/// Until this is dropped, an overflow of this thread's stack can be noticed.
pub(crate) struct GuardedStack {
    /// None if the thread is guarded already, as in a request inside of another one; or if there are too many threads.
    slot: Option<&'static Slot>,
    /// The stack for signal handlers, if the thread had none.
    alternate: Option<usize>,
}

impl GuardedStack {
    /// Cost: three system calls, and one when it is dropped; more for the first time on a thread. In a host that
    /// measures stacks, two more. Nothing, if the thread is guarded already, unless the handler has given it more stack.
    pub(crate) fn new() -> Self {
        if let Some(slot) = SLOT.get() {
            slot.renew();
            return Self { slot: None, alternate: None };
        }
        let slot = Slot::claim();
        let alternate = slot.and_then(|slot| {
            SLOT.set(Some(slot));
            slot.set(zone_of_this_thread());
            use_alternate()
        });
        Self { slot, alternate }
    }
}

impl Drop for GuardedStack {
    fn drop(&mut self) {
        let Some(slot) = self.slot else { return };
        let zone = ZONE.get().unwrap_or(Zone::NONE);
        let mut end = slot.end.load(Ordering::Relaxed);
        if end > zone.start
            && does_host_measure_stacks()
            && protect(zone.start, end, libc::PROT_READ | libc::PROT_WRITE)
        {
            end = zone.start;
        }
        ZONE.set(Some(Zone { end_of_inaccessible: end, ..zone }));
        slot.thread.store(FREE, Ordering::Release);
        SLOT.set(None);
        if let Some(address) = self.alternate {
            end_alternate(address);
        }
    }
}

/// Has the stacks of the parent's threads taken back in the children of forks.
pub(super) fn watch_forks() {
    extern "C" fn child() {
        let own = SLOT.get();
        for slot in SLOTS.iter().filter(|slot| slot.thread.load(Ordering::Acquire) != FREE) {
            if own.is_some_and(|own| ptr::eq(own, slot)) {
                slot.thread.store(thread_id(), Ordering::Release); // the thread has another number here
            } else {
                slot.take_back();
            }
        }
    }
    // SAFETY: the handler changes statics and this thread's memory only, and protects stacks that no thread of the child
    // has. It exists as long as the process, which never unloads this library.
    unsafe { libc::pthread_atfork(None, None, Some(child)) };
}

fn stack_at(address: usize, flags: c_int) -> libc::stack_t {
    libc::stack_t {
        ss_sp: ptr::with_exposed_provenance_mut(address),
        ss_flags: flags,
        ss_size: ALTERNATE_LENGTH,
    }
}

/// Gives this thread a stack for signal handlers, unless it has one. The result is its address.
fn use_alternate() -> Option<usize> {
    let mut before = stack_at(0, 0);
    // SAFETY: a null pointer changes nothing, and the kernel writes what is there.
    let has_none = unsafe { libc::sigaltstack(ptr::null(), &mut before) } == 0
        && before.ss_flags & libc::SS_DISABLE != 0;
    if !has_none {
        return None;
    }
    let kept = lock(ALTERNATE.get()).pop();
    let address = kept.or_else(map_alternate)?;
    // SAFETY: it is a mapping of this length that no other thread uses.
    unsafe { libc::sigaltstack(&stack_at(address, 0), ptr::null_mut()) };
    Some(address)
}

fn map_alternate() -> Option<usize> {
    const ACCESS: c_int = libc::PROT_READ | libc::PROT_WRITE;
    const KIND: c_int = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_STACK;
    // SAFETY: a new mapping, at an address that the kernel chooses.
    let address = unsafe { libc::mmap(ptr::null_mut(), ALTERNATE_LENGTH, ACCESS, KIND, -1, 0) };
    (address != libc::MAP_FAILED).then(|| address.expose_provenance())
}

fn end_alternate(address: usize) {
    let mut before = stack_at(0, 0);
    // SAFETY: the kernel writes what was there. If that is another stack, which code in the request has set, it is set
    // again.
    unsafe {
        libc::sigaltstack(&stack_at(0, libc::SS_DISABLE), &mut before);
        if before.ss_sp.addr() != address {
            libc::sigaltstack(&before, ptr::null_mut());
        }
    }
    lock(ALTERNATE.get()).push(address);
}

#[cfg(all(test, not(miri)))]
mod tests {
    use super::*;
    use crate::interp::exit::overflow;
    use std::sync::mpsc::channel;
    use std::thread;

    /// Whether the kernel can read there.
    fn is_accessible(address: usize) -> bool {
        let mut pipe = [0; 2];
        // SAFETY: the array has room for two descriptors, which are closed; the kernel checks the address.
        unsafe {
            assert_eq!(libc::pipe(pipe.as_mut_ptr()), 0);
            let written = libc::write(pipe[1], ptr::with_exposed_provenance(address), 1);
            libc::close(pipe[0]);
            libc::close(pipe[1]);
            written == 1
        }
    }

    #[test]
    fn what_the_handler_has_given_is_taken_back_by_the_next_request() {
        let guarded = || {
            let _outer = GuardedStack::new();
            let slot = SLOT.get().expect("there is a slot");
            let end = slot.end.load(Ordering::Relaxed);
            assert!(!is_accessible(end - 1));
            assert!(slot.extend(end - 1));
            assert!(is_accessible(end - 1) && !slot.has(end - 1));
            drop(GuardedStack::new());
            assert!(!is_accessible(end - 1) && slot.has(end - 1));
        };
        thread::Builder::new().stack_size(8 << 20).spawn(guarded).unwrap().join().unwrap();
    }

    #[test]
    fn the_child_of_a_fork_gets_back_the_stacks_of_other_threads() {
        overflow::install();
        let ((tell, told), (end, ends)) = (channel(), channel::<()>());
        let guarded = move || {
            let _guarded = GuardedStack::new();
            let slot = SLOT.get().expect("there is a slot");
            tell.send((slot, slot.start.load(Ordering::Relaxed))).unwrap();
            let _ = ends.recv();
        };
        let other = thread::Builder::new().stack_size(8 << 20).spawn(guarded).unwrap();
        let (slot, start) = told.recv().unwrap();
        assert!(!is_accessible(start));
        // SAFETY: the child makes system calls and reads atomics, and ends without running handlers.
        let child = unsafe { libc::fork() };
        if child == 0 {
            let is_good = is_accessible(start) && slot.thread.load(Ordering::Relaxed) == FREE;
            // SAFETY: it ends this process.
            unsafe { libc::_exit(i32::from(!is_good)) };
        }
        let mut status = -1;
        // SAFETY: the process is a child of this one, and `status` may be written.
        assert_eq!(unsafe { libc::waitpid(child, &mut status, 0) }, child);
        assert_eq!(status, 0);
        drop(end);
        other.join().unwrap();
    }
}
