"""Ctrl-C, and the exit of the program, while interpreters run code."""

import signal
import unittest

import ungil
from support import HAS_INTERPRETERS, NEEDS_INTERPRETERS, run_script
from ungil import errors
from ungil._native import signatures

# later() asks for the signal. It comes when so many tasks have begun and the main thread waits.
SLEEPERS = """
    import os, signal, sys, threading, time, ungil
    from ungil.interpreters import _pool
    _pool.INTERRUPT_TIMEOUT = 100
    begun, begin = os.pipe()
    def work(seconds):
        os.write(begin, b"b")
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            pass
    def sleep(seconds):
        os.write(begin, b"b")
        time.sleep(seconds)
    def nap(seconds): # a signal that comes before the system's wait is noticed after it
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            time.sleep(0.05)
    def is_waiting():
        frame = sys._current_frames()[threading.main_thread().ident]
        while frame is not None and frame.f_code.co_name not in ("_wait_once", "nap"):
            frame = frame.f_back
        return frame is not None
    def tell(tasks):
        for _ in range(tasks):
            os.read(begun, 1)
        while not is_waiting():
            time.sleep(0.001)
        print("waiting", flush=True)
    def later(tasks=1):
        threading.Thread(target=tell, args=(tasks,), daemon=True).start()
"""


@unittest.skipUnless(HAS_INTERPRETERS, NEEDS_INTERPRETERS)
class CtrlC(unittest.TestCase):
    """Each script waits for minutes if it is not interrupted."""

    def interrupted(self, script):
        def interact(process):
            self.assertEqual(process.stdout.readline(), "waiting\n")
            process.send_signal(signal.SIGINT)

        return run_script(SLEEPERS + script, interact=interact)

    def assert_interrupted(self, script, expected="interrupted\n"):
        status, output, errors = self.interrupted(script)
        self.assertEqual((status, output), (0, expected), errors)

    def test_in_result(self):
        self.assert_interrupted(
            """
    pool = ungil.InterpreterPoolExecutor(2)
    pool.submit(pow, 1, 1).result()
    futures = [pool.submit(work, 600) for _ in range(3)]
    later(2)
    try:
        futures[0].result()
    except KeyboardInterrupt:
        print("interrupted")
    print(type(futures[1].exception(60)).__name__, futures[2].cancelled(), pool.submit(pow, 2, 2).result())
        """,
            "interrupted\nKeyboardInterrupt True 4\n",
        )

    def test_in_a_sleep(self):
        self.assert_interrupted("""
    with ungil.InterpreterPoolExecutor(2) as pool:
        later()
        try:
            pool.submit(sleep, 600).result()
        except KeyboardInterrupt:
            print("interrupted")
        """)

    def test_in_map(self):
        self.assert_interrupted("""
    with ungil.InterpreterPoolExecutor(2) as pool:
        later(2)
        try:
            list(pool.map(work, [600] * 20))
        except KeyboardInterrupt:
            print("interrupted")
        """)

    def test_in_shutdown(self):
        self.assert_interrupted(
            """
    pool = ungil.InterpreterPoolExecutor(2)
    futures = [pool.submit(work, 600) for _ in range(5)]
    later()
    try:
        pool.shutdown()
    except KeyboardInterrupt:
        print("interrupted", all(future.done() for future in futures))
        """,
            "interrupted True\n",
        )

    def test_in_shutdown_of_tasks_that_end_by_the_third_interrupt(self):
        self.assert_interrupted(
            """
    def stubborn():
        for _ in range(2):
            try:
                work(600)
            except KeyboardInterrupt:
                pass
        work(600)
    pool = ungil.InterpreterPoolExecutor(1)
    future = pool.submit(stubborn)
    later()
    try:
        pool.shutdown()
    except KeyboardInterrupt:
        print("interrupted", future.done())
        """,
            "interrupted True\n",
        )

    def test_in_the_with_block(self):
        self.assert_interrupted(
            """
    try:
        with ungil.InterpreterPoolExecutor(2) as pool:
            futures = [pool.submit(work, 600) for _ in range(5)]
            later()
            nap(600)
    except KeyboardInterrupt:
        print("interrupted", all(future.done() for future in futures))
        """,
            "interrupted True\n",
        )

    def test_while_the_interpreters_start(self):
        status, output, errors = run_script(
            SLEEPERS
            + """
    signal.signal(signal.SIGALRM, signal.default_int_handler)
    for delay in (0.0005, 0.002, 0.005, 0.01, 0.02, 0.04):
        try:
            with ungil.InterpreterPoolExecutor(2) as pool:
                futures = [pool.submit(work, 600) for _ in range(4)]
                signal.setitimer(signal.ITIMER_REAL, delay)
                futures[0].result()
        except KeyboardInterrupt:
            print("interrupted", all(future.done() for future in futures))
        """
        )
        self.assertEqual((status, output), (0, "interrupted True\n" * 6), errors)

    def test_in_an_initializer(self):
        status, output, errors = self.interrupted("""
    pool = ungil.InterpreterPoolExecutor(1, initializer=work, initargs=(600,))
    future = pool.submit(pow, 1, 1)
    later()
    try:
        future.result()
    except KeyboardInterrupt:
        print("interrupted", future.cancelled())
        """)
        self.assertEqual((status, output, errors), (0, "interrupted True\n", ""))

    def test_in_a_call(self):
        self.assert_interrupted(
            """
    with ungil.Interpreter() as interpreter:
        later()
        try:
            interpreter.call(work, 600)
        except KeyboardInterrupt:
            print("interrupted", interpreter.call(pow, 2, 2))
        """,
            "interrupted 4\n",
        )

    def test_uncaught(self):
        status, _, errors = self.interrupted("""
    with ungil.InterpreterPoolExecutor(2) as pool:
        later()
        list(pool.map(work, [600] * 4))
        """)
        self.assertIn(status, (-signal.SIGINT, 130, 1))
        self.assertEqual(errors.strip().splitlines()[-1], "KeyboardInterrupt")

    def test_at_the_end_of_the_program(self):
        status, output, errors = self.interrupted("""
    pool = ungil.InterpreterPoolExecutor(2)
    futures = [pool.submit(work, 600) for _ in range(4)]
    later()
        """)
        self.assertEqual((status, output), (0, ""), errors)


@unittest.skipUnless(HAS_INTERPRETERS, NEEDS_INTERPRETERS)
class Ends(unittest.TestCase):
    """The end of the process."""

    def assert_ends(self, script, status, output=""):
        found, printed, errors = run_script(script)
        self.assertEqual((found, printed, errors), (status, output, ""))

    def test_queued_tasks_are_completed(self):
        self.assert_ends(
            """
            import time, ungil
            def tell(n):
                time.sleep(0.1)
                print(n, flush=True)
            pool = ungil.InterpreterPoolExecutor(1)
            for n in range(3):
                pool.submit(tell, n)
            """,
            0,
            "0\n1\n2\n",
        )

    def test_calls_by_the_last_destructor(self):
        """Calls of the main thread are made in other threads, and none can be started any more."""
        self.assert_ends(
            """
            import sys, ungil
            class Last:
                interpreter = ungil.Interpreter()
                pi = staticmethod(ungil.compat.pi)
                def __del__(self):
                    print(self.interpreter.eval("6 * 7"), self.pi(3 * 10**7) > 3)
            sys.modules["last"] = Last()
            ungil.compat.pi(3 * 10**7)
            """,
            0,
            "42 True\n",
        )

    def test_from_inside_with(self):
        self.assert_ends(
            """
            import sys, ungil
            with ungil.InterpreterPoolExecutor(2) as pool:
                pool.submit(pow, 2, 2)
                sys.exit(5)
            """,
            5,
        )

    def test_with_a_busy_daemon_thread(self):
        self.assert_ends(
            """
            import os, threading, traceback, ungil
            def show(failed, write=os.write, text=traceback.format_exception):  # at once: the process may end meanwhile
                write(2, "".join(text(failed.exc_type, failed.exc_value, failed.exc_traceback)).encode())
            threading.excepthook = show
            def ask():
                interpreter = ungil.Interpreter()
                while True:
                    interpreter.call(sum, range(1000))
            for _ in range(2):
                threading.Thread(target=ask, daemon=True).start()
            ungil.run(pow, 2, 2)
            """,
            0,
        )

    def test_the_exception_of_requests_while_the_process_exits(self):
        error = errors.of_status(signatures.UNGIL_E_EXITING, "the process is exiting")
        self.assertIs(type(error), ungil.ExitingError)
        self.assertIsInstance(error, ungil.Error)
        self.assertEqual((error.status, str(error)), (signatures.UNGIL_E_EXITING, "the process is exiting"))

    def test_with_memory_that_is_released_after_the_end_of_python(self):
        """At exit, after Python's end, C's close(1) lets the thread go on, and sleep(1) gives it time to do so."""
        self.assert_ends(
            """
            import ctypes, os, sys, threading, ungil
            begin, end = os.pipe(), os.pipe()
            def use(memory):
                os.write(begin[1], b"b")
                os.read(end[0], 1)
            def ask():
                ungil.Interpreter().call(use, memoryview(bytearray(1 << 20)))
            ungil.run(os.getpid)
            threading.Thread(target=ask, daemon=True).start()
            os.read(begin[0], 1)
            os.dup2(end[1], 1)
            os.close(end[1])
            libc = ctypes.CDLL(None)
            for function in libc.sleep, libc.close:  # in reverse order; each is called with the status
                assert libc.on_exit(function, None) == 0
            sys.exit(1)
            """,
            1,
        )


class Functions(unittest.TestCase):
    def test_daemon_threads_call_no_function_after_the_end(self):
        """Functions of ctypes crash when Python has ended."""
        status, output, errors = run_script("""
            import atexit, ctypes, time
            def check():  # registered before the package's function, and called after it
                before = calls[0]
                time.sleep(0.2)
                print(calls[0] == before, ungil.integrate(one, 0, 1, 5))
            atexit.register(check)
            import threading, ungil
            calls = [0]
            @ctypes.CFUNCTYPE(ctypes.c_int32, ctypes.c_int64, ctypes.c_int64, ctypes.c_void_p)
            def body(start, stop, context):
                calls[0] += 1
                return 0
            @ctypes.CFUNCTYPE(ctypes.c_double, ctypes.c_double, ctypes.c_void_p)
            def one(x, context):
                return 1.0
            def work(**how):
                while True:
                    ungil.parallel_for(body, 0, 10**6, **how)
            for how in {}, {"threads": 1}, {"threads": 3}, {"control": ungil.Control()}:
                threading.Thread(target=work, kwargs=how, daemon=True).start()
            while calls[0] < 100:
                time.sleep(0.001)
        """)
        self.assertEqual((status, output, errors), (0, "True 1.0\n", ""))


if __name__ == "__main__":
    unittest.main()
