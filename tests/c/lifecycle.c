/* Many threads at once, and fork: the library has no state that these could upset. */
#define _GNU_SOURCE
#include <pthread.h>
#include <string.h>
#include <sys/wait.h>
#include <ungil.h>
#include <unistd.h>

#include "expect.h"

enum { THREADS = 64, SIZE = 200000 };

static int32_t numbers[SIZE];

/* Returns NULL if every answer is right. */
static void *call_everything(void *argument) {
  (void)argument;
  double pi = compPi_ctypes(0.0, 1000000);
  for (int round = 0; round < 20; round++) {
    if (test(0, 10000000) != -2099742443) return "test";
    if (num_primes(SIZE, numbers) != 181903) return "num_primes";
    if (compPi_ctypes(0.0, 1000000) != pi) return "compPi_ctypes";
    if (num_primes(1, NULL) != -1 || strstr(ungil_last_error(), "NULL") == NULL) return "ungil_last_error";
  }
  return NULL;
}

static void many_threads(void) {
  pthread_t threads[THREADS];
  for (int i = 0; i < THREADS; i++) expect(pthread_create(&threads[i], NULL, call_everything, NULL) == 0);
  for (int i = 0; i < THREADS; i++) {
    void *wrong = "not joined";
    expect(pthread_join(threads[i], &wrong) == 0);
    expect(wrong == NULL);
  }
}

static void after_fork(void) {
  pid_t child = fork();
  if (child == 0) _exit(call_everything(NULL) == NULL ? 0 : 1);
  int status = -1;
  expect(waitpid(child, &status, 0) == child);
  expect(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

int main(void) {
  for (int32_t i = 0; i < SIZE; i++) numbers[i] = i;
  many_threads();
  after_fork();
  expect(ungil_set_num_threads(3) == UNGIL_OK);
  many_threads();
  after_fork();
  return report("lifecycle");
}
