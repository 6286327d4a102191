/* The kernels' loops as plain C, to compare with: one thread, POSIX threads, OpenMP. */
#include <math.h>
#include <pthread.h>
#include <stdint.h>

static uint32_t sum_part(int32_t from, int32_t to) {
  uint32_t sum = 0; /* wraps */
  for (int32_t i = from; i < to; i++)
    if (i % 3 == 0) sum += (uint32_t)i;
  return sum;
}

static int32_t has_divisor(int32_t n) {
  int32_t end = n > 0 ? (int32_t)sqrt(n) : 0;
  for (int32_t d = 2; d < end; d++)
    if (n % d == 0) return 1;
  return 0;
}

static int32_t count_part(const int32_t *numbers, int64_t begin, int64_t end) {
  int32_t count = 0;
  for (int64_t i = begin; i < end; i++) count += has_divisor(numbers[i]);
  return count;
}

static double pi_part(double h, int32_t begin, int32_t end) {
  double sum = 0;
  for (int32_t i = begin; i < end; i++) {
    double x = h * (i - 0.5);
    sum += 4.0 / (1.0 + x * x);
  }
  return sum;
}

int32_t sum_loop(int32_t from, int32_t to) { return (int32_t)sum_part(from, to); }
int32_t count_loop(int32_t size, const int32_t *numbers) { return count_part(numbers, 0, size); }
double pi_loop(int32_t n) { return pi_part(1.0 / n, 0, n) / n; }

/* OpenMP, as one would write it. Trial division takes longer for larger numbers: its shares are dealt as they go. */

int32_t sum_openmp(int32_t from, int32_t to, int threads) {
  uint32_t sum = 0;
#pragma omp parallel for num_threads(threads) reduction(+ : sum)
  for (int32_t i = from; i < to; i++)
    if (i % 3 == 0) sum += (uint32_t)i;
  return (int32_t)sum;
}

int32_t count_openmp(int32_t size, const int32_t *numbers, int threads) {
  int32_t count = 0;
#pragma omp parallel for num_threads(threads) reduction(+ : count) schedule(guided)
  for (int32_t i = 0; i < size; i++) count += has_divisor(numbers[i]);
  return count;
}

double pi_openmp(int32_t n, int threads) {
  double h = 1.0 / n, sum = 0;
#pragma omp parallel for simd num_threads(threads) reduction(+ : sum)
  for (int32_t i = 0; i < n; i++) {
    double x = h * (i - 0.5);
    sum += 4.0 / (1.0 + x * x);
  }
  return sum * h;
}

/* POSIX threads: each takes an equal share, as threads of one's own do. */

enum { MOST_THREADS = 256 };

struct share {
  pthread_t thread;
  const int32_t *numbers; /* of count */
  double h;               /* of pi */
  int64_t begin, end, whole;
  double real;
};

static void *sum_share(void *it) {
  struct share *share = it;
  share->whole = sum_part((int32_t)share->begin, (int32_t)share->end);
  return 0;
}

static void *count_share(void *it) {
  struct share *share = it;
  share->whole = count_part(share->numbers, share->begin, share->end);
  return 0;
}

static void *pi_share(void *it) {
  struct share *share = it;
  share->real = pi_part(share->h, (int32_t)share->begin, (int32_t)share->end);
  return 0;
}

static struct share in_threads(void *(*run)(void *), struct share all, int threads) {
  struct share shares[MOST_THREADS];
  if (threads > MOST_THREADS) threads = MOST_THREADS;
  int64_t length = all.end - all.begin;
  for (int i = 0; i < threads; i++) {
    shares[i] = all;
    shares[i].begin = all.begin + length * i / threads;
    shares[i].end = all.begin + length * (i + 1) / threads;
    if (i > 0 && pthread_create(&shares[i].thread, 0, run, &shares[i])) shares[i].thread = 0, run(&shares[i]);
  }
  run(&shares[0]);
  all.whole = shares[0].whole, all.real = shares[0].real;
  for (int i = 1; i < threads; i++) {
    if (shares[i].thread) pthread_join(shares[i].thread, 0);
    all.whole += shares[i].whole, all.real += shares[i].real;
  }
  return all;
}

int32_t sum_pthreads(int32_t from, int32_t to, int threads) {
  return (int32_t)(uint32_t)in_threads(sum_share, (struct share){.begin = from, .end = to}, threads).whole;
}

int32_t count_pthreads(int32_t size, const int32_t *numbers, int threads) {
  return (int32_t)in_threads(count_share, (struct share){.numbers = numbers, .end = size}, threads).whole;
}

double pi_pthreads(int32_t n, int threads) {
  return in_threads(pi_share, (struct share){.h = 1.0 / n, .end = n}, threads).real / n;
}

/* Another library's test of one number, of all: FLINT's n_is_prime. */

void each_is_prime(int (*is_prime)(unsigned long), const uint64_t *numbers, int64_t n, uint8_t *out, int threads) {
#pragma omp parallel for num_threads(threads)
  for (int64_t i = 0; i < n; i++) out[i] = (uint8_t)is_prime(numbers[i]);
}

int64_t count_is_prime(int (*is_prime)(unsigned long), const int32_t *numbers, int64_t n, int threads) {
  int64_t count = 0;
#pragma omp parallel for num_threads(threads) reduction(+ : count)
  for (int64_t i = 0; i < n; i++) count += numbers[i] > 0 && is_prime((unsigned long)numbers[i]);
  return count;
}
