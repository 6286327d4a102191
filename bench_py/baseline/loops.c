/* The three loops as plain C, to compare with. */
#include <math.h>
#include <stdint.h>
#include <time.h>

int32_t sum_loop(int32_t from, int32_t to) {
  uint32_t sum = 0; /* wraps */
  for (int32_t i = from; i < to; i++)
    if (i % 3 == 0) sum += (uint32_t)i;
  return (int32_t)sum;
}

static int32_t has_divisor(int32_t n) {
  int32_t end = n > 0 ? (int32_t)sqrt(n) : 0;
  for (int32_t d = 2; d < end; d++)
    if (n % d == 0) return 1;
  return 0;
}

int32_t divisors_loop(int32_t size, const int32_t *numbers) {
  int32_t count = 0;
  for (int32_t i = 0; i < size; i++) count += has_divisor(numbers[i]);
  return count;
}

double pi_loop(double start, int32_t n) {
  double h = 1.0 / n, sum = start;
  for (int32_t i = 0; i < n; i++) {
    double x = h * (i - 0.5);
    sum += 4.0 / (1.0 + x * x);
  }
  return sum * h;
}

/* What a call takes, without what Python adds: `calls` calls of a function like divisors_loop. */
double nanoseconds_per_call(int32_t (*function)(int32_t, const int32_t *), int32_t size, const int32_t *numbers,
                            int64_t calls) {
  volatile int32_t sink;
  struct timespec start, end;
  clock_gettime(CLOCK_MONOTONIC, &start);
  for (int64_t i = 0; i < calls; i++) sink = function(size, numbers);
  clock_gettime(CLOCK_MONOTONIC, &end);
  (void)sink;
  return ((double)(end.tv_sec - start.tv_sec) * 1e9 + (double)(end.tv_nsec - start.tv_nsec)) / (double)calls;
}
