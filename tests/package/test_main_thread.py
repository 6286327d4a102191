"""Tasks run on the main thread of their interpreter, and an interrupt is what its handler of SIGINT does."""

import os
import signal
import sys
import tempfile
import threading
import time
import unittest
from unittest import mock

import ungil
from support import HAS_INTERPRETERS, NEEDS_INTERPRETERS, PATIENCE, OneInterpreter, run_script


@unittest.skipUnless(HAS_INTERPRETERS, NEEDS_INTERPRETERS)
class Interrupts(OneInterpreter):
    """What an interrupt does is what the interpreter's handler of SIGINT does."""

    def interrupted(self, task):
        """The outcome of a task that is interrupted when it has written a byte to a pipe."""
        reader, writer = os.pipe()

        def interrupt():
            os.read(reader, 1)
            self.interpreter.interrupt()

        thread = threading.Thread(target=interrupt)
        thread.start()
        try:
            return self.call(task, writer)
        finally:
            thread.join()
            os.close(reader)
            os.close(writer)

    def test_a_handler_of_the_task_is_called(self):
        def task(writer):
            import os
            import signal
            import threading

            arrived = []
            signal.signal(
                signal.SIGINT, lambda number, frame: arrived.append((number, threading.current_thread().name))
            )
            os.write(writer, b"x")
            while not arrived:
                pass
            signal.signal(signal.SIGINT, signal.default_int_handler)
            return arrived

        self.assertEqual(self.interrupted(task), [(signal.SIGINT, "MainThread")])

    def test_the_exception_of_a_handler_is_raised_in_the_task(self):
        def task(writer):
            import os
            import signal

            def handle(number, frame):
                raise LookupError(number)

            signal.signal(signal.SIGINT, handle)
            try:
                os.write(writer, b"x")
                while True:
                    pass
            except LookupError as error:
                return error.args
            finally:
                signal.signal(signal.SIGINT, signal.default_int_handler)

        self.assertEqual(self.interrupted(task), (signal.SIGINT,))

    def test_it_is_ignored(self):
        def task(writer):
            import os
            import signal
            import time

            signal.signal(signal.SIGINT, signal.SIG_IGN)
            os.write(writer, b"x")
            time.sleep(0.3)
            signal.signal(signal.SIGINT, signal.default_int_handler)
            return "not interrupted"

        self.assertEqual(self.interrupted(task), "not interrupted")

    def test_the_default_action_is_an_exception(self):
        def task(writer):
            import os
            import signal

            signal.signal(signal.SIGINT, signal.SIG_DFL)
            try:
                os.write(writer, b"x")
                while True:
                    pass
            finally:
                signal.signal(signal.SIGINT, signal.default_int_handler)

        with self.assertRaises(KeyboardInterrupt):
            self.interrupted(task)

    def test_it_wakes_a_task_that_waits_in_c(self):
        def lock(writer):
            import os
            import threading

            lock = threading.Lock()
            lock.acquire()
            os.write(writer, b"x")
            lock.acquire()

        def receive(writer):
            import os
            import socket

            one, _other = socket.socketpair()
            os.write(writer, b"x")
            one.recv(1)

        def event_loop(writer):
            import asyncio
            import os

            async def main():
                os.write(writer, b"x")
                await asyncio.Event().wait()

            asyncio.run(main())

        for task in lock, receive, event_loop:
            with self.subTest(task.__name__), self.assertRaises(KeyboardInterrupt):
                self.interrupted(task)

    def test_asyncio_has_a_handler(self):
        def task(writer):
            import asyncio
            import os
            import signal

            async def main():
                arrived = asyncio.Event()
                asyncio.get_running_loop().add_signal_handler(signal.SIGINT, arrived.set)
                os.write(writer, b"x")
                await arrived.wait()
                return "arrived"

            return asyncio.run(main())

        self.assertEqual(self.interrupted(task), "arrived")


@unittest.skipUnless(HAS_INTERPRETERS, NEEDS_INTERPRETERS)
class MainThread(unittest.TestCase):
    def test_a_task_runs_on_the_main_thread_whichever_runs_it(self):
        def state():
            import threading

            main = threading.main_thread()
            here = threading.current_thread() is main and main.ident == threading.get_ident()
            seen = []
            thread = threading.Thread(target=lambda: seen.append(threading.current_thread() is main))
            thread.start()
            thread.join()
            return here, seen, main.is_alive(), threading.enumerate() == [main]

        with ungil.Interpreter(fresh=True) as interpreter:
            results, keep = [], threading.Barrier(3)

            def run():
                keep.wait(PATIENCE)  # all threads exist at once, so that their identifiers differ
                for _ in range(3):
                    results.append(interpreter.call(state))
                    time.sleep(0.001)

            threads = [threading.Thread(target=run) for _ in range(3)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
        # Where two run at once, the second is not on the main thread.
        expected = (True, [False], True, True)
        self.assertIn(expected[:3], [result[:3] for result in results])
        with ungil.Interpreter(fresh=True) as interpreter:
            for _ in range(3):
                thread = threading.Thread(target=lambda: results.append(interpreter.call(state)))
                thread.start()
                thread.join()
                self.assertEqual(results[-1], expected)


TRACES = """
import sys, threading
traced, profiled = sys.traced, sys.profiled = [], []
threading.settrace(lambda frame, event, argument: traced.append(frame.f_code.co_name))
threading.setprofile(lambda frame, event, argument: profiled.append(frame.f_code.co_name))
"""


@unittest.skipUnless(HAS_INTERPRETERS, NEEDS_INTERPRETERS)
class Tracing(unittest.TestCase):
    def test_tasks_are_traced_as_threads_are(self):
        """As coverage.py does it, which a file of the site directory starts in each Python."""
        with tempfile.TemporaryDirectory() as directory:
            with open(os.path.join(directory, "sitecustomize.py"), "w") as file:
                file.write(TRACES)
            with mock.patch.object(sys, "path", [directory, *sys.path]):
                result = run_script(
                    """
    import sys, ungil
    def task():
        pass
    def seen():
        return "task" in sys.traced, "task" in sys.profiled
    with ungil.InterpreterPoolExecutor(1) as pool:
        pool.submit(task).result()
        print(pool.submit(seen).result())
    ungil.run(task)
    print(ungil.run(seen))
                    """
                )
        self.assertEqual(result, (0, "(True, True)\n" * 2, ""))


if __name__ == "__main__":
    unittest.main()
