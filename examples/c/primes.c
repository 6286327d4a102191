/* Counts the numbers below a bound that have a divisor below their square root. Shows how errors are reported.
 *
 *   cc primes.c -o primes $(pkg-config --cflags --libs ungil) && ./primes 1000000
 */
#include <stdio.h>
#include <stdlib.h>
#include <ungil.h>

#include "stopwatch.h"

int main(int argc, char **argv) {
  int32_t size = argc > 1 ? atoi(argv[1]) : 1000000;
  if (size <= 0) {
    fprintf(stderr, "usage: primes [COUNT], a positive number\n");
    return EXIT_FAILURE;
  }
  int32_t *numbers = malloc((size_t)size * sizeof *numbers);
  if (numbers == NULL) return EXIT_FAILURE;
  for (int32_t n = 0; n < size; n++) numbers[n] = n;

  double start = seconds();
  int32_t count = num_primes(size, numbers);
  printf("%d of the numbers below %d have a divisor d, 2 <= d < floor(sqrt(n)): %.3f s\n", count, size,
         seconds() - start);
  free(numbers);

  if (num_primes(size, NULL) < 0) printf("without an array: %s\n", ungil_last_error());
  return EXIT_SUCCESS;
}
