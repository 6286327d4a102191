/* Computes pi as a sum of n terms.
 *
 *   cc pi.c -o pi $(pkg-config --cflags --libs ungil) && ./pi 100000000
 */
#include <stdio.h>
#include <stdlib.h>
#include <ungil.h>

#include "stopwatch.h"

int main(int argc, char **argv) {
  int32_t terms = argc > 1 ? atoi(argv[1]) : 100000000;
  double start = seconds();
  double pi = compPi_ctypes(0.0, terms);
  printf("%d terms: %.15f, %.3f s\n", terms, pi, seconds() - start);
  return EXIT_SUCCESS;
}
