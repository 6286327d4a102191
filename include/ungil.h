/* ungil: past Python's global interpreter lock by plain ctypes.
 *
 * Python's ctypes releases the global interpreter lock (GIL) while it calls a C function. Python threads that
 * call these functions therefore run on all cores; C programs link the library and call them directly.
 *
 * Memory and lifetimes: an array belongs to the caller, who keeps it readable until the call returns. Strings
 * that a function returns belong to the library; the function says how long they live.
 *
 * Calls on many threads: functions with the parameters nthreads and control spread over several threads, and can be
 * watched and stopped while they run.
 *   nthreads: how many threads may work at the call, the calling one included; 0 for the default, which is the number
 *   that ungil_set_num_threads() has set, else that in the environment's UNGIL_NUM_THREADS, else in OMP_NUM_THREADS,
 *   else that of the processors that the process may use; calls of some 40 microseconds or less stay on the calling
 *   thread then. A negative number gives UNGIL_E_INVALID. The calling thread always works; helpers join it as far as
 *   they are idle. There are never more of them than processors, whoever calls, and calls inside calls are fine.
 *   Helpers start when they are first needed, wait without using a processor, do not keep the process from ending, and
 *   start anew in the child of a fork. They may run where the process's first thread may. A number above 256 is as 256.
 *   control: 0, or a handle of ungil_control_new(), by which other threads see the call's progress and stop it. A
 *   handle that is not there gives UNGIL_E_HANDLE; one that another call is under, UNGIL_E_IN_USE; a call that was
 *   stopped, UNGIL_E_CANCELLED or UNGIL_E_TIMED_OUT.
 *   Results do not depend on the number of threads, to the bit.
 *
 * Functions of the caller's: a parameter named function is called from the calling thread and from helpers, from
 * several at once. It may be any C function: libm's, one of another library, one that numba compiled (the address of a
 * cfunc), or a Python function by ctypes' CFUNCTYPE, whose calls take turns at Python's lock and so gain nothing. An
 * exception in a Python function is printed by ctypes, and what the function returns then is not defined. Helpers have
 * 2 MiB of stack, and block all signals but those that a thread brings upon itself (SIGSEGV and its like).
 *   It must return. longjmp() out of it is not allowed. If an exception leaves it (C++'s, or another language's), the
 *   process ends by abort(), with a line on stderr. A thread that ends in it (pthread_exit(), pthread_cancel(), and what
 *   Python before 3.14 does with threads that outlive it) stops there for good with glibc, and the call does not return;
 *   that keeps no process from ending. With musl, which does not unwind, a thread must not end in it. The same holds for
 *   what an interpreter calls to say that memory is not in use any more.
 *   It may fork. In the child of a call with nthreads other than 1 it is not called any more: when it returns there, the
 *   call gives UNGIL_E_FORKED; where a helper called it, the child ends, by _exit(0). A call on one thread goes on in the
 *   child as it does in the parent.
 *
 * Isolated interpreters: ungil_interp_new() gives a Python of its own inside this process: a private copy of the Python
 * library, with a lock (GIL) of its own, that loads private copies of the extension modules that it imports. Threads in
 * different interpreters run Python at the same time; objects of one are unknown to the others. Any thread may enter
 * any interpreter. They are made from a CPython from 3.8 to 3.14 with a shared library, on Linux with glibc, and work
 * in a process without a Python as well.
 *   What there is one of in a process, all share: memory, the environment, the working directory, the locale, file
 *   descriptors, libraries that have nothing to do with Python. A crash in one ends all. What would concern the process
 *   is refused by an exception: os.fork, os._exit, os.exec*, signal.signal, signal.set_wakeup_fd, faulthandler.enable;
 *   sys.exit ends the request. (subprocess works.)
 *   They keep no process from ending: it ends with its own status, whatever they do. When it begins to exit, no Python
 *   code runs in them any more. Requests that are under way end with UNGIL_E_EXITING as soon as they would go on in
 *   Python, and new ones at once, so that an atexit handler may join threads that use interpreters. A call that is
 *   given a function which calls Python, ungil_parallel_for() for example, ends with UNGIL_E_EXITING in the same way.
 *   Threads that sleep are woken by a signal: the last real-time one without a handler. A thread that blocks it takes
 *   it during a request all the same; until the process exits, it is handed on to whoever waits for it by sigwait().
 *   Where the process's end itself, in a handler or a destructor, calls an interpreter's Python past this library, the
 *   process ends at once, with its status and a line on stderr. Functions that Python code registers with atexit are not
 *   called.
 *   After a fork the child's functions answer UNGIL_E_FORKED for them; it may have new ones.
 *   Python code needs the calling thread's stack: 1 MiB for 1000 nested calls.
 *
 * Stack: a call takes up to 64 KiB of the calling thread's, besides what functions of the caller's take.
 *
 * Environment: UNGIL_NUM_THREADS, OMP_NUM_THREADS, UNGIL_CPU (see ungil_cpu_active()) and UNGIL_LIBPYTHON (see
 * ungil_interp_new()) are read once, together, by the first call that needs one of them; a later change to the
 * environment changes nothing. The first two are numbers from 1 to 256; a larger one means 256, of a list as OpenMP has
 * it the first number counts, and anything else is as if the variable were not set. ungil_set_num_threads() changes the
 * number of threads at any time. That one reading is by getenv(), so no other thread should change the environment
 * meanwhile: a program whose threads do so calls ungil_num_threads() before it starts them.
 *
 * No function prints, installs a signal handler, or ends the process, unless an exception is thrown through it: see
 * "Functions of the caller's". (For the end of the process, see above. A Python that cannot start says why on stderr. A process that exits while requests are
 * under way wakes their threads by a real-time signal that had no handler, and is given one that does nothing.)
 * A defect of the library itself (a Rust panic, which writes a line to stderr) becomes an error of the call.
 *
 * Generated by cbindgen: change the Rust source and run `make header`.
 */

#ifndef UNGIL_H
#define UNGIL_H

#include <stddef.h>
#include <stdint.h>

/**
 * The call did what it says.
 */
#define UNGIL_OK 0

/**
 * A pointer that must be read or written is NULL.
 */
#define UNGIL_E_NULL -1

/**
 * A parameter has a value that the function has no answer for.
 */
#define UNGIL_E_INVALID -2

/**
 * The result does not fit in its type.
 */
#define UNGIL_E_OVERFLOW -3

/**
 * A defect of the library itself: please report it, with the message.
 */
#define UNGIL_E_INTERNAL -4

/**
 * A handle that was freed, or never given out.
 */
#define UNGIL_E_HANDLE -5

/**
 * A control that another call is under.
 */
#define UNGIL_E_IN_USE -6

/**
 * The call's control was cancelled.
 */
#define UNGIL_E_CANCELLED -7

/**
 * The deadline of the call's control came.
 */
#define UNGIL_E_TIMED_OUT -8

/**
 * As many handles are in use as there can be.
 */
#define UNGIL_E_EXHAUSTED -9

/**
 * The process forked, and what the call is about is its parent's.
 */
#define UNGIL_E_FORKED -10

/**
 * Python code ended with an exception: the message has its type and text on the first line, then its traceback.
 */
#define UNGIL_E_PYTHON -11

/**
 * This machine cannot do it, or a file that is needed is missing or wrong: the message says which.
 */
#define UNGIL_E_UNSUPPORTED -12

/**
 * The process is exiting: Python code in interpreters does not run any more.
 */
#define UNGIL_E_EXITING -13

/**
 * Does part of a loop: the indices from begin to end - 1. Returns 0 to go on, or any other number to stop.
 */
typedef int32_t (*UngilLoopBody)(int64_t begin, int64_t end, void *ctx);

/**
 * Maps a double to a double: sin() and erf() do.
 */
typedef double (*UngilMapF64)(double x);

/**
 * Maps a 64-bit integer to one.
 */
typedef int64_t (*UngilMapI64)(int64_t x);

/**
 * A function of a real number, with what else it needs in ctx.
 */
typedef double (*UngilIntegrand)(double x, void *ctx);

/**
 * Is told that memory is not in use any more: owner is the buffer's.
 */
typedef void (*UngilRelease)(void *owner);

/**
 * Memory that goes to an interpreter, or comes from one, without a copy.
 */
typedef struct UngilBuffer {
  /**
   * Where it is; it may be NULL if length is 0.
   */
  void *address;
  /**
   * Its length in bytes.
   */
  size_t length;
  /**
   * 0 if it may be written to.
   */
  int32_t readonly;
  /**
   * Called once with owner when nothing uses the memory any more; NULL if nobody wants to know.
   */
  UngilRelease release;
  /**
   * Handed on to release.
   */
  void *owner;
} UngilBuffer;

/**
 * An interpreter's answer, to be given back with ungil_reply_free().
 */
typedef struct UngilReply {
  /**
   * The response; what is there when length is 0 is not defined.
   */
  const void *response;
  /**
   * Its length in bytes.
   */
  size_t length;
  /**
   * Memory that the interpreter lends, without a release.
   */
  const struct UngilBuffer *buffers;
  /**
   * How many buffers there are.
   */
  size_t count;
  /**
   * What to free it by.
   */
  int32_t handle;
} UngilReply;

#ifdef __cplusplus
extern "C" {
#endif // __cplusplus

/**
 * The library's version, "major.minor.patch", as ASCII.
 *
 * Returns a static string, never NULL; do not free it.
 * Thread-safety: any thread, any time.
 * Cost: a few nanoseconds.
 */
const char *ungil_version(void);

/**
 * The version of the binary interface: the number that ends the SONAME, libungil.so.0.
 *
 * Programs that were linked or declared against another number must not use the library. Within one number,
 * functions and error values are only ever added.
 *
 * Thread-safety: any thread, any time.
 * Cost: a few nanoseconds.
 */
int32_t ungil_abi_version(void);

/**
 * The highest CPU level that this machine can run: "scalar", "avx2" or "avx512".
 *
 * avx2 means AVX2, FMA, BMI1, BMI2, LZCNT and POPCNT; avx512 also AVX-512 F, BW, CD, DQ, VL and IFMA (Intel since
 * Ice Lake, AMD since Zen 4). scalar is for all others: it gives the same results, but test and compPi_ctypes take
 * longer than a plain C loop there, the latter several times, as it has to round as fused multiply-add does.
 *
 * Returns a static string, never NULL; do not free it.
 * Thread-safety: any thread, any time.
 * Cost: a few nanoseconds.
 */
const char *ungil_cpu_detected(void);

/**
 * The CPU level that the functions of this library run at: the detected one, or a lower one if the environment's
 * UNGIL_CPU names it (see above). Results do not depend on it, to the bit.
 *
 * Returns a static string, never NULL; do not free it.
 * Thread-safety: any thread, any time.
 * Cost: a few nanoseconds.
 */
const char *ungil_cpu_active(void);

/**
 * The message of the latest call on this thread that failed, as UTF-8; "" if none has.
 *
 * A call that succeeds leaves the message as it is: look at it only after a call reported an error.
 *
 * Returns a string owned by the library, never NULL. It is valid until the next failing call on this thread
 * or the thread's end: copy it to keep it.
 * Thread-safety: each thread has a message of its own.
 * Cost: a few nanoseconds.
 */
const char *ungil_last_error(void);

/**
 * The sum of the numbers i in [from, to) with i % 3 == 0, modulo 2^32.
 *
 * It visits the whole range. Its use is to be a load whose time is known: call it from two Python threads and
 * see it take half the time.
 *
 * from, to: the ends of the range; from >= to is an empty range.
 * Returns the sum, reduced to 32 bits in two's complement; 0 for an empty range.
 * Errors: none.
 * Thread-safety: any number of threads at once. It runs on the calling thread, or, if it is a millisecond's work or
 * so, on as many threads as ungil_set_num_threads() or the environment's UNGIL_NUM_THREADS asks for (see above).
 * Cost: linear in to - from; no memory.
 */
int32_t test(int32_t from,
             int32_t to);

/**
 * How many of the numbers n have a divisor d with 2 <= d < floor(sqrt(n)).
 *
 * Despite the name, primes are *not* counted: those that are counted are the composite numbers, except the
 * few whose least prime factor is floor(sqrt(n)) itself: p^2, p*(p+2) for twin primes, 6 and 8. Negative
 * numbers, 0 and 1 are not counted. The numbers 0 to 999999 give 921295.
 *
 * size: how many numbers; 0 or less gives 0.
 * numbers: the array, read only, at any alignment; nobody may write to it during the call. It may be NULL if
 * size is 0 or less.
 * Returns the count; -1 on error, with a message in ungil_last_error().
 * Errors: numbers is NULL while size is positive.
 * Thread-safety: any number of threads at once. It runs on the calling thread, or, if it is a millisecond's work or
 * so, on as many threads as ungil_set_num_threads() or the environment's UNGIL_NUM_THREADS asks for (see above).
 * Cost: linear in size. A number takes about half a cycle where a table answers, else 4 cycles on average with
 * AVX-512, 10 with AVX2, 80 without either. Tables for the numbers below 2^20 and 2^24, 1.1 MB together, stay with
 * the process; the call whose numbers make one worth it builds it, in about 0.5 and 10 ms.
 */
int32_t num_primes(int32_t size,
                   const int32_t *numbers);

/**
 * (pi + the sum of 4/(1 + x^2) for x = h*(i - 0.5), i = 0 to niter-1) * h, with h = 1/niter.
 *
 * With pi = 0 this tends to the number pi as niter grows, and is 2/niter too large.
 *
 * pi: what to add to the sum; 0 as a rule.
 * niter: the number of terms. 0 or less gives what IEEE 754 arithmetic gives for an empty sum: pi * (1/niter),
 * so not-a-number for pi = 0, niter = 0.
 * Returns the value, with an error of at most 1e-14 * (|pi| + the terms' sum) * h against exact arithmetic: a
 * relative error of 1e-14, unless a negative pi cancels the sum. The bits depend neither on the number of
 * threads nor on the CPU.
 * Errors: none.
 * Thread-safety: any number of threads at once. It runs on the calling thread, or, if it is a millisecond's work or
 * so, on as many threads as ungil_set_num_threads() or the environment's UNGIL_NUM_THREADS asks for (see above).
 * Cost: linear in niter; no memory.
 */
double compPi_ctypes(double pi,
                     int32_t niter);

/**
 * The sum of the multiples of k in [from, to), in closed form.
 *
 * from, to: the ends of the range; from >= to is an empty range, with the sum 0.
 * k: any number but 0; its sign does not matter.
 * out: receives the sum, on success only; at any alignment.
 * Returns UNGIL_OK, or an error with a message in ungil_last_error().
 * Errors: UNGIL_E_NULL if out is NULL; UNGIL_E_INVALID if k is 0; UNGIL_E_OVERFLOW if the sum is not an int64_t.
 * Thread-safety: any number of threads at once.
 * Cost: constant, about 20 ns; no memory.
 */
int32_t ungil_sum_multiples(int64_t from,
                            int64_t to,
                            int64_t k,
                            int64_t *out);

/**
 * Makes a control: a token that a long call takes, so that other threads can see its progress and stop it.
 *
 * A control serves one call at a time, and any number one after the other. What a call under a control does while
 * it is cancelled or its deadline comes, is what the call's thread sees: it returns UNGIL_E_CANCELLED or
 * UNGIL_E_TIMED_OUT within 10 ms, or UNGIL_OK if it was done by then. (Where it calls a function of the caller's, a
 * call of that function is not interrupted, and a deadline may be noticed as late as 8 calls of it after.) Results
 * that are single numbers are not written then; of an array of results, some may be.
 *
 * control: receives the handle, a positive number, on success only.
 * Returns UNGIL_OK, or an error with a message in ungil_last_error().
 * Errors: UNGIL_E_NULL if control is NULL; UNGIL_E_EXHAUSTED if 65536 controls are in use.
 * Ownership: free it with ungil_control_free().
 * After a fork the child has the parent's controls, as they were; calls that were under them are not.
 * Thread-safety: any number of threads at once.
 * Cost: below a microsecond as a rule; a millisecond if nearly all are in use. 64 bytes each, which are reused.
 */
int32_t ungil_control_new(int32_t *control);

/**
 * Frees a control. Its handle is not given out again soon, and using it is an error.
 *
 * control: the handle; 0 does nothing.
 * Returns UNGIL_OK, or an error with a message in ungil_last_error().
 * Errors: UNGIL_E_HANDLE if there is no such control; UNGIL_E_IN_USE while a call is under it: cancel that first.
 * Thread-safety: any number of threads at once.
 * Cost: below a microsecond.
 */
int32_t ungil_control_free(int32_t control);

/**
 * Stops the call that is under the control. It stays cancelled: a later call under it stops at once.
 *
 * control: the handle.
 * Returns UNGIL_OK, also if no call is under it or if it was cancelled before; or an error with a message in
 * ungil_last_error().
 * Errors: UNGIL_E_HANDLE if there is no such control.
 * Thread-safety: any number of threads at once; that is what it is for.
 * Cost: below a microsecond; it does not wait for the call to return.
 */
int32_t ungil_control_cancel(int32_t control);

/**
 * Stops the call that is under the control, or a later one, when so much time is over.
 *
 * control: the handle.
 * milliseconds: counted from now, on a clock that nobody sets; 0 stops at once, a negative number takes the deadline
 * away.
 * Returns UNGIL_OK, or an error with a message in ungil_last_error().
 * Errors: UNGIL_E_HANDLE if there is no such control.
 * Thread-safety: any number of threads at once, also while a call is under it.
 * Cost: below a microsecond.
 */
int32_t ungil_control_set_deadline_ms(int32_t control,
                                      int64_t milliseconds);

/**
 * How far the latest call under the control is.
 *
 * While a call runs, done never falls. When it has succeeded, done is total; when it was stopped, done stays as it
 * was.
 *
 * control: the handle.
 * done, total: receive numbers of items (array elements, terms, indices: what the call works on), on success only;
 * both 0 before the first call.
 * Returns UNGIL_OK, or an error with a message in ungil_last_error().
 * Errors: UNGIL_E_HANDLE if there is no such control; UNGIL_E_NULL if done or total is NULL.
 * Thread-safety: any number of threads at once.
 * Cost: below a microsecond.
 */
int32_t ungil_control_progress(int32_t control,
                               uint64_t *done,
                               uint64_t *total);

/**
 * The number of threads that nthreads = 0 stands for: the latest of ungil_set_num_threads(), else that in the
 * environment's UNGIL_NUM_THREADS, else in OMP_NUM_THREADS, else the number of the processors that the calling thread
 * may use.
 *
 * Returns a number from 1 to 256, or that of the processors, if they are more.
 * Thread-safety: any thread, any time.
 * Cost: a few nanoseconds; a system call where the processors are counted. The first call reads the environment.
 */
int32_t ungil_num_threads(void);

/**
 * Sets the number of threads for the whole process, as if the environment's UNGIL_NUM_THREADS had been that number: it
 * is what nthreads = 0 stands for, and what test(), num_primes() and compPi_ctypes() run on.
 *
 * nthreads: the number, from 1 on; above 256 it is as 256. 0 goes back to what was without this function: the number
 * in UNGIL_NUM_THREADS, as it was when the environment was read; without one, nthreads = 0 stands for OMP_NUM_THREADS
 * or the processors again, and the three functions run on the calling thread.
 * Returns UNGIL_OK, or an error with a message in ungil_last_error(), and then nothing has changed.
 * Errors: UNGIL_E_INVALID if nthreads is negative.
 * Thread-safety: any thread, any time; the latest number counts. It holds for calls that begin later, on any thread
 * and in any interpreter; one that is under way keeps its number. The child of a fork has its parent's.
 * Cost: a few nanoseconds; no thread is started or ended. The first call reads the environment.
 */
int32_t ungil_set_num_threads(int32_t nthreads);

/**
 * The number that ungil_set_num_threads() has set; given to it later, it brings the present state back.
 *
 * ungil_num_threads() does not: once its number is set, it no longer follows the processors, and is test()'s,
 * num_primes()'s and compPi_ctypes()'s too.
 *
 * Returns a number from 1 to 256, or 0 if none is set.
 * Thread-safety: any thread, any time.
 * Cost: a few nanoseconds.
 */
int32_t ungil_num_threads_setting(void);

/**
 * The sum of 4/(1 + x^2) for x = (i - 0.5)/n, i = 0 to n-1, over n: compPi_ctypes(0, n), with a 64-bit n.
 *
 * It tends to the number pi as n grows, and is 2/n too large.
 *
 * n: the number of terms, 1 or more.
 * nthreads, control: see "Calls on many threads" above.
 * out: receives the value, on success only; at any alignment.
 * Returns UNGIL_OK, or an error with a message in ungil_last_error().
 * Errors: UNGIL_E_NULL if out is NULL; UNGIL_E_INVALID if n is 0 or negative; those of nthreads and control.
 * Thread-safety: any number of threads at once.
 * Precision: a relative error of at most 1e-14 against exact arithmetic. The bits depend neither on the number of
 * threads nor on the CPU.
 * Cost: that of compPi_ctypes(), divided by the threads: 10^10 terms take 0.6 seconds on one core with AVX-512.
 */
int32_t ungil_pi(int64_t n,
                 int32_t nthreads,
                 int32_t control,
                 double *out);

/**
 * test() on several threads, under a control: the sum of the i in [from, to) with i % 3 == 0, modulo 2^32.
 *
 * It visits the whole range, as test() does; ungil_sum_multiples() is the closed form.
 *
 * from, to: the ends of the range; from >= to is an empty range.
 * nthreads, control: see "Calls on many threads" above.
 * out: receives the sum, reduced to 32 bits in two's complement, on success only; at any alignment.
 * Returns UNGIL_OK, or an error with a message in ungil_last_error().
 * Errors: UNGIL_E_NULL if out is NULL; those of nthreads and control.
 * Thread-safety: any number of threads at once.
 * Cost: that of test(), divided by the threads.
 */
int32_t ungil_test(int32_t from, int32_t to, int32_t nthreads, int32_t control, int32_t *out);

/**
 * The sum of an array of doubles, as if in twice the precision, rounded once.
 *
 * numbers: the array, read only, at any alignment; nobody may write to it during the call. NULL if length is 0.
 * length: how many numbers; the sum of none is 0.
 * nthreads, control: see "Calls on many threads" above.
 * sum: receives the sum, on success only; at any alignment.
 * Returns UNGIL_OK, or an error with a message in ungil_last_error().
 * Errors: UNGIL_E_NULL if sum is NULL, or numbers while length is positive; UNGIL_E_INVALID if length is more than the
 * address space; those of nthreads and control.
 * Thread-safety: any number of threads at once.
 * Precision: an error of at most 2^-53 relative to the sum, and length^2 * 2^-105 relative to the sum of magnitudes
 * (Ogita, Rump, Oishi 2005). Infinities and NaNs give what IEEE 754 gives; a sum on the way that overflows gives an
 * infinity, or NaN. The bits depend neither on the number of threads nor on the CPU.
 * Cost: that of reading the array, if it is not in the cache; 3 cycles per 8 numbers with AVX-512 if it is.
 */
int32_t ungil_sum_f64(const double *numbers,
                      size_t length,
                      int32_t nthreads,
                      int32_t control,
                      double *sum);

/**
 * Tells primes: out[i] = 1 if numbers[i] is a prime, else 0.
 *
 * It is a proof, not a probability: a strong probable prime test to base 2 and an extra strong Lucas test, which
 * together no composite number below 2^64 passes (Feitsma's list of base-2 pseudoprimes, checked by Jacobsen).
 *
 * numbers: the array, read only, at any alignment; nobody may write to it during the call. NULL if length is 0.
 * length: how many numbers.
 * out: room for length bytes, apart from numbers; nobody else may use it during the call. NULL if length is 0.
 * nthreads, control: see "Calls on many threads" above.
 * Returns UNGIL_OK, or an error with a message in ungil_last_error().
 * Errors: UNGIL_E_NULL if numbers or out is NULL while length is positive; UNGIL_E_INVALID if length is more than the
 * address space, or if numbers and out overlap; those of nthreads and control.
 * Thread-safety: any number of threads at once.
 * Cost: with one thread and AVX-512, some 16 ns per random odd number below 2^64, 135 ns per number if all are prime;
 * without, three times as much.
 */
int32_t ungil_is_prime_u64(const uint64_t *numbers,
                           size_t length,
                           uint8_t *out,
                           int32_t nthreads,
                           int32_t control);

/**
 * ungil_is_prime_u64() for numbers with a sign. Negative numbers are not prime.
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
 * numbers: the array, read only, at any alignment; nobody may write to it during the call. NULL if length is 0.
 * length: how many numbers.
 * nthreads, control: see "Calls on many threads" above.
 * count: receives the count, on success only; at any alignment.
 * Returns UNGIL_OK, or an error with a message in ungil_last_error().
 * Errors: UNGIL_E_NULL if count is NULL, or numbers while length is positive; UNGIL_E_INVALID if length is more than
 * the address space; those of nthreads and control.
 * Thread-safety: any number of threads at once.
 * Cost: that of ungil_is_prime_u64().
 */
int32_t ungil_count_primes_u64(const uint64_t *numbers,
                               size_t length,
                               int32_t nthreads,
                               int32_t control,
                               uint64_t *count);

/**
 * ungil_count_primes_u64() for numbers with a sign. Negative numbers are not prime.
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
 * ungil_count_primes_u64() for 32-bit numbers with a sign. Negative numbers are not prime.
 *
 * numbers, length, nthreads, control, count: as for ungil_count_primes_u64().
 * Returns, Errors, Thread-safety: as for ungil_count_primes_u64().
 * Cost: some 5 ns a number, with one thread and AVX-512.
 */
int32_t ungil_count_primes_i32(const int32_t *numbers,
                               size_t length,
                               int32_t nthreads,
                               int32_t control,
                               uint64_t *count);

/**
 * num_primes() for arrays of any length: how many of the numbers n have a divisor d with 2 <= d < floor(sqrt(n)).
 *
 * It does *not* count primes: see num_primes(), and ungil_count_primes_i32() for a count of primes.
 *
 * numbers: the array, read only, at any alignment; nobody may write to it during the call. NULL if length is 0.
 * length: how many numbers.
 * nthreads, control: see "Calls on many threads" above.
 * count: receives the count, on success only; at any alignment.
 * Returns UNGIL_OK, or an error with a message in ungil_last_error().
 * Errors: UNGIL_E_NULL if count is NULL, or numbers while length is positive; UNGIL_E_INVALID if length is more than
 * the address space; those of nthreads and control.
 * Thread-safety: any number of threads at once.
 * Cost: that of num_primes(), divided by the threads.
 */
int32_t ungil_num_primes_i32(const int32_t *numbers,
                             size_t length,
                             int32_t nthreads,
                             int32_t control,
                             uint64_t *count);

/**
 * Calls function(b, e, ctx) for ranges [b, e) that make up [begin, end), on several threads.
 *
 * begin, end: the ends of the loop; begin == end is an empty loop.
 * grain: the length of a range that one call of the function gets, 1 or more; the last one may be shorter.
 * nthreads: see "Calls on many threads" above.
 * function: see "Functions of the caller's" above. If it returns another number than 0, ranges that were begun are
 * ended, and soon no other is begun. As ranges are begun in order, the number that comes back, that of the lowest
 * range that returned one, is the number that a plain loop would have stopped with.
 * ctx: handed on to the function.
 * control: see "Calls on many threads" above.
 * Returns UNGIL_OK; or the function's number (let it be positive, as negative ones are this library's errors); or an
 * error, with a message in ungil_last_error() in both cases.
 * Errors: UNGIL_E_NULL if function is NULL; UNGIL_E_INVALID if begin > end, or if grain is 0 or negative; those of
 * nthreads and control.
 * Thread-safety: any number of threads at once, and inside another call's function.
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
 * out[i] = function(in[i]) for i = 0 to n-1, on several threads.
 *
 * function: see "Functions of the caller's" above; libm's erf(), for example.
 * in: n numbers, read only, at any alignment; nobody may write to them during the call. NULL if n is 0.
 * out: room for n numbers, at any alignment; nobody else may use it during the call. It may be in itself; it may not
 * overlap in otherwise.
 * n: how many numbers.
 * nthreads, control: see "Calls on many threads" above.
 * Returns UNGIL_OK, or an error with a message in ungil_last_error().
 * Errors: UNGIL_E_NULL if function is NULL, or in or out while n is positive; UNGIL_E_INVALID if n is more than the
 * address space, or if in and out overlap; those of nthreads and control.
 * Thread-safety: any number of threads at once, and inside another call's function.
 * Cost: that of a plain loop, divided by the threads, and some microseconds if other threads take part.
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
 * function: see "Functions of the caller's" above.
 * ctx: handed on to the function.
 * a, b: the ends, finite, at a finite distance; b may be below a, which gives the negative.
 * n: the number of parts, 1 or more.
 * nthreads, control: see "Calls on many threads" above.
 * out: receives the integral, on success only; at any alignment.
 * Returns UNGIL_OK, or an error with a message in ungil_last_error().
 * Errors: UNGIL_E_NULL if function or out is NULL; UNGIL_E_INVALID if a or b is not finite or too far from the other,
 * or if n is 0 or negative; those of nthreads and control.
 * Thread-safety: any number of threads at once, and inside another call's function.
 * Precision: the rule's own error is (b - a)^3 / (24 n^2) times the function's second derivative somewhere between a
 * and b. The sum is taken as if in twice the precision, and rounded once. The bits do not depend on the number of
 * threads, if those of the function do not. A sum that is too large for a double gives an infinity.
 * Cost: n calls of the function, divided by the threads, and some microseconds if other threads take part.
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
 * Gives an isolated interpreter: a Python of its own, with a lock of its own, in this process.
 *
 * It is a private copy of the Python library, which loads private copies of the extension modules that it imports;
 * see "Isolated interpreters" above. It is one that was freed, made as new, if there is one with the same options; its
 * modules are imported already then.
 *
 * options: NULL, or lines of name=value, UTF-8; where they are silent, the interpreter is like the process's own
 * Python if that is of the same version, and like a new Python program otherwise:
 *   libpython: the shared library of a CPython from 3.8 to 3.14. Else that of the environment's UNGIL_LIBPYTHON, that
 *   of executable, the process's own or the one beside it, or the newest that the system's loader finds.
 *   fresh: 1 for an interpreter that nobody has had.
 *   executable: the Python program that it is to be like, of a venv for example: its packages, its sys.executable.
 *   home: the prefix that has the standard library, if there is no executable.
 *   path, argv, warnoption, xoption: entries of sys.path, sys.argv, sys.warnoptions and sys._xoptions, a line each.
 *   pycache_prefix, int_max_str_digits, optimize, dont_write_bytecode, no_user_site, no_site, ignore_environment,
 *   isolated, bytes_warning, verbose, quiet, debug, utf8_mode, dev_mode: as in sys and sys.flags; flags are numbers.
 * interp: receives the handle, a positive number, on success only.
 * Returns UNGIL_OK, or an error with a message in ungil_last_error().
 * Errors: UNGIL_E_NULL if interp is NULL; UNGIL_E_INVALID if an option is unknown or wrong; UNGIL_E_UNSUPPORTED if no
 * libpython is found, it is of another version, or it is missing, static, damaged or without its standard library, and
 * where a system has no ELF or no glibc from 2.28 on; UNGIL_E_EXHAUSTED if the process cannot have more: each takes
 * one of pthreads' 1024 keys; UNGIL_E_EXITING if the process is exiting.
 * Ownership: free it with ungil_interp_free().
 * Thread-safety: any number of threads at once. A thread that holds the lock of the process's Python (one in a
 * function of ctypes.PyDLL, but not of CDLL) must be the one that calls.
 * Cost: a new one, about 20 ms and 10 MB, which the process keeps; one that was freed, 0.1 ms.
 */
int32_t ungil_interp_new(const char *options,
                         int32_t *interp);

/**
 * Gives an interpreter back, for others to have.
 *
 * Its `__main__`, sys.argv, sys.path, standard streams and, if it changed that, the process's working directory become
 * what they were; modules stay imported. If threads are left in it, it is not given to others.
 *
 * interp: the handle; 0 does nothing.
 * Returns UNGIL_OK, or an error with a message in ungil_last_error().
 * Errors: UNGIL_E_HANDLE if there is no such interpreter; UNGIL_E_IN_USE while a request is under way in it;
 * UNGIL_E_FORKED in the child of a fork, if it is the parent's.
 * Thread-safety: any number of threads at once.
 * Cost: 0.1 ms, and what it takes to end the objects of `__main__` and to look for others that nobody has: some
 * milliseconds where many modules are imported.
 */
int32_t ungil_interp_free(int32_t interp);

/**
 * How many interpreters there are in this process.
 *
 * in_use: receives the number of those that were given out and not freed.
 * idle: receives the number of those that were freed, and wait to be given out again.
 * Returns UNGIL_OK, or an error with a message in ungil_last_error().
 * Errors: UNGIL_E_NULL if in_use or idle is NULL.
 * Thread-safety: any number of threads at once.
 * Cost: below a microsecond.
 */
int32_t ungil_interp_count(int32_t *in_use, int32_t *idle);

/**
 * Runs Python source in the interpreter's `__main__`, on the calling thread.
 *
 * interp: the handle.
 * source: any number of statements, UTF-8.
 * Returns UNGIL_OK, or an error with a message in ungil_last_error().
 * Errors: UNGIL_E_NULL if source is NULL; UNGIL_E_HANDLE if there is no such interpreter; UNGIL_E_PYTHON if the source
 * ends with an exception, sys.exit()'s among them; UNGIL_E_FORKED in the child of a fork; UNGIL_E_EXITING if the process is
 * exiting: the code may have run in part.
 * Thread-safety: any number of threads at once. In one interpreter they take turns, as threads in Python do; in
 * several they run at the same time. Each request has a thread state of its own: threading.local does not outlast it.
 * Cost: that of the code, and 20 us, mostly to compile it.
 */
int32_t ungil_interp_exec(int32_t interp,
                          const char *source);

/**
 * The value of a Python expression in the interpreter's `__main__`, as str() shows it.
 *
 * interp: the handle.
 * expression: UTF-8.
 * text: receives the text, UTF-8, on success only. It belongs to the library, and is valid until this thread's next
 * call of this function or the thread's end; it ends at its first NUL.
 * Returns UNGIL_OK, or an error with a message in ungil_last_error().
 * Errors: UNGIL_E_NULL if expression or text is NULL; those of ungil_interp_exec().
 * Thread-safety, Cost: as for ungil_interp_exec().
 */
int32_t ungil_interp_eval(int32_t interp,
                          const char *expression,
                          const char **text);

/**
 * Sends a request to the function that the interpreter's code gave to `_ungil.serve`, and waits for its response.
 *
 * That function is called on the calling thread as function(request, *buffers), with a bytes object and memoryviews,
 * and returns something with a buffer (bytes, bytearray, an array), or a tuple of several: the response, and buffers.
 * `import _ungil` is there in each interpreter.
 *
 * interp: the handle.
 * request: length bytes, which are copied; NULL if length is 0.
 * buffers: count buffers, which are not copied; NULL if count is 0. Each stays in use as long as there is a view of
 * it, which may be longer than the call; then its release is called, from any thread, and before this returns if no
 * view is left then. It is called exactly once for each buffer, also where this returns an error, except
 * UNGIL_E_NULL, and UNGIL_E_EXITING for buffers that Python code had already; and not after
 * ungil_interp_end_release(). Python code that writes to a buffer, and whoever else reads it, must agree when.
 * reply: receives the answer, on success only. It and its memory belong to the library: see ungil_reply_free().
 * Returns UNGIL_OK, or an error with a message in ungil_last_error().
 * Errors: UNGIL_E_NULL if reply is NULL, or request or buffers while their length is positive; UNGIL_E_INVALID if a
 * length is more than the address space, or a buffer has a length but no address; UNGIL_E_EXHAUSTED if 65536 replies
 * are in use; those of ungil_interp_exec().
 * Thread-safety: as for ungil_interp_exec().
 * Cost: that of the function, and about 2 us.
 */
int32_t ungil_interp_call(int32_t interp,
                          const void *request,
                          size_t length,
                          const struct UngilBuffer *buffers,
                          size_t count,
                          struct UngilReply *reply);

/**
 * Gives a reply back: its memory, and the interpreter's memory that it lends, are not to be used any more.
 *
 * handle: the reply's; 0 does nothing.
 * Returns UNGIL_OK, or an error with a message in ungil_last_error().
 * Errors: UNGIL_E_HANDLE if there is no such reply.
 * Thread-safety: any number of threads at once.
 * Cost: below a microsecond, some more if it lends memory: the interpreter's own thread gives that back.
 */
int32_t ungil_reply_free(int32_t handle);

/**
 * Ends a release: the library calls this function no more, and its buffers' memory stays in use.
 *
 * It is for functions that need something which is about to end, as one in Python needs that Python.
 *
 * release: the function; NULL does nothing.
 * Returns UNGIL_OK, or an error with a message in ungil_last_error().
 * Errors: UNGIL_E_IN_USE if a call of it is not over within a second; no other begins.
 * Thread-safety: any number of threads at once, but not in a call of the function.
 * Cost: below a microsecond, if no call is under way.
 */
int32_t ungil_interp_end_release(UngilRelease release);

/**
 * Raises KeyboardInterrupt in the requests that are under way in an interpreter.
 *
 * Each ends as the code there lets it, with UNGIL_E_PYTHON as a rule. Code in C is interrupted when it returns to
 * Python: a time.sleep() is slept to its end. If no request is under way, nothing happens.
 *
 * interp: the handle.
 * Returns UNGIL_OK, or an error with a message in ungil_last_error().
 * Errors: UNGIL_E_HANDLE if there is no such interpreter; UNGIL_E_FORKED in the child of a fork.
 * Thread-safety: any number of threads at once; that is what it is for. It concerns requests of this handle's only:
 * who has the interpreter next, after ungil_interp_free(), is not interrupted.
 * Cost: some microseconds; it does not wait.
 */
int32_t ungil_interp_interrupt(int32_t interp);

#ifdef __cplusplus
}  // extern "C"
#endif  // __cplusplus

#endif  /* UNGIL_H */
