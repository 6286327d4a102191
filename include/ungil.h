/* ungil: C functions, native kernels and isolated Python interpreters that run in parallel, past the global
 * interpreter lock.
 *
 * Python's ctypes releases the global interpreter lock (GIL) while it calls a C function, so Python threads that
 * call these functions run on all cores. C programs link the library and call them directly.
 *
 * Memory and lifetimes: arrays belong to the caller, who keeps them readable until the call returns. Strings that a
 * function returns belong to the library; each function says how long they are valid. Controls, interpreters, queues
 * and so on are handles, positive numbers that the caller frees with the matching function. Passing a handle that was
 * freed, or never handed out, gives UNGIL_E_HANDLE, never a crash.
 *
 * Errors: a function whose description says "Returns UNGIL_OK" returns that or a negative UNGIL_E_* value. On
 * error, ungil_last_error() has a message for the calling thread, and results are not written unless a function
 * says otherwise.
 *
 * Ranges: from begin, which is included, to end, which is not. test(), ungil_test() and ungil_sum_multiples() call
 * the ends from and to; the Python package calls them start and stop.
 *
 * Calls on many threads: functions with the parameters nthreads and control run on several threads, and can be
 * watched and stopped while they run. Their results are the same, to the bit, for any number of threads.
 *   nthreads: the maximum number of threads that work on the call, including the calling one. 0 means the default:
 *   the number set by ungil_set_num_threads(), else that in the environment variable UNGIL_NUM_THREADS, else that
 *   in OMP_NUM_THREADS, else the number of processors that the calling thread may use. With the default, calls of
 *   up to about 40 microseconds stay on the calling thread, except for calls of a function of the caller, whose
 *   cost is unknown. A number above 256 means 256. A negative number gives UNGIL_E_INVALID.
 *   Workers: the calling thread always works; idle worker threads join it. There are never more workers than
 *   processors, however many threads call, and calls may be nested. Workers start when they are first needed, wait
 *   without using a processor, do not keep the process from exiting, and are started anew in the child of a fork.
 *   They may run on the processors that the process's main thread may use.
 *   control: 0, or a handle from ungil_control_new(), through which other threads see the call's progress and stop
 *   it. An invalid handle gives UNGIL_E_HANDLE; one that another call is using, UNGIL_E_IN_USE. A call that is
 *   stopped returns UNGIL_E_CANCELLED or UNGIL_E_TIMED_OUT.
 *
 * Functions of the caller: a parameter named function is called from several threads at once: the calling one and
 * workers. It can be any C function: one of libm or another library, one compiled by numba (the address of a
 * cfunc), or a Python function wrapped by ctypes' CFUNCTYPE. Calls of Python functions take turns at the GIL, so
 * threads do not speed them up; ctypes prints an exception in such a function, whose result is then undefined.
 * Workers have 2 MiB of stack, and block all signals except those that a thread causes itself (SIGSEGV and the
 * like).
 *   Return: the function must return. It must not leave by longjmp(). If an exception leaves it (of C++ or another
 *   language), the process ends by abort(), with a line on stderr. If its thread ends in it (by pthread_exit() or
 *   pthread_cancel(), which Python before 3.14 does to threads that outlive it), the thread stops there forever
 *   with glibc, and the call does not return; that does not keep the process from exiting. With musl, which does
 *   not unwind, a thread must not end in it. The same holds for the release callback of a buffer.
 *   Forks: the function may fork. If nthreads is not 1, the child does not call it again: when it returns in the
 *   child, the call returns UNGIL_E_FORKED; if a worker called it, the child ends by _exit(0). A call on one thread
 *   continues in the child as in the parent.
 *
 * Isolated interpreters: ungil_interp_new() provides a separate Python inside this process: a private copy of the
 * Python library, with its own GIL, which loads private copies of the extension modules that it imports. Threads in
 * different interpreters run Python in parallel; an interpreter cannot use the objects of another. Any thread may
 * enter any interpreter. They need the shared library of CPython 3.9 or newer, and Linux with glibc; the
 * process itself need not have a Python. A version that is newer than this library is tried: if anything that is
 * used of its C API is missing or does not work, ungil_interp_new() says what.
 *   Shared state: all interpreters share what a process has only one of: memory, the environment, the working
 *   directory, the locale, file descriptors, the system's libraries and a few runtimes. Operations on the
 *   process as a whole raise an exception: os.fork, os.exec*, signal.signal, signal.set_wakeup_fd,
 *   faulthandler.enable. sys.exit ends the request. (subprocess works.)
 *   Death: what would end a process ends the interpreter that it comes from: abort(), exit(), _exit(), quick_exit()
 *   and a failed assert() in its private libraries, a fatal error of Python, a stack overflow, os.abort and os._exit.
 *   Requests end
 *   with UNGIL_E_DIED, those in progress as soon as they would continue in Python; the interpreter's threads stop,
 *   and its memory stays. Sleeping threads are woken as at the exit. The process itself ends, with a line on stderr,
 *   if this happens while a library is loaded, or on a thread of a library that a request waits for. What shared
 *   libraries do, the C library for example when it finds the heap damaged, and a crash end the process.
 *   Libraries: an interpreter has copies of its own of all libraries that lie outside the system's directories, also
 *   of those that its libraries need. Shared are the system's, and runtimes that a process has once: BLAS, OpenMP,
 *   TBB, the runtimes of C++ and Fortran, CUDA and its like. What uses Python or needs a private library is private
 *   in any case, and the C library is shared. The options private and shared change this;
 *   ungil_interp_libraries() tells what is private, and why.
 *   Exit: interpreters do not keep the process from exiting, and do not change its exit status. Once it begins to
 *   exit, they run no more Python code: a running request ends with UNGIL_E_EXITING as soon as it would continue in
 *   Python, and a new one at once, so an atexit handler may join threads that use interpreters. A call of a
 *   function that calls Python, through ungil_parallel_for() for example, ends with UNGIL_E_EXITING in the same
 *   way. Sleeping threads are woken by a signal: the last real-time signal without a handler. In a thread that
 *   blocks it, it is unblocked during a request; if it arrives there before the process exits, it is passed on to a
 *   thread that waits for it by sigwait(). If an exit handler or a destructor calls an interpreter's Python other
 *   than through this library, the process ends at once, with its status and a line on stderr. Functions that
 *   Python code has registered with atexit are not called.
 *   Forks: in the child of a fork, functions return UNGIL_E_FORKED for the parent's interpreters; the child may
 *   create its own.
 *   Stack: Python code uses the calling thread's stack: about 1 MiB for 1000 nested Python calls, more if they go
 *   through C. A stack overflow in Python code ends the interpreter, except on the process's first thread. For that,
 *   the last sixteenth of the stack, 256 KiB at most, is made inaccessible when a thread makes its first request
 *   (not if the stack is shorter than 1 MiB), and during a request the thread has an alternate signal stack.
 *
 * Queues, counters, barriers: threads of the program and of Python code in any interpreter share them, and hold no
 * lock of a Python to use them. A handle from ungil_exchange_share() is for one part of the program alone. A wait ends
 * when what it waits for is there, at its timeout, through a control at once, or (on Linux) when a signal handler has
 * run on the thread: UNGIL_E_INTERRUPTED.
 *
 * Stack: a call uses up to 64 KiB of the calling thread's stack, in addition to that of the caller's functions and
 * of Python code.
 *
 * Environment: UNGIL_NUM_THREADS, OMP_NUM_THREADS, UNGIL_CPU (see ungil_cpu_active()), UNGIL_LIBPYTHON,
 * UNGIL_PRIVATE and UNGIL_SHARED (see ungil_interp_new()) are read together, once, by the first call that needs one
 * of them; later changes have no effect. UNGIL_PRIVATE and UNGIL_SHARED are lists with colons between their entries. UNGIL_NUM_THREADS and OMP_NUM_THREADS are numbers from 1 to 256: a larger one means 256, and any other
 * value is ignored. OMP_NUM_THREADS may be a comma-separated list, of which the first number counts.
 * ungil_set_num_threads() changes the number of threads at any time. The variables are read by getenv(), so no
 * other thread should change the environment meanwhile: a program whose threads change it should call
 * ungil_num_threads() before it starts them.
 *
 * Side effects: no function prints, installs a signal handler, or ends the process, with these exceptions. The first
 * interpreter installs a handler of SIGSEGV, for stack overflows in Python code: it takes only faults at the end of
 * the stack of a thread that runs a request, and hands on all others, as if it were not there, to the handler that
 * was there before. One that is installed later takes all of them. An exception that leaves a function of the caller ends the process. The exit of the process is described under
 * "Isolated interpreters"; if requests are running then, a real-time signal without a handler is given one that
 * does nothing. A Python that cannot start says why on stderr. A bug in this library (a Rust panic) prints a line
 * on stderr and becomes an error of the call.
 *
 * Generated by cbindgen: change the comments in src/capi/, or this introduction in cbindgen.toml, and run
 * `make header`.
 */

#ifndef UNGIL_H
#define UNGIL_H

#include <stddef.h>
#include <stdint.h>

/**
 * Success.
 */
#define UNGIL_OK 0

/**
 * A required pointer is NULL.
 */
#define UNGIL_E_NULL -1

/**
 * An argument has a value that the function does not accept.
 */
#define UNGIL_E_INVALID -2

/**
 * The result does not fit in its type.
 */
#define UNGIL_E_OVERFLOW -3

/**
 * A bug in the library: please report it, with the message.
 */
#define UNGIL_E_INTERNAL -4

/**
 * The handle was freed, was never handed out, or belongs to another kind of object.
 */
#define UNGIL_E_HANDLE -5

/**
 * Another call is using the control, the interpreter or the release callback.
 */
#define UNGIL_E_IN_USE -6

/**
 * The call was cancelled through its control.
 */
#define UNGIL_E_CANCELLED -7

/**
 * The deadline of the call's control passed, or the time that the call was to wait.
 */
#define UNGIL_E_TIMED_OUT -8

/**
 * The process has the maximum number of such handles.
 */
#define UNGIL_E_EXHAUSTED -9

/**
 * The process forked, and this is the child: the call, or the object, belongs to the parent.
 */
#define UNGIL_E_FORKED -10

/**
 * Python code raised an exception. The message has its type and text on the first line, then its traceback.
 */
#define UNGIL_E_PYTHON -11

/**
 * This machine does not support the operation, or a required file is missing or unusable. The message says which.
 */
#define UNGIL_E_UNSUPPORTED -12

/**
 * The process is exiting: interpreters run no more Python code.
 */
#define UNGIL_E_EXITING -13

/**
 * The interpreter died: its code called abort() or the like. The message says what it did, then its stack in Python.
 */
#define UNGIL_E_DIED -14

/**
 * The queue is closed.
 */
#define UNGIL_E_CLOSED -15

/**
 * A signal handler has run on the thread while it waited: call again to go on waiting.
 */
#define UNGIL_E_INTERRUPTED -16

/**
 * The barrier is broken.
 */
#define UNGIL_E_BROKEN -17

/**
 * For ungil_barrier_wait() and ungil_barrier_stay(): the last party to arrive returns, and the others wait until it calls
 * ungil_barrier_release(), or ungil_barrier_stay() again.
 */
#define UNGIL_BARRIER_HOLD 1

/**
 * For ungil_barrier_wait() and ungil_barrier_stay(): a timeout, or the deadline of the control, breaks the barrier, unless
 * all parties have arrived and the last one holds the others.
 */
#define UNGIL_BARRIER_BREAK 2

/**
 * Where a call is: no server has taken it.
 */
#define UNGIL_CALL_QUEUED 0

/**
 * A server has taken it.
 */
#define UNGIL_CALL_RUNNING 1

/**
 * It has ended: ungil_call_wait() has the reply, or an error.
 */
#define UNGIL_CALL_DONE 2

/**
 * It was cancelled before a server took it.
 */
#define UNGIL_CALL_CANCELLED 3

/**
 * Runs part of a loop: the indices from begin to end - 1. Returns 0 to continue, or any other number to stop the loop.
 */
typedef int32_t (*UngilLoopBody)(int64_t begin, int64_t end, void *ctx);

/**
 * Maps a double to a double, as sin() and erf() do.
 */
typedef double (*UngilMapF64)(double x);

/**
 * Maps a 64-bit integer to a 64-bit integer.
 */
typedef int64_t (*UngilMapI64)(int64_t x);

/**
 * A real function to integrate; ctx carries what else it needs.
 */
typedef double (*UngilIntegrand)(double x, void *ctx);

/**
 * A release callback: called when a buffer's memory is no longer in use, with the buffer's owner.
 */
typedef void (*UngilRelease)(void *owner);

/**
 * Memory that goes to an interpreter, or comes from one, without being copied.
 */
typedef struct UngilBuffer {
  /**
   * The address; may be NULL if length is 0.
   */
  void *address;
  /**
   * The length in bytes.
   */
  size_t length;
  /**
   * 0 if Python code may write to the memory.
   */
  int32_t readonly;
  /**
   * The release callback, called once, with owner, when nothing uses the memory any more; or NULL.
   */
  UngilRelease release;
  /**
   * Passed to release.
   */
  void *owner;
} UngilBuffer;

/**
 * An interpreter's reply, to be freed by passing its handle to ungil_reply_free().
 */
typedef struct UngilReply {
  /**
   * The response; undefined if length is 0.
   */
  const void *response;
  /**
   * The length of the response in bytes.
   */
  size_t length;
  /**
   * Memory of the interpreter, in buffers without a release callback.
   */
  const struct UngilBuffer *buffers;
  /**
   * The number of buffers.
   */
  size_t count;
  /**
   * The handle to free it with.
   */
  int32_t handle;
} UngilReply;

/**
 * A message that was taken from a queue, to be freed by passing its handle to ungil_message_free().
 */
typedef struct UngilMessage {
  /**
   * The bytes; undefined if length is 0.
   */
  const void *data;
  /**
   * The length of the bytes.
   */
  size_t length;
  /**
   * Memory that was lent to the receiver, in buffers without a release callback.
   */
  const struct UngilBuffer *buffers;
  /**
   * The number of buffers.
   */
  size_t count;
  /**
   * The sender's number.
   */
  int64_t tag;
  /**
   * The handle to free it with; 0 if there is nothing to free.
   */
  int32_t handle;
} UngilMessage;

/**
 * A party's arrival at a barrier: see ungil_barrier_stay().
 */
typedef struct UngilArrival {
  /**
   * What the party is known by while it stays; 0 before it has arrived, and when it stays no more.
   */
  uint64_t party;
  /**
   * After success, the number of the party; else -1.
   */
  int32_t number;
} UngilArrival;

/**
 * How many calls and threads an inbox has, at one moment.
 */
typedef struct UngilInboxCounts {
  /**
   * Calls that no server has taken. Calls that were cancelled may be among them.
   */
  size_t queued;
  /**
   * Calls that servers have taken, and that have not ended.
   */
  size_t running;
  /**
   * How many of these ungil_inbox_stop() has interrupted.
   */
  size_t interrupted;
  /**
   * Threads that wait for a call, in ungil_inbox_serve() or ungil_inbox_await_call().
   */
  size_t waiting;
} UngilInboxCounts;

#ifdef __cplusplus
extern "C" {
#endif // __cplusplus

/**
 * The library's version, "major.minor.patch", as ASCII.
 *
 * Returns a static string, never NULL; do not free it.
 * Thread-safety: any thread, at any time.
 * Cost: a few nanoseconds.
 */
const char *ungil_version(void);

/**
 * The version of the binary interface, which is the number at the end of the SONAME, libungil.so.0.
 *
 * A program that was built for another version must not use the library. Within one version, functions and error values
 * are added but never changed or removed.
 *
 * Thread-safety: any thread, at any time.
 * Cost: a few nanoseconds.
 */
int32_t ungil_abi_version(void);

/**
 * The highest CPU level that this machine supports: "scalar", "avx2" or "avx512" on x86-64, "neon" on aarch64.
 *
 * avx2 means AVX2, FMA, BMI1, BMI2, LZCNT and POPCNT. avx512 adds AVX-512 F, BW, CD, DQ, VL and IFMA (Intel since
 * Ice Lake, AMD since Zen 4). neon is Advanced SIMD, which every 64-bit Arm processor has. scalar is any other machine:
 * the results are the same, but test() takes longer than a plain C loop, and so does compPi_ctypes() where there is no
 * instruction for fused multiply-add: it has to round as that does.
 *
 * Returns a static string, never NULL; do not free it.
 * Thread-safety: any thread, at any time.
 * Cost: a few nanoseconds.
 */
const char *ungil_cpu_detected(void);

/**
 * The CPU level that this library uses: the detected level, or the one in the environment variable UNGIL_CPU if that
 * is lower (see "Environment" above). Results do not depend on it, to the bit.
 *
 * Returns a static string, never NULL; do not free it.
 * Thread-safety: any thread, at any time.
 * Cost: a few nanoseconds.
 */
const char *ungil_cpu_active(void);

/**
 * The message of the latest call that failed on this thread, as UTF-8; "" if none has failed.
 *
 * A successful call does not change the message: read it only after a call has reported an error.
 *
 * Returns a string owned by the library, never NULL. It is valid until the next call that fails on this thread or
 * until the thread ends; copy it to keep it.
 * Thread-safety: each thread has its own message.
 * Cost: a few nanoseconds.
 */
const char *ungil_last_error(void);

/**
 * The sum of the numbers i in [from, to) with i % 3 == 0, modulo 2^32.
 *
 * It deliberately visits the whole range, so its run time is linear. It is meant as a CPU-bound workload: call it from
 * two Python threads and see it take half the time.
 *
 * from, to: the ends of the range; it is empty if from >= to.
 * Returns the sum, reduced to 32 bits in two's complement; 0 for an empty range.
 * Errors: none.
 * Thread-safety: any number of threads at once. It runs on the calling thread; a call that takes about a millisecond or
 * more uses as many threads as ungil_set_num_threads() or UNGIL_NUM_THREADS asks for (see "Environment" above).
 * Cost: linear in to - from; no memory.
 */
int32_t test(int32_t from,
             int32_t to);

/**
 * How many of the numbers n have a divisor d with 2 <= d < floor(sqrt(n)).
 *
 * Despite its name, it does *not* count primes. It counts composite numbers, except the few whose least prime factor
 * is floor(sqrt(n)) itself: p^2, p*(p+2) for twin primes, 6 and 8. Negative numbers, 0 and 1 do not count. For the
 * numbers 0 to 999999 the result is 921295.
 *
 * size: the number of elements; the result is 0 if it is 0 or negative.
 * numbers: the array, read only, at any alignment; no other thread may write to it during the call. May be NULL if
 * size is 0 or negative.
 * Returns the count; or -1 on error, with a message in ungil_last_error().
 * Errors: numbers is NULL while size is positive.
 * Thread-safety: any number of threads at once. It runs on the calling thread; a call that takes about a millisecond or
 * more uses as many threads as ungil_set_num_threads() or UNGIL_NUM_THREADS asks for (see "Environment" above).
 * Cost: linear in size. A number takes less than a cycle if a table covers it; otherwise 4 cycles on average with
 * AVX-512, 10 with AVX2, 80 without either. There are tables for the numbers below 2^20 and 2^24, 1.1 MB together. The
 * first call with enough such numbers builds a table, in about 0.5 or 10 ms; the process keeps it.
 */
int32_t num_primes(int32_t size,
                   const int32_t *numbers);

/**
 * (pi + the sum of 4/(1 + x^2) for x = h*(i - 0.5), i = 0 to niter-1) * h, with h = 1/niter.
 *
 * With pi = 0 it tends to the number pi as niter grows, and is 2/niter too large.
 *
 * pi: a number to add to the sum, usually 0.
 * niter: the number of terms. If it is 0 or negative, the sum is empty, and the result is pi * (1/niter) in IEEE 754
 * arithmetic: NaN for pi = 0 and niter = 0.
 * Returns the value. Its relative error against exact arithmetic is at most 1e-14 in all tests, and below 1e-13 by
 * proof; relative to (|pi| + the sum of the terms) * h, if a negative pi cancels the sum. The bits depend neither on
 * the number of threads nor on the CPU.
 * Errors: none.
 * Thread-safety: any number of threads at once. It runs on the calling thread; a call that takes about a millisecond or
 * more uses as many threads as ungil_set_num_threads() or UNGIL_NUM_THREADS asks for (see "Environment" above).
 * Cost: linear in niter; no memory.
 */
double compPi_ctypes(double pi,
                     int32_t niter);

/**
 * Creates a control. A call that takes it can be watched and stopped by other threads.
 *
 * A control serves one call at a time, and any number of calls in succession. A call that is cancelled, or whose
 * deadline passes, returns UNGIL_E_CANCELLED or UNGIL_E_TIMED_OUT within 10 ms; or UNGIL_OK if it had finished by then.
 * (If it calls a function of the caller, a running call of that function is not interrupted, and up to 8 more may
 * follow before a deadline is noticed.) A stopped call does not write a result that is a single number; of an array of
 * results, it may have written some.
 *
 * control: receives the handle, a positive number, on success only.
 * Returns UNGIL_OK, or an error with a message in ungil_last_error().
 * Errors: UNGIL_E_NULL if control is NULL; UNGIL_E_EXHAUSTED if 65536 controls are in use.
 * Ownership: free it with ungil_control_free().
 * Fork: the child has copies of the parent's controls. They are not in use there, as the parent's calls stay in the
 * parent.
 * Thread-safety: any number of threads at once.
 * Cost: usually less than a microsecond; a millisecond if nearly all controls are in use. 64 bytes each, which are
 * reused.
 */
int32_t ungil_control_new(int32_t *control);

/**
 * Frees a control. Its handle becomes invalid, and is not handed out again soon.
 *
 * control: the handle; 0 does nothing.
 * Returns UNGIL_OK, or an error with a message in ungil_last_error().
 * Errors: UNGIL_E_HANDLE if there is no such control; UNGIL_E_IN_USE while a call uses it: cancel that call first.
 * Thread-safety: any number of threads at once.
 * Cost: less than a microsecond.
 */
int32_t ungil_control_free(int32_t control);

/**
 * Stops the call that uses the control. The control stays cancelled: a later call that uses it stops at once.
 *
 * control: the handle.
 * Returns UNGIL_OK, even if no call uses the control or it was cancelled before; or an error with a message in
 * ungil_last_error().
 * Errors: UNGIL_E_HANDLE if there is no such control.
 * Thread-safety: any number of threads at once, also while a call uses the control.
 * Cost: less than a microsecond; it does not wait for the call to return.
 */
int32_t ungil_control_cancel(int32_t control);

/**
 * Sets a deadline. A call that uses the control stops when the deadline passes, or at once if it begins after that.
 *
 * control: the handle.
 * milliseconds: the time from now on, by a monotonic clock. 0 stops the call at once; a negative number removes the
 * deadline.
 * Returns UNGIL_OK, or an error with a message in ungil_last_error().
 * Errors: UNGIL_E_HANDLE if there is no such control.
 * Thread-safety: any number of threads at once, also while a call uses the control.
 * Cost: less than a microsecond.
 */
int32_t ungil_control_set_deadline_ms(int32_t control,
                                      int64_t milliseconds);

/**
 * The progress of the latest call that used the control.
 *
 * While a call runs, done never decreases. After the call has succeeded, done equals total; after it was stopped, done
 * keeps its last value.
 *
 * control: the handle.
 * done, total: receive numbers of items (the array elements, terms or indices that the call works on), on success
 * only. Both are 0 before the first call.
 * Returns UNGIL_OK, or an error with a message in ungil_last_error().
 * Errors: UNGIL_E_HANDLE if there is no such control; UNGIL_E_NULL if done or total is NULL.
 * Thread-safety: any number of threads at once.
 * Cost: less than a microsecond.
 */
int32_t ungil_control_progress(int32_t control,
                               uint64_t *done,
                               uint64_t *total);

/**
 * The default number of threads, which nthreads = 0 selects: the number set by ungil_set_num_threads(), else that in
 * UNGIL_NUM_THREADS, else that in OMP_NUM_THREADS, else the number of processors that the calling thread may use.
 *
 * Returns a number from 1 to 256; or the number of processors, even if that is larger.
 * Thread-safety: any thread, at any time.
 * Cost: a few nanoseconds; a system call if it counts the processors. The first call reads the environment.
 */
int32_t ungil_num_threads(void);

/**
 * Sets the number of threads for the whole process, as if UNGIL_NUM_THREADS had been set to it. Calls with
 * nthreads = 0 use this number, and so do test(), num_primes() and compPi_ctypes().
 *
 * nthreads: the number of threads, 1 or more; a number above 256 means 256. 0 undoes earlier calls of this function:
 * UNGIL_NUM_THREADS applies again, with its value at the time when the environment was read. If that is not set,
 * nthreads = 0 means OMP_NUM_THREADS or the number of processors, and the three functions run on the calling thread.
 * Returns UNGIL_OK, or an error with a message in ungil_last_error(); on error, nothing changes.
 * Errors: UNGIL_E_INVALID if nthreads is negative.
 * Thread-safety: any thread, at any time; the latest number wins. It applies to calls that begin later, on any thread
 * and in any interpreter; a running call keeps its number. The child of a fork inherits it.
 * Cost: a few nanoseconds; it neither starts nor ends a thread. The first call reads the environment.
 */
int32_t ungil_set_num_threads(int32_t nthreads);

/**
 * The number that ungil_set_num_threads() has set. Passing it to that function later restores the present state.
 *
 * The result of ungil_num_threads() would not restore it: that number, once set, no longer follows the number of
 * processors, and applies to test(), num_primes() and compPi_ctypes() too.
 *
 * Returns a number from 1 to 256, or 0 if none is set.
 * Thread-safety: any thread, at any time.
 * Cost: a few nanoseconds.
 */
int32_t ungil_num_threads_setting(void);

/**
 * test() with several threads and a control: the sum of the i in [from, to) with i % 3 == 0, modulo 2^32.
 *
 * It visits the whole range, as test() does; ungil_sum_multiples() uses the closed form.
 *
 * from, to: the ends of the range; it is empty if from >= to.
 * nthreads, control: see "Calls on many threads" above.
 * out: receives the sum, reduced to 32 bits in two's complement, on success only; at any alignment.
 * Returns UNGIL_OK, or an error with a message in ungil_last_error().
 * Errors: UNGIL_E_NULL if out is NULL; those of nthreads and control.
 * Thread-safety: any number of threads at once.
 * Cost: that of test(), divided by the number of threads.
 */
int32_t ungil_test(int32_t from, int32_t to, int32_t nthreads, int32_t control, int32_t *out);

/**
 * The sum of the multiples of k in [from, to), in closed form.
 *
 * from, to: the ends of the range; it is empty, with the sum 0, if from >= to.
 * k: any number except 0; its sign does not matter.
 * out: receives the sum, on success only; at any alignment.
 * Returns UNGIL_OK, or an error with a message in ungil_last_error().
 * Errors: UNGIL_E_NULL if out is NULL; UNGIL_E_INVALID if k is 0; UNGIL_E_OVERFLOW if the sum does not fit in an
 * int64_t.
 * Thread-safety: any number of threads at once.
 * Cost: constant, about 20 ns; no memory.
 */
int32_t ungil_sum_multiples(int64_t from,
                            int64_t to,
                            int64_t k,
                            int64_t *out);

/**
 * num_primes() for arrays of any length: how many of the numbers n have a divisor d with 2 <= d < floor(sqrt(n)).
 *
 * It does *not* count primes: see num_primes(). ungil_count_primes_i32() counts primes.
 *
 * numbers: the array, read only, at any alignment; no other thread may write to it during the call. May be NULL if
 * length is 0.
 * length: the number of elements.
 * nthreads, control: see "Calls on many threads" above.
 * count: receives the count, on success only; at any alignment.
 * Returns UNGIL_OK, or an error with a message in ungil_last_error().
 * Errors: UNGIL_E_NULL if count is NULL, or if numbers is NULL while length is positive; UNGIL_E_INVALID if the array
 * is larger than the address space; those of nthreads and control.
 * Thread-safety: any number of threads at once.
 * Cost: that of num_primes(), divided by the number of threads.
 */
int32_t ungil_num_primes_i32(const int32_t *numbers,
                             size_t length,
                             int32_t nthreads,
                             int32_t control,
                             uint64_t *count);

/**
 * The sum of 4/(1 + x^2) for x = (i - 0.5)/n, i = 0 to n-1, divided by n: compPi_ctypes(0, n) with a 64-bit n.
 *
 * It tends to the number pi as n grows, and is 2/n too large.
 *
 * n: the number of terms, 1 or more.
 * nthreads, control: see "Calls on many threads" above.
 * out: receives the value, on success only; at any alignment.
 * Returns UNGIL_OK, or an error with a message in ungil_last_error().
 * Errors: UNGIL_E_NULL if out is NULL; UNGIL_E_INVALID if n is 0 or negative; those of nthreads and control.
 * Thread-safety: any number of threads at once.
 * Precision: the relative error against exact arithmetic is at most 1e-14 in all tests, and below 1e-13 by proof for n
 * up to 2^53. The bits depend neither on the number of threads nor on the CPU.
 * Cost: that of compPi_ctypes(), divided by the number of threads: 10^10 terms take 0.6 seconds on one core with
 * AVX-512.
 */
int32_t ungil_pi(int64_t n,
                 int32_t nthreads,
                 int32_t control,
                 double *out);

/**
 * The sum of an array of doubles, computed in about twice the precision and rounded once.
 *
 * numbers: the array, read only, at any alignment; no other thread may write to it during the call. May be NULL if
 * length is 0.
 * length: the number of elements; the sum of none is 0.
 * nthreads, control: see "Calls on many threads" above.
 * sum: receives the sum, on success only; at any alignment.
 * Returns UNGIL_OK, or an error with a message in ungil_last_error().
 * Errors: UNGIL_E_NULL if sum is NULL, or if numbers is NULL while length is positive; UNGIL_E_INVALID if the array is
 * larger than the address space; those of nthreads and control.
 * Thread-safety: any number of threads at once.
 * Precision: an error of at most 2^-53 relative to the sum, plus length^2 * 2^-105 relative to the sum of magnitudes
 * (Ogita, Rump, Oishi 2005). Infinities and NaNs give what IEEE 754 specifies; if an intermediate sum overflows, the
 * result is an infinity or NaN. The bits depend neither on the number of threads nor on the CPU.
 * Cost: that of reading the array from memory; if it is in the cache, 3 cycles per 8 numbers with AVX-512.
 */
int32_t ungil_sum_f64(const double *numbers,
                      size_t length,
                      int32_t nthreads,
                      int32_t control,
                      double *sum);

/**
 * Tests numbers for primality: `out[i] = 1` if `numbers[i]` is prime, else 0.
 *
 * The test is deterministic, not probabilistic: a strong probable prime test to base 2 and an extra strong Lucas test.
 * No composite number below 2^64 passes both (Feitsma's list of base-2 pseudoprimes, checked by Jacobsen).
 *
 * numbers: the array, read only, at any alignment; no other thread may write to it during the call. May be NULL if
 * length is 0.
 * length: the number of elements.
 * out: receives length bytes, in memory separate from numbers; no other thread may use it during the call. May be NULL
 * if length is 0.
 * nthreads, control: see "Calls on many threads" above.
 * Returns UNGIL_OK, or an error with a message in ungil_last_error().
 * Errors: UNGIL_E_NULL if numbers or out is NULL while length is positive; UNGIL_E_INVALID if an array is larger than
 * the address space, or if numbers and out overlap; those of nthreads and control.
 * Thread-safety: any number of threads at once.
 * Cost: with one thread and AVX-512, about 16 ns per random odd number below 2^64, and 135 ns per number if all are
 * prime; three times as much without AVX-512.
 */
int32_t ungil_is_prime_u64(const uint64_t *numbers,
                           size_t length,
                           uint8_t *out,
                           int32_t nthreads,
                           int32_t control);

/**
 * ungil_is_prime_u64() for signed numbers. Negative numbers are not prime. (For 32-bit numbers, convert them.)
 *
 * numbers, length, out, nthreads, control: as for ungil_is_prime_u64().
 * Returns, Errors, Thread-safety, Cost: as for ungil_is_prime_u64().
 */
int32_t ungil_is_prime_i64(const int64_t *numbers,
                           size_t length,
                           uint8_t *out,
                           int32_t nthreads,
                           int32_t control);

/**
 * How many of the numbers are prime.
 *
 * numbers: the array, read only, at any alignment; no other thread may write to it during the call. May be NULL if
 * length is 0.
 * length: the number of elements.
 * nthreads, control: see "Calls on many threads" above.
 * count: receives the count, on success only; at any alignment.
 * Returns UNGIL_OK, or an error with a message in ungil_last_error().
 * Errors: UNGIL_E_NULL if count is NULL, or if numbers is NULL while length is positive; UNGIL_E_INVALID if the array
 * is larger than the address space; those of nthreads and control.
 * Thread-safety: any number of threads at once.
 * Cost: that of ungil_is_prime_u64().
 */
int32_t ungil_count_primes_u64(const uint64_t *numbers,
                               size_t length,
                               int32_t nthreads,
                               int32_t control,
                               uint64_t *count);

/**
 * ungil_count_primes_u64() for signed numbers. Negative numbers are not prime.
 *
 * numbers, length, nthreads, control, count: as for ungil_count_primes_u64().
 * Returns, Errors, Thread-safety, Cost: as for ungil_count_primes_u64().
 */
int32_t ungil_count_primes_i64(const int64_t *numbers,
                               size_t length,
                               int32_t nthreads,
                               int32_t control,
                               uint64_t *count);

/**
 * ungil_count_primes_u64() for signed 32-bit numbers. Negative numbers are not prime.
 *
 * numbers, length, nthreads, control, count: as for ungil_count_primes_u64().
 * Returns, Errors, Thread-safety: as for ungil_count_primes_u64().
 * Cost: about 5 ns per number, with one thread and AVX-512.
 */
int32_t ungil_count_primes_i32(const int32_t *numbers,
                               size_t length,
                               int32_t nthreads,
                               int32_t control,
                               uint64_t *count);

/**
 * Calls function(b, e, ctx) for ranges [b, e) that make up [begin, end), on several threads.
 *
 * begin, end: the ends of the loop; it is empty if begin == end.
 * grain: the length of the range that one call of the function receives, 1 or more; the last range may be shorter.
 * nthreads: see "Calls on many threads" above.
 * function: see "Functions of the caller" above. If it returns a number other than 0, the loop stops: no more ranges
 * begin once the other threads notice, and those that have begun are finished. The number of the lowest such range is
 * returned. As ranges begin in order, a sequential loop would have stopped with the same number.
 * ctx: passed to the function.
 * control: see "Calls on many threads" above.
 * Returns UNGIL_OK; or the function's number, which should be positive, as negative numbers are this library's errors;
 * or an error. There is a message in ungil_last_error() in the latter two cases.
 * Errors: UNGIL_E_NULL if function is NULL; UNGIL_E_INVALID if begin > end, or if grain is 0 or negative; those of
 * nthreads and control.
 * Thread-safety: any number of threads at once, also inside a function that another call runs.
 * Cost: 0.1 us per range, and some microseconds if other threads take part.
 */
int32_t ungil_parallel_for(int64_t begin,
                           int64_t end,
                           int64_t grain,
                           int32_t nthreads,
                           UngilLoopBody function,
                           void *ctx,
                           int32_t control);

/**
 * `out[i] = function(in[i])` for i = 0 to n-1, on several threads.
 *
 * function: see "Functions of the caller" above; for example, libm's erf().
 * in: n numbers, read only, at any alignment; no other thread may write to them during the call. May be NULL if n is 0.
 * out: receives n numbers, at any alignment; no other thread may use it during the call. It may be the same array as in,
 * but must not overlap it otherwise. May be NULL if n is 0.
 * n: the number of elements.
 * nthreads, control: see "Calls on many threads" above.
 * Returns UNGIL_OK, or an error with a message in ungil_last_error().
 * Errors: UNGIL_E_NULL if function is NULL, or if in or out is NULL while n is positive; UNGIL_E_INVALID if an array is
 * larger than the address space, or if in and out overlap but are not the same; those of nthreads and control.
 * Thread-safety: any number of threads at once, also inside a function that another call runs.
 * Cost: that of a plain loop, divided by the number of threads, and some microseconds if other threads take part.
 */
int32_t ungil_map_f64(UngilMapF64 function,
                      const double *in,
                      double *out,
                      size_t n,
                      int32_t nthreads,
                      int32_t control);

/**
 * ungil_map_f64() for 64-bit integers.
 *
 * function, in, out, n, nthreads, control: as for ungil_map_f64().
 * Returns, Errors, Thread-safety, Cost: as for ungil_map_f64().
 */
int32_t ungil_map_i64(UngilMapI64 function,
                      const int64_t *in,
                      int64_t *out,
                      size_t n,
                      int32_t nthreads,
                      int32_t control);

/**
 * The integral of a function from a to b by the composite midpoint rule: (b - a)/n times the sum of the function at
 * a + (b - a) * (i + 0.5)/n for i = 0 to n-1.
 *
 * function: see "Functions of the caller" above.
 * ctx: passed to the function.
 * a, b: the ends, finite and at a finite distance. If b is below a, the result is the negative of the integral from b
 * to a.
 * n: the number of parts, 1 or more.
 * nthreads, control: see "Calls on many threads" above.
 * out: receives the integral, on success only; at any alignment.
 * Returns UNGIL_OK, or an error with a message in ungil_last_error().
 * Errors: UNGIL_E_NULL if function or out is NULL; UNGIL_E_INVALID if a, b or their distance is not finite, or if n is
 * 0 or negative; those of nthreads and control.
 * Thread-safety: any number of threads at once, also inside a function that another call runs.
 * Precision: the error of the rule is (b - a)^3 / (24 n^2) times the function's second derivative at some point between
 * a and b. The sum is computed in about twice the precision and rounded once. If the function's values are the same,
 * the bits of the result do not depend on the number of threads. A sum too large for a double gives an infinity.
 * Cost: n calls of the function, divided by the number of threads, and some microseconds if other threads take part.
 */
int32_t ungil_integrate(UngilIntegrand function,
                        void *ctx,
                        double a,
                        double b,
                        int64_t n,
                        int32_t nthreads,
                        int32_t control,
                        double *out);

/**
 * Provides an isolated interpreter: a Python with its own GIL, in this process.
 *
 * It is a private copy of the Python library, which loads private copies of the extension modules that it imports; see
 * "Isolated interpreters" above. If an interpreter with the same options has been freed, it is reset and reused: its
 * modules are already imported.
 *
 * options: NULL, or lines of the form name=value, in UTF-8. Without an option, the interpreter is configured like the
 * process's own Python if that has the same version, else like a new Python program:
 *   libpython: the shared library of CPython 3.9 or newer. The default is UNGIL_LIBPYTHON, else the library of
 *   executable, else that of the process or the one next to it, else the newest that the system's loader finds.
 *   fresh: 1 for an interpreter that has not been used before.
 *   group: any text. An interpreter that has been freed is reused for the same group only; without it, for those without.
 *   executable: the Python program to act as, for example that of a venv. It determines sys.executable and where
 *   packages are found.
 *   home: the prefix of the standard library, if there is no executable.
 *   path, argv, warnoption, xoption: entries of sys.path, sys.argv, sys.warnoptions and sys._xoptions, one per line.
 *   Those that are given replace the whole list.
 *   private, shared: the file name, SONAME or path of libraries, or a pattern for these (with *, ? and [...]), one per line.
 *   They are loaded once for this interpreter, or once for the process, in place of the default; see "Isolated
 *   interpreters" above. If both match, the library is private. Those of UNGIL_PRIVATE and UNGIL_SHARED are added.
 *   pycache_prefix, int_max_str_digits, optimize, dont_write_bytecode, no_user_site, no_site, ignore_environment,
 *   isolated, bytes_warning, verbose, quiet, debug, utf8_mode, dev_mode, safe_path, warn_default_encoding: as in sys and
 *   sys.flags; flags are numbers.
 *   warningfilter: entries of warnings.filters, one per line, as literals of Python with names of categories and texts of
 *   patterns: ('ignore', ('no .*', 2), ('builtins', 'UserWarning'), None, 0). The default is that of the process's Python now.
 * interp: receives the handle, a positive number, on success only.
 * Returns UNGIL_OK, or an error with a message in ungil_last_error().
 * Errors: UNGIL_E_NULL if interp is NULL; UNGIL_E_INVALID if an option is unknown or has a wrong value;
 * UNGIL_E_UNSUPPORTED if no libpython is found, or if it is too old, missing, static or damaged, or lacks its standard
 * library, or something that is used of its C API, and on systems without ELF or without glibc 2.28 or newer; the
 * message names the file, its version and the step of the start that failed. UNGIL_E_EXHAUSTED if the process cannot
 * have more interpreters, each of which takes one of its 1024 pthread keys; UNGIL_E_EXITING if the process is exiting.
 * Ownership: free it with ungil_interp_free().
 * Thread-safety: any number of threads at once. If a thread holds the GIL of the process's Python (as a function of
 * ctypes.PyDLL does, but not one of CDLL), that thread itself must make the call.
 * Cost: about 20 ms and 5 MB for a new interpreter, memory that the process keeps; 0.1 ms for a reused one.
 */
int32_t ungil_interp_new(const char *options,
                         int32_t *interp);

/**
 * Frees an interpreter: it is reset, and a later ungil_interp_new() may reuse it.
 *
 * Its `__main__`, sys.argv, sys.path and standard streams are restored, and so is the process's working directory if
 * the interpreter changed it. Python's standard library and modules in site-packages stay imported; other modules of
 * source code do not. Random generators are seeded anew, and what was set in logging is undone. What was registered with
 * atexit is called, and pools and children of multiprocessing end, as at the end of a process. If threads are still
 * running in it then, it is not reused.
 *
 * interp: the handle; 0 does nothing.
 * Returns UNGIL_OK, or an error with a message in ungil_last_error().
 * Errors: UNGIL_E_HANDLE if there is no such interpreter; UNGIL_E_IN_USE while it runs a request; UNGIL_E_FORKED in the
 * child of a fork, if it belongs to the parent.
 * Thread-safety: any number of threads at once.
 * Cost: 0.1 ms, plus the time to destroy the objects of `__main__` and to collect garbage: some milliseconds if many
 * modules are imported.
 */
int32_t ungil_interp_free(int32_t interp);

/**
 * The number of interpreters in this process.
 *
 * in_use: receives the number of interpreters that have handles.
 * idle: receives the number of interpreters that were freed and can be reused.
 * Returns UNGIL_OK, or an error with a message in ungil_last_error().
 * Errors: UNGIL_E_NULL if in_use or idle is NULL.
 * Thread-safety: any number of threads at once.
 * Cost: less than a microsecond.
 */
int32_t ungil_interp_count(int32_t *in_use, int32_t *idle);

/**
 * Whether an interpreter is alive: its code has not ended it, by abort() for example.
 *
 * interp: the handle.
 * alive: receives 1 or 0.
 * Returns UNGIL_OK, or an error with a message in ungil_last_error().
 * Errors: UNGIL_E_NULL if alive is NULL; UNGIL_E_HANDLE if there is no such interpreter.
 * Thread-safety: any number of threads at once.
 * Cost: less than a microsecond.
 */
int32_t ungil_interp_is_alive(int32_t interp, int32_t *alive);

/**
 * Runs Python source code in the interpreter's `__main__`, on the calling thread.
 *
 * interp: the handle.
 * source: any number of statements, in UTF-8.
 * Returns UNGIL_OK, or an error with a message in ungil_last_error().
 * Errors: UNGIL_E_NULL if source is NULL; UNGIL_E_HANDLE if there is no such interpreter; UNGIL_E_PYTHON if the code
 * raises an exception, including that of sys.exit(); UNGIL_E_FORKED in the child of a fork; UNGIL_E_EXITING if the
 * process is exiting, in which case part of the code may have run; UNGIL_E_DIED if code in the interpreter has ended it.
 * Thread-safety: any number of threads at once. Requests in one interpreter take turns, as threads in Python do;
 * requests in different interpreters run in parallel. The thread that has called ungil_interp_new() has one thread state in
 * the interpreter. On any other thread, each request has its own, so the contents of a threading.local do not outlive it.
 * Cost: that of the code, plus about 20 us, mostly to compile it.
 */
int32_t ungil_interp_exec(int32_t interp,
                          const char *source);

/**
 * Evaluates a Python expression in the interpreter's `__main__`, and returns str() of its value.
 *
 * interp: the handle.
 * expression: the expression, in UTF-8.
 * text: receives the text, in UTF-8, on success only; it ends at its first NUL. It belongs to the library, and is valid
 * until this thread's next call of this function or of ungil_interp_libraries(), or until the thread ends.
 * Returns UNGIL_OK, or an error with a message in ungil_last_error().
 * Errors: UNGIL_E_NULL if expression or text is NULL; those of ungil_interp_exec().
 * Thread-safety, Cost: as for ungil_interp_exec().
 */
int32_t ungil_interp_eval(int32_t interp,
                          const char *expression,
                          const char **text);

/**
 * Tells which libraries an interpreter has loaded, which of them are private to it, and why.
 *
 * interp: the handle.
 * text: receives a line for each library, in the order of loading, on success only: "private" or "shared", the path, and
 * the reason, with a tab between them. Characters that are not UTF-8 are replaced. It belongs to the library, and is valid
 * until this thread's next call of this function or of ungil_interp_eval(), or until the thread ends.
 * Returns UNGIL_OK, or an error with a message in ungil_last_error().
 * Errors: UNGIL_E_NULL if text is NULL; UNGIL_E_HANDLE if there is no such interpreter; UNGIL_E_FORKED in the child of a
 * fork.
 * Thread-safety: any number of threads at once, also while requests run.
 * Cost: some microseconds; it does not wait.
 */
int32_t ungil_interp_libraries(int32_t interp,
                               const char **text);

/**
 * Raises KeyboardInterrupt in the requests that are running in an interpreter; or calls the handler of SIGINT that the
 * code of the first of them has set in Python.
 *
 * What a request then does is up to its code; usually it ends with UNGIL_E_PYTHON. A request that sleeps in a system call
 * is woken. C code that computes is interrupted only when it returns to Python. If no request is running, nothing
 * happens.
 *
 * interp: the handle.
 * Returns UNGIL_OK, or an error with a message in ungil_last_error().
 * Errors: UNGIL_E_HANDLE if there is no such interpreter; UNGIL_E_FORKED in the child of a fork.
 * Thread-safety: any number of threads at once, also while requests run. It affects only requests made with this
 * handle: if the interpreter is freed and reused, its next user is not interrupted.
 * Cost: some microseconds; it does not wait.
 */
int32_t ungil_interp_interrupt(int32_t interp);

/**
 * Sends a request to the function that the interpreter's code has passed to `_ungil.serve`, and waits for the reply.
 *
 * The function is called on the calling thread as function(request, *buffers), with a bytes object and memoryviews. It
 * returns an object with a buffer (bytes, bytearray, an array), which is the response; or a tuple of several, of which
 * the first is the response and the others are buffers. Every interpreter can `import _ungil`.
 *
 * interp: the handle.
 * request: length bytes, which are copied. May be NULL if length is 0.
 * buffers: count buffers, whose memory is not copied. May be NULL if count is 0. The memory is in use as long as a view
 * of it exists, which may be longer than the call. Then the buffer's release callback is called, from any thread; if
 * no view is left when this function returns, it has been called by then. It is called exactly once for each buffer, even
 * if this function returns an error, with these exceptions: after UNGIL_E_NULL; after UNGIL_E_EXITING and UNGIL_E_DIED, for
 * buffers that Python code had received; and after ungil_interp_end_release(). If Python code writes to a buffer, the
 * caller must synchronise other accesses to it.
 * reply: receives the reply, on success only. It and its memory belong to the library: see ungil_reply_free().
 * Returns UNGIL_OK, or an error with a message in ungil_last_error().
 * Errors: UNGIL_E_NULL if reply is NULL, or if request or buffers is NULL while its length is positive;
 * UNGIL_E_INVALID if a length is larger than the address space, or if a buffer has a length but no address;
 * UNGIL_E_EXHAUSTED if 65536 replies are in use; those of ungil_interp_exec().
 * Thread-safety: as for ungil_interp_exec().
 * Cost: that of the function, plus about 2 us.
 */
int32_t ungil_interp_call(int32_t interp,
                          const void *request,
                          size_t length,
                          const struct UngilBuffer *buffers,
                          size_t count,
                          struct UngilReply *reply);

/**
 * Frees a reply. Its response and its buffers, which are memory of the interpreter, must not be used afterwards.
 *
 * handle: the reply's; 0 does nothing.
 * Returns UNGIL_OK, or an error with a message in ungil_last_error().
 * Errors: UNGIL_E_HANDLE if there is no such reply.
 * Thread-safety: any number of threads at once.
 * Cost: less than a microsecond. If the reply has buffers, the interpreter releases them at the end of its next request,
 * or within some milliseconds.
 */
int32_t ungil_reply_free(int32_t handle);

/**
 * A release callback that sets the byte to which owner points to 1.
 *
 * Unlike a function written in Python, it waits for no lock, and so does not hold up the interpreter that releases the
 * memory. The owner looks at the byte when it suits it, as after ungil_interp_call().
 *
 * owner: a byte that is writable until it is 1, and that nothing else writes to meanwhile. NULL does nothing.
 * Thread-safety: any number of threads at once. Who reads 1 atomically (acquire) sees what was written to the memory.
 * Cost: a few nanoseconds.
 */
void ungil_release_flag(void *owner);

/**
 * Disables a release callback: from now on the library never calls it, so buffers that are still in use are never
 * released. Waits for calls in progress.
 *
 * This is for callbacks that depend on something that is about to end, as a function written in Python depends on its
 * Python.
 *
 * release: the callback; NULL does nothing.
 * Returns UNGIL_OK, or an error with a message in ungil_last_error().
 * Errors: UNGIL_E_IN_USE if a call of the callback is still running after a second; no other call begins even then.
 * Thread-safety: any number of threads at once, but not inside a call of the callback.
 * Cost: less than a microsecond, if no call of the callback is running.
 */
int32_t ungil_interp_end_release(UngilRelease release);

/**
 * Makes another handle for a queue, a counter, a barrier or an inbox: for another part of the program, which frees it when it needs
 * the object no more. The object is freed with the last of its handles.
 *
 * object: a handle of the object.
 * holder: 0; or the number of an interpreter whose code is to have the handle, and which that code knows as
 * `_ungil.number`. The handle is freed when this interpreter is freed or dies. What is put into a queue by this handle is
 * lent by that interpreter: release callbacks are called on its own thread, and never if it is dead.
 * handle: receives the new handle, a positive number, on success only.
 * Returns UNGIL_OK, or an error with a message in ungil_last_error().
 * Errors: UNGIL_E_NULL if handle is NULL; UNGIL_E_HANDLE if there is no such object; UNGIL_E_INVALID if there is no such
 * interpreter; UNGIL_E_EXHAUSTED if 65536 such handles are in use.
 * Ownership: free it with ungil_exchange_free().
 * Thread-safety: any number of threads at once.
 * Cost: less than a microsecond.
 */
int32_t ungil_exchange_share(int32_t object,
                             int32_t holder,
                             int32_t *handle);

/**
 * A number by which to tell whether two handles are of the same queue, counter, barrier or inbox. No other object of the process
 * has it, or will have it.
 *
 * object: the handle.
 * id: receives the number, on success only.
 * Returns UNGIL_OK, or an error with a message in ungil_last_error().
 * Errors: UNGIL_E_NULL if id is NULL; UNGIL_E_HANDLE if there is no such object.
 * Thread-safety: any number of threads at once.
 * Cost: less than a microsecond.
 */
int32_t ungil_exchange_id(int32_t object,
                          uint64_t *id);

/**
 * Frees a handle of a queue, a counter, a barrier or an inbox. With the last handle the object is freed; if threads still use it
 * then, when they have finished.
 *
 * The memory of messages that are in a queue is released when the queue is freed. Threads that wait for an object go on
 * waiting: close a queue first. (Only parties that stay at a barrier by this handle leave: their calls fail with
 * UNGIL_E_INVALID.)
 *
 * object: the handle; 0 does nothing.
 * Returns UNGIL_OK, or an error with a message in ungil_last_error().
 * Errors: UNGIL_E_HANDLE if there is no such object.
 * Fork: in the child, the object belongs to the parent: the handle is freed, and nothing is released.
 * Thread-safety: any number of threads at once.
 * Cost: less than a microsecond, plus that of release callbacks.
 */
int32_t ungil_exchange_free(int32_t object);

/**
 * Creates a queue of messages. Any threads put messages into it and take them out, in the same order: threads of the
 * program, and of Python code in any interpreter.
 *
 * capacity: how many messages it holds at most; 0 for any number.
 * queue: receives the handle, a positive number, on success only.
 * Returns UNGIL_OK, or an error with a message in ungil_last_error().
 * Errors: UNGIL_E_NULL if queue is NULL; UNGIL_E_EXHAUSTED if 65536 handles of queues, counters and barriers are in use.
 * Ownership: free it with ungil_exchange_free(). See ungil_exchange_share() for further handles of the same queue.
 * Fork: in the child, all functions of its parent's queues but ungil_exchange_free() return UNGIL_E_FORKED. The same is
 * true of counters and barriers.
 * Thread-safety: any number of threads at once.
 * Cost: less than a microsecond.
 */
int32_t ungil_queue_new(size_t capacity,
                        int32_t *queue);

/**
 * Puts a message into a queue. Waits while the queue is full.
 *
 * queue: the handle.
 * tag: any number, which the receiver gets.
 * data: length bytes, which are copied. May be NULL if length is 0.
 * buffers: count buffers, whose memory is not copied, but lent until the receiver frees the message. May be NULL if count
 * is 0. Then the buffer's release callback is called, once, from any thread, and also if the queue is freed, or discards
 * the message. If this function returns an error, nothing is lent, and no release callback is called. It is never called
 * for a message that was received by an interpreter which has died.
 * timeout_ms: for how many milliseconds to wait; 0 to wait not at all, a negative number for ever.
 * control: 0, or a control, whose cancellation or deadline ends the wait at once. Its progress is 0 or 1.
 * Returns UNGIL_OK, or an error with a message in ungil_last_error().
 * Errors: UNGIL_E_TIMED_OUT if the queue was full for so long, or at the control's deadline; UNGIL_E_CANCELLED;
 * UNGIL_E_CLOSED if the queue is closed, or is closed meanwhile; UNGIL_E_INTERRUPTED if a signal handler has run on this
 * thread while it waited (on Linux): call again to go on waiting; UNGIL_E_NULL if data or buffers is NULL while its length is positive;
 * UNGIL_E_INVALID if a length is larger than the address space, or if a buffer has a length but no address;
 * UNGIL_E_HANDLE if there is no such queue or control; UNGIL_E_IN_USE if another call uses the control; UNGIL_E_FORKED.
 * Thread-safety: any number of threads at once.
 * Cost: less than a microsecond and the copy of the bytes; some microseconds if a thread has to be woken.
 */
int32_t ungil_queue_put(int32_t queue,
                        int64_t tag,
                        const void *data,
                        size_t length,
                        const struct UngilBuffer *buffers,
                        size_t count,
                        int64_t timeout_ms,
                        int32_t control);

/**
 * Takes the first message out of a queue. Waits while the queue is empty.
 *
 * queue: the handle.
 * space: memory of capacity bytes. A message without buffers whose bytes fit is copied there, and need not be freed. May
 * be NULL if capacity is 0.
 * timeout_ms, control: as for ungil_queue_put().
 * message: receives the message, on success only. Unless its handle is 0, it belongs to the library: see
 * ungil_message_free().
 * Returns UNGIL_OK, or an error with a message in ungil_last_error().
 * Errors: UNGIL_E_NULL if message is NULL, or if space is NULL while capacity is positive; UNGIL_E_TIMED_OUT if the queue
 * was empty for so long, or at the control's deadline; UNGIL_E_CLOSED if the queue is empty and closed, or is closed
 * meanwhile; UNGIL_E_EXHAUSTED if 65536 messages are in use, in which case the message stays in the queue;
 * UNGIL_E_CANCELLED, UNGIL_E_INTERRUPTED, UNGIL_E_HANDLE, UNGIL_E_IN_USE and UNGIL_E_FORKED as for ungil_queue_put().
 * Thread-safety: any number of threads at once.
 * Cost: less than a microsecond and the copy of the bytes, if there is a message; some microseconds to be woken for one.
 */
int32_t ungil_queue_get(int32_t queue,
                        void *space,
                        size_t capacity,
                        int64_t timeout_ms,
                        int32_t control,
                        struct UngilMessage *message);

/**
 * ungil_queue_put() of bytes alone, without waiting: for callers such as ctypes, to which each argument of a call is a cost.
 *
 * queue: the handle.
 * tag: any number, which the receiver gets.
 * data: length bytes, which are copied. May be NULL if length is 0.
 * Returns UNGIL_OK, or an error with a message in ungil_last_error().
 * Errors: UNGIL_E_TIMED_OUT if the queue is full; UNGIL_E_CLOSED; UNGIL_E_NULL if data is NULL while length is positive;
 * UNGIL_E_INVALID if length is negative; UNGIL_E_HANDLE; UNGIL_E_FORKED.
 * Thread-safety: any number of threads at once.
 * Cost: as for ungil_queue_put().
 */
int32_t ungil_queue_try_put(int32_t queue,
                            int32_t tag,
                            const void *data,
                            int32_t length);

/**
 * ungil_queue_get() without waiting.
 *
 * queue: the handle.
 * space, capacity, message: as for ungil_queue_get().
 * Returns UNGIL_OK, or an error with a message in ungil_last_error().
 * Errors: UNGIL_E_TIMED_OUT if the queue is empty; UNGIL_E_INVALID if capacity is negative; UNGIL_E_NULL, UNGIL_E_CLOSED,
 * UNGIL_E_EXHAUSTED, UNGIL_E_HANDLE and UNGIL_E_FORKED as for ungil_queue_get().
 * Thread-safety: any number of threads at once.
 * Cost: as for ungil_queue_get().
 */
int32_t ungil_queue_try_get(int32_t queue,
                            void *space,
                            int32_t capacity,
                            struct UngilMessage *message);

/**
 * Puts back a message that was taken from a queue and could not be used: it is the first again, even if the queue is full
 * or closed.
 *
 * queue: the handle.
 * message: the message, as ungil_queue_get() gave it. If its handle is 0, its bytes are copied; else it is freed.
 * Returns UNGIL_OK, or an error with a message in ungil_last_error().
 * Errors: UNGIL_E_NULL if message is NULL, or its data is NULL while its length is positive; UNGIL_E_HANDLE if there is no
 * such queue or message.
 * Thread-safety: any number of threads at once.
 * Cost: as for ungil_queue_put().
 */
int32_t ungil_queue_put_back(int32_t queue,
                             const struct UngilMessage *message);

/**
 * Frees a message, and releases its buffers. Neither they nor its bytes must be used afterwards.
 *
 * message: its handle; 0 does nothing.
 * Returns UNGIL_OK, or an error with a message in ungil_last_error().
 * Errors: UNGIL_E_HANDLE if there is no such message.
 * Thread-safety: any number of threads at once.
 * Cost: less than a microsecond, plus that of release callbacks.
 */
int32_t ungil_message_free(int32_t message);

/**
 * Closes a queue: no more messages can be put. Those that are there can be taken; after that, receivers get
 * UNGIL_E_CLOSED. Threads that wait are woken.
 *
 * queue: the handle.
 * discard: not 0 to remove the messages that are there. They count as done for ungil_queue_join().
 * Returns UNGIL_OK, also if the queue is closed already, or an error with a message in ungil_last_error().
 * Errors: UNGIL_E_HANDLE if there is no such queue; UNGIL_E_FORKED.
 * Thread-safety: any number of threads at once.
 * Cost: some microseconds for each thread to wake, plus the cost of release callbacks.
 */
int32_t ungil_queue_close(int32_t queue, int32_t discard);

/**
 * The number of messages in a queue.
 *
 * queue: the handle.
 * length: receives the number, on success only. Other threads may change it at any time.
 * Returns UNGIL_OK, or an error with a message in ungil_last_error().
 * Errors: UNGIL_E_NULL if length is NULL; UNGIL_E_HANDLE if there is no such queue; UNGIL_E_FORKED.
 * Thread-safety: any number of threads at once.
 * Cost: less than a microsecond.
 */
int32_t ungil_queue_length(int32_t queue, size_t *length);

/**
 * Says that the work for a message which was taken is done: see ungil_queue_join().
 *
 * queue: the handle.
 * Returns UNGIL_OK, or an error with a message in ungil_last_error().
 * Errors: UNGIL_E_INVALID if that was said for all messages that were put; UNGIL_E_HANDLE if there is no such queue;
 * UNGIL_E_FORKED.
 * Thread-safety: any number of threads at once.
 * Cost: less than a microsecond; some microseconds if a thread has to be woken.
 */
int32_t ungil_queue_task_done(int32_t queue);

/**
 * Waits until the work for all messages that were put into a queue is done, as ungil_queue_task_done() says.
 *
 * queue: the handle.
 * timeout_ms, control: as for ungil_queue_put().
 * Returns UNGIL_OK, or an error with a message in ungil_last_error().
 * Errors: UNGIL_E_TIMED_OUT, UNGIL_E_CANCELLED, UNGIL_E_INTERRUPTED, UNGIL_E_HANDLE, UNGIL_E_IN_USE and UNGIL_E_FORKED as
 * for ungil_queue_put().
 * Thread-safety: any number of threads at once.
 * Cost: less than a microsecond, if there is nothing to wait for.
 */
int32_t ungil_queue_join(int32_t queue,
                         int64_t timeout_ms,
                         int32_t control);

/**
 * Creates a counter: an integer that threads of any interpreter, of the program and of C change, and wait for.
 *
 * An event is a counter that is 0 or 1: ungil_counter_exchange() sets it, and threads wait until it is 1. A lock is one
 * that is 1 while it is free: a thread waits until it is 1 and subtracts 1 (change is -1), and adds 1 to release it. A
 * semaphore is a lock with a larger number.
 *
 * value: the first value.
 * counter: receives the handle, a positive number, on success only.
 * Returns UNGIL_OK, or an error with a message in ungil_last_error().
 * Errors, Ownership, Fork, Thread-safety, Cost: as for ungil_queue_new().
 */
int32_t ungil_counter_new(int64_t value,
                          int32_t *counter);

/**
 * The value of a counter.
 *
 * counter: the handle.
 * value: receives the value, on success only.
 * Returns UNGIL_OK, or an error with a message in ungil_last_error().
 * Errors: UNGIL_E_NULL if value is NULL; UNGIL_E_HANDLE if there is no such counter; UNGIL_E_FORKED.
 * Thread-safety: any number of threads at once.
 * Cost: less than a microsecond.
 */
int32_t ungil_counter_value(int32_t counter, int64_t *value);

/**
 * Adds to a counter, in one step, and wakes threads that wait for such a value.
 *
 * counter: the handle.
 * change: what to add.
 * value: receives the new value, on success only.
 * Returns UNGIL_OK, or an error with a message in ungil_last_error().
 * Errors: UNGIL_E_OVERFLOW if the value would not fit in an int64_t, in which case it stays; those of
 * ungil_counter_value().
 * Thread-safety: any number of threads at once.
 * Cost: less than a microsecond, plus some microseconds for each thread to wake.
 */
int32_t ungil_counter_add(int32_t counter, int64_t change, int64_t *value);

/**
 * Sets a counter, and wakes threads that wait for such a value.
 *
 * counter: the handle.
 * value: the new value.
 * former: receives the former value, on success only.
 * Returns UNGIL_OK, or an error with a message in ungil_last_error().
 * Errors: UNGIL_E_NULL if former is NULL; UNGIL_E_HANDLE if there is no such counter; UNGIL_E_FORKED.
 * Thread-safety, Cost: as for ungil_counter_add().
 */
int32_t ungil_counter_exchange(int32_t counter, int64_t value, int64_t *former);

/**
 * Sets a counter if it has the expected value, in one step.
 *
 * counter: the handle.
 * expected: the value that it must have.
 * value: the new value.
 * former: receives the former value, on success only; if that is not the expected one, the counter was not changed.
 * Returns UNGIL_OK in either case, or an error with a message in ungil_last_error().
 * Errors, Thread-safety, Cost: as for ungil_counter_exchange().
 */
int32_t ungil_counter_compare_exchange(int32_t counter,
                                       int64_t expected,
                                       int64_t value,
                                       int64_t *former);

/**
 * Waits until a counter has a value in a range, and then adds to it, in one step.
 *
 * counter: the handle.
 * lowest, highest: the range, both included.
 * change: what to add; 0 to change nothing.
 * timeout_ms, control: as for ungil_queue_put().
 * former: receives the value that was in the range, before the change, on success only.
 * Returns UNGIL_OK, or an error with a message in ungil_last_error().
 * Errors: UNGIL_E_NULL if former is NULL; UNGIL_E_INVALID if highest is less than lowest; UNGIL_E_OVERFLOW as for
 * ungil_counter_add(); UNGIL_E_TIMED_OUT, UNGIL_E_CANCELLED, UNGIL_E_INTERRUPTED, UNGIL_E_HANDLE, UNGIL_E_IN_USE and
 * UNGIL_E_FORKED as for ungil_queue_put().
 * Thread-safety: any number of threads at once. A value that comes and goes may be missed by threads that wait for it.
 * Cost: less than a microsecond, if there is nothing to wait for.
 */
int32_t ungil_counter_wait(int32_t counter,
                           int64_t lowest,
                           int64_t highest,
                           int64_t change,
                           int64_t timeout_ms,
                           int32_t control,
                           int64_t *former);

/**
 * Creates a barrier: threads of any interpreter, of the program and of C wait there until so many have come.
 *
 * parties: how many threads; at least 1.
 * barrier: receives the handle, a positive number, on success only.
 * Returns UNGIL_OK, or an error with a message in ungil_last_error().
 * Errors: UNGIL_E_INVALID if parties is not positive; those of ungil_queue_new().
 * Ownership, Fork, Thread-safety, Cost: as for ungil_queue_new().
 */
int32_t ungil_barrier_new(int32_t parties, int32_t *barrier);

/**
 * Waits at a barrier until all parties have arrived. They then go on together, and the barrier can be used again.
 *
 * A party whose wait ends otherwise leaves: it has not arrived. One that is to go on with its wait calls
 * ungil_barrier_stay() instead.
 *
 * barrier: the handle.
 * flags: 0, or the sum of UNGIL_BARRIER_HOLD and UNGIL_BARRIER_BREAK. All parties should hold, or none.
 * timeout_ms, control: as for ungil_queue_put().
 * number: receives the number of this party, on success only: 0 for the first to arrive, parties - 1 for the last. (If one has
 * left, the next to arrive has its number.)
 * Returns UNGIL_OK, or an error with a message in ungil_last_error().
 * Errors: UNGIL_E_NULL if number is NULL; UNGIL_E_INVALID if flags has other bits; UNGIL_E_BROKEN if the barrier is broken, or
 * is broken or reset meanwhile; UNGIL_E_TIMED_OUT, UNGIL_E_CANCELLED, UNGIL_E_INTERRUPTED, UNGIL_E_HANDLE, UNGIL_E_IN_USE and
 * UNGIL_E_FORKED as for ungil_queue_put().
 * Thread-safety: any number of threads at once.
 * Cost: some microseconds for each thread to wake.
 */
int32_t ungil_barrier_wait(int32_t barrier,
                           int32_t flags,
                           int64_t timeout_ms,
                           int32_t control,
                           int32_t *number);

/**
 * The same for a party that waits in several calls. If a call fails with UNGIL_E_TIMED_OUT, UNGIL_E_INTERRUPTED or
 * UNGIL_E_CANCELLED, the party stays at the barrier, and goes on with another call, which tells what has become of its phase
 * meanwhile; or it calls ungil_barrier_leave().
 *
 * The last party to arrive, if it holds the others, stays after success, too, and ends the phase by another call, which does
 * not wait.
 *
 * barrier: the handle. When it is freed, or its interpreter dies, the parties that stay by it leave.
 * flags, timeout_ms, control: as for ungil_barrier_wait(); those of the call in which the party arrives say whether it holds.
 * arrival: its party is 0 for one that comes; else what the last call has written.
 * Returns UNGIL_OK, or an error with a message in ungil_last_error().
 * Errors: UNGIL_E_NULL if arrival is NULL; UNGIL_E_INVALID if no such party stays by this handle; UNGIL_E_BROKEN also if the
 * party's own timeout has broken the barrier; those of ungil_barrier_wait().
 * Thread-safety, Cost: as for ungil_barrier_wait().
 */
int32_t ungil_barrier_stay(int32_t barrier,
                           int32_t flags,
                           int64_t timeout_ms,
                           int32_t control,
                           struct UngilArrival *arrival);

/**
 * Ends the stay of a party that does not go on with its wait: it has not arrived. If it holds the others, the barrier breaks.
 *
 * barrier: the handle.
 * arrival: what ungil_barrier_stay() has written. If its party is 0, nothing is done.
 * Returns UNGIL_OK, or an error with a message in ungil_last_error().
 * Errors: UNGIL_E_NULL if arrival is NULL; UNGIL_E_INVALID if no such party stays by this handle; UNGIL_E_HANDLE if there is no
 * such barrier; UNGIL_E_FORKED.
 * Thread-safety: any number of threads at once.
 * Cost: less than a microsecond.
 */
int32_t ungil_barrier_leave(int32_t barrier,
                            const struct UngilArrival *arrival);

/**
 * Lets the parties go on that wait for the last one: see UNGIL_BARRIER_HOLD.
 *
 * barrier: the handle.
 * Returns UNGIL_OK, or an error with a message in ungil_last_error().
 * Errors: UNGIL_E_BROKEN if the barrier was broken or reset meanwhile, or no party holds the others; UNGIL_E_HANDLE if
 * there is no such barrier; UNGIL_E_FORKED.
 * Thread-safety: any number of threads at once.
 * Cost: some microseconds for each thread to wake.
 */
int32_t ungil_barrier_release(int32_t barrier);

/**
 * Breaks a barrier: parties that wait, and those that come, get UNGIL_E_BROKEN, until it is reset.
 *
 * barrier: the handle.
 * Returns UNGIL_OK, or an error with a message in ungil_last_error().
 * Errors: UNGIL_E_HANDLE if there is no such barrier; UNGIL_E_FORKED.
 * Thread-safety, Cost: as for ungil_barrier_release().
 */
int32_t ungil_barrier_abort(int32_t barrier);

/**
 * Makes a barrier as new. Parties that wait get UNGIL_E_BROKEN.
 *
 * barrier: the handle.
 * Returns UNGIL_OK, or an error with a message in ungil_last_error().
 * Errors, Thread-safety, Cost: as for ungil_barrier_abort().
 */
int32_t ungil_barrier_reset(int32_t barrier);

/**
 * What a barrier is doing.
 *
 * barrier: the handle.
 * waiting: receives how many parties wait, on success only.
 * broken: receives 1 if it is broken, else 0, on success only.
 * Returns UNGIL_OK, or an error with a message in ungil_last_error().
 * Errors: UNGIL_E_NULL if waiting or broken is NULL; UNGIL_E_HANDLE if there is no such barrier; UNGIL_E_FORKED.
 * Thread-safety: any number of threads at once.
 * Cost: less than a microsecond.
 */
int32_t ungil_barrier_status(int32_t barrier,
                             int32_t *waiting,
                             int32_t *broken);

/**
 * Creates an inbox: a queue of calls. Threads of the program run them, each in an interpreter of its own:
 * ungil_inbox_serve().
 *
 * inbox: receives the handle, a positive number, on success only.
 * Returns UNGIL_OK, or an error with a message in ungil_last_error().
 * Errors: UNGIL_E_NULL if inbox is NULL; UNGIL_E_EXHAUSTED if 65536 handles of queues, counters,
 * barriers and inboxes are in use.
 * Ownership: free it with ungil_inbox_free().
 * Fork: in the child, all functions of its parent's inboxes but ungil_inbox_free() return UNGIL_E_FORKED.
 * Thread-safety: any number of threads at once.
 * Cost: less than a microsecond.
 */
int32_t ungil_inbox_new(int32_t *inbox);

/**
 * Makes a weak handle of an inbox, for its servers: the inbox is closed with the last of its other handles.
 *
 * inbox: a handle of the inbox.
 * weak: receives the handle, a positive number, on success only.
 * Returns UNGIL_OK, or an error with a message in ungil_last_error().
 * Errors: UNGIL_E_NULL if weak is NULL; UNGIL_E_HANDLE if there is no such inbox; UNGIL_E_EXHAUSTED if 65536 handles of
 * queues, counters, barriers and inboxes are in use.
 * Ownership: free it with ungil_inbox_free().
 * Thread-safety: any number of threads at once.
 * Cost: less than a microsecond.
 */
int32_t ungil_inbox_weak(int32_t inbox,
                         int32_t *weak);

/**
 * Frees a handle of an inbox; ungil_exchange_free() does the same. With the last handle the inbox is closed and freed: its
 * servers run the calls that are queued, and end. ungil_exchange_share() makes further handles.
 *
 * inbox: the handle; 0 does nothing.
 * Returns UNGIL_OK, or an error with a message in ungil_last_error().
 * Errors: UNGIL_E_HANDLE if there is no such inbox.
 * Thread-safety: any number of threads at once.
 * Cost: less than a microsecond.
 */
int32_t ungil_inbox_free(int32_t inbox);

/**
 * Queues a call: a server of the inbox will send the request to its interpreter, as ungil_interp_call() does.
 *
 * inbox: the handle.
 * function: 0, or the number of a function that the request calls; see ungil_function_new(). Then length must not be 0.
 * request: length bytes, which are copied. May be NULL if length is 0.
 * buffers: count buffers, as for ungil_interp_call(); they are also released if the call is cancelled. A buffer whose
 * readonly is 2 is lent for the call alone: if it is still in use when the interpreter has replied, the server first has
 * garbage collected there; see ungil_inbox_serve().
 * call: receives the call's number, which is positive, on success only.
 * Returns UNGIL_OK, or an error with a message in ungil_last_error().
 * Errors: UNGIL_E_CLOSED if the inbox is closed; UNGIL_E_NULL if call is NULL, or if request or buffers is NULL while its
 * length is positive; UNGIL_E_INVALID as for ungil_interp_call(), or if there is a function and no request; UNGIL_E_HANDLE if
 * there is no such inbox or function; UNGIL_E_EXHAUSTED if there are 2^32 calls; UNGIL_E_FORKED in the child of a fork.
 * Ownership: free it with ungil_call_free().
 * Thread-safety: any number of threads at once.
 * Cost: a microsecond, and some more to wake a server.
 */
int32_t ungil_inbox_submit(int32_t inbox,
                           int64_t function,
                           const void *request,
                           size_t length,
                           const struct UngilBuffer *buffers,
                           size_t count,
                           int64_t *call);

/**
 * Lets the inbox take no more calls. Servers end when the queue is empty.
 *
 * inbox: the handle.
 * Returns UNGIL_OK, or an error with a message in ungil_last_error().
 * Errors: UNGIL_E_HANDLE if there is no such inbox; UNGIL_E_FORKED in the child of a fork.
 * Thread-safety: any number of threads at once.
 * Cost: some microseconds, to wake all servers.
 */
int32_t ungil_inbox_close(int32_t inbox);

/**
 * Closes an inbox whose interpreter is dead: the calls that no server has taken, and all that are submitted from now on, fail
 * as the one by which the interpreter died. Servers that have lost this interpreter end, and their calls fail as well.
 *
 * inbox: the handle.
 * interp: the interpreter's handle.
 * Returns UNGIL_OK, or an error with a message in ungil_last_error().
 * Errors: UNGIL_E_INVALID if the interpreter is not dead; UNGIL_E_HANDLE if there is no such inbox or interpreter;
 * UNGIL_E_FORKED in the child of a fork.
 * Thread-safety: any number of threads at once.
 * Cost: less than a microsecond for each call, and that of the release callbacks.
 */
int32_t ungil_inbox_fail(int32_t inbox,
                         int32_t interp);

/**
 * How many calls and threads the inbox has.
 *
 * inbox: the handle.
 * counts: receives the numbers, on success only.
 * Returns UNGIL_OK, or an error with a message in ungil_last_error().
 * Errors: UNGIL_E_NULL if counts is NULL; UNGIL_E_HANDLE if there is no such inbox; UNGIL_E_FORKED in the child of a fork.
 * Thread-safety: any number of threads at once.
 * Cost: less than a microsecond.
 */
int32_t ungil_inbox_counts(int32_t inbox,
                           struct UngilInboxCounts *counts);

/**
 * Waits until the inbox has a call and no idle server: then it is time for one more. The call stays in the queue.
 *
 * inbox: the handle.
 * timeout_ms: how many milliseconds to wait at most; a negative number is no limit, and 0 does not wait.
 * control: 0, or a control by which others can end the wait, within 10 ms.
 * Returns UNGIL_OK if there is such a call, or an error with a message in ungil_last_error().
 * Errors: UNGIL_E_CLOSED if there will be none; UNGIL_E_TIMED_OUT; UNGIL_E_INTERRUPTED; UNGIL_E_CANCELLED by the control; UNGIL_E_HANDLE if there
 * is no such inbox or control; UNGIL_E_IN_USE if another call uses the control; UNGIL_E_FORKED in the child of a fork.
 * Thread-safety: any number of threads at once. For each call, one of them is woken.
 * Cost: some microseconds to sleep and to be woken.
 */
int32_t ungil_inbox_await_call(int32_t inbox,
                               int64_t timeout_ms,
                               int32_t control);

/**
 * Makes this thread a server: it runs the inbox's calls in an interpreter, one after the other, until the inbox is closed and
 * empty.
 *
 * An inbox may have any number of servers. Each should have an interpreter of its own, which this thread has created: then
 * all its calls have one thread state.
 *
 * inbox: the handle.
 * interp: the interpreter's handle. It cannot be freed meanwhile.
 * collect: length bytes, the request that makes the interpreter collect garbage; it is sent after a call whose lent memory
 * is still in use (see ungil_inbox_submit()), and its reply is dropped. May be NULL if length is 0: then it is never sent.
 * lost: called with the owner of each lent buffer that the interpreter, which is dead, will never release; or NULL. It is called
 * before the call ends by which the interpreter died.
 * Returns UNGIL_OK when the inbox is closed and empty, or an error with a message in ungil_last_error().
 * Errors: UNGIL_E_DIED if the interpreter is dead: its call has failed, and the others are in the queue; UNGIL_E_NULL if
 * collect is NULL while length is positive; UNGIL_E_HANDLE if there is no such inbox or interpreter; UNGIL_E_EXITING if the
 * process is exiting; UNGIL_E_FORKED in the child of a fork, also of one that a call has made.
 * Thread-safety: any number of threads at once.
 * Cost: for each call, that of the function, plus about 2 us, and some more to sleep and to be woken.
 */
int32_t ungil_inbox_serve(int32_t inbox,
                          int32_t interp,
                          const void *collect,
                          size_t length,
                          UngilRelease lost);

/**
 * Goes on with a call whose request an interpreter has answered with the one byte "l": it has not ended then, and runs
 * without a server. The server will send this request to the interpreter, whose reply is that of the call, unless it is
 * "l" again. From the first such answer on, ungil_interp_interrupt() leaves out the requests of this server: what they begin
 * runs on other threads.
 *
 * inbox: the handle.
 * call: the call's number; see ungil_call_current(). The interpreter may pass it before it has answered.
 * request: length bytes, which are copied. May be NULL if length is 0.
 * Returns UNGIL_OK, or an error with a message in ungil_last_error().
 * Errors: UNGIL_E_CLOSED if the inbox has no such call, nobody waits for it any more, or it has a request already;
 * UNGIL_E_NULL if request is NULL while length is positive; UNGIL_E_HANDLE if there is no such inbox; UNGIL_E_FORKED in the
 * child of a fork.
 * Thread-safety: any number of threads at once.
 * Cost: a microsecond, and some more to wake the server.
 */
int32_t ungil_inbox_resume(int32_t inbox,
                           int64_t call,
                           const void *request,
                           size_t length);

/**
 * Cancels all calls that no server has taken.
 *
 * inbox: the handle.
 * Returns UNGIL_OK, or an error with a message in ungil_last_error().
 * Errors: UNGIL_E_HANDLE if there is no such inbox; UNGIL_E_FORKED in the child of a fork.
 * Thread-safety: any number of threads at once.
 * Cost: less than a microsecond for each, and that of the release callbacks.
 */
int32_t ungil_inbox_cancel_queued(int32_t inbox);

/**
 * Cancels all calls that no server has taken, and interrupts those that run, as ungil_interp_interrupt() does. Calls that are
 * submitted meanwhile are not affected.
 *
 * inbox: the handle.
 * Returns UNGIL_OK, or an error with a message in ungil_last_error().
 * Errors: UNGIL_E_HANDLE if there is no such inbox; UNGIL_E_FORKED in the child of a fork.
 * Thread-safety: any number of threads at once.
 * Cost: some microseconds. It does not wait until the calls have ended.
 */
int32_t ungil_inbox_stop(int32_t inbox);

/**
 * Gives up calls: for whoever waits for them, they end with UNGIL_E_CLOSED.
 *
 * inbox: the handle.
 * running: 0 for the calls that no server has taken; otherwise also for those that run. These go on, but nobody gets their
 * replies.
 * Returns UNGIL_OK, or an error with a message in ungil_last_error().
 * Errors: UNGIL_E_HANDLE if there is no such inbox; UNGIL_E_FORKED in the child of a fork.
 * Thread-safety: any number of threads at once.
 * Cost: less than a microsecond for each, and that of the release callbacks.
 */
int32_t ungil_inbox_give_up(int32_t inbox,
                            int32_t running);

/**
 * Waits for calls to end that ungil_call_watch() was called for, and gives their numbers: each once. Calls that an
 * interpreter's code has submitted are given by its own handle alone.
 *
 * inbox: the handle.
 * timeout_ms: how many milliseconds to wait at most; a negative number is no limit, and 0 does not wait.
 * control: 0, or a control by which others can end the wait, within 10 ms.
 * calls: receives up to capacity numbers, in the order in which the calls ended, on success only.
 * count: receives how many they are, on success only.
 * Returns UNGIL_OK, or an error with a message in ungil_last_error().
 * Errors: UNGIL_E_CLOSED if the inbox is closed, all its calls have ended, and those that are watched were given;
 * UNGIL_E_TIMED_OUT; UNGIL_E_INTERRUPTED; UNGIL_E_CANCELLED by the control; UNGIL_E_NULL if calls or count is NULL; UNGIL_E_INVALID if capacity is 0,
 * or too large; UNGIL_E_HANDLE if there is no such inbox or control; UNGIL_E_IN_USE if another call uses the control;
 * UNGIL_E_FORKED in the child of a fork.
 * Thread-safety: any number of threads at once.
 * Cost: less than a microsecond for each, and some more to sleep and to be woken.
 */
int32_t ungil_inbox_completed(int32_t inbox,
                              int64_t timeout_ms,
                              int32_t control,
                              int64_t *calls,
                              size_t capacity,
                              size_t *count);

/**
 * Where a call is: UNGIL_CALL_QUEUED, UNGIL_CALL_RUNNING, UNGIL_CALL_DONE or UNGIL_CALL_CANCELLED.
 *
 * call: the number.
 * state: receives it.
 * Returns UNGIL_OK, or an error with a message in ungil_last_error().
 * Errors: UNGIL_E_NULL if state is NULL; UNGIL_E_HANDLE if there is no such call.
 * Thread-safety: any number of threads at once.
 * Cost: less than a microsecond.
 */
int32_t ungil_call_state(int64_t call, int32_t *state);

/**
 * Waits until a call has ended, and gives its reply. Any number of threads may, and each gets the same.
 *
 * call: the number.
 * timeout_ms: how many milliseconds to wait at most; a negative number is no limit, and 0 does not wait.
 * control: 0, or a control by which others can end the wait, within 10 ms.
 * reply: receives the reply, on success only. It and its memory belong to the call, until ungil_call_free(); its handle is 0.
 * Returns UNGIL_OK, or an error with a message in ungil_last_error().
 * Errors: that of the call, as ungil_interp_call() would return it; UNGIL_E_CLOSED if the inbox was given up;
 * UNGIL_E_CANCELLED if the call was cancelled, or the wait was by its control; UNGIL_E_TIMED_OUT if the call has not ended;
 * UNGIL_E_INTERRUPTED if a signal handler has run on this thread;
 * UNGIL_E_NULL if reply is NULL; UNGIL_E_HANDLE if there is no such call or control; UNGIL_E_IN_USE if another call
 * uses the control.
 * Thread-safety: any number of threads at once.
 * Cost: less than a microsecond if the call has ended; else some microseconds to sleep and to be woken.
 */
int32_t ungil_call_wait(int64_t call,
                        int64_t timeout_ms,
                        int32_t control,
                        struct UngilReply *reply);

/**
 * The call that this thread runs in an interpreter, by ungil_inbox_serve().
 *
 * call: receives its number, or 0 if this thread runs none.
 * Returns UNGIL_OK, or an error with a message in ungil_last_error().
 * Errors: UNGIL_E_NULL if call is NULL.
 * Thread-safety: any number of threads at once.
 * Cost: less than a microsecond.
 */
int32_t ungil_call_current(int64_t *call);

/**
 * Cancels a call that no server has taken. Its buffers are released.
 *
 * call: the number.
 * Returns UNGIL_OK if the call is cancelled, now or before; or an error with a message in ungil_last_error().
 * Errors: UNGIL_E_IN_USE if a server has taken the call, or it has ended; UNGIL_E_HANDLE if there is no such call.
 * Thread-safety: any number of threads at once.
 * Cost: less than a microsecond, and that of the release callbacks.
 */
int32_t ungil_call_cancel(int64_t call);

/**
 * Has a call noted when it ends, for ungil_inbox_completed().
 *
 * call: the number.
 * state: receives where the call is. If it has ended already, or was cancelled, it is not noted.
 * Returns UNGIL_OK, or an error with a message in ungil_last_error().
 * Errors: UNGIL_E_NULL if state is NULL; UNGIL_E_HANDLE if there is no such call.
 * Thread-safety: any number of threads at once.
 * Cost: less than a microsecond.
 */
int32_t ungil_call_watch(int64_t call, int32_t *state);

/**
 * Frees a call's number, and its reply. The reply must not be used afterwards. A call that has not ended goes on: nobody will
 * get its reply.
 *
 * call: the number; 0 does nothing.
 * Returns UNGIL_OK, or an error with a message in ungil_last_error().
 * Errors: UNGIL_E_HANDLE if there is no such call.
 * Fork: the child has none of its parent's calls.
 * Thread-safety: any number of threads at once.
 * Cost: less than a microsecond; somewhat more if the reply has buffers, which the interpreter's own thread then
 * releases.
 */
int32_t ungil_call_free(int64_t call);

/**
 * Makes a function that many calls share. Each server sends it to its interpreter once, and again when that has forgotten it.
 *
 * A request with a function arrives as: the request without its last byte; the function's bytes, unless they were sent
 * before; three numbers of 8 bytes each, the lowest byte first: the key, how many bytes of the function are there, and how
 * many of the first buffers are the function's; and the request's last byte. If the reply is the one byte 'u', the
 * interpreter does not know the function, and the server sends the request again with the function.
 *
 * key: the number by which interpreters know the function. No other function of the process may have it.
 * bytes: length bytes, which are copied. May be NULL if length is 0.
 * buffers: count buffers, as for ungil_interp_call(). Each interpreter gets them; they are released when the function was
 * freed, and nothing uses them any more.
 * function: receives a positive number, on success only.
 * Returns UNGIL_OK, or an error with a message in ungil_last_error().
 * Errors: UNGIL_E_NULL, UNGIL_E_INVALID as for ungil_interp_call(); UNGIL_E_EXHAUSTED if there are 2^32 functions.
 * Ownership: free it with ungil_function_free().
 * Thread-safety: any number of threads at once.
 * Cost: less than a microsecond, and that of copying the bytes.
 */
int32_t ungil_function_new(uint64_t key,
                           const void *bytes,
                           size_t length,
                           const struct UngilBuffer *buffers,
                           size_t count,
                           int64_t *function);

/**
 * Frees a function's number. Calls that were submitted with the function keep it.
 *
 * function: the number; 0 does nothing.
 * Returns UNGIL_OK, or an error with a message in ungil_last_error().
 * Errors: UNGIL_E_HANDLE if there is no such function.
 * Fork: the child has none of its parent's functions.
 * Thread-safety: any number of threads at once.
 * Cost: less than a microsecond, and that of the release callbacks.
 */
int32_t ungil_function_free(int64_t function);

#ifdef __cplusplus
}  // extern "C"
#endif  // __cplusplus

#endif  /* UNGIL_H */
