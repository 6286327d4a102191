/* Load, close, load again, in a program that is not linked with the library: reload LIBRARY
 * (It stays mapped, as its threads do; what a close must not do is upset them.) */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdint.h>

#include "expect.h"

/* The symbol as a function: POSIX promises that the representations agree, ISO C does not. */
typedef int32_t sum_function(int32_t, int32_t);
static sum_function *find_test(void *library) {
  union { void *symbol; sum_function *function; } test_in_library = {dlsym(library, "test")};
  return test_in_library.function;
}

/* Leaves what a library can leave behind: a thread's error message, and threads that ran in it. */
typedef int32_t count_function(int32_t, const int32_t *);
typedef int32_t number_function(int32_t);
static int use_state_and_threads(void *library) {
  union { void *symbol; count_function *function; } num_primes = {dlsym(library, "num_primes")};
  union { void *symbol; number_function *function; } set_num_threads = {dlsym(library, "ungil_set_num_threads")};
  int failed = num_primes.function(1, NULL), set = set_num_threads.function(4);
  int32_t sum = find_test(library)(0, 1000000000);
  return failed == -1 && set == 0 && sum == 1350552661;
}

static void load_close_load(const char *path) {
  for (int round = 0; round < 3; round++) {
    void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    expect(library != NULL);
    if (library == NULL) return;
    expect(find_test(library)(0, 10) == 18);
    expect(use_state_and_threads(library));
    expect(dlclose(library) == 0);
  }
}

int main(int argc, char **argv) {
  if (argc != 2) return EXIT_FAILURE;
  load_close_load(argv[1]);
  return report("reload");
}
