/* A process forks while another of its threads is in the middle of a parallel call: its child can call everything. */
#define _GNU_SOURCE
#include <math.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/wait.h>
#include <ungil.h>
#include <unistd.h>

#include "expect.h"

enum { SIZE = 20000, FORKS = 200, SECONDS = 60 };

static atomic_int ended;
static int32_t shared_control;

static int32_t nothing(int64_t begin, int64_t end, void *ctx) { return (void)begin, (void)end, (void)ctx, 0; }

static double one_over(double x, void *ctx) { return (void)ctx, 1 / x; }

/* Returns NULL if every answer is right. */
static const char *call_everything(void) {
  double in[SIZE], out[SIZE], value;
  int64_t integers[SIZE];
  uint8_t bytes[SIZE];
  uint64_t count, done, total;
  int32_t control;
  for (int i = 0; i < SIZE; i++) in[i] = integers[i] = i;
  if (ungil_control_new(&control) != UNGIL_OK) return "control_new";
  if (ungil_parallel_for(0, 1000, 1, 4, nothing, NULL, control) != UNGIL_OK) return "parallel_for";
  if (ungil_control_progress(control, &done, &total) != UNGIL_OK || done != 1000) return "progress";
  if (ungil_map_f64(sqrt, in, out, SIZE, 2, control) != UNGIL_OK || out[16900] != 130) return "map";
  if (ungil_sum_f64(in, SIZE, 2, control, &value) != UNGIL_OK || value != SIZE / 2 * (SIZE - 1.0)) return "sum";
  if (ungil_pi(200000, 2, control, &value) != UNGIL_OK || fabs(value - acos(-1) - 1e-5) > 1e-9) return "pi";
  if (ungil_integrate(one_over, NULL, 1, 2, 3000, 2, control, &value) != UNGIL_OK || fabs(value - log(2)) > 1e-7)
    return "integrate";
  if (ungil_is_prime_i64(integers, SIZE, bytes, 2, control) != UNGIL_OK || !bytes[19997]) return "is_prime";
  if (ungil_count_primes_i64(integers, SIZE, 0, control, &count) != UNGIL_OK || count != 2262) return "count_primes";
  if (test(0, 100000000) != 329153237) return "test";
  if (ungil_control_cancel(control) != UNGIL_OK) return "cancel";
  if (ungil_pi(200000, 2, control, &value) != UNGIL_E_CANCELLED) return "cancelled";
  if (strstr(ungil_last_error(), "cancelled") == NULL) return "last_error";
  if (ungil_control_free(control) != UNGIL_OK) return "control_free";
  return NULL;
}

/* Is in parallel calls all the time, its control with it. */
static void *work(void *argument) {
  double value;
  const char *wrong = NULL;
  while (!ended && wrong == NULL) {
    wrong = call_everything();
    if (argument != NULL && ungil_pi(3000000, 2, shared_control, &value) != UNGIL_OK) wrong = "shared control";
  }
  return (void *)wrong;
}

static int child(void) {
  double value;
  alarm(SECONDS); /* a child that hangs is ended by the signal */
  const char *wrong = call_everything();
  /* The parent's control is there; the parent's call is not. */
  if (wrong == NULL && ungil_pi(1000, 2, shared_control, &value) != UNGIL_OK) wrong = "the parent's control";
  if (wrong != NULL) fprintf(stderr, "forks: wrong in the child: %s: %s\n", wrong, ungil_last_error());
  return wrong == NULL ? 0 : 1;
}

/* A function that forks: the child's call says so if the caller was at it; a helper's child ends with it. */
static pthread_t caller;
static pid_t forker;
static atomic_int forked;

static int32_t fork_once(int64_t begin, int64_t end, void *by_helper) {
  (void)begin, (void)end;
  int is_helper = !pthread_equal(pthread_self(), caller);
  if (is_helper == (by_helper != NULL) && getpid() == forker && atomic_fetch_add(&forked, 1) == 0) {
    if (fork() == 0) alarm(SECONDS);
  }
  usleep(100); /* lets the other threads have some */
  return 0;
}

static void fork_inside_a_call(void *by_helper) {
  caller = pthread_self();
  pid_t pid = fork(); /* a pool of its own, which nobody else uses */
  if (pid == 0) {
    forker = getpid();
    int32_t status = ungil_parallel_for(0, 400, 1, 2, fork_once, by_helper, 0);
    if (getpid() != forker) _exit(status == UNGIL_E_FORKED && call_everything() == NULL ? 0 : 1);
    int child = 0;
    if (status != UNGIL_OK || forked == 0) _exit(2);
    _exit(waitpid(-1, &child, 0) > 0 && WIFEXITED(child) ? WEXITSTATUS(child) : 3);
  }
  int status = -1;
  expect(waitpid(pid, &status, 0) == pid);
  expect(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

int main(void) {
  pthread_t threads[3];
  expect(ungil_control_new(&shared_control) == UNGIL_OK);
  for (int i = 0; i < 3; i++) expect(pthread_create(&threads[i], NULL, work, i == 0 ? &ended : NULL) == 0);
  for (int i = 0; i < FORKS; i++) {
    usleep((useconds_t)(i * 37 % 2000)); /* anywhere in a call */
    pid_t pid = fork();
    if (pid == 0) _exit(child());
    int status = -1;
    expect(waitpid(pid, &status, 0) == pid);
    expect(WIFEXITED(status) && WEXITSTATUS(status) == 0);
  }
  ended = 1;
  for (int i = 0; i < 3; i++) {
    void *wrong = "not joined";
    expect(pthread_join(threads[i], &wrong) == 0 && wrong == NULL);
  }
  for (int i = 0; i < 10; i++) {
    fork_inside_a_call(NULL);
    fork_inside_a_call(&forked);
  }
  return report("forks");
}
