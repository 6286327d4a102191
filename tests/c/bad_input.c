/* What a C caller can get wrong: each gives the answer or the error that the header promises, never a crash. */
#define _GNU_SOURCE
#include <limits.h>
#include <math.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <ungil.h>

#include "expect.h"

static void null_and_sizes(void) {
  int32_t numbers[] = {10, 11, 12};
  expect(strcmp(ungil_last_error(), "") == 0);
  expect(num_primes(3, numbers) == 2);
  expect(num_primes(0, numbers) == 0);
  expect(num_primes(0, NULL) == 0);
  expect(num_primes(-1, NULL) == 0);
  expect(num_primes(INT_MIN, numbers) == 0);
  expect(strcmp(ungil_last_error(), "") == 0);
  expect(num_primes(1, NULL) == -1);
  expect(strstr(ungil_last_error(), "num_primes: numbers is NULL") == ungil_last_error());
  expect(num_primes(INT_MAX, NULL) == -1);
}

static void ranges(void) {
  expect(test(5, 5) == 0);
  expect(test(10, 0) == 0);
  expect(test(INT_MAX, INT_MIN) == 0);
  expect(test(-9, 1) == -18);
  expect(test(INT_MAX - 3, INT_MAX) == 2147483646); /* 2^31 - 2 = 3 * 715827882 */
  expect(test(INT_MIN, INT_MIN + 4) == INT_MIN + 2);
  expect(test(INT_MIN, INT_MAX) == 0); /* -m and m cancel for every multiple m of 3 in range */
}

static void terms(void) {
  expect(isnan(compPi_ctypes(0.0, 0)));
  expect(compPi_ctypes(1.0, 0) == INFINITY);
  expect(compPi_ctypes(1.0, -2) == -0.5);
  expect(compPi_ctypes(0.0, INT_MIN) == 0.0 && signbit(compPi_ctypes(0.0, INT_MIN)));
  expect(isnan(compPi_ctypes(NAN, 10)));
  expect(compPi_ctypes(-INFINITY, 10) == -INFINITY);
  expect(fabs(compPi_ctypes(0.0, 1) - 3.2) < 1e-15); /* x = -1/2: 4 / (1 + 1/4) */
}

/* Every length, ending at a page that cannot be touched, and beginning after one. */
static void unmapped_pages(void) {
  size_t page = (size_t)sysconf(_SC_PAGESIZE);
  char *memory = mmap(NULL, 3 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  expect(memory != MAP_FAILED);
  expect(mprotect(memory, page, PROT_NONE) == 0 && mprotect(memory + 2 * page, page, PROT_NONE) == 0);
  int32_t *numbers = (int32_t *)(void *)(memory + page);
  int32_t room = (int32_t)(page / sizeof *numbers);
  for (int32_t i = 0; i < room; i++) numbers[i] = 2147483646 + (i % 2); /* even, prime */
  for (int32_t size = 0; size <= room; size++) {
    expect(num_primes(size, numbers + room - size) == size / 2); /* the last number is a prime */
    expect(num_primes(size, numbers) == (size + 1) / 2);
  }
  munmap(memory, 3 * page);
}

/* Pointers that no int32_t array of C's may have, but that ctypes or a file's bytes can give. */
static void misaligned(void) {
  enum { COUNT = 3000 };
  static char bytes[COUNT * sizeof(int32_t) + 4];
  for (int offset = 1; offset < 4; offset++) {
    for (int32_t n = 0; n < COUNT; n++) memcpy(bytes + offset + (size_t)n * sizeof n, &n, sizeof n);
    union { char *bytes; int32_t *numbers; } start = {bytes + offset};
    static int32_t aligned[COUNT];
    memcpy(aligned, start.bytes, sizeof aligned);
    for (int32_t size = COUNT - 1100; size <= COUNT; size++)
      expect(num_primes(size, start.numbers) == num_primes(size, aligned));
  }
}

int main(void) {
  null_and_sizes();
  ranges();
  terms();
  unmapped_pages();
  misaligned();
  return report("bad_input");
}
