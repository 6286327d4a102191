/* A process that joins its threads in an atexit handler ends, whatever these do in interpreters: their requests end
 * with UNGIL_E_EXITING. The handler is registered first, and so called after the library has stopped Python. */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <ungil.h>
#include <unistd.h>

#include "expect.h"

enum { SECONDS = 60, ENDED = 70, NO_PYTHON = 71, WRONG = 72, ROUNDS = 5 };

#define LOOP(threads)                                                                                                \
  "import ctypes; from ctypes import c_int32, c_int64, c_void_p\n"                                                    \
  "body = ctypes.CFUNCTYPE(c_int32, c_int64, c_int64, c_void_p)(lambda begin, end, ctx: 0)\n"                         \
  "loop = ctypes.CDLL('libungil.so.0').ungil_parallel_for\n"                                                          \
  "loop.argtypes = c_int64, c_int64, c_int64, c_int32, type(body), c_void_p, c_int32; %s\n"                           \
  "while True: loop(0, 1000, 1, " threads ", body, None, 0)"

/* What a worker does; its code says that it has begun by a byte in the pipe. */
static const char *const sources[] = {
    "sum(range(1000)); %s",
    "%s\nwhile True: pass",
    "def f():\n  try:\n    while True: pass\n  except BaseException: f()\n  finally: f()\n%s; f()",
    "import time; %s; time.sleep(1000)",
    "import time; %s\nwhile True: time.sleep(0.001)",
    "import _thread; lock = _thread.allocate_lock(); lock.acquire(); %s; lock.acquire()",
    "import os; pipe = os.pipe(); %s; os.read(pipe[0], 1)",
    "import zlib; data = bytes(1000000); %s\nwhile True: zlib.compress(data)",
    "%s\nwhile True: sum(range(1000000))",
    /* An interpreter in an interpreter. */
    "import ctypes; %s\nwhile True: ctypes.CDLL('libungil.so.0').ungil_interp_exec(other, b'for i in range(10**6): i')",
    /* An interpreter in itself. */
    "import ctypes; %s\nwhile True: ctypes.CDLL('libungil.so.0').ungil_interp_exec(own, b'for i in range(10**6): i')",
    /* Functions that call Python again, on the same thread and on others. */
    LOOP("1"),
    LOOP("3"),
    "import time; %s\nfor i in range(100): time.sleep(0)\ntime.sleep(1000)",
};
enum { SOURCES = sizeof sources / sizeof *sources, WORKERS = 3 };

/* Whose threads the workers are: the program's own, such as block all signals, or the library's, which do so too. */
enum { PLAIN, SIGNALS_BLOCKED, LIBRARYS, KINDS };
static int kind;

static pthread_t workers[WORKERS];
static atomic_int stop, released;
static int32_t interp, other, last_status[WORKERS];
static char source[1024];
static int pipe_ends[2];

/* The library's thread is in Python, and the caller waits for it. */
static int32_t piece(int64_t begin, int64_t end, void *caller) {
  (void)begin, (void)end;
  if (!pthread_equal(pthread_self(), *(pthread_t *)caller)) return ungil_interp_exec(interp, source);
  while (!stop) usleep(1000);
  return 0;
}

static int32_t call(void) {
  pthread_t self = pthread_self();
  if (kind != LIBRARYS) return ungil_interp_exec(interp, source);
  return ungil_parallel_for(0, 2, 1, 2, piece, &self, 0);
}

static void *work(void *argument) {
  int32_t *status = argument;
  sigset_t all;
  sigfillset(&all);
  if (kind == SIGNALS_BLOCKED) pthread_sigmask(SIG_BLOCK, &all, NULL);
  while (!stop) {
    *status = call();
    if (*status != UNGIL_OK && *status != UNGIL_E_EXITING) break;
  }
  return NULL;
}

/* The library has at least one thread of its own. */
static int num_workers(void) { return kind == LIBRARYS ? 1 : WORKERS; }

static void release(void *owner) { atomic_fetch_add((atomic_int *)owner, 1); }

static void check(int is_good, const char *what) {
  if (is_good) return;
  fprintf(stderr, "at exit: %s\n", what);
  _exit(WRONG);
}

/* The program's own orderly end. */
static void join_workers(void) {
  const char *text;
  int32_t made = 0;
  UngilReply reply;
  UngilBuffer buffer = {&made, sizeof made, 1, release, &released};
  stop = 1;
  for (int i = 0; i < num_workers(); i++) pthread_join(workers[i], NULL);
  for (int i = 0; i < WORKERS; i++)
    check(last_status[i] == UNGIL_E_EXITING || last_status[i] == UNGIL_OK, "a worker's status");
  check(ungil_interp_exec(interp, "1") == UNGIL_E_EXITING, "exec");
  check(strstr(ungil_last_error(), "exiting") != NULL, "the message");
  check(ungil_interp_eval(interp, "1", &text) == UNGIL_E_EXITING, "eval");
  check(ungil_interp_call(interp, "x", 1, &buffer, 1, &reply) == UNGIL_E_EXITING, "call");
  check(released == 1, "the buffer is given back");
  check(ungil_interp_new(NULL, &made) == UNGIL_E_EXITING, "new");
  check(ungil_interp_interrupt(interp) == UNGIL_OK, "interrupt");
  check(ungil_interp_free(interp) == UNGIL_OK, "free");
  check(ungil_interp_exec(interp, "1") == UNGIL_E_HANDLE, "exec of one that was freed");
  _exit(ENDED);
}

static void child(const char *format) {
  char first[64], byte, line[64];
  alarm(SECONDS); /* one that hangs is ended by the signal */
  atexit(join_workers);
  int32_t status = ungil_interp_new("fresh=1", &interp);
  if (status == UNGIL_E_UNSUPPORTED) _exit(NO_PYTHON);
  if (status != UNGIL_OK || ungil_interp_new("fresh=1", &other) != UNGIL_OK || pipe(pipe_ends) != 0) _exit(1);
  snprintf(line, sizeof line, "own, other = %d, %d", (int)interp, (int)other);
  if (ungil_interp_exec(interp, line) != UNGIL_OK) _exit(1);
  snprintf(first, sizeof first, "__import__('os').write(%d, b'x')", pipe_ends[1]);
  snprintf(source, sizeof source, format, first);
  for (int i = 0; i < num_workers(); i++)
    if (pthread_create(&workers[i], NULL, work, &last_status[i]) != 0) _exit(1);
  for (int i = 0; i < num_workers(); i++)
    if (read(pipe_ends[0], &byte, 1) != 1) _exit(1);
  exit(1); /* join_workers has another status */
}

/* What exits in a process whose handler calls Python, although that is stopped by then. (A library that is loaded after
 * the handler was registered makes this one stop Python before. The program's own exit ends the process, and not only the
 * interpreter.) */
static const char *const exits[] = {"ctypes.CFUNCTYPE(None, ctypes.c_int)(%lu)(70)",
                                    "ctypes.PYFUNCTYPE(None, ctypes.c_int)(%lu)(70)", "pass # %lu"};
enum { EXITS = sizeof exits / sizeof *exits };

static void handler_that_calls_python(const char *format) {
  const char *address;
  char how[100];
  snprintf(how, sizeof how, format, (unsigned long)exit);
  alarm(SECONDS);
  if (ungil_interp_new("fresh=1", &interp) != UNGIL_OK) _exit(1);
  printf("printed before\n");
  if (ungil_interp_exec(interp, "import ctypes\nhandler = ctypes.CFUNCTYPE(None)(lambda: None)") != UNGIL_OK ||
      ungil_interp_eval(interp, "ctypes.cast(handler, ctypes.c_void_p).value", &address) != UNGIL_OK)
    _exit(1);
  atexit((void (*)(void))strtoul(address, NULL, 10));
  if (ungil_interp_exec(interp, "import _decimal, _json, _random, _bisect, _heapq") != UNGIL_OK)
    fprintf(stderr, "at exit: %s\n", ungil_last_error());
  if (ungil_interp_exec(interp, how) != UNGIL_OK) _exit(WRONG); /* it may not return */
  exit(ENDED);
}

static void end_well(void) { _exit(ENDED); }

/* An exit function that never returns: the process does not wait for it forever. */
static void exit_function_that_waits(void) {
  int32_t made;
  alarm(SECONDS);
  atexit(end_well);
  if (ungil_interp_new("fresh=1", &made) != UNGIL_OK) _exit(1);
  if (ungil_interp_exec(made, "import atexit, time; atexit.register(time.sleep, 1000)") != UNGIL_OK) _exit(1);
  exit(1); /* end_well has another status */
}

static void *start(void *argument) {
  int32_t made;
  (void)argument;
  if (ungil_interp_new("fresh=1", &made) == UNGIL_OK) ungil_interp_exec(made, "while True: pass");
  return NULL;
}

static void join_starter(void) {
  pthread_join(workers[0], NULL);
  _exit(ENDED);
}

static int num_threads(void) {
  int number = 0;
  DIR *threads = opendir("/proc/self/task");
  while (readdir(threads) != NULL) number++;
  closedir(threads);
  return number - 2;
}

/* The first interpreter is just being started. */
static void exit_in_a_start(void) {
  alarm(SECONDS);
  atexit(join_starter);
  if (pthread_create(&workers[0], NULL, start, NULL) != 0) _exit(1);
  while (num_threads() < 3) usleep(100); /* its own thread is there */
  exit(1);
}

static int is_ended(pid_t pid) {
  int status = -1;
  expect(waitpid(pid, &status, 0) == pid);
  if (!(WIFEXITED(status) && WEXITSTATUS(status) == ENDED)) fprintf(stderr, "at exit: status %x\n", status);
  return WIFEXITED(status) && WEXITSTATUS(status) == ENDED;
}

/* A program whose threads all block signals, and that takes them by sigwaitinfo, gets each of them. */
static void signals_are_the_programs(void) {
  enum { SIGNALS = 200 };
  char byte, seen[SIGNALS] = {0};
  sigset_t all;
  siginfo_t info;
  alarm(SECONDS);
  atexit(join_workers);
  kind = SIGNALS_BLOCKED;
  sigfillset(&all);
  sigdelset(&all, SIGALRM);
  pthread_sigmask(SIG_BLOCK, &all, NULL);
  if (ungil_interp_new("fresh=1", &interp) != UNGIL_OK || pipe(pipe_ends) != 0) _exit(1);
  snprintf(source, sizeof source, "__import__('os').write(%d, b'x')\nfor i in range(50): __import__('time').sleep(0.001)",
           pipe_ends[1]);
  for (int i = 0; i < WORKERS; i++)
    if (pthread_create(&workers[i], NULL, work, &last_status[i]) != 0) _exit(1);
  for (int i = 0; i < SIGNALS; i++) {
    union sigval value = {i};
    /* While threads are in requests: to the process, and to this thread. */
    check(read(pipe_ends[0], &byte, 1) == 1, "a request");
    check((i % 2 ? pthread_sigqueue(pthread_self(), SIGRTMAX, value) : sigqueue(getpid(), SIGRTMAX, value)) == 0, "sigqueue");
    int received;
    /* Linux interrupts the wait where another thread takes the signal, which passes it on. */
    while ((received = sigwaitinfo(&all, &info)) == -1 && errno == EINTR) continue;
    check(received == SIGRTMAX && info.si_code == SI_QUEUE, "sigwaitinfo");
    check(info.si_pid == getpid() && !seen[info.si_value.sival_int]++, "which signal");
  }
  exit(1); /* join_workers has another status */
}

static void exits_of_all_kinds(void) {
  for (int i = 0; i < EXITS; i++) {
    char text[64] = "";
    int output[2];
    if (pipe(output) != 0) exit(1);
    fflush(stdout);
    pid_t pid = fork();
    if (pid == 0) {
      dup2(output[1], 1);
      handler_that_calls_python(exits[i]);
    }
    close(output[1]);
    expect(is_ended(pid));
    expect(read(output[0], text, sizeof text - 1) > 0 && strstr(text, "printed before") != NULL);
    close(output[0]);
  }
  for (int round = 0; round < ROUNDS; round++) {
    pid_t pid = fork();
    if (pid == 0) exit_in_a_start();
    expect(is_ended(pid));
    if ((pid = fork()) == 0) signals_are_the_programs();
    expect(is_ended(pid));
  }
}

int main(void) {
  pid_t waiting = fork(); /* meanwhile */
  if (waiting == 0) exit_function_that_waits();
  for (int round = 0; round < ROUNDS + KINDS - 1; round++)
    for (int i = 0; i < SOURCES; i++) {
      int status = -1;
      kind = round < ROUNDS ? PLAIN : round - ROUNDS + 1;
      pid_t pid = fork();
      if (pid == 0) child(sources[i]);
      expect(waitpid(pid, &status, 0) == pid);
      if (WIFEXITED(status) && WEXITSTATUS(status) == NO_PYTHON) {
        puts("SKIP interpreters at exit: there is no shared libpython for them");
        waitpid(waiting, &status, 0);
        return 0;
      }
      if (!(WIFEXITED(status) && WEXITSTATUS(status) == ENDED)) fprintf(stderr, "status %x of kind %d: %s\n", status, kind, sources[i]);
      expect(WIFEXITED(status) && WEXITSTATUS(status) == ENDED);
    }
  exits_of_all_kinds();
  expect(is_ended(waiting));
  return report("interpreters_at_exit");
}
