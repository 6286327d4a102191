/* The library never calls getenv, which is unsafe against another thread's setenv: here it would be this one. */
#define _GNU_SOURCE
#include <string.h>
#include <ungil.h>

#include "expect.h"

static int calls;

char *getenv(const char *name) {
  calls++;
  fprintf(stderr, "getenv(%s)\n", name);
  return NULL;
}

int main(void) {
  expect(getenv("ITSELF") == NULL && calls == 1);
  setenv("UNGIL_NUM_THREADS", "3", 1);
  setenv("UNGIL_CPU", "scalar", 1);
  expect(strcmp(ungil_cpu_active(), "scalar") == 0); /* read, though not by getenv */
  expect(test(0, 1000000000) == 1350552661);         /* starts helpers */
  expect(compPi_ctypes(0.0, 10000000) > 3.14);
  expect(num_primes(1, NULL) == -1);
  expect(calls == 1);
  return report("no_getenv");
}
