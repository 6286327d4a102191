/* A process forks while another of its threads is in the middle of a parallel call: its child can call everything. */
#define _GNU_SOURCE
#include <math.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>
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

/* A function that forks, at a call of its thread in the middle of a piece, while another thread is in the call. In the
   child no function is called any more: the call says so if the caller was at it; a worker's child ends at once. */
enum { ITEMS = 20000, FORK_AT = 300 };

struct in_child {
  atomic_int calls, ends;
};

static struct in_child *in_child;
static pthread_t caller;
static pid_t forker;
static int by_worker;
static atomic_int waiting, forked;
static _Thread_local int calls;

static void count_end(void) {
  if (getpid() != forker) atomic_fetch_add(&in_child->ends, 1);
}

static void fork_once(void) {
  if (getpid() != forker) {
    atomic_fetch_add(&in_child->calls, 1);
    return;
  }
  int is_worker = !pthread_equal(pthread_self(), caller);
  if (is_worker != by_worker) {
    waiting = 1;
    while (!forked) usleep(100);
  } else if (++calls == FORK_AT) {
    while (!waiting) usleep(100);
    if (fork() == 0) alarm(SECONDS);
    forked = 1;
  }
}

static int32_t loop_body(int64_t begin, int64_t end, void *ctx) {
  (void)begin, (void)end, (void)ctx;
  fork_once();
  return getpid() != forker; /* an error in the child: it is not noted there, as another thread may have the lock */
}

static double map_f64(double x) { return fork_once(), x + 1; }
static int64_t map_i64(int64_t x) { return fork_once(), x + 1; }
static double integrand(double x, void *ctx) { return (void)x, (void)ctx, fork_once(), 1; }

static double reals[ITEMS], mapped[ITEMS];
static int64_t integers[ITEMS];

/* A call on two threads, and whether its result is right if it succeeds. */
static int32_t parallel(int kind, int *is_right) {
  double value = 0;
  int32_t status;
  *is_right = 1;
  if (kind == 0) return ungil_parallel_for(0, ITEMS, 1, 2, loop_body, NULL, 0);
  if (kind == 1) {
    status = ungil_map_f64(map_f64, reals, mapped, ITEMS, 2, 0);
    for (int i = 0; i < ITEMS; i++) *is_right &= mapped[i] == i + 1;
  } else if (kind == 2) {
    status = ungil_map_i64(map_i64, integers, integers, ITEMS, 2, 0);
    for (int i = 0; i < ITEMS; i++) *is_right &= integers[i] == i + 1;
  } else {
    status = ungil_integrate(integrand, NULL, 0, 3, ITEMS * 100, 2, 0, &value);
    *is_right = fabs(value - 3) < 1e-12;
  }
  return status;
}

/* The process whose call forks: its status is 0 if all is well in it and in its child. */
static int forking_process(int kind) {
  int child = -1, is_right;
  forker = getpid();
  caller = pthread_self();
  for (int i = 0; i < ITEMS; i++) integers[i] = i, reals[i] = i;
  if (atexit(count_end) != 0) return 1;
  printf("once"); /* in the buffer at the fork */
  int32_t status = parallel(kind, &is_right);
  if (getpid() != forker) _exit(status == UNGIL_E_FORKED && call_everything() == NULL ? 0 : 2);
  if (status != UNGIL_OK || !is_right) return 3;
  if (waitpid(-1, &child, 0) <= 0 || !WIFEXITED(child)) return 4;
  return WEXITSTATUS(child);
}

static void fork_inside_a_call(int kind, int is_by_worker) {
  char output[100];
  size_t length = 0;
  ssize_t more;
  int ends[2], status = -1;
  by_worker = is_by_worker;
  in_child->calls = in_child->ends = 0;
  expect(pipe(ends) == 0);
  pid_t pid = fork(); /* a pool of its own, which nobody else uses */
  if (pid == 0) {
    alarm(SECONDS);
    if (dup2(ends[1], STDOUT_FILENO) < 0) _exit(5);
    close(ends[1]);
    exit(forking_process(kind));
  }
  close(ends[1]);
  while ((more = read(ends[0], output + length, sizeof output - length)) > 0) length += (size_t)more;
  close(ends[0]);
  expect(waitpid(pid, &status, 0) == pid);
  expect(WIFEXITED(status) && WEXITSTATUS(status) == 0);
  expect(in_child->calls == 0);
  expect(in_child->ends == 0);
  expect(length == 4 && memcmp(output, "once", 4) == 0);
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
  in_child = mmap(NULL, sizeof *in_child, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  expect(in_child != MAP_FAILED);
  for (int i = 0; i < 40; i++) fork_inside_a_call(i / 2 % 4, i % 2);
  return report("forks");
}
