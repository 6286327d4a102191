/* Two Python interpreters that talk through a queue: one makes lines and counts their words, the other adds up what it
 * receives. They run at the same time, each with a GIL of its own. The program does not link libpython.
 *
 *   cc -pthread pipeline.c -o pipeline $(pkg-config --cflags --libs ungil) && ./pipeline 100000
 */
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <ungil.h>

#include "stopwatch.h"

/* What both interpreters know of this library. (The Python package of ungil has a class for it.) */
static const char QUEUE[] =
    "import ctypes\n"
    "library = ctypes.CDLL('libungil.so.0')  # the one that this program has loaded\n"
    "FOREVER, ANY = ctypes.c_int64(-1), ctypes.c_int64(0)\n"
    "\n"
    "class Message(ctypes.Structure):\n"
    "    _fields_ = [('data', ctypes.c_void_p), ('length', ctypes.c_size_t), ('buffers', ctypes.c_void_p),\n"
    "                ('count', ctypes.c_size_t), ('tag', ctypes.c_int64), ('handle', ctypes.c_int32)]\n"
    "\n"
    "def put(data):\n"
    "    status = library.ungil_queue_put(queue, ANY, data, ctypes.c_size_t(len(data)), None, 0, FOREVER, 0)\n"
    "    assert status == 0, status\n"
    "\n"
    "def get():\n"
    "    message, space = Message(), ctypes.create_string_buffer(100)\n"
    "    status = library.ungil_queue_get(queue, space, ctypes.c_size_t(100), FOREVER, 0, ctypes.byref(message))\n"
    "    return space.raw[:message.length] if status == 0 else None\n";

static const char PRODUCER[] =
    "for number in range(lines):\n"
    "    line = 'the line with the number %d' % number\n"
    "    put(str(len(line.split())).encode())\n"
    "library.ungil_queue_close(queue, 0)\n";

static const char CONSUMER[] =
    "total = 0\n"
    "while True:\n"
    "    words = get()\n"
    "    if words is None:  # the queue is closed\n"
    "        break\n"
    "    total += int(words)\n";

static void check(int32_t status) {
  if (status == UNGIL_OK) return;
  fprintf(stderr, "%s\n", ungil_last_error());
  exit(EXIT_FAILURE);
}

/* An interpreter that knows the queue, by a handle of its own: the library frees it with the interpreter. */
static int32_t new_python(int32_t queue, int64_t lines) {
  int32_t python, handle;
  check(ungil_interp_new(NULL, &python));
  const char *number;
  check(ungil_interp_eval(python, "__import__('_ungil').number", &number));
  check(ungil_exchange_share(queue, (int32_t)atoi(number), &handle));
  char settings[100];
  snprintf(settings, sizeof settings, "queue, lines = %" PRId32 ", %" PRId64, handle, lines);
  check(ungil_interp_exec(python, settings));
  check(ungil_interp_exec(python, QUEUE));
  return python;
}

static void *produce(void *python) {
  check(ungil_interp_exec(*(int32_t *)python, PRODUCER));
  return NULL;
}

int main(int argc, char **argv) {
  int64_t lines = argc > 1 ? atoll(argv[1]) : 100000;
  if (lines <= 0) {
    fprintf(stderr, "usage: pipeline [LINES], a positive number\n");
    return EXIT_FAILURE;
  }

  int32_t queue;
  check(ungil_queue_new(1000, &queue)); /* if the producer is faster, it waits */
  int32_t producer = new_python(queue, lines), consumer = new_python(queue, lines);

  double start = seconds();
  pthread_t thread;
  if (pthread_create(&thread, NULL, produce, &producer) != 0) return EXIT_FAILURE;
  check(ungil_interp_exec(consumer, CONSUMER));
  pthread_join(thread, NULL);
  printf("%" PRId64 " messages: %.3f s\n", lines, seconds() - start);

  const char *text;
  check(ungil_interp_eval(consumer, "total", &text));
  printf("%s words\n", text);
  check(ungil_interp_free(producer));
  check(ungil_interp_free(consumer));
  check(ungil_exchange_free(queue));
  return EXIT_SUCCESS;
}
