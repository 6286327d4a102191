/* Calls a kernel, or the same as a plain loop of C, once, for qemu to count its instructions:
 *
 *     kernel FUNCTION NUMBERS SIZE
 *
 * NUMBERS is what the array of SIZE numbers has: "ordered" ones from 0 on, or random ones of so many bits. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <ungil.h>

#include "../../bench_py/baseline/loops.c"

static int32_t size, *numbers;

static void fill(const char *kind) {
  numbers = malloc((size_t)size * sizeof *numbers);
  uint64_t state = 2026;
  for (int32_t i = 0; i < size; i++) {
    state = state * 6364136223846793005u + 1442695040888963407u;
    numbers[i] = strcmp(kind, "ordered") == 0 ? i : (int32_t)(state >> (64 - atoi(kind)));
  }
}

/* The divisors of num_primes, but up to the root itself. */
static double count_primes_loop(void) {
  int32_t count = 0;
  for (int32_t i = 0; i < size; i++) {
    int32_t end = (int32_t)sqrt(numbers[i]), d = 2;
    while (d <= end && numbers[i] % d != 0) d++;
    count += numbers[i] > 1 && d > end;
  }
  return count;
}

static double count_primes(void) {
  uint64_t count = 0;
  return ungil_count_primes_i32(numbers, (size_t)size, 1, 0, &count) == UNGIL_OK ? (double)count : -1;
}

static double call(const char *name) {
  if (strcmp(name, "test") == 0) return test(0, size);
  if (strcmp(name, "test_loop") == 0) return sum_loop(0, size);
  if (strcmp(name, "compPi_ctypes") == 0) return compPi_ctypes(0, size);
  if (strcmp(name, "compPi_ctypes_loop") == 0) return pi_loop(size);
  if (strcmp(name, "num_primes") == 0) return num_primes(size, numbers);
  if (strcmp(name, "num_primes_loop") == 0) return count_loop(size, numbers);
  if (strcmp(name, "count_primes") == 0) return count_primes();
  if (strcmp(name, "count_primes_loop") == 0) return count_primes_loop();
  return 0; /* "nothing" */
}

int main(int argc, char **argv) {
  if (argc != 4) return 2;
  size = atoi(argv[3]);
  fill(argv[2]);
  printf("%.9g\n", call(argv[1]));
  return 0;
}
