/* Sums the multiples of 3 below a bound, on one thread and on two.
 *
 *   cc sum.c -o sum $(pkg-config --cflags --libs ungil) -pthread && ./sum 1000000000
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <ungil.h>

#include "stopwatch.h"

struct range {
  int32_t from, to, sum;
};

static void *sum_range(void *argument) {
  struct range *range = argument;
  range->sum = test(range->from, range->to);
  return NULL;
}

int main(int argc, char **argv) {
  int32_t end = argc > 1 ? atoi(argv[1]) : 1000000000;

  double start = seconds();
  int32_t sum = test(0, end);
  double one = seconds() - start;

  start = seconds();
  struct range halves[2] = {{0, end / 2, 0}, {end / 2, end, 0}};
  pthread_t worker;
  if (pthread_create(&worker, NULL, sum_range, &halves[0]) != 0) return EXIT_FAILURE;
  sum_range(&halves[1]);
  pthread_join(worker, NULL);
  double two = seconds() - start;
  /* Sums are modulo 2^32, so add them as unsigned numbers. */
  int32_t both = (int32_t)((uint32_t)halves[0].sum + (uint32_t)halves[1].sum);

  printf("multiples of 3 below %d, modulo 2^32: %d\n", end, sum);
  printf("one thread %.3f s, two threads %.3f s: %.2f of the time\n", one, two, two / one);
  return both == sum ? EXIT_SUCCESS : EXIT_FAILURE;
}
