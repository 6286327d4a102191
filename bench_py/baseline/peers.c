/* What the native API is compared with: OpenMP's loops, and FLINT's primality if it is there. */
#include <math.h>
#include <stddef.h>
#include <stdint.h>

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

#ifdef WITH_FLINT
#include <flint/flint.h>
#include <flint/ulong_extras.h>

void is_prime_flint(const uint64_t *numbers, size_t n, uint8_t *out) {
  for (size_t i = 0; i < n; i++) out[i] = (uint8_t)n_is_prime(numbers[i]);
}
#endif
