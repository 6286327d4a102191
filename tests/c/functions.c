/* Any C function on several threads: answers, order, errors, and calls inside calls. */
#define _GNU_SOURCE
#include <limits.h>
#include <math.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <ungil.h>

#include "expect.h"

#ifdef _WIN32 /* mingw */
#define PTHREAD_STACK_MIN 16384
#define erf floor /* its own erf uses x87, whose precision is another one in threads that mingw did not start */
#endif

enum { SIZE = 100003 };
static const int32_t threads[] = {0, 1, 2, 3, 7, 16, INT32_MAX};
enum { WAYS = sizeof threads / sizeof *threads };

static atomic_llong seen;
static int64_t stops_at[2];

static int32_t count_indices(int64_t begin, int64_t end, void *ctx) {
  if (ctx != &seen || begin >= end) return 99;
  seen += end - begin;
  return 0;
}

static int32_t check_grain(int64_t begin, int64_t end, void *ctx) {
  int64_t *loop = ctx; /* begin, end, grain */
  if ((begin - loop[0]) % loop[2] != 0) return 1;
  return end == loop[1] || end - begin == loop[2] ? 0 : 2;
}

static int32_t stop(int64_t begin, int64_t end, void *ctx) {
  (void)ctx;
  for (int i = 0; i < 2; i++)
    if (begin <= stops_at[i] && stops_at[i] < end) return (int32_t)stops_at[i];
  return 0;
}

static int32_t nested(int64_t begin, int64_t end, void *ctx) {
  (void)begin, (void)end;
  return ungil_parallel_for(0, 100, 7, 3, count_indices, ctx, 0);
}

static int32_t clear_bit(int64_t begin, int64_t end, void *ctx) {
  (void)end;
  return begin < 0 ? -1000 : (int32_t)(intptr_t)ctx;
}

static void loops(void) {
  for (int i = 0; i < WAYS; i++) {
    for (int64_t grain = 1; grain < 200000; grain = grain * 5 + 3) {
      int64_t loop[3] = {-1000, SIZE, grain};
      seen = 0;
      expect(ungil_parallel_for(loop[0], loop[1], grain, threads[i], count_indices, &seen, 0) == UNGIL_OK);
      expect(seen == SIZE + 1000);
      expect(ungil_parallel_for(loop[0], loop[1], grain, threads[i], check_grain, loop, 0) == UNGIL_OK);
    }
    /* The lowest of two stops comes back, wherever it lies. */
    for (int64_t at = 10; at < 1000; at += 97) {
      stops_at[0] = at, stops_at[1] = at + 1;
      expect(ungil_parallel_for(0, 10000, 1, threads[i], stop, NULL, 0) == at);
      expect(strstr(ungil_last_error(), "stopped by the function") != NULL);
    }
    seen = 0;
    expect(ungil_parallel_for(0, 50, 1, threads[i], nested, &seen, 0) == UNGIL_OK);
    expect(seen == 5000);
    expect(ungil_parallel_for(INT64_MIN, INT64_MAX, INT64_MAX, threads[i], clear_bit, NULL, 0) == -1000);
    expect(ungil_parallel_for(INT64_MIN, INT64_MIN + 1, INT64_MAX, threads[i], clear_bit, NULL, 0) == -1000);
    expect(ungil_parallel_for(INT64_MAX - 1, INT64_MAX, 1, threads[i], clear_bit, NULL, 0) == UNGIL_OK);
  }
}

static int64_t times_three(int64_t x) { return (int64_t)(3 * (uint64_t)x); }

static void maps(void) {
  static double in[SIZE], out[SIZE + 1];
  static int64_t integers[SIZE];
  static char bytes[SIZE * sizeof(double) + 16];
  for (int i = 0; i < WAYS; i++) {
    for (int64_t j = 0; j < SIZE; j++) in[j] = j * 1e-3 - 50, integers[j] = INT64_MAX - j;
    out[SIZE] = 77;
    expect(ungil_map_f64(erf, in, out, SIZE, threads[i], 0) == UNGIL_OK);
    int same = 0;
    for (int64_t j = 0; j < SIZE; j++) same += out[j] == erf(in[j]);
    expect(same == SIZE && out[SIZE] == 77);
    expect(ungil_map_f64(erf, in, in, SIZE, threads[i], 0) == UNGIL_OK); /* in place */
    expect(memcmp(in, out, sizeof in) == 0);
    expect(ungil_map_i64(times_three, integers, integers, SIZE, threads[i], 0) == UNGIL_OK);
    same = 0;
    for (int64_t j = 0; j < SIZE; j++) same += integers[j] == times_three(INT64_MAX - j);
    expect(same == SIZE);
    /* At addresses that are no double's. */
    union { char *bytes; double *doubles; } from = {bytes + 3}, to = {(char *)out + 5};
    memcpy(from.bytes, in, sizeof in);
    expect(ungil_map_f64(fabs, from.doubles, to.doubles, SIZE - 1, threads[i], 0) == UNGIL_OK);
    same = 0;
    for (int64_t j = 0; j < SIZE - 1; j++) {
      double found;
      memcpy(&found, to.bytes + (size_t)j * sizeof found, sizeof found);
      same += found == fabs(in[j]);
    }
    expect(same == SIZE - 1);
  }
}

static double four_over(double x, void *ctx) { return *(double *)ctx / (1 + x * x); }

/* One thread's bits are any number's. */
static void same_bits(void) {
  static double numbers[SIZE];
  double four = 4, integrals[2], sums[2], pis[2];
  for (int64_t j = 0; j < SIZE; j++) numbers[j] = sin((double)j) * exp2((double)(j % 200));
  for (int i = 0; i < WAYS; i++) {
    expect(ungil_integrate(four_over, &four, 0, 1, SIZE, threads[i], 0, &integrals[i > 0]) == UNGIL_OK);
    expect(ungil_sum_f64(numbers, SIZE, threads[i], 0, &sums[i > 0]) == UNGIL_OK);
    expect(ungil_pi(10000019, threads[i], 0, &pis[i > 0]) == UNGIL_OK);
    if (i == 0) continue;
    expect(memcmp(&integrals[0], &integrals[1], sizeof *integrals) == 0);
    expect(memcmp(&sums[0], &sums[1], sizeof *sums) == 0);
    expect(memcmp(&pis[0], &pis[1], sizeof *pis) == 0);
  }
  expect(pis[0] == compPi_ctypes(0, 10000019));
  expect(fabs(integrals[0] - acos(-1)) < 1e-10); /* 1/(12 n^2) */
  double lines[] = {0, 1, 5, 8};
  double one = 1;
  expect(ungil_integrate(four_over, &one, 0, 0, 10, 1, 0, &integrals[0]) == UNGIL_OK && integrals[0] == 0);
  expect(ungil_sum_f64(lines, 4, 2, 0, &sums[0]) == UNGIL_OK && sums[0] == 14);
}

static void bad_input(void) {
  double numbers[8] = {0}, result = 77;
  int64_t integers[8] = {0};
  uint64_t count = 77;
  uint8_t bytes[8] = {77};
  int32_t small[8] = {0};
  size_t too_long = (size_t)-1;
  expect(ungil_parallel_for(0, 1, 1, 1, NULL, NULL, 0) == UNGIL_E_NULL);
  expect(strstr(ungil_last_error(), "ungil_parallel_for: function is NULL") == ungil_last_error());
  expect(ungil_parallel_for(1, 0, 1, 1, stop, NULL, 0) == UNGIL_E_INVALID);
  expect(ungil_parallel_for(INT64_MAX, INT64_MIN, 1, 1, stop, NULL, 0) == UNGIL_E_INVALID);
  expect(ungil_parallel_for(0, 1, 0, 1, stop, NULL, 0) == UNGIL_E_INVALID);
  expect(ungil_parallel_for(0, 1, INT64_MIN, 1, stop, NULL, 0) == UNGIL_E_INVALID);
  expect(ungil_parallel_for(0, 1, 1, -1, stop, NULL, 0) == UNGIL_E_INVALID);
  expect(strstr(ungil_last_error(), "nthreads must be") != NULL);
  expect(ungil_parallel_for(0, 0, 1, 1, stop, NULL, 0) == UNGIL_OK);

  expect(ungil_map_f64(NULL, numbers, numbers, 8, 1, 0) == UNGIL_E_NULL);
  expect(ungil_map_f64(sin, NULL, numbers, 8, 1, 0) == UNGIL_E_NULL);
  expect(ungil_map_f64(sin, numbers, NULL, 8, 1, 0) == UNGIL_E_NULL);
  expect(ungil_map_f64(sin, NULL, NULL, 0, 1, 0) == UNGIL_OK);
  expect(ungil_map_f64(sin, numbers, numbers, too_long, 1, 0) == UNGIL_E_INVALID);
  expect(ungil_map_f64(sin, numbers, numbers + 1, 7, 1, 0) == UNGIL_E_INVALID);
  expect(ungil_map_f64(sin, numbers + 1, numbers, 7, 1, 0) == UNGIL_E_INVALID);
  expect(strstr(ungil_last_error(), "out must be") != NULL);
  expect(ungil_map_f64(sin, numbers, numbers + 4, 4, 1, 0) == UNGIL_OK);
  expect(ungil_map_f64(sin, numbers, numbers, 8, -7, 0) == UNGIL_E_INVALID);
  expect(ungil_map_i64(NULL, integers, integers, 8, 1, 0) == UNGIL_E_NULL);
  expect(ungil_map_i64(times_three, integers, integers + 1, 7, 1, 0) == UNGIL_E_INVALID);

  double one = 1;
  expect(ungil_integrate(NULL, &one, 0, 1, 10, 1, 0, &result) == UNGIL_E_NULL);
  expect(ungil_integrate(four_over, &one, 0, 1, 10, 1, 0, NULL) == UNGIL_E_NULL);
  double ends[] = {NAN, INFINITY, -INFINITY};
  for (int i = 0; i < 3; i++) {
    expect(ungil_integrate(four_over, &one, ends[i], 1, 10, 1, 0, &result) == UNGIL_E_INVALID);
    expect(ungil_integrate(four_over, &one, 0, ends[i], 10, 1, 0, &result) == UNGIL_E_INVALID);
  }
  expect(ungil_integrate(four_over, &one, -1e308, 1e308, 10, 1, 0, &result) == UNGIL_E_INVALID);
  expect(ungil_integrate(four_over, &one, 0, 1, 0, 1, 0, &result) == UNGIL_E_INVALID);
  expect(ungil_integrate(four_over, &one, 0, 1, INT64_MIN, 1, 0, &result) == UNGIL_E_INVALID);

  expect(ungil_sum_f64(NULL, 1, 1, 0, &result) == UNGIL_E_NULL);
  expect(ungil_sum_f64(numbers, 1, 1, 0, NULL) == UNGIL_E_NULL);
  expect(ungil_sum_f64(numbers, too_long, 1, 0, &result) == UNGIL_E_INVALID);
  expect(ungil_pi(0, 1, 0, &result) == UNGIL_E_INVALID);
  expect(ungil_pi(INT64_MIN, 1, 0, &result) == UNGIL_E_INVALID);
  expect(ungil_pi(10, 1, 0, NULL) == UNGIL_E_NULL);
  expect(ungil_num_primes_i32(NULL, 1, 1, 0, &count) == UNGIL_E_NULL);
  expect(ungil_num_primes_i32(small, 1, 1, 0, NULL) == UNGIL_E_NULL);
  expect(ungil_num_primes_i32(small, too_long, 1, 0, &count) == UNGIL_E_INVALID);
  expect(ungil_count_primes_i32(NULL, 1, 1, 0, &count) == UNGIL_E_NULL);
  expect(ungil_count_primes_i64(integers, 1, 1, 0, NULL) == UNGIL_E_NULL);
  expect(ungil_count_primes_u64((uint64_t *)integers, too_long, 1, 0, &count) == UNGIL_E_INVALID);
  expect(ungil_is_prime_i64(NULL, 1, bytes, 1, 0) == UNGIL_E_NULL);
  expect(ungil_is_prime_i64(integers, 1, NULL, 1, 0) == UNGIL_E_NULL);
  expect(ungil_is_prime_i64(integers, 8, (uint8_t *)integers + 63, 1, 0) == UNGIL_E_INVALID);
  expect(ungil_is_prime_u64((uint64_t *)integers, 8, (uint8_t *)integers, 1, 0) == UNGIL_E_INVALID);
  expect(ungil_is_prime_u64(NULL, 0, NULL, 1, 0) == UNGIL_OK);
  expect(result == 77 && count == 77 && bytes[0] == 77);
}

/* Items that were quick become slow: nobody waits for the rest of a piece that was meant for quick ones. */
enum { QUICK = 100000 };
static int32_t own_control;
static atomic_int slow_calls;

static double slow_from_the_middle(double x) {
  if (x >= QUICK) {
    slow_calls++;
    ungil_control_cancel(own_control);
  }
  return x;
}

static double slow_integrand(double x, void *ctx) { return (void)ctx, slow_from_the_middle(x); }

static void becoming_slow(void) {
  static double in[4 * QUICK], out[4 * QUICK];
  double value;
  for (int i = 0; i < 4 * QUICK; i++) in[i] = i;
  for (int i = 0; i < WAYS; i++) {
    slow_calls = 0;
    expect(ungil_control_new(&own_control) == UNGIL_OK);
    expect(ungil_map_f64(slow_from_the_middle, in, out, 4 * QUICK, threads[i], own_control) == UNGIL_E_CANCELLED);
    expect(ungil_control_free(own_control) == UNGIL_OK);
    expect(ungil_control_new(&own_control) == UNGIL_OK);
    expect(ungil_integrate(slow_integrand, NULL, 0, 4 * QUICK, 4 * QUICK, threads[i], own_control, &value) ==
           UNGIL_E_CANCELLED);
    expect(ungil_control_free(own_control) == UNGIL_OK);
    expect(0 < slow_calls && slow_calls < 2000); /* one per thread and call: there are not more processors */
  }
}

#ifndef _WIN32
/* A thread that a signal would have to reach, and one of the library's, which leaves signals to the host. */
static pthread_t host;

static int32_t check_signals(int64_t begin, int64_t end, void *ctx) {
  (void)begin, (void)end, (void)ctx;
  sigset_t blocked;
  pthread_sigmask(SIG_BLOCK, NULL, &blocked);
  int is_worker = !pthread_equal(pthread_self(), host);
  return sigismember(&blocked, SIGINT) != is_worker || sigismember(&blocked, SIGSEGV);
}

static void signals(void) {
  host = pthread_self();
  expect(ungil_parallel_for(0, 100000, 1, 4, check_signals, NULL, 0) == UNGIL_OK);
}
#else
static void signals(void) {} /* no thread of Windows can block one */
#endif

/* On a stack that is smaller than any system's default. */
static void *on_a_small_stack(void *argument) {
  static uint64_t numbers[5000];
  static uint8_t bytes[5000];
  double *in = argument, value, one = 1;
  uint64_t count;
  for (uint64_t i = 0; i < 5000; i++) numbers[i] = UINT64_MAX - i;
  for (int32_t n = 1; n <= 2; n++) {
    if (ungil_is_prime_u64(numbers, 5000, bytes, n, 0) != UNGIL_OK) return "is_prime_u64";
    if (ungil_is_prime_i64((int64_t *)numbers, 5000, bytes, n, 0) != UNGIL_OK) return "is_prime_i64";
    if (ungil_count_primes_i64((int64_t *)numbers, 5000, n, 0, &count) != UNGIL_OK) return "count_primes";
    if (ungil_num_primes_i32((int32_t *)numbers, 10000, n, 0, &count) != UNGIL_OK) return "num_primes";
    if (ungil_sum_f64(in, SIZE, n, 0, &value) != UNGIL_OK) return "sum";
    if (ungil_pi(1000000, n, 0, &value) != UNGIL_OK) return "pi";
    if (ungil_integrate(four_over, &one, 0, 1, 10000, n, 0, &value) != UNGIL_OK) return "integrate";
    if (ungil_map_f64(fabs, in, in, SIZE, n, 0) != UNGIL_OK) return "map";
  }
  return NULL;
}

static void small_stacks(void) {
  static double in[SIZE];
  pthread_attr_t attributes;
  pthread_t thread;
  void *wrong = "not joined";
  size_t least = (size_t)PTHREAD_STACK_MIN, size = least > 80 << 10 ? least : 80 << 10; /* on aarch64 it is 128 KiB */
  expect(pthread_attr_init(&attributes) == 0 && pthread_attr_setstacksize(&attributes, size) == 0);
  expect(pthread_create(&thread, &attributes, on_a_small_stack, in) == 0);
  expect(pthread_join(thread, &wrong) == 0 && wrong == NULL);
}

/* Many threads, each with calls on many threads, and calls inside them. */
static void *everything(void *argument) {
  (void)argument;
  atomic_llong own = 0;
  for (int round = 0; round < 20; round++) {
    double in[1000], out[1000];
    for (int i = 0; i < 1000; i++) in[i] = i;
    if (ungil_map_f64(sqrt, in, out, 1000, 4, 0) != UNGIL_OK || out[961] != 31) return "map";
    if (ungil_parallel_for(0, 20, 1, 4, nested, &own, 0) != 99) return "for"; /* own is not what it looks for */
  }
  return NULL;
}

static void many_threads(void) {
  enum { THREADS = 50 };
  pthread_t all[THREADS];
  for (int i = 0; i < THREADS; i++) expect(pthread_create(&all[i], NULL, everything, NULL) == 0);
  for (int i = 0; i < THREADS; i++) {
    void *wrong = "not joined";
    expect(pthread_join(all[i], &wrong) == 0 && wrong == NULL);
  }
}

int main(void) {
  loops();
  maps();
  same_bits();
  bad_input();
  becoming_slow();
  signals();
  small_stacks();
  many_threads();
  return report("functions");
}
