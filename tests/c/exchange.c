/* Queues, counters and barriers: what C threads do with them, what a caller can get wrong, and forks. */
#define _GNU_SOURCE
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/wait.h>
#include <ungil.h>
#include <unistd.h>

#include "expect.h"

enum { THREADS = 4, MESSAGES = 20000 };

static int32_t new_queue(size_t capacity) {
  int32_t queue = 0;
  expect(ungil_queue_new(capacity, &queue) == UNGIL_OK && queue > 0);
  return queue;
}

static int32_t put(int32_t queue, int64_t tag, const char *text, int64_t timeout) {
  return ungil_queue_put(queue, tag, text, strlen(text), NULL, 0, timeout, 0);
}

static atomic_int released;
static void release(void *owner) { atomic_fetch_add(&released, *(int *)owner); }

static void messages(void) {
  int32_t queue = new_queue(2);
  char space[8];
  UngilMessage message;
  expect(ungil_queue_get(queue, space, sizeof space, 0, 0, &message) == UNGIL_E_TIMED_OUT);
  expect(put(queue, -5, "short", 0) == UNGIL_OK && put(queue, INT64_MAX, "longer than it", 0) == UNGIL_OK);
  expect(put(queue, 1, "one too many", 0) == UNGIL_E_TIMED_OUT && put(queue, 1, "", 1) == UNGIL_E_TIMED_OUT);
  size_t length = 7;
  expect(ungil_queue_length(queue, &length) == UNGIL_OK && length == 2);
  expect(ungil_queue_get(queue, space, sizeof space, -1, 0, &message) == UNGIL_OK);
  expect(message.data == space && message.length == 5 && memcmp(space, "short", 5) == 0);
  expect(message.tag == -5 && message.handle == 0 && message.count == 0);
  expect(ungil_queue_get(queue, space, sizeof space, -1, 0, &message) == UNGIL_OK);
  expect(message.data != space && message.length == 14 && memcmp(message.data, "longer than it", 14) == 0);
  expect(message.tag == INT64_MAX && message.handle > 0);
  /* Messages that are put back, with a handle and without one, are the first again, even in a closed queue. */
  expect(ungil_queue_close(queue, 0) == UNGIL_OK && ungil_queue_put_back(queue, &message) == UNGIL_OK);
  expect(ungil_queue_put_back(queue, &message) == UNGIL_E_HANDLE && ungil_queue_put_back(queue, NULL) == UNGIL_E_NULL);
  expect(ungil_queue_put_back(queue, &(UngilMessage){.data = "first", .length = 5, .tag = 2}) == UNGIL_OK);
  expect(ungil_queue_get(queue, space, sizeof space, 0, 0, &message) == UNGIL_OK && message.tag == 2);
  expect(message.length == 5 && memcmp(space, "first", 5) == 0);
  expect(ungil_queue_get(queue, space, sizeof space, 0, 0, &message) == UNGIL_OK && message.length == 14);
  expect(message.tag == INT64_MAX && ungil_message_free(message.handle) == UNGIL_OK);
  expect(ungil_message_free(message.handle) == UNGIL_E_HANDLE && ungil_message_free(0) == UNGIL_OK);
  expect(ungil_exchange_free(queue) == UNGIL_OK && ungil_exchange_free(queue) == UNGIL_E_HANDLE);
  expect(ungil_exchange_free(0) == UNGIL_OK);
}

static void without_waiting(void) {
  int32_t queue = new_queue(2);
  char space[8];
  UngilMessage message;
  expect(ungil_queue_try_get(queue, space, sizeof space, &message) == UNGIL_E_TIMED_OUT);
  expect(ungil_queue_try_put(queue, INT32_MIN, "short", 5) == UNGIL_OK);
  expect(ungil_queue_try_put(queue, INT32_MAX, NULL, 0) == UNGIL_OK);
  expect(ungil_queue_try_put(queue, 0, "", 0) == UNGIL_E_TIMED_OUT);
  expect(ungil_queue_try_put(queue, 0, NULL, 1) == UNGIL_E_NULL && ungil_queue_try_put(queue, 0, "", -1) == UNGIL_E_INVALID);
  expect(ungil_queue_try_put(0, 0, "", 0) == UNGIL_E_HANDLE);
  expect(ungil_queue_try_get(queue, space, -1, &message) == UNGIL_E_INVALID);
  expect(ungil_queue_try_get(queue, NULL, 1, &message) == UNGIL_E_NULL);
  expect(ungil_queue_try_get(queue, space, sizeof space, NULL) == UNGIL_E_NULL);
  expect(ungil_queue_try_get(queue, space, sizeof space, &message) == UNGIL_OK && message.tag == INT32_MIN);
  expect(message.data == space && message.length == 5 && memcmp(space, "short", 5) == 0 && message.handle == 0);
  expect(ungil_queue_try_get(queue, NULL, 0, &message) == UNGIL_OK && message.tag == INT32_MAX && message.length == 0);
  expect(ungil_queue_try_put(queue, 1, "longer than it", 14) == UNGIL_OK);
  expect(ungil_queue_try_get(queue, space, sizeof space, &message) == UNGIL_OK && message.length == 14);
  expect(message.handle > 0 && ungil_message_free(message.handle) == UNGIL_OK);
  expect(ungil_queue_close(queue, 0) == UNGIL_OK && ungil_queue_try_put(queue, 0, "", 0) == UNGIL_E_CLOSED);
  expect(ungil_queue_try_get(queue, space, sizeof space, &message) == UNGIL_E_CLOSED);
  expect(ungil_exchange_free(queue) == UNGIL_OK);
}

static void lent_memory(void) {
  static int memory[3] = {1, 10, 100};
  int32_t queue = new_queue(3);
  UngilBuffer buffers[3];
  for (int i = 0; i < 3; i++) buffers[i] = (UngilBuffer){&memory[i], sizeof(int), i == 0, release, &memory[i]};
  expect(ungil_queue_put(queue, 0, "", 0, buffers, 2, 0, 0) == UNGIL_OK);
  expect(ungil_queue_put(queue, 0, NULL, 0, &buffers[2], 1, 0, 0) == UNGIL_OK);
  UngilMessage message;
  expect(ungil_queue_get(queue, NULL, 0, 0, 0, &message) == UNGIL_OK && message.count == 2 && message.length == 0);
  expect(message.buffers[0].address == &memory[0] && message.buffers[0].length == sizeof(int));
  expect(message.buffers[0].readonly == 1 && message.buffers[1].readonly == 0);
  expect(atomic_load(&released) == 0 && ungil_message_free(message.handle) == UNGIL_OK && atomic_load(&released) == 11);
  /* What was not put was not lent; what is in a queue that is freed, or is discarded, is released. */
  UngilBuffer bad = {NULL, 1, 0, release, &memory[0]};
  expect(ungil_queue_put(queue, 0, NULL, 0, &bad, 1, 0, 0) == UNGIL_E_INVALID && atomic_load(&released) == 11);
  expect(ungil_queue_close(queue, 1) == UNGIL_OK && atomic_load(&released) == 111);
  expect(ungil_queue_put(queue, 0, NULL, 0, buffers, 2, 0, 0) == UNGIL_E_CLOSED && atomic_load(&released) == 111);
  expect(ungil_exchange_free(queue) == UNGIL_OK);
  queue = new_queue(0);
  expect(ungil_queue_put(queue, 0, NULL, 0, buffers, 1, 0, 0) == UNGIL_OK);
  expect(ungil_exchange_free(queue) == UNGIL_OK && atomic_load(&released) == 112);
}

static int32_t shared_queue;

static void *send_all(void *handle) {
  for (int i = 1; i <= MESSAGES; i++)
    if (put(*(int32_t *)handle, i, "text", -1) != UNGIL_OK) return "put";
  return NULL;
}

static void *receive_until_closed(void *sum) {
  char space[8];
  UngilMessage message;
  int32_t status;
  while ((status = ungil_queue_get(shared_queue, space, sizeof space, -1, 0, &message)) == UNGIL_OK) {
    *(int64_t *)sum += message.tag;
    if (ungil_queue_task_done(shared_queue) != UNGIL_OK) return "task_done";
  }
  return status == UNGIL_E_CLOSED ? NULL : "get";
}

/* Each thread has a handle of its own; the queue is closed when all is done. */
static void many_threads(void) {
  pthread_t senders[THREADS], receivers[THREADS];
  int32_t handles[THREADS];
  int64_t sums[THREADS] = {0}, sum = 0;
  uint64_t id = 0, other = 1;
  shared_queue = new_queue(10);
  for (int i = 0; i < THREADS; i++) {
    expect(ungil_exchange_share(shared_queue, 0, &handles[i]) == UNGIL_OK && handles[i] != shared_queue);
    expect(pthread_create(&receivers[i], NULL, receive_until_closed, &sums[i]) == 0);
    expect(pthread_create(&senders[i], NULL, send_all, &handles[i]) == 0);
  }
  expect(ungil_exchange_id(shared_queue, &id) == UNGIL_OK && ungil_exchange_id(handles[0], &other) == UNGIL_OK);
  expect(id == other);
  void *wrong = "not joined";
  for (int i = 0; i < THREADS; i++) expect(pthread_join(senders[i], &wrong) == 0 && wrong == NULL);
  expect(ungil_queue_join(shared_queue, -1, 0) == UNGIL_OK && ungil_queue_close(shared_queue, 0) == UNGIL_OK);
  for (int i = 0; i < THREADS; i++) {
    expect(pthread_join(receivers[i], &wrong) == 0 && wrong == NULL);
    sum += sums[i];
    expect(ungil_exchange_free(handles[i]) == UNGIL_OK);
  }
  expect(sum == (int64_t)THREADS * MESSAGES * (MESSAGES + 1) / 2);
  expect(ungil_queue_task_done(shared_queue) == UNGIL_E_INVALID);
  expect(ungil_exchange_free(shared_queue) == UNGIL_OK);
}

static void *get_forever(void *control) {
  UngilMessage message;
  return (void *)(intptr_t)ungil_queue_get(shared_queue, NULL, 0, -1, (int32_t)(intptr_t)control, &message);
}

static void stopped(void) {
  pthread_t thread;
  void *status;
  shared_queue = new_queue(0);
  for (int way = 0; way < 3; way++) {
    int32_t control = 0;
    expect(ungil_control_new(&control) == UNGIL_OK);
    expect(pthread_create(&thread, NULL, get_forever, (void *)(intptr_t)control) == 0);
    if (way == 0) expect(ungil_control_cancel(control) == UNGIL_OK);
    if (way == 1) expect(ungil_control_set_deadline_ms(control, 1) == UNGIL_OK);
    if (way == 2) expect(ungil_queue_close(shared_queue, 0) == UNGIL_OK);
    expect(pthread_join(thread, &status) == 0);
    const int32_t expected[] = {UNGIL_E_CANCELLED, UNGIL_E_TIMED_OUT, UNGIL_E_CLOSED};
    expect((intptr_t)status == expected[way] && ungil_control_free(control) == UNGIL_OK);
  }
  expect(ungil_exchange_free(shared_queue) == UNGIL_OK);
}

static atomic_int ended;
static void *get_until_a_signal(void *unused) {
  (void)unused;
  void *status = get_forever(NULL);
  atomic_store(&ended, 1);
  return status;
}

static void ignore(int number) { (void)number; }

static void interrupted(void) {
  pthread_t thread;
  void *status;
  struct sigaction action = {.sa_handler = ignore}; /* without SA_RESTART */
  expect(sigaction(SIGUSR1, &action, NULL) == 0);
  shared_queue = new_queue(0);
  expect(pthread_create(&thread, NULL, get_until_a_signal, NULL) == 0);
  while (!atomic_load(&ended)) pthread_kill(thread, SIGUSR1), usleep(1000);
  expect(pthread_join(thread, &status) == 0 && (intptr_t)status == UNGIL_E_INTERRUPTED);
  expect(ungil_exchange_free(shared_queue) == UNGIL_OK);
}

static int32_t counter, barrier;
static int64_t unguarded;

static void *lock_and_pass(void *unused) {
  (void)unused;
  int64_t value;
  int32_t number;
  for (int i = 0; i < 1000; i++) {
    if (ungil_counter_wait(counter, 1, 1, -1, -1, 0, &value) != UNGIL_OK) return "lock";
    unguarded++;
    if (ungil_counter_add(counter, 1, &value) != UNGIL_OK || value != 1) return "release";
    if (i % 50 == 0 && ungil_barrier_wait(barrier, 0, -1, 0, &number) != UNGIL_OK) return "barrier";
  }
  return NULL;
}

static void counters_and_barriers(void) {
  pthread_t threads[THREADS];
  int64_t value = 7;
  int32_t number = 7, waiting = 7, broken = 7;
  expect(ungil_counter_new(1, &counter) == UNGIL_OK && ungil_barrier_new(THREADS, &barrier) == UNGIL_OK);
  for (int i = 0; i < THREADS; i++) expect(pthread_create(&threads[i], NULL, lock_and_pass, NULL) == 0);
  for (int i = 0; i < THREADS; i++) {
    void *wrong = "not joined";
    expect(pthread_join(threads[i], &wrong) == 0 && wrong == NULL);
  }
  expect(unguarded == THREADS * 1000);
  expect(ungil_counter_exchange(counter, INT64_MAX, &value) == UNGIL_OK && value == 1);
  expect(ungil_counter_add(counter, 1, &value) == UNGIL_E_OVERFLOW && value == 1);
  expect(ungil_counter_compare_exchange(counter, 1, 2, &value) == UNGIL_OK && value == INT64_MAX);
  expect(ungil_counter_wait(counter, 0, 1, 0, 1, 0, &value) == UNGIL_E_TIMED_OUT);
  expect(ungil_counter_wait(counter, 2, 1, 0, 1, 0, &value) == UNGIL_E_INVALID);
  expect(ungil_counter_value(counter, &value) == UNGIL_OK && value == INT64_MAX);
  expect(ungil_barrier_wait(barrier, 4, 1, 0, &number) == UNGIL_E_INVALID && ungil_barrier_new(0, &number) == UNGIL_E_INVALID);
  expect(ungil_barrier_wait(barrier, UNGIL_BARRIER_BREAK, 1, 0, &number) == UNGIL_E_TIMED_OUT);
  expect(ungil_barrier_wait(barrier, 0, -1, 0, &number) == UNGIL_E_BROKEN);
  expect(ungil_barrier_status(barrier, &waiting, &broken) == UNGIL_OK && waiting == 0 && broken == 1);
  expect(ungil_barrier_reset(barrier) == UNGIL_OK && ungil_barrier_wait(barrier, 0, 0, 0, &number) == UNGIL_E_TIMED_OUT);
  expect(ungil_barrier_release(barrier) == UNGIL_E_BROKEN && ungil_barrier_abort(barrier) == UNGIL_OK);
  expect(number == 7);
}

static void *stay_and_pass(void *unused) {
  (void)unused;
  for (int i = 0; i < 1000; i++) {
    UngilArrival arrival = {0};
    int32_t status;
    while ((status = ungil_barrier_stay(barrier, UNGIL_BARRIER_HOLD, 0, 0, &arrival)) == UNGIL_E_TIMED_OUT) sched_yield();
    if (status != UNGIL_OK) return "stay";
    if (arrival.party != 0 && ungil_barrier_stay(barrier, UNGIL_BARRIER_HOLD, 0, 0, &arrival) != UNGIL_OK)
      return "release";
  }
  return NULL;
}

static void parties_that_stay(void) {
  pthread_t threads[THREADS];
  expect(ungil_barrier_new(THREADS, &barrier) == UNGIL_OK);
  for (int i = 0; i < THREADS; i++) expect(pthread_create(&threads[i], NULL, stay_and_pass, NULL) == 0);
  for (int i = 0; i < THREADS; i++) {
    void *wrong = "not joined";
    expect(pthread_join(threads[i], &wrong) == 0 && wrong == NULL);
  }
  UngilArrival first = {0}, second, other = {.party = 1000000, .number = 1};
  int32_t handle;
  expect(ungil_barrier_leave(barrier, &first) == UNGIL_OK); /* it has not arrived */
  expect(ungil_barrier_stay(barrier, 0, 1, 0, &first) == UNGIL_E_TIMED_OUT && first.party != 0 && first.number == -1);
  second = first;
  expect(ungil_barrier_stay(barrier, 4, 1, 0, &first) == UNGIL_E_INVALID && first.party == second.party);
  expect(ungil_barrier_leave(barrier, &other) == UNGIL_E_INVALID && ungil_barrier_stay(barrier, 0, 1, 0, &other) == UNGIL_E_INVALID);
  expect(other.party == 0 && other.number == -1 && ungil_barrier_leave(barrier, &other) == UNGIL_OK);
  expect(ungil_exchange_share(barrier, 0, &handle) == UNGIL_OK && ungil_barrier_leave(handle, &first) == UNGIL_E_INVALID);
  expect(ungil_barrier_leave(barrier, &first) == UNGIL_OK && ungil_barrier_leave(barrier, &first) == UNGIL_E_INVALID);
  expect(ungil_barrier_stay(barrier, 0, 1, 0, &second) == UNGIL_E_INVALID && second.party == 0);
  expect(ungil_barrier_stay(handle, 0, 0, 0, &second) == UNGIL_E_TIMED_OUT && ungil_exchange_free(handle) == UNGIL_OK);
  expect(ungil_barrier_stay(barrier, 0, 0, 0, &second) == UNGIL_E_INVALID); /* it has left with its handle */
  expect(ungil_barrier_stay(barrier, UNGIL_BARRIER_BREAK, 1, 0, &second) == UNGIL_E_BROKEN && second.party == 0);
  expect(ungil_barrier_stay(barrier, 0, -1, 0, &second) == UNGIL_E_BROKEN && second.party == 0);
  expect(ungil_barrier_stay(barrier, 0, -1, 0, NULL) == UNGIL_E_NULL && ungil_barrier_leave(barrier, NULL) == UNGIL_E_NULL);
  expect(ungil_exchange_free(barrier) == UNGIL_OK && ungil_barrier_leave(barrier, &first) == UNGIL_E_HANDLE);
}

static void bad_input(void) {
  int32_t queue = new_queue(0), control = 0;
  int64_t value;
  UngilMessage message;
  expect(ungil_queue_new(0, NULL) == UNGIL_E_NULL && ungil_queue_get(queue, NULL, 0, 0, 0, NULL) == UNGIL_E_NULL);
  expect(ungil_queue_get(queue, NULL, 1, 0, 0, &message) == UNGIL_E_NULL);
  expect(ungil_queue_put(queue, 0, NULL, 1, NULL, 0, 0, 0) == UNGIL_E_NULL);
  expect(ungil_queue_put(queue, 0, NULL, 0, NULL, 1, 0, 0) == UNGIL_E_NULL);
  expect(ungil_queue_put(queue, 0, "", SIZE_MAX, NULL, 0, 0, 0) == UNGIL_E_INVALID);
  expect(ungil_queue_put(counter, 0, "", 0, NULL, 0, 0, 0) == UNGIL_E_HANDLE); /* of another kind */
  expect(ungil_counter_value(queue, &value) == UNGIL_E_HANDLE && ungil_barrier_abort(counter) == UNGIL_E_HANDLE);
  expect(ungil_queue_length(1, NULL) == UNGIL_E_NULL && ungil_queue_close(-queue, 0) == UNGIL_E_HANDLE);
  expect(ungil_exchange_share(queue, 99999, &control) == UNGIL_E_INVALID);
  expect(strcmp(ungil_last_error(), "ungil_exchange_share: holder must be 0 or the number of an interpreter") == 0);
  expect(ungil_queue_get(queue, NULL, 0, 0, queue, &message) == UNGIL_E_HANDLE);
  expect(ungil_exchange_free(queue) == UNGIL_OK);
}

/* In the child of a fork, while another thread of the parent waits. */
static void forked(void) {
  pthread_t thread;
  shared_queue = new_queue(0);
  expect(pthread_create(&thread, NULL, get_forever, NULL) == 0);
  pid_t child = fork();
  if (child == 0) {
    UngilMessage message;
    int64_t value;
    int32_t number, own = 0;
    int good = put(shared_queue, 0, "", -1) == UNGIL_E_FORKED &&
               ungil_queue_get(shared_queue, NULL, 0, -1, 0, &message) == UNGIL_E_FORKED &&
               ungil_queue_close(shared_queue, 1) == UNGIL_E_FORKED &&
               ungil_counter_wait(counter, 0, 0, 0, -1, 0, &value) == UNGIL_E_FORKED &&
               ungil_barrier_wait(barrier, 0, -1, 0, &number) == UNGIL_E_FORKED &&
               ungil_exchange_free(shared_queue) == UNGIL_OK &&
               ungil_queue_new(0, &own) == UNGIL_OK && put(own, 0, "", 0) == UNGIL_OK;
    _exit(good ? 0 : 1);
  }
  int status = -1;
  expect(waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 0);
  expect(put(shared_queue, 0, "", -1) == UNGIL_OK);
  void *received = "not joined";
  expect(pthread_join(thread, &received) == 0 && received == NULL);
  expect(ungil_exchange_free(shared_queue) == UNGIL_OK);
}

int main(void) {
  messages();
  without_waiting();
  lent_memory();
  many_threads();
  stopped();
  interrupted();
  parties_that_stay();
  counters_and_barriers();
  bad_input();
  forked();
  return report("exchange");
}
