/* Where memory is short the library does without its tables: the same counts, no crash. */
#define _GNU_SOURCE
#include <sys/resource.h>
#include <ungil.h>
#include <unistd.h>

#include "expect.h"

enum { SIZE = 60000, CALLS = 100 };

static int32_t numbers[SIZE];

/* Lets the process grow by so many bytes more. */
static int limit_growth(rlim_t bytes) {
  long pages = 0;
  FILE *statm = fopen("/proc/self/statm", "r");
  if (statm == NULL || fscanf(statm, "%ld", &pages) != 1) return -1;
  fclose(statm);
  rlim_t now = (rlim_t)pages * (rlim_t)sysconf(_SC_PAGESIZE);
  struct rlimit limit = {now + bytes, now + bytes};
  return setrlimit(RLIMIT_AS, &limit);
}

int main(void) {
  for (int32_t i = 0; i < SIZE; i++) numbers[i] = 8000001 + 2 * i;
  int32_t count = num_primes(SIZE, numbers);
  expect(limit_growth(200000) == 0);
  expect(malloc(1 << 20) == NULL); /* a table's size */
  for (int call = 0; call < CALLS; call++) expect(num_primes(SIZE, numbers) == count);
  return report("memory");
}
