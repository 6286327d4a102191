/* Settings: the environment is read once, at the first use, and ungil_set_num_threads() changes the number of threads. */
#define _GNU_SOURCE
#include <limits.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/wait.h>
#include <ungil.h>
#include <unistd.h>

#include "expect.h"

enum { CALLERS = 4, ROUNDS = 20, SIZE = 200000 };

static const char *const VARIABLES[] = {"UNGIL_NUM_THREADS", "OMP_NUM_THREADS", "UNGIL_CPU",
                                        "UNGIL_LIBPYTHON",   "UNGIL_PRIVATE",   "UNGIL_SHARED"};
enum { COUNT = sizeof VARIABLES / sizeof *VARIABLES };

static atomic_int reads[COUNT], others;

/* The library's getenv is this one: a second reading could meet another thread's setenv. */
char *getenv(const char *name) {
  int known = 0;
  while (known < COUNT && strcmp(name, VARIABLES[known]) != 0) known++;
  if (known < COUNT) {
    atomic_fetch_add(&reads[known], 1);
  } else {
    atomic_fetch_add(&others, 1);
    fprintf(stderr, "getenv(%s)\n", name);
  }
  for (char **entry = environ; *entry != NULL; entry++)
    if (strncmp(*entry, name, strlen(name)) == 0 && (*entry)[strlen(name)] == '=') return *entry + strlen(name) + 1;
  return NULL;
}

static void expect_each_read(int times) {
  for (int i = 0; i < COUNT; i++) expect(atomic_load(&reads[i]) == times);
  expect(atomic_load(&others) == 0);
}

static void read_at_the_first_use(void) {
  expect(ungil_abi_version() == 0 && ungil_num_threads_setting() == 0); /* neither needs a setting */
  expect_each_read(0);
  setenv("UNGIL_NUM_THREADS", "3", 1);
  setenv("UNGIL_CPU", "scalar", 1);
  expect(ungil_num_threads() == 3);
  expect_each_read(1);
  setenv("UNGIL_NUM_THREADS", "5", 1);
  setenv("UNGIL_CPU", "avx2", 1);
  expect(ungil_num_threads() == 3);
  expect(strcmp(ungil_cpu_active(), "scalar") == 0);
}

static void refused(int32_t number) {
  int32_t threads = ungil_num_threads(), setting = ungil_num_threads_setting();
  expect(ungil_set_num_threads(number) == UNGIL_E_INVALID);
  expect(strstr(ungil_last_error(), "ungil_set_num_threads: nthreads must be") == ungil_last_error());
  expect(ungil_num_threads() == threads && ungil_num_threads_setting() == setting);
}

static void set_and_get(void) {
  expect(ungil_num_threads_setting() == 0);
  const int32_t numbers[][2] = {{1, 1}, {2, 2}, {7, 7}, {255, 255}, {256, 256}, {257, 256}, {INT_MAX, 256}};
  for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
    expect(ungil_set_num_threads(numbers[i][0]) == UNGIL_OK);
    expect(ungil_num_threads() == numbers[i][1] && ungil_num_threads_setting() == numbers[i][1]);
    refused(-1);
    refused(INT_MIN);
  }
  expect(ungil_set_num_threads(0) == UNGIL_OK);
  expect(ungil_num_threads() == 3 && ungil_num_threads_setting() == 0); /* what was read, not what is there now */
  refused(-1);
  refused(INT_MIN);
}

static int32_t numbers[SIZE];
static double pi;
static atomic_int is_over;

/* Returns NULL if every answer is right. */
static void *call(void *argument) {
  (void)argument;
  for (int round = 0; round < ROUNDS; round++) {
    uint64_t count = 0;
    if (test(0, 100000000) != 329153237) return "test";
    if (num_primes(SIZE, numbers) != 181903) return "num_primes";
    if (compPi_ctypes(0.0, 1000000) != pi) return "compPi_ctypes";
    if (ungil_num_primes_i32(numbers, SIZE, 0, 0, &count) != UNGIL_OK || count != 181903) return "ungil_num_primes_i32";
  }
  return NULL;
}

static void *change(void *argument) {
  (void)argument;
  for (int32_t number = 0; !atomic_load(&is_over); number = (number + 1) % 9) {
    if (ungil_set_num_threads(number) != UNGIL_OK) return "ungil_set_num_threads";
    int32_t setting = ungil_num_threads_setting(); /* the other thread may have set another */
    if (setting < 0 || setting > 8 || ungil_num_threads() < 1) return "ungil_num_threads";
  }
  return NULL;
}

static void set_while_calls_run(void) {
  for (int32_t i = 0; i < SIZE; i++) numbers[i] = i;
  pi = compPi_ctypes(0.0, 1000000);
  pthread_t callers[CALLERS], changers[2];
  for (int i = 0; i < 2; i++) expect(pthread_create(&changers[i], NULL, change, NULL) == 0);
  for (int i = 0; i < CALLERS; i++) expect(pthread_create(&callers[i], NULL, call, NULL) == 0);
  for (int i = 0; i < CALLERS; i++) {
    void *wrong = "not joined";
    expect(pthread_join(callers[i], &wrong) == 0 && wrong == NULL);
  }
  atomic_store(&is_over, 1);
  for (int i = 0; i < 2; i++) {
    void *wrong = "not joined";
    expect(pthread_join(changers[i], &wrong) == 0 && wrong == NULL);
  }
}

static void a_forks_child_has_its_parents(void) {
  expect(ungil_set_num_threads(2) == UNGIL_OK);
  pid_t child = fork();
  if (child == 0) {
    int inherits = ungil_num_threads() == 2 && ungil_num_threads_setting() == 2 && call(NULL) == NULL;
    int goes_back = ungil_set_num_threads(0) == UNGIL_OK && ungil_num_threads() == 3;
    _exit(inherits && goes_back && reads[0] == 1 ? 0 : 1);
  }
  int status = -1;
  expect(waitpid(child, &status, 0) == child);
  expect(WIFEXITED(status) && WEXITSTATUS(status) == 0);
  expect(ungil_num_threads() == 2);
}

int main(void) {
  read_at_the_first_use();
  set_and_get();
  set_while_calls_run();
  a_forks_child_has_its_parents();
  expect(num_primes(1, NULL) == -1);
  expect_each_read(1);
  return report("settings");
}
