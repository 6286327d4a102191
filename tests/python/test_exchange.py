"""Queues, counters and barriers through plain ctypes: in this Python's threads, and between interpreters."""

import ctypes
import os
import threading
import time
import unittest

from interpreters import HAS_ONE, REASON, Case, ExportedBuffer, Failed, check, library, signatures

OK, TIMED_OUT, CLOSED = signatures.UNGIL_OK, signatures.UNGIL_E_TIMED_OUT, signatures.UNGIL_E_CLOSED
HANDLE, DIED = signatures.UNGIL_E_HANDLE, signatures.UNGIL_E_DIED
FOREVER = -1

# What an interpreter needs to use a queue: this library, with its functions declared.
DECLARATIONS = """
import ctypes, sys, _ungil
sys.path.append(%r)
import signatures
sys.path.pop()
library = signatures.declare(ctypes.CDLL(%r))

def get(queue, timeout=-1):
    message, space = signatures.UngilMessage(), ctypes.create_string_buffer(50)
    status = library.ungil_queue_get(queue, space, 50, timeout, 0, ctypes.byref(message))
    return status or space.raw[:message.length]

def put(queue, data):
    return library.ungil_queue_put(queue, 0, data, len(data), None, 0, -1, 0)

kept = []

def lend(queue, released):
    '''Lends memory. Its release is noted in the counter.'''
    memory = ctypes.create_string_buffer(b"lent", 4)
    note = signatures.UngilRelease(
        lambda owner: kept.append(library.ungil_counter_add(released, 1, ctypes.byref(ctypes.c_int64()))))
    buffer = signatures.UngilBuffer(ctypes.addressof(memory), 4, 1, note, None)
    kept.extend([memory, note])
    return library.ungil_queue_put(queue, 0, None, 0, ctypes.byref(buffer), 1, -1, 0)
""" % (os.path.dirname(os.path.abspath(signatures.__file__)), library._name)


def new_queue(capacity=0):
    queue = ctypes.c_int32()
    check(library.ungil_queue_new(capacity, ctypes.byref(queue)))
    return queue.value


def new_counter(value=0):
    counter = ctypes.c_int32()
    check(library.ungil_counter_new(value, ctypes.byref(counter)))
    return counter.value


def share(handle, holder):
    shared = ctypes.c_int32()
    check(library.ungil_exchange_share(handle, holder, ctypes.byref(shared)))
    return shared.value


def put(queue, data, *buffers):
    structs = (signatures.UngilBuffer * len(buffers))(*[buffer.struct for buffer in buffers])
    return library.ungil_queue_put(queue, 0, data, len(data), structs, len(buffers), FOREVER, 0)


def get(queue, timeout=FOREVER):
    """The message; its bytes alone if it lends nothing."""
    message = signatures.UngilMessage()
    check(library.ungil_queue_get(queue, None, 0, timeout, 0, ctypes.byref(message)))
    if message.count:
        return message
    data = ctypes.string_at(message.data, message.length)
    check(library.ungil_message_free(message.handle))
    return data


class InThisPython(unittest.TestCase):
    def queue(self, capacity=0):
        queue = new_queue(capacity)
        self.addCleanup(library.ungil_exchange_free, queue)
        return queue

    def test_threads_exchange_messages(self):
        numbers, answers = self.queue(3), self.queue()

        def work():
            for data in iter(lambda: get(numbers), b"end"):
                put(answers, b"%d" % (int(data) ** 2) if str is not bytes else str(int(data) ** 2))

        threads = [threading.Thread(target=work) for _ in range(3)]
        for thread in threads:
            thread.start()
        for number in range(200):
            put(numbers, str(number).encode())
        for thread in threads:
            put(numbers, b"end")
        for thread in threads:
            thread.join()
        self.assertEqual(sorted(int(get(answers)) for _ in range(200)), [number ** 2 for number in range(200)])

    def test_memory_is_lent_until_the_message_is_freed(self):
        queue = self.queue()
        lent = ExportedBuffer(ctypes.create_string_buffer(b"memory", 6))
        put(queue, b"", lent)
        message = get(queue)
        self.assertEqual(ctypes.string_at(message.buffers[0].address, 6), b"memory")
        self.assertFalse(lent.released.is_set())
        check(library.ungil_message_free(message.handle))
        self.assertTrue(lent.released.is_set())

    def test_a_wait_has_a_timeout_and_can_be_cancelled(self):
        queue, control = self.queue(), ctypes.c_int32()
        start = time.time()
        with self.assertRaises(Failed) as caught:
            get(queue, 20)
        self.assertEqual(caught.exception.status, TIMED_OUT)
        self.assertGreater(time.time() - start, 0.015)
        check(library.ungil_control_new(ctypes.byref(control)))
        statuses = []

        def wait():
            message = signatures.UngilMessage()
            statuses.append(library.ungil_queue_get(queue, None, 0, FOREVER, control, ctypes.byref(message)))

        thread = threading.Thread(target=wait)
        thread.start()
        check(library.ungil_control_cancel(control))
        thread.join()
        self.assertEqual(statuses, [signatures.UNGIL_E_CANCELLED])
        check(library.ungil_control_free(control))

    @unittest.skipUnless(hasattr(os, "fork"), "this system has no fork")
    def test_the_child_of_a_fork_gets_an_error(self):
        queue = self.queue()
        child = os.fork()
        if child == 0:
            os._exit(put(queue, b"") == signatures.UNGIL_E_FORKED)
        self.assertEqual(os.WEXITSTATUS(os.waitpid(child, 0)[1]), 1)
        put(queue, b"the parent's")
        self.assertEqual(get(queue), b"the parent's")


@unittest.skipUnless(HAS_ONE, REASON)
class BetweenInterpreters(Case):
    def python(self, **names):
        """An interpreter that has handles of its own of these objects."""
        python = self.new()
        python.run(DECLARATIONS)
        number = int(python.eval("_ungil.number"))
        python.handles = dict((name, share(handle, number)) for name, handle in names.items())
        python.run("\n".join("%s = %d" % item for item in python.handles.items()))
        return python

    def test_two_interpreters_talk(self):
        there, back = new_queue(1), new_queue(1)
        echo, other = self.python(there=there, back=back), self.python(there=there, back=back)
        thread = threading.Thread(target=echo.run, args=("""
data = get(there)
while type(data) is bytes:
    put(back, data[::-1])
    data = get(there)
""",))
        thread.start()
        other.run("""
answers = []
for number in range(1000, 2000):
    put(there, str(number).encode())
    answers.append(get(back))
library.ungil_queue_close(there, 0)
""")
        thread.join()
        self.assertEqual(other.eval("answers == [str(number)[::-1].encode() for number in range(1000, 2000)]"), "True")
        self.assertEqual(echo.eval("data"), str(CLOSED))

    def test_handles_end_with_the_interpreter(self):
        """One that is freed, or dies, takes its handles with it, and the object with the last of them."""
        for end in ("free", "die"):
            queue = new_queue()
            lent = ExportedBuffer(ctypes.create_string_buffer(4))
            put(queue, b"", lent)
            python = self.python(queue=queue)
            check(library.ungil_exchange_free(queue))
            self.assertEqual(library.ungil_queue_length(python.handles["queue"], ctypes.byref(ctypes.c_size_t())), OK)
            if end == "free":
                python.free()
            else:
                with self.assertRaises(Failed) as caught:
                    python.run("import os; os.abort()")
                self.assertEqual(caught.exception.status, DIED)
            self.assertTrue(lent.released.wait(60), end)
            self.assertEqual(library.ungil_exchange_free(python.handles["queue"]), HANDLE)

    def test_memory_of_an_interpreter_is_released_there(self):
        """On its own thread; not if it is dead, and then nobody waits for it either."""
        queue, released = new_queue(), new_counter()
        python = self.python(queue=queue, released=released)
        for _ in range(2):
            self.assertEqual(python.eval("lend(queue, released)"), "0")
        message = get(queue)
        self.assertEqual(ctypes.string_at(message.buffers[0].address, 4), b"lent")
        check(library.ungil_message_free(message.handle))
        value = ctypes.c_int64()
        check(library.ungil_counter_wait(released, 1, 1, 0, 60000, 0, ctypes.byref(value)))
        message = get(queue)
        with self.assertRaises(Failed):
            python.run("import os; os.abort()")
        self.assertEqual(ctypes.string_at(message.buffers[0].address, 4), b"lent")  # its memory stays
        check(library.ungil_message_free(message.handle))
        check(library.ungil_counter_value(released, ctypes.byref(value)))
        self.assertEqual(value.value, 1)

    def test_an_interrupt_and_a_death_end_a_wait(self):
        queue, waits = new_queue(), new_counter()
        python = self.python(queue=queue, waits=waits)
        statuses = []

        def wait():
            try:
                python.run("""
library.ungil_counter_add(waits, 1, ctypes.byref(ctypes.c_int64()))
while True:
    status = get(queue)
    assert status == signatures.UNGIL_E_INTERRUPTED, status
""")
            except Failed as failed:
                statuses.append(failed)

        for end in python.interrupt, lambda: python.run("import os; os.abort()"):
            thread = threading.Thread(target=wait)
            thread.start()
            check(library.ungil_counter_wait(waits, 1, 1, -1, FOREVER, 0, ctypes.byref(ctypes.c_int64())))
            try:
                end()
            except Failed as failed:
                self.assertEqual(failed.status, DIED)
            thread.join()
        self.assertIn("KeyboardInterrupt", statuses[0].message)
        self.assertEqual(statuses[1].status, DIED)


if __name__ == "__main__":
    unittest.main()
