/* Inboxes and calls, from several threads at once; no interpreter is needed for what happens to calls before they run. */
#include <pthread.h>
#include <string.h>
#include <ungil.h>

#include "expect.h"

enum { CALLS = 100000 };

static int32_t inbox;
static int64_t calls[CALLS];
static int released;

static void release(void *owner) { released += owner == &released; }

static int64_t submit(const UngilBuffer *buffer) {
  int64_t call = 0;
  expect(ungil_inbox_submit(inbox, 0, "request", 7, buffer, buffer != NULL, &call) == UNGIL_OK && call > 0);
  return call;
}

static int32_t state_of(int64_t call) {
  int32_t state = -1;
  expect(ungil_call_state(call, &state) == UNGIL_OK);
  return state;
}

/* Many calls may be in flight at once, and a call that is cancelled releases its memory. */
static void many(void) {
  UngilBuffer buffer = {.address = &released, .length = sizeof released, .release = release, .owner = &released};
  UngilInboxCounts counts;
  for (int i = 0; i < CALLS; i++) calls[i] = submit(&buffer);
  expect(ungil_inbox_counts(inbox, &counts) == UNGIL_OK && counts.queued == CALLS && counts.running == 0);
  expect(ungil_call_cancel(calls[7]) == UNGIL_OK && released == 1 && state_of(calls[7]) == UNGIL_CALL_CANCELLED);
  expect(ungil_inbox_cancel_queued(inbox) == UNGIL_OK && released == CALLS);
  for (int i = 0; i < CALLS; i++) expect(ungil_call_free(calls[i]) == UNGIL_OK);
  expect(ungil_call_free(calls[0]) == UNGIL_E_HANDLE);
}

static void *wait_for(void *call) {
  UngilReply reply;
  return (void *)(intptr_t)ungil_call_wait(*(int64_t *)call, -1, 0, &reply);
}

static void *collect(void *found) {
  size_t count = 0;
  return (void *)(intptr_t)ungil_inbox_completed(inbox, -1, 0, found, 1, &count);
}

/* Threads that wait learn how a call ends. */
static void waiting(void) {
  int64_t call = submit(NULL), found = 0;
  int32_t state = -1, control;
  UngilReply reply;
  pthread_t waits[2], collects;
  expect(ungil_call_watch(call, &state) == UNGIL_OK && state == UNGIL_CALL_QUEUED);
  expect(ungil_call_wait(call, 1, 0, &reply) == UNGIL_E_TIMED_OUT);
  expect(ungil_control_new(&control) == UNGIL_OK && ungil_control_cancel(control) == UNGIL_OK);
  expect(ungil_call_wait(call, -1, control, &reply) == UNGIL_E_CANCELLED);
  expect(ungil_inbox_await_call(inbox, -1, 0) == UNGIL_OK);
  for (int i = 0; i < 2; i++) expect(pthread_create(&waits[i], NULL, wait_for, &call) == 0);
  expect(pthread_create(&collects, NULL, collect, &found) == 0);
  expect(ungil_inbox_give_up(inbox, 0) == UNGIL_OK);
  void *status;
  for (int i = 0; i < 2; i++) expect(pthread_join(waits[i], &status) == 0 && (intptr_t)status == UNGIL_E_CLOSED);
  expect(pthread_join(collects, &status) == 0 && (intptr_t)status == UNGIL_OK && found == call);
  expect(state_of(call) == UNGIL_CALL_DONE && ungil_call_cancel(call) == UNGIL_E_IN_USE);
  expect(ungil_call_free(call) == UNGIL_OK && ungil_control_free(control) == UNGIL_OK);
}

static void closed(void) {
  int64_t call = 0, found;
  size_t count;
  expect(ungil_inbox_close(inbox) == UNGIL_OK);
  expect(ungil_inbox_submit(inbox, 0, "request", 7, NULL, 0, &call) == UNGIL_E_CLOSED && call == 0);
  expect(strcmp(ungil_last_error(), "ungil_inbox_submit: ") > 0);
  expect(ungil_inbox_await_call(inbox, -1, 0) == UNGIL_E_CLOSED);
  expect(ungil_inbox_completed(inbox, -1, 0, &found, 1, &count) == UNGIL_E_CLOSED);
  expect(ungil_inbox_free(inbox) == UNGIL_OK && ungil_inbox_free(inbox) == UNGIL_E_HANDLE);
  expect(ungil_inbox_close(inbox) == UNGIL_E_HANDLE);
}

int main(void) {
  expect(ungil_inbox_new(&inbox) == UNGIL_OK && inbox > 0);
  many();
  waiting();
  closed();
  return report("inboxes");
}
