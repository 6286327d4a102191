/* What the native API is compared with: OpenMP's loops, and FLINT's primality if it is there. */
#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

/* out[i] = function(in[i]), as anybody would write it with OpenMP. */
void map_openmp(double (*function)(double), const double *in, double *out, size_t n, int threads) {
#pragma omp parallel for num_threads(threads)
  for (size_t i = 0; i < n; i++) out[i] = function(in[i]);
}

/* An empty parallel region, on as many threads. */
void launch_openmp(int threads) {
#pragma omp parallel num_threads(threads)
  __asm__ volatile("");
}

/* What ungil is given to call. */
int32_t empty_body(int64_t begin, int64_t end, void *ctx) {
  (void)begin, (void)end, (void)ctx;
  return 0;
}

double quarter_circle(double x, void *ctx) {
  (void)ctx;
  return sqrt(1 - x * x);
}

static void spend(void) {
  struct timespec start, now;
  clock_gettime(CLOCK_MONOTONIC, &start);
  do clock_gettime(CLOCK_MONOTONIC, &now);
  while ((now.tv_sec - start.tv_sec) * 1000000000 + now.tv_nsec - start.tv_nsec < 100000);
}

double slow_map(double x) { return spend(), x; }
int64_t slow_map_i64(int64_t x) { return spend(), x; }
double slow_integrand(double x, void *ctx) { return (void)ctx, spend(), x; }
int32_t slow_body(int64_t begin, int64_t end, void *ctx) { return (void)begin, (void)end, (void)ctx, spend(), 0; }

#ifdef WITH_FLINT
#include <flint/flint.h>
#include <flint/ulong_extras.h>

void is_prime_flint(const uint64_t *numbers, size_t n, uint8_t *out) {
  for (size_t i = 0; i < n; i++) out[i] = (uint8_t)n_is_prime(numbers[i]);
}
#endif
