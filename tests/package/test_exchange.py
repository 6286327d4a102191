"""ungil.Queue: items between threads, tasks and interpreters."""

import gc
import os
import pickle
import queue
import sys
import threading
import time
import unittest

import ungil
from references import TESTS
from support import HAS_INTERPRETERS, NEEDS_INTERPRETERS, run_script
from ungil.exchange._messages import CAPACITY, SMALL
from ungil.interpreters._sharing import LARGE


class Number(int):
    pass


class Text(str):
    pass


class Data(bytes):
    pass


class Local(unittest.TestCase):
    """In one Python."""

    def test_items_of_all_kinds_arrive_equal_and_in_order(self):
        items = [None, True, 7, 10**30, 2.5, "text", "\ud800", "x" * 10**5, b"", b"bytes" * 2000, bytes(2 << 20)]
        items += [(1, "a", (b"b",)), [1, [2]], {"key": {3}}, bytearray(b"x" * 10**5), ValueError("error"), 1j]
        shared = ungil.Queue()
        for item in items:
            shared.put(item)
        self.assertEqual(shared.qsize(), len(items))
        for item in items:
            received = shared.get()
            self.assertEqual((type(received), str(received)), (type(item), str(item)))
        self.assertTrue(shared.empty())

    def test_integers_texts_and_bytes_at_the_limits_of_their_messages(self):
        sizes = [0, 1, CAPACITY - 1, CAPACITY, CAPACITY + 1, LARGE - 1, LARGE]
        items = [sign * SMALL + i for sign in (-1, 0, 1) for i in (-1, 0, 1)] + [-(2**31), 2**31, -(2**63), 2**64]
        items += [kind * size for kind in ("t", b"b", "\x7f", "\x80", "\xff", "\u20ac") for size in sizes]
        items += [False, True, Number(5), Text("text"), Data(b"data")]
        shared = ungil.Queue()
        for item in items:
            shared.put(item)
        for item in items:
            received = shared.get()
            self.assertEqual((type(received), received), (type(item), item))

    def test_what_arrives_is_the_receivers_own(self):
        shared, item = ungil.Queue(), [bytearray(10**5), {"key": []}]
        shared.put(item)
        item[0][0], item[1]["key"] = 1, None
        received = shared.get()
        self.assertEqual((received[0][0], received[1]), (0, {"key": []}))
        received[0][1] = 2
        self.assertEqual(item[0][1], 0)

    def test_a_full_and_an_empty_queue(self):
        shared = ungil.Queue(maxsize=2)
        self.assertEqual((shared.maxsize, shared.full(), shared.empty()), (2, False, True))
        for call in shared.get_nowait, lambda: shared.get(False), lambda: shared.get(timeout=0.001):
            self.assertRaises(queue.Empty, call)
        shared.put(1)
        shared.put_nowait(2)
        self.assertTrue(shared.full())
        for item in 3, [3], bytearray(10**5):
            for arguments in ((False,), (True, 0.001)):
                self.assertRaises(queue.Full, shared.put, item, *arguments)
        self.assertEqual([shared.get(), shared.get()], [1, 2])
        self.assertFalse(ungil.Queue(-1).full())

    @unittest.skipIf(sys.implementation.name == "pypy", "SKIP: PyPy cannot import cloudpickle")
    def test_wrong_arguments(self):
        shared = ungil.Queue()
        self.assertRaises(ValueError, shared.get, timeout=-1)
        self.assertRaises(ValueError, ungil.Queue(1).get, True, float("nan"))
        self.assertRaises(TypeError, ungil.Queue, "1")
        self.assertRaises(TypeError, shared.get, control=1)
        with open(os.devnull, "rb") as file:
            self.assertRaises(TypeError, shared.put, file)
        self.assertTrue(shared.empty())

    def test_tasks_are_done_and_joined(self):
        shared = ungil.Queue()
        self.assertTrue(shared.join())
        shared.put(1)
        shared.put(2)
        self.assertFalse(shared.join(timeout=0.001))
        thread = threading.Thread(target=lambda: [(shared.get(), shared.task_done()) for _ in range(2)])
        thread.start()
        self.assertTrue(shared.join())
        thread.join()
        self.assertRaisesRegex(ValueError, "too many", shared.task_done)

    def test_shutdown(self):
        for immediate in False, True:
            shared, ended = ungil.Queue(1), ungil.Queue()

            def put(shared=shared, ended=ended):
                shared.put("first")
                try:
                    shared.put("second")
                except ungil.ShutDown:
                    ended.put("shut down")

            thread = threading.Thread(target=put)
            thread.start()
            while not shared.full():
                time.sleep(0.001)
            shared.shutdown(immediate)
            self.assertEqual(ended.get(), "shut down")
            thread.join()
            if not immediate:
                self.assertEqual(shared.get(), "first")
                shared.task_done()
            self.assertRaises(ungil.ShutDown, shared.get)
            self.assertRaises(ungil.ShutDown, shared.put, 1)
            self.assertTrue(shared.join())
        self.assertIs(ungil.ShutDown, getattr(queue, "ShutDown", ungil.ShutDown))

    def test_a_control_cancels_a_wait(self):
        shared = ungil.Queue()
        with ungil.Control(deadline=0.001) as control:
            self.assertRaises(ungil.TimeoutError, shared.get, control=control)
        with ungil.Control() as control:
            errors = []

            def wait():
                try:
                    shared.get(control=control)
                except ungil.CancelledError as error:
                    errors.append(error)

            thread = threading.Thread(target=wait)
            thread.start()
            control.cancel()
            thread.join()
            self.assertEqual(len(errors), 1)

    def test_it_is_sent_to_no_other_process(self):
        for shared in ungil.Queue(), ungil.Event(), ungil.Lock(), ungil.Barrier(1), ungil.Counter():
            self.assertRaisesRegex(TypeError, "same process", pickle.dumps, shared)

    @unittest.skipUnless(hasattr(os, "fork"), "this system has no fork")
    def test_the_child_of_a_fork_gets_an_error(self):
        status, output, errors = run_script(
            """
            import os, threading, ungil
            shared, lock = ungil.Queue(), ungil.Lock()
            threading.Thread(target=shared.get).start()
            child = os.fork()
            if child == 0:
                for call in (lambda: shared.put(1)), shared.get, shared.qsize, lock.acquire:
                    try:
                        call()
                    except ungil.Error as error:
                        print(error.status, flush=True)
                own = ungil.Queue()
                own.put("own")
                print(own.get(), flush=True)
                del shared, lock, own
                os._exit(0)
            assert os.waitpid(child, 0)[1] == 0
            shared.put("the parent's")
            """,
            options=("-W", "ignore::DeprecationWarning"),  # of a fork beside threads
        )
        self.assertEqual((status, output, errors), (0, "-10\n" * 4 + "own\n", ""))


class Thing:
    def __init__(self, number):
        self.number = number


def serve(requests, answers):
    for request in iter(requests.get, "end"):
        answers.put(request)
    return requests, answers


def make_queue(content):
    made = ungil.Queue()
    made.put(content)
    return made


LATER = {}


def keep(shared):
    LATER["queue"] = shared


def same(shared):

    return LATER["queue"] is shared, sys.modules[__name__].LATER["queue"].get() is None


@unittest.skipUnless(HAS_INTERPRETERS, NEEDS_INTERPRETERS)
class BetweenInterpreters(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.pool = ungil.InterpreterPoolExecutor(2)

    @classmethod
    def tearDownClass(cls):
        cls.pool.shutdown()

    def test_items_go_there_and_back(self):
        requests, answers = ungil.Queue(1), ungil.Queue(1)
        future = self.pool.submit(serve, requests, answers)
        items = [None, 5, b"bytes", "text", [1, {"a": (2,)}], Thing(3), len, Thing, bytearray(10**6), ValueError("x")]
        for item in items:
            requests.put(item)
            received = answers.get()
            self.assertIs(type(received), type(item))
            if type(item) is Thing:
                self.assertEqual(received.number, 3)
        requests.put(Thing)
        self.assertIs(answers.get(), Thing)
        requests.put("end")
        received = future.result()
        self.assertIs(received[0], requests)  # it is the same object in each interpreter
        self.assertIs(received[1], answers)

    def test_two_tasks_talk(self):
        there, back = ungil.Queue(), ungil.Queue()
        echo = self.pool.submit(serve, there, back)

        def ask(there, back):
            answers = []
            for number in range(200):
                there.put(number)
                answers.append(back.get())
            there.put("end")
            return answers

        self.assertEqual(self.pool.submit(ask, there, back).result(), list(range(200)))
        echo.result()

    def test_it_is_a_result_an_item_and_a_global(self):
        made = self.pool.submit(make_queue, "content").result()
        self.assertEqual(made.get(), "content")
        outer = ungil.Queue(5)
        outer.put(made)
        del made  # it is in the queue alone
        gc.collect()

        def inner_of(outer):
            inner = outer.get()
            inner.put("from the task")
            return inner, outer.maxsize

        inner, maxsize = self.pool.submit(inner_of, outer).result()
        self.assertEqual((inner.get(), maxsize), ("from the task", 5))
        status, output, errors = run_script(
            """
            import ungil

            shared = ungil.Queue()

            def put(item):
                shared.put(item)
                return shared

            with ungil.InterpreterPoolExecutor(2) as pool:
                assert all(each is shared for each in pool.map(put, range(5)))
                print(sorted(shared.get() for _ in range(5)))
            """
        )
        self.assertEqual((status, output, errors), (0, "[0, 1, 2, 3, 4]\n", ""))

    def test_the_example(self):
        path = os.path.join(TESTS, "..", "examples", "python", "pipeline.py")
        if not os.path.exists(path):
            self.skipTest("SKIP: the examples are not here")
        with open(path) as file:
            status, output, errors = run_script(file.read(), "20000")
        self.assertEqual((status, errors), (0, ""))
        self.assertRegex(output, r"20000 lines are parsed: .*\nthe sum is %d\n" % sum(n * n % 7 for n in range(20000)))

    def test_it_is_one_object_in_an_interpreter_and_works_in_nested_ones(self):
        with ungil.Interpreter() as interpreter:
            shared = ungil.Queue()
            interpreter.call(keep, shared)
            shared.put(None)
            self.assertEqual(interpreter.call(same, shared), (True, True))
            self.assertEqual(interpreter.call(ungil.run, ungil.Queue.put, shared, "from far"), None)
            self.assertEqual(shared.get(), "from far")

    def test_it_outlives_the_interpreter_that_made_it(self):
        """Also an interpreter that dies; what it has put can still be got."""
        for end in "close", "die":
            with ungil.Interpreter(fresh=True) as interpreter:
                results = ungil.Queue()

                def put(results):
                    import ungil

                    made = ungil.Queue()
                    made.put(bytearray(b"memory" * 10**5))
                    results.put(made)

                interpreter.call(put, results)
                made = results.get()
                if end == "die":
                    self.assertRaises(ungil.InterpreterDiedError, interpreter.call, os.abort)
            self.assertEqual(made.get(), bytearray(b"memory" * 10**5))
            made.put("and goes on")
            self.assertEqual(made.get(), "and goes on")

    def test_an_interrupt_ends_a_wait_and_the_items_stay(self):
        with ungil.Interpreter() as interpreter:
            shared, begun = ungil.Queue(), ungil.Event()

            def wait(shared, begun):
                begun.set()
                return shared.get()

            errors = []

            def call():
                try:
                    interpreter.call(wait, shared, begun)
                except KeyboardInterrupt as error:
                    errors.append(error)

            thread = threading.Thread(target=call)
            thread.start()
            begun.wait()
            interpreter.interrupt()
            thread.join()
            self.assertEqual(len(errors), 1)
            shared.put(1)
            self.assertEqual(interpreter.call(ungil.Queue.get, shared), 1)

    def test_ctrl_c_ends_a_wait_of_the_main_thread(self):
        status, output, errors = run_script(
            """
            import os, signal, threading, time, ungil
            shared, begun = ungil.Queue(), threading.Event()

            def interrupt():
                begun.wait()
                time.sleep(0.05)  # while it waits, or just before: both must do
                os.kill(os.getpid(), signal.SIGINT)

            for call in shared.get, ungil.Event().wait, ungil.Barrier(2).wait, lambda: ungil.Counter().wait(1):
                begun.clear()
                thread = threading.Thread(target=interrupt)
                thread.start()
                try:
                    begun.set()
                    call()
                except KeyboardInterrupt:
                    print("interrupted")
                thread.join()
            """
        )
        self.assertEqual((status, output, errors), (0, "interrupted\n" * 4, ""))


if __name__ == "__main__":
    unittest.main()
