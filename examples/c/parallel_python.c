/* Runs a CPU-bound job in four Python interpreters, in sequence and in parallel. The program does not link libpython.
 *
 *   cc -pthread parallel_python.c -o parallel_python $(pkg-config --cflags --libs ungil) && ./parallel_python 3000000
 */
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <ungil.h>

#include "stopwatch.h"

enum { PYTHONS = 4 };

static const char JOB[] =
    "total = 0\n"
    "for i in range(count):\n"
    "    total += i * i % 7\n";

static void check(int32_t status) {
  if (status == UNGIL_OK) return;
  fprintf(stderr, "%s\n", ungil_last_error());
  exit(EXIT_FAILURE);
}

static void *run_job(void *interp) {
  check(ungil_interp_exec(*(int32_t *)interp, JOB));
  return NULL;
}

int main(int argc, char **argv) {
  int64_t count = argc > 1 ? atoll(argv[1]) : 3000000;
  if (count <= 0) {
    fprintf(stderr, "usage: parallel_python [COUNT], a positive number\n");
    return EXIT_FAILURE;
  }

  int32_t pythons[PYTHONS];
  double start = seconds();
  for (int i = 0; i < PYTHONS; i++) check(ungil_interp_new(NULL, &pythons[i]));
  const char *text;
  check(ungil_interp_eval(pythons[0], "__import__('sys').version.split()[0]", &text));
  printf("%d interpreters of Python %s started: %.3f s\n", PYTHONS, text, seconds() - start);

  char settings[40];
  snprintf(settings, sizeof settings, "count = %" PRId64, count);
  for (int i = 0; i < PYTHONS; i++) check(ungil_interp_exec(pythons[i], settings));

  start = seconds();
  for (int i = 0; i < PYTHONS; i++) run_job(&pythons[i]);
  double in_sequence = seconds() - start;
  printf("one after the other: %.3f s\n", in_sequence);

  start = seconds();
  pthread_t threads[PYTHONS];
  for (int i = 0; i < PYTHONS; i++)
    if (pthread_create(&threads[i], NULL, run_job, &pythons[i]) != 0) return EXIT_FAILURE;
  for (int i = 0; i < PYTHONS; i++) pthread_join(threads[i], NULL);
  double at_once = seconds() - start;
  printf("at the same time: %.3f s, %.2f of that\n", at_once, at_once / in_sequence);

  for (int i = 0; i < PYTHONS; i++) {
    check(ungil_interp_eval(pythons[i], "total", &text));
    printf("interpreter %d: the sum is %s\n", i, text);
    check(ungil_interp_free(pythons[i]));
  }
  return EXIT_SUCCESS;
}
