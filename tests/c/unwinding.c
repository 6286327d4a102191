/* Functions that do not return. One that throws ends the process, with a line that says so; a thread that ends in one
   stays there, and holds nothing up. Compiled as C, where the exception is made by hand, and as C++. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <ungil.h>
#include <unistd.h>
#ifdef __cplusplus
#include <stdexcept>
static void throw_one(void) { throw std::runtime_error("the test's own"); }
#define NAME "unwinding (C++)"
#else
#include <unwind.h>
/* As C++ does: the handler is looked for first. Returns if nobody stops the search. */
static struct _Unwind_Exception exception;
static void throw_one(void) {
  memcpy(&exception.exception_class, "TESTTEST", 8);
  _Unwind_RaiseException(&exception);
}
#define NAME "unwinding (C)"
#endif

#include "expect.h"

enum { SECONDS = 60, ITEMS = 1000, KINDS = 5, RELEASE = 4 };

static void (*leave)(void);
static int by_worker;
static pthread_t caller;
static int reached; /* atomic, by the compiler's functions, which C and C++ both have */

/* Leaves at the first call of the thread that is to; another one waits meanwhile. */
static void visit(void) {
  int is_worker = !pthread_equal(pthread_self(), caller);
  if (is_worker == by_worker) {
    __atomic_store_n(&reached, 1, __ATOMIC_SEQ_CST);
    leave();
  } else {
    for (;;) pause();
  }
}

static int32_t loop_body(int64_t begin, int64_t end, void *ctx) { return (void)begin, (void)end, (void)ctx, visit(), 0; }
static double map_f64(double x) { return visit(), x; }
static int64_t map_i64(int64_t x) { return visit(), x; }
static double integrand(double x, void *ctx) { return (void)ctx, visit(), x; }
static void release(void *owner) { (void)owner, visit(); }

static int32_t call(int kind, int32_t threads) {
  static double reals[ITEMS], value;
  static int64_t integers[ITEMS];
  if (kind == 0) return ungil_parallel_for(0, ITEMS, 1, threads, loop_body, NULL, 0);
  if (kind == 1) return ungil_map_f64(map_f64, reals, reals, ITEMS, threads, 0);
  if (kind == 2) return ungil_map_i64(map_i64, integers, integers, ITEMS, threads, 0);
  if (kind == RELEASE) { /* of a buffer that no interpreter takes, as there is none of this number */
    UngilBuffer buffer = {reals, sizeof reals, 1, release, NULL};
    UngilReply reply;
    return ungil_interp_call(0, "", 0, &buffer, 1, &reply);
  }
  return ungil_integrate(integrand, NULL, 0, 1, ITEMS, threads, 0, &value);
}

static void exceptions_end_the_process(int kind, int32_t threads, int is_by_worker) {
  char text[4096];
  size_t length = 0;
  ssize_t more;
  int ends[2], status = -1;
  expect(pipe(ends) == 0);
  pid_t pid = fork();
  if (pid == 0) {
    struct rlimit none = {0, 0};
    setrlimit(RLIMIT_CORE, &none);
    alarm(SECONDS);
    if (dup2(ends[1], STDERR_FILENO) < 0) _exit(1);
    close(ends[1]);
    leave = throw_one;
    by_worker = is_by_worker;
    caller = pthread_self();
    call(kind, threads);
    _exit(2);
  }
  close(ends[1]);
  while ((more = read(ends[0], text + length, sizeof text - 1 - length)) > 0) length += (size_t)more;
  close(ends[0]);
  text[length] = 0;
  expect(waitpid(pid, &status, 0) == pid);
  expect(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
  expect(strstr(text, "ungil: a function that it called threw an exception") == text);
  expect(strchr(text, '\n') == text + length - 1);
}

static pthread_key_t key;
static int thread_ended;

static void note_end(void *value) {
  (void)value;
  __atomic_store_n(&thread_ended, 1, __ATOMIC_SEQ_CST);
}

static void *thread_of_the_hosts(void *kind) {
  caller = pthread_self();
  pthread_setspecific(key, &key);
  call(*(int *)kind, 1);
  return NULL;
}

static void exit_thread(void) { pthread_exit(NULL); }

static void wait_to_be_cancelled(void) {
  for (;;) pause();
}

static double one(double x, void *ctx) { return (void)x, (void)ctx, 1; }

/* A process with a thread that ends in a function. Everything else goes on in it, and its end is its own. */
static int process_with_such_a_thread(int kind, int is_cancelled) {
  pthread_t thread;
  double value;
  leave = is_cancelled ? wait_to_be_cancelled : exit_thread;
  if (pthread_key_create(&key, note_end) != 0) return 1;
  if (pthread_create(&thread, NULL, thread_of_the_hosts, &kind) != 0) return 2;
  while (!__atomic_load_n(&reached, __ATOMIC_SEQ_CST)) usleep(100);
  if (is_cancelled && pthread_cancel(thread) != 0) return 3;
  usleep(50000); /* so that one that did end could be seen */
  if (__atomic_load_n(&thread_ended, __ATOMIC_SEQ_CST)) return 4;
  if (pthread_tryjoin_np(thread, NULL) != EBUSY) return 5;
  if (ungil_integrate(one, NULL, 0, 1, 100000, 2, 0, &value) != UNGIL_OK || value != 1) return 6;
  return 70;
}

static void ended_threads_stay(int kind, int is_cancelled) {
  int status = -1;
  pid_t pid = fork();
  if (pid == 0) {
    alarm(SECONDS);
    exit(process_with_such_a_thread(kind, is_cancelled));
  }
  expect(waitpid(pid, &status, 0) == pid);
  expect(WIFEXITED(status) && WEXITSTATUS(status) == 70);
}

int main(void) {
  for (int kind = 0; kind < KINDS; kind++) {
    exceptions_end_the_process(kind, 1, 0);
    if (kind != RELEASE) {
      exceptions_end_the_process(kind, 2, 0);
      exceptions_end_the_process(kind, 2, 1);
    }
    ended_threads_stay(kind, 0);
    ended_threads_stay(kind, 1);
  }
  return report(NAME);
}
