/* A process may have the PID of one that it descends from: it is another process all the same. */
#define _GNU_SOURCE
#include <errno.h>
#include <linux/sched.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <ungil.h>
#include <unistd.h>

#include "expect.h"

enum { FIRST = 100, SECOND, SECONDS = 60, NOT_ALLOWED = 77 };

static int32_t control;
static atomic_int present;

/* fork() with a PID of choice, by the system call, which needs Linux 5.5 and a privilege. */
static pid_t fork_as(pid_t pid) {
#ifdef CLONE_ARGS_SIZE_VER1
  struct clone_args arguments = {0};
  arguments.exit_signal = SIGCHLD;
  arguments.set_tid = (uint64_t)(uintptr_t)&pid;
  arguments.set_tid_size = 1;
  return (pid_t)syscall(SYS_clone3, &arguments, sizeof arguments);
#else
  return (void)pid, errno = ENOSYS, -1;
#endif
}

static void *endless(void *argument) {
  double value;
  ungil_pi(INT64_MAX, 1, control, &value);
  return argument;
}

/* Returns when two threads are in it. */
static int32_t meet(int64_t begin, int64_t end, void *ctx) {
  (void)begin, (void)end, (void)ctx;
  atomic_fetch_add(&present, 1);
  while (present < 2) usleep(100);
  return 0;
}

/* The great-grandchild, which has its grandparent's PID and memory. */
static int last(void) {
  double value;
  alarm(SECONDS); /* if no worker comes */
  if (getpid() != FIRST) return 20;
  if (ungil_pi(1000, 1, control, &value) != UNGIL_OK) return 21; /* not under the call of that process */
  present = 0;
  return ungil_parallel_for(0, 2, 1, 2, meet, NULL, 0) == UNGIL_OK ? 0 : 22; /* a pool of its own */
}

/* Outlives its parent, whose PID its child gets. */
static int second(int first_has_ended) {
  char byte;
  int status = -1;
  if (read(first_has_ended, &byte, 1) != 1) return 10;
  pid_t pid = fork_as(FIRST);
  if (pid == 0) _exit(last());
  if (pid != FIRST || waitpid(pid, &status, 0) != pid) return 11;
  return WIFEXITED(status) ? WEXITSTATUS(status) : 12;
}

/* Has a pool, and a call under the control. */
static int first(int first_has_ended, int report_to) {
  pthread_t thread;
  uint64_t done = 0, total;
  if (ungil_control_new(&control) != UNGIL_OK) return 1;
  if (ungil_parallel_for(0, 2, 1, 2, meet, NULL, 0) != UNGIL_OK) return 2;
  if (pthread_create(&thread, NULL, endless, NULL) != 0) return 3;
  while (done == 0) ungil_control_progress(control, &done, &total);
  pid_t pid = fork_as(SECOND);
  if (pid == 0) {
    unsigned char outcome = (unsigned char)second(first_has_ended);
    _exit(write(report_to, &outcome, 1) == 1 ? 0 : 1);
  }
  return pid == SECOND ? 0 : 4;
}

/* The first process of a PID namespace, and so the parent of those whose parent has ended. */
static int init(void) {
  int to_second[2], to_init[2], status = -1;
  unsigned char outcome = 13;
  if (pipe(to_second) != 0 || pipe(to_init) != 0) return 5;
  pid_t pid = fork_as(FIRST);
  if (pid < 0 && (errno == EPERM || errno == ENOSYS || errno == EINVAL)) return NOT_ALLOWED;
  if (pid == 0) {
    alarm(SECONDS);
    _exit(first(to_second[0], to_init[1]));
  }
  if (waitpid(pid, &status, 0) != pid) return 6;
  if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) return WIFEXITED(status) ? WEXITSTATUS(status) : 7;
  if (write(to_second[1], "", 1) != 1) return 8;
  close(to_init[1]);
  return read(to_init[0], &outcome, 1) == 1 ? outcome : 9;
}

int main(void) {
  pid_t pid = fork();
  if (pid == 0) {
    if (unshare(CLONE_NEWPID) != 0 && (unshare(CLONE_NEWUSER) != 0 || unshare(CLONE_NEWPID) != 0))
      _exit(NOT_ALLOWED);
    pid_t process = fork();
    int status = -1;
    if (process == 0) _exit(init());
    _exit(process > 0 && waitpid(process, &status, 0) == process && WIFEXITED(status) ? WEXITSTATUS(status) : 14);
  }
  int status = -1;
  expect(waitpid(pid, &status, 0) == pid && WIFEXITED(status));
  if (WIFEXITED(status) && WEXITSTATUS(status) == NOT_ALLOWED) {
    printf("SKIP pids: this system lets nobody here choose a PID (as root, from Linux 5.5 on)\n");
    return EXIT_SUCCESS;
  }
  if (status != 0) fprintf(stderr, "pids: the step with status %d failed\n", WEXITSTATUS(status));
  expect(status == 0);
  return report("pids");
}
