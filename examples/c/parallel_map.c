/* Applies a function of libm to an array and integrates a function of this program, on one and on all processors.
 *
 *   cc parallel_map.c -o parallel_map $(pkg-config --cflags --libs ungil) -lm && ./parallel_map 10000000
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <ungil.h>

#include "stopwatch.h"

static int failed(int32_t status) {
  if (status != UNGIL_OK) fprintf(stderr, "%s\n", ungil_last_error());
  return status != UNGIL_OK;
}

/* A quarter circle. ctx points to its radius. */
static double quarter_circle(double x, void *ctx) {
  double radius = *(double *)ctx;
  return sqrt(radius * radius - x * x);
}

int main(int argc, char **argv) {
  int64_t count = argc > 1 ? atoll(argv[1]) : 10000000;
  if (count <= 0) {
    fprintf(stderr, "usage: parallel_map [COUNT], a positive number\n");
    return EXIT_FAILURE;
  }
  double *numbers = malloc((size_t)count * sizeof *numbers), *results = malloc((size_t)count * sizeof *results);
  if (numbers == NULL || results == NULL) return EXIT_FAILURE;
  for (int64_t i = 0; i < count; i++) numbers[i] = 4.0 * (double)i / (double)count - 2;

  const int32_t threads[] = {1, 0}; /* 0: all processors */
  double area = 0, radius = 2;
  for (int i = 0; i < 2; i++) {
    double start = seconds();
    if (failed(ungil_map_f64(erf, numbers, results, (size_t)count, threads[i], 0))) return EXIT_FAILURE;
    printf("erf of %lld numbers, %s: %.3f s\n", (long long)count, i ? "all processors" : "one thread", seconds() - start);
    start = seconds();
    if (failed(ungil_integrate(quarter_circle, &radius, 0, radius, count, threads[i], 0, &area))) return EXIT_FAILURE;
    printf("area of a quarter circle in as many parts: %.3f s\n", seconds() - start);
  }
  printf("erf(0) = %g, the area is pi: %.6f\n", results[count / 2], area);
  free(numbers);
  free(results);
  return EXIT_SUCCESS;
}
