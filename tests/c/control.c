/* Controls: progress, cancellation and deadlines of every function that takes one; and handles of all kinds. */
#define _GNU_SOURCE
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <time.h>
#include <ungil.h>
#include <unistd.h>

#include "expect.h"

enum { SIZE = 1 << 22 };

static int64_t numbers[SIZE];
static double doubles[SIZE];
static uint8_t bytes[SIZE];

static void nap(void) { nanosleep(&(struct timespec){.tv_nsec = 2000000}, NULL); }

static double slow(double x) { return nap(), x; }
static int64_t slow_integer(int64_t x) { return nap(), x; }
static double slow_integrand(double x, void *ctx) { return (void)ctx, nap(), x; }
static int32_t slow_body(int64_t begin, int64_t end, void *ctx) { return (void)begin, (void)end, (void)ctx, nap(), 0; }

/* Calls that take minutes, or fractions of a second at least, each with a control. */
static uint64_t count;
static double value;
static int32_t long_count(int32_t c) { return ungil_num_primes_i32((int32_t *)numbers, 2 * SIZE, 1, c, &count); }
static int32_t long_pi(int32_t c) { return ungil_pi(INT64_MAX, 2, c, &value); }
static int32_t long_is_prime(int32_t c) { return ungil_is_prime_i64(numbers, SIZE, bytes, 1, c); }
static int32_t long_is_prime_u(int32_t c) { return ungil_is_prime_u64((uint64_t *)numbers, SIZE, bytes, 1, c); }
static int32_t long_primes(int32_t c) { return ungil_count_primes_i64(numbers, SIZE, 1, c, &count); }
static int32_t long_primes_u(int32_t c) { return ungil_count_primes_u64((uint64_t *)numbers, SIZE, 1, c, &count); }
static int32_t long_primes_32(int32_t c) { return ungil_count_primes_i32((int32_t *)numbers, 2 * SIZE, 1, c, &count); }
static int32_t long_for(int32_t c) { return ungil_parallel_for(INT64_MIN, INT64_MAX, 1, 2, slow_body, NULL, c); }
static int32_t long_map(int32_t c) { return ungil_map_f64(slow, doubles, doubles, SIZE, 2, c); }
static int32_t long_map_i(int32_t c) { return ungil_map_i64(slow_integer, numbers, numbers, SIZE, 2, c); }
static int32_t long_sum(int32_t c) { return ungil_sum_f64(doubles, SIZE, 1, c, &value); }
static int32_t long_integral(int32_t c) {
  return ungil_integrate(slow_integrand, NULL, 0, 1, INT64_MAX, 2, c, &value);
}

static int32_t (*const calls[])(int32_t) = {
    long_count,     long_pi,  long_is_prime, long_is_prime_u, long_primes, long_primes_u,
    long_primes_32, long_for, long_map,      long_map_i,      long_sum,    long_integral,
};
enum { CALLS = sizeof calls / sizeof *calls };

static int32_t new_control(void) {
  int32_t control = 0;
  expect(ungil_control_new(&control) == UNGIL_OK && control > 0);
  return control;
}

/* Every function, cancelled or out of time before it begins, does nothing and says so. */
static void stopped_before(void) {
  for (int i = 0; i < CALLS; i++) {
    int32_t control = new_control();
    count = 77, value = 77;
    expect(ungil_control_set_deadline_ms(control, 0) == UNGIL_OK);
    expect(calls[i](control) == UNGIL_E_TIMED_OUT);
    expect(strstr(ungil_last_error(), "deadline") != NULL);
    expect(ungil_control_set_deadline_ms(control, -1) == UNGIL_OK);
    expect(ungil_control_cancel(control) == UNGIL_OK);
    expect(calls[i](control) == UNGIL_E_CANCELLED);
    expect(strstr(ungil_last_error(), "cancelled") != NULL);
    expect(count == 77 && value == 77);
    uint64_t done = 1, total = 1;
    expect(ungil_control_progress(control, &done, &total) == UNGIL_OK && done == 0 && total > 0);
    expect(ungil_control_free(control) == UNGIL_OK);
  }
}

struct running {
  int32_t (*call)(int32_t);
  int32_t control, status;
};

static void *run(void *argument) {
  struct running *running = argument;
  running->status = running->call(running->control);
  return NULL;
}

/* Calls that never end are cancelled and timed out while they run, by another thread. */
static void stopped_in_the_middle(void) {
  int32_t (*endless[])(int32_t) = {long_pi, long_for, long_map, long_map_i, long_integral};
  for (int i = 0; i < 5; i++) {
    for (int by_deadline = 0; by_deadline < 2; by_deadline++) {
      struct running running = {endless[i], new_control(), 1};
      pthread_t thread;
      expect(pthread_create(&thread, NULL, run, &running) == 0);
      uint64_t done = 0, total = 0, before = 0;
      while (done == 0 || total == 0) { /* it has begun */
        expect(ungil_control_progress(running.control, &done, &total) == UNGIL_OK);
        expect(done >= before && done <= total);
        before = done;
      }
      expect(ungil_control_free(running.control) == UNGIL_E_IN_USE);
      expect(calls[0](running.control) == UNGIL_E_IN_USE);
      expect((by_deadline ? ungil_control_set_deadline_ms(running.control, 1) : ungil_control_cancel(running.control)) ==
             UNGIL_OK);
      expect(pthread_join(thread, NULL) == 0);
      expect(running.status == (by_deadline ? UNGIL_E_TIMED_OUT : UNGIL_E_CANCELLED));
      expect(ungil_control_free(running.control) == UNGIL_OK);
    }
  }
}

/* One control for a call after the other; each ends with its progress at the total. */
static void progress_reaches_the_total(void) {
  int32_t control = new_control();
  uint64_t done = 1, total = 1;
  expect(ungil_control_progress(control, &done, &total) == UNGIL_OK && done == 0 && total == 0);
  expect(ungil_num_primes_i32((int32_t *)numbers, 100001, 2, control, &count) == UNGIL_OK);
  expect(ungil_control_progress(control, &done, &total) == UNGIL_OK && done == 100001 && total == 100001);
  expect(ungil_pi(1000003, 2, control, &value) == UNGIL_OK);
  expect(ungil_control_progress(control, &done, &total) == UNGIL_OK && done == 1000003 && total == 1000003);
  expect(ungil_sum_f64(doubles, SIZE - 1, 2, control, &value) == UNGIL_OK);
  expect(ungil_control_progress(control, &done, &total) == UNGIL_OK && done == SIZE - 1 && total == SIZE - 1);
  expect(ungil_is_prime_i64(numbers, 5000, bytes, 2, control) == UNGIL_OK);
  expect(ungil_control_progress(control, &done, &total) == UNGIL_OK && done == 5000 && total == 5000);
  expect(ungil_integrate(slow_integrand, NULL, 0, 1, 3, 2, control, &value) == UNGIL_OK);
  expect(ungil_control_progress(control, &done, &total) == UNGIL_OK && done == 3 && total == 3);
  expect(ungil_sum_f64(NULL, 0, 2, control, &value) == UNGIL_OK && value == 0);
  expect(ungil_control_progress(control, &done, &total) == UNGIL_OK && done == 0 && total == 0);
  expect(ungil_control_free(control) == UNGIL_OK);
}

static void handles(void) {
  int32_t control = new_control();
  uint64_t done, total;
  int32_t wrong[] = {-1, 1, INT32_MAX, INT32_MIN, control + 1, control ^ 0x10000, -control};
  for (int i = 0; i < 7; i++) {
    expect(ungil_control_free(wrong[i]) == UNGIL_E_HANDLE);
    expect(ungil_control_cancel(wrong[i]) == UNGIL_E_HANDLE);
    expect(ungil_control_set_deadline_ms(wrong[i], 1) == UNGIL_E_HANDLE);
    expect(ungil_control_progress(wrong[i], &done, &total) == UNGIL_E_HANDLE);
    for (int call = 0; call < CALLS; call++) expect(calls[call](wrong[i]) == UNGIL_E_HANDLE);
  }
  expect(strstr(ungil_last_error(), "control ") != NULL);
  expect(ungil_control_free(0) == UNGIL_OK);
  expect(ungil_control_cancel(0) == UNGIL_E_HANDLE);
  expect(ungil_control_new(NULL) == UNGIL_E_NULL);
  expect(ungil_control_progress(control, NULL, &total) == UNGIL_E_NULL);
  expect(ungil_control_progress(control, &done, NULL) == UNGIL_E_NULL);
  /* functions of other handles do not take it */
  const char *text;
  UngilReply reply;
  expect(ungil_interp_exec(control, "1") == UNGIL_E_HANDLE);
  expect(ungil_interp_eval(control, "1", &text) == UNGIL_E_HANDLE);
  expect(ungil_interp_call(control, NULL, 0, NULL, 0, &reply) == UNGIL_E_HANDLE);
  expect(ungil_interp_interrupt(control) == UNGIL_E_HANDLE);
  expect(ungil_interp_free(control) == UNGIL_E_HANDLE);
  expect(ungil_reply_free(control) == UNGIL_E_HANDLE);
  expect(ungil_pi(10, 1, control, &value) == UNGIL_OK);
  expect(ungil_control_free(control) == UNGIL_OK);
  expect(ungil_control_free(control) == UNGIL_E_HANDLE);
  expect(ungil_pi(10, 1, control, &value) == UNGIL_E_HANDLE);
  for (int i = 0; i < 100000; i++) { /* nor does its number come again soon */
    int32_t next = new_control();
    expect(next != control);
    expect(ungil_control_free(next) == UNGIL_OK);
  }
}

/* 100 threads do everything with one control: one at a time is let in, and each answer is one that there is. */
static int32_t hammered;
static atomic_int succeeded;

static void *hammer(void *argument) {
  (void)argument;
  uint64_t done, total;
  double result;
  for (int i = 0; i < 300; i++) {
    int32_t status = ungil_pi(1000, 2, hammered, &result);
    if (status == UNGIL_OK) succeeded++;
    else if (status != UNGIL_E_IN_USE) return "pi";
    if (ungil_control_progress(hammered, &done, &total) != UNGIL_OK || done > total) return "progress";
    if (ungil_control_set_deadline_ms(hammered, 1000000) != UNGIL_OK) return "deadline";
    if (ungil_control_cancel(hammered + 1) != UNGIL_E_HANDLE) return "handle";
  }
  return NULL;
}

/* The last round of a hammered control: each thread tries to free it, and one does. */
static atomic_int freed;

static void *hammer_free(void *argument) {
  (void)argument;
  for (;;) {
    switch (ungil_control_free(hammered)) {
      case UNGIL_OK: freed++; return NULL;
      case UNGIL_E_HANDLE: return NULL;
      case UNGIL_E_IN_USE: break;
      default: return "free";
    }
  }
}

static void in_threads(void *(*work)(void *)) {
  enum { THREADS = 100 };
  pthread_t threads[THREADS];
  for (int i = 0; i < THREADS; i++) expect(pthread_create(&threads[i], NULL, work, NULL) == 0);
  for (int i = 0; i < THREADS; i++) {
    void *wrong = "not joined";
    expect(pthread_join(threads[i], &wrong) == 0 && wrong == NULL);
  }
}

int main(void) {
  for (int64_t i = 0; i < SIZE; i++) numbers[i] = INT64_MAX - i, doubles[i] = (double)i;
  stopped_before();
  stopped_in_the_middle();
  progress_reaches_the_total();
  handles();
  hammered = new_control();
  in_threads(hammer);
  expect(succeeded > 0);
  in_threads(hammer_free);
  expect(freed == 1);
  return report("control");
}
