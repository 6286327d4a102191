/* What the library's calls of C functions are compared with, and functions for it to call. */
#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

/* out[i] = function(in[i]), as anybody would write it with OpenMP. */
void map_openmp(double (*function)(double), const double *in, double *out, size_t n, int threads) {
#pragma omp parallel for num_threads(threads)
  for (size_t i = 0; i < n; i++) out[i] = function(in[i]);
}

/* Empty parallel regions, one after the other, on as many threads. */
void launch_openmp(int regions, int threads) {
  for (int i = 0; i < regions; i++) {
#pragma omp parallel num_threads(threads)
    __asm__ volatile("");
  }
}

/* The same by what ungil gives: parallel_for over as many empty ranges as threads. */
typedef int32_t body(int64_t begin, int64_t end, void *ctx);
typedef int32_t parallel_for(int64_t, int64_t, int64_t, int32_t, body *, void *, int32_t);

static int32_t empty_body(int64_t begin, int64_t end, void *ctx) {
  (void)begin, (void)end, (void)ctx;
  return 0;
}

int32_t launch_ungil(parallel_for *ungil_parallel_for, int regions, int threads) {
  int32_t status = 0;
  for (int i = 0; i < regions; i++) status |= ungil_parallel_for(0, threads, 1, threads, empty_body, NULL, 0);
  return status;
}

/* A call that does nothing. */
int32_t nothing(int32_t a, int32_t b) { return (void)a, (void)b, 0; }

static void spend(void) {
  struct timespec start, now;
  clock_gettime(CLOCK_MONOTONIC, &start);
  do clock_gettime(CLOCK_MONOTONIC, &now);
  while ((now.tv_sec - start.tv_sec) * 1000000000 + now.tv_nsec - start.tv_nsec < 100000);
}

double slow_map(double x) { return spend(), x; }
int32_t slow_body(int64_t begin, int64_t end, void *ctx) { return (void)begin, (void)end, (void)ctx, spend(), 0; }
