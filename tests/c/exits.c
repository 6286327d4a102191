/* A process ends at once, with its own status, whatever its other threads do in the library. */
#define _GNU_SOURCE
#include <pthread.h>
#include <sys/wait.h>
#include <ungil.h>
#include <unistd.h>

#include "expect.h"

enum { SECONDS = 60 };

static int32_t control;

static void *endless(void *argument) {
  double value;
  (void)argument;
  ungil_pi(INT64_MAX, 2, control, &value);
  return NULL;
}

/* A process of its own, with a call that takes years in another thread; it ends in one of two ways. */
static void child(int way) {
  pthread_t thread;
  uint64_t done = 0, total;
  alarm(SECONDS); /* one that hangs is ended by the signal */
  if (ungil_control_new(&control) != UNGIL_OK || pthread_create(&thread, NULL, endless, NULL) != 0) _exit(1);
  while (done == 0) ungil_control_progress(control, &done, &total);
  if (way == 0) exit(70);
  _exit(71);
}

static void ends(int way, int expected) {
  pid_t pid = fork();
  if (pid == 0) child(way);
  int status = -1;
  expect(waitpid(pid, &status, 0) == pid);
  expect(WIFEXITED(status) && WEXITSTATUS(status) == expected);
}

/* Workers that are idle hold nothing up either. */
static void after_a_call(void) {
  double value;
  pid_t pid = fork();
  if (pid == 0) {
    alarm(SECONDS);
    exit(ungil_pi(10000000, 2, 0, &value) == UNGIL_OK ? 72 : 1);
  }
  int status = -1;
  expect(waitpid(pid, &status, 0) == pid);
  expect(WIFEXITED(status) && WEXITSTATUS(status) == 72);
}

int main(void) {
  for (int i = 0; i < 10; i++) {
    ends(0, 70);
    ends(1, 71);
    after_a_call();
  }
  return report("exits");
}
