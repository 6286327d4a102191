/* Shows the progress of a long call on all processors. Ctrl-C cancels it, and the exit status is then 130.
 *
 *   cc progress.c -o progress $(pkg-config --cflags --libs ungil) -pthread && ./progress 50000000
 */
#define _POSIX_C_SOURCE 200809L
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <ungil.h>
#include <unistd.h>

struct count {
  const uint64_t *numbers;
  size_t length;
  uint64_t primes;
  int32_t control, status;
};

static void *count_primes(void *argument) {
  struct count *count = argument;
  count->status = ungil_count_primes_u64(count->numbers, count->length, 0, count->control, &count->primes);
  kill(getpid(), SIGUSR1); /* wakes the main thread */
  return NULL;
}

int main(int argc, char **argv) {
  long long length = argc > 1 ? atoll(argv[1]) : 50000000;
  uint64_t *numbers = length > 0 ? malloc((size_t)length * sizeof *numbers) : NULL;
  if (numbers == NULL) {
    fprintf(stderr, "usage: progress [COUNT], a positive number of numbers that fit in memory\n");
    return EXIT_FAILURE;
  }
  for (long long i = 0; i < length; i++) numbers[i] = UINT64_MAX - 2 * (uint64_t)i;

  /* Block the signals: the main thread takes them with sigtimedwait. The other threads inherit the mask. */
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGINT);
  sigaddset(&signals, SIGUSR1);
  pthread_sigmask(SIG_BLOCK, &signals, NULL);

  struct count count = {numbers, (size_t)length, 0, 0, 0};
  pthread_t thread;
  if (ungil_control_new(&count.control) != UNGIL_OK || pthread_create(&thread, NULL, count_primes, &count) != 0)
    return EXIT_FAILURE;
  const struct timespec tenth = {.tv_nsec = 100000000};
  for (int signal = 0; signal != SIGUSR1;) {
    signal = sigtimedwait(&signals, NULL, &tenth);
    if (signal == SIGINT) ungil_control_cancel(count.control);
    uint64_t done = 0, total = 0;
    ungil_control_progress(count.control, &done, &total);
    fprintf(stderr, "\r%3.0f %%", total > 0 ? 100.0 * (double)done / (double)total : 0.0);
  }
  fputc('\n', stderr);
  pthread_join(thread, NULL);
  ungil_control_free(count.control);
  free(numbers);

  if (count.status == UNGIL_E_CANCELLED) return 128 + SIGINT;
  if (count.status != UNGIL_OK) return EXIT_FAILURE;
  printf("%llu of the %lld largest odd 64-bit numbers are prime\n", (unsigned long long)count.primes, length);
  return EXIT_SUCCESS;
}
