"""Races between threads. Each order of steps that matters is forced, as it would take hours to occur by chance."""

import sys
import threading
import time
import unittest
from concurrent.futures import ThreadPoolExecutor, wait
from types import SimpleNamespace
from unittest import mock

import ungil
from support import HAS_INTERPRETERS, NEEDS_INTERPRETERS, OneInterpreter, rounds, run_script
from ungil._native import interruptible
from ungil._native.locks import Numbers
from ungil.interpreters import _calls, _pool
from ungil.interpreters._inbox import Inbox, SubmittedCall

PATIENCE = 60  # seconds


def until(condition):
    end = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < end, "it did not come about"
        time.sleep(0.001)


def run_until(begun, ended):
    """Set one byte of `__main__`'s memory, and run until another one is set."""
    gate = sys.modules["__main__"].gate
    gate[begun] = 1
    while not gate[ended]:
        time.sleep(0.001)


def count_at_the_gate():
    sys.modules["__main__"].gate[0] += 1


def number_of_interpreter():
    return sys.modules["__main__"].__dict__.setdefault("number", id(sys.modules))


FORK_DURING_IMPORT = """
import os, signal, sys, threading, ungil

begun, forked = threading.Event(), threading.Event()

class Finder:
    @staticmethod
    def find_spec(name, path=None, target=None):
        if name == "cloudpickle" and not begun.is_set():
            begun.set()
            forked.wait(2)  # if the fork waits for the import, this times out

sys.meta_path.insert(0, Finder)
pool = ungil.InterpreterPoolExecutor(1)
thread = threading.Thread(target=lambda: pool.submit(lambda: 4).result())
thread.start()
begun.wait()
child = os.fork()
if child == 0:
    signal.alarm(30)  # ends a child that hangs
    with ungil.InterpreterPoolExecutor(1) as own:
        os._exit(own.submit(lambda: 5).result())
forked.set()
print(os.waitpid(child, 0)[1] >> 8)
thread.join()
"""


@unittest.skipUnless(HAS_INTERPRETERS, NEEDS_INTERPRETERS)
class Forks(unittest.TestCase):
    def test_a_fork_while_a_thread_imports_what_pickles_functions(self):
        status, output, errors = run_script("import warnings; warnings.simplefilter('ignore')" + FORK_DURING_IMPORT)
        self.assertEqual((status, output, errors), (0, "5\n", ""))


@unittest.skipUnless(HAS_INTERPRETERS, NEEDS_INTERPRETERS)
class Pools(unittest.TestCase):
    def pool(self, workers, gate):
        pool = ungil.InterpreterPoolExecutor(workers, share={"gate": ungil.share(gate, writable=True)})
        self.addCleanup(pool.shutdown)
        self.addCleanup(gate.__setitem__, slice(0, len(gate)), b"\1" * len(gate))  # first: or the tasks never end
        return pool

    def test_two_tasks_wake_two_workers(self):
        """The first worker was woken, but has not run yet, when the second task is put."""
        gate = bytearray(2)
        pool = self.pool(2, gate)
        for future in [pool.submit(run_until, 0, 1), pool.submit(run_until, 1, 0)]:
            future.result(PATIENCE)
        for _ in range(200):
            until(lambda: pool._pool.waiting == 2)
            gate[:] = bytes(2)
            for future in [pool.submit(run_until, 0, 1), pool.submit(run_until, 1, 0)]:  # each needs the other one
                future.result(PATIENCE)

    def test_an_idle_interpreter_is_used_before_another_starts(self):
        """Its worker waits a moment after the result is there; until then another one may start."""
        pool = ungil.InterpreterPoolExecutor(8)
        self.addCleanup(pool.shutdown)
        found = set()
        for _ in range(20):
            found.add(pool.submit(number_of_interpreter).result())
            until(lambda: pool._pool.waiting)
        self.assertEqual(len(found), 1)

    def test_stop_while_an_interpreter_starts(self):
        """Its initializer is not called for tasks that are cancelled then, but for the next one."""
        go_on, start, gate = threading.Event(), ungil.Interpreter, bytearray(1)

        def start_late(**options):
            go_on.wait(PATIENCE)
            return start(**options)

        share = {"gate": ungil.share(gate, writable=True)}
        patch = mock.patch.object(_pool, "Interpreter", start_late)
        with patch, ungil.InterpreterPoolExecutor(1, initializer=count_at_the_gate, share=share) as pool:
            cancelled = pool.submit(pow, 1, 1)
            until(lambda: pool._pool.queue_length)
            pool._pool.stop()
            go_on.set()
            until(lambda: pool._pool.waiting)
            self.assertEqual((gate[0], len(wait([cancelled], PATIENCE).done)), (0, 1))
            self.assertEqual([pool.submit(pow, 2, n).result(PATIENCE) for n in range(3)], [1, 2, 4])
        self.assertEqual(gate[0], 1)

    def test_an_interrupt_never_reaches_the_next_task(self):
        gate = bytearray(2)
        pool = self.pool(1, gate)
        for _ in range(100):
            gate[0] = 0
            task = pool.submit(run_until, 0, 1)
            until(lambda: gate[0])
            pool._pool.stop()
            following = pool.submit(sum, range(1000))
            self.assertIsInstance(task.exception(PATIENCE), KeyboardInterrupt)
            self.assertEqual(following.result(PATIENCE), 499500)

    def test_pools_that_are_made_while_all_are_stopped(self):
        """At the process's end, and in the child of a fork."""
        for stopping in ("_at_exit", "_after_fork_in_child"):
            status, output, errors = run_script(
                """
                import sys, ungil
                from ungil.interpreters import _pool
                some, more = [ungil.InterpreterPoolExecutor(1) for _ in range(3)], []
                def between_steps(frame, event, argument):
                    if len(more) < 100:
                        sys.setprofile(None)
                        more.append(_pool.Pool(1, "another thread's", {}, None))
                        sys.setprofile(between_steps)
                sys.setprofile(between_steps)
                getattr(_pool, sys.argv[1])()
                sys.setprofile(None)
                print(len(more) > 3, all(one._pool.is_shutdown or one._pool.is_broken for one in some))
                """,
                stopping,
            )
            self.assertEqual((status, output), (0, "True True\n"), errors)

    def test_a_fork_while_another_thread_has_a_lock(self):
        status, output, errors = run_script("""
            import os, signal, sys, threading, ungil
            from ungil.interpreters import _calls
            has_it, done = threading.Event(), threading.Event()
            def hold():
                with _calls._lock:
                    has_it.set()
                    done.wait()
            def square(n): return n * n
            threading.Thread(target=hold).start()
            has_it.wait()
            child = os.fork()
            if child == 0:
                signal.alarm(30)  # it ends the child
                with ungil.InterpreterPoolExecutor(1) as pool:
                    print(pool.submit(square, 3).result(), flush=True)
                os._exit(0)
            print(os.waitpid(child, 0)[1])
            done.set()
        """)
        self.assertEqual((status, output), (0, "9\n0\n"), errors)


@unittest.skipUnless(HAS_INTERPRETERS, NEEDS_INTERPRETERS)
class OneInterpretersThreads(OneInterpreter):
    def test_a_function_that_comes_while_another_is_forgotten(self):
        """As code that garbage collection runs may do it; or a thread, in an interpreter without a GIL."""
        interpreter = ungil.Interpreter()
        self.addCleanup(interpreter.close)
        interpreter.exec("""if True:
            from ungil.interpreters import _worker
            class Functions(dict):
                came = 0
                def __iter__(self):
                    iterator = super().__iter__()
                    if self.came < 3:
                        self.came += 1
                        _worker._functions[-self.came] = next(iter(self.values()))
                    return iterator
            _worker._functions = Functions(_worker._functions)
        """)
        functions = [eval("lambda: %d" % n, {"__name__": "__main__"}) for n in range(270)]
        self.assertEqual([interpreter.call(function) for function in functions], list(range(270)))
        self.assertEqual(interpreter.eval("_worker._functions.came, len(_worker._functions)"), (3, 256))

    def test_tracebacks_show_the_source_of_their_code(self):
        self.interpreter.exec("def fail():\n    raise ValueError('the first source')")
        self.interpreter.exec("x = 1\ny = 2")
        with self.assertRaises(ValueError) as caught:
            self.interpreter.eval("fail()")
        self.assertIn("    raise ValueError('the first source')", str(caught.exception.__cause__))
        self.assertNotIn("y = 2", str(caught.exception.__cause__))

    def test_many_threads_that_make_it_forget_functions(self):
        """With a GIL this has always passed; it is for builds without."""
        failures = []

        def work(number):
            for n in range(300):
                function = eval("lambda x: x + %d" % (1000 * number + n), {"__name__": "__main__"})
                try:
                    if self.call(function, 1) != 1000 * number + n + 1:
                        failures.append((number, n))
                except Exception as error:
                    failures.append((number, n, error))

        interval = sys.getswitchinterval()
        self.addCleanup(sys.setswitchinterval, interval)
        sys.setswitchinterval(1e-6)
        threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(failures, [])


@unittest.skipUnless(HAS_INTERPRETERS, NEEDS_INTERPRETERS)
class OnePoolsThreads(unittest.TestCase):
    def test_two_threads_that_send_a_function_first(self):
        function = _calls.function_of(lambda: 5, frozenset())
        none_is_known, both_are_known = threading.Barrier(2), threading.Barrier(2)

        class Owned(_calls.OwnedNumber):
            def __init__(self, free):
                none_is_known.wait(60)
                super().__init__(free)

        def use(_):
            number = function.number()
            both_are_known.wait(60)
            call = SimpleNamespace(submission=lambda: (number, b"x", ()))
            return Inbox().submit(call, SubmittedCall())

        with mock.patch.object(_calls, "OwnedNumber", Owned), ThreadPoolExecutor(2) as threads:
            self.assertEqual(list(threads.map(use, range(2))), [True, True])

    def test_many_threads_that_submit_map_and_cancel(self):
        """All share one function, whose pickle is cached; each has others of its own."""
        failures = []

        def shared(x):
            return x * 2

        def work(number):
            for n in range(rounds(60, 10)):
                own = eval("lambda x: x + %d" % (1000 * number + n), {"__name__": "__main__"})
                queued = [pool.submit(shared, n), pool.submit(own, 1), pool.submit(shared, [n])]
                queued[2].cancel()
                expected = [n * 2, 1000 * number + n + 1]
                found = [future.result(PATIENCE) for future in queued[:2]]
                mapped = list(pool.map(shared, range(20), chunksize=3, buffersize=2))
                if (found, mapped) != (expected, list(range(0, 40, 2))):
                    failures.append((number, n, found, mapped))

        self.addCleanup(sys.setswitchinterval, sys.getswitchinterval())
        sys.setswitchinterval(1e-6)
        with ungil.InterpreterPoolExecutor(2) as pool:
            threads = [threading.Thread(target=work, args=(number,)) for number in range(6)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            self.assertEqual(pool._work_queue.qsize(), 0)
        self.assertEqual(failures, [])


@unittest.skipUnless(HAS_INTERPRETERS, NEEDS_INTERPRETERS)
class Closing(unittest.TestCase):
    def test_two_threads_close_one_interpreter(self):
        interpreter = ungil.Interpreter()
        free = ungil.Interpreter._free

        def when_another_thread_has(handle):
            free(handle)
            return free(handle)

        with mock.patch.object(ungil.Interpreter, "_free", staticmethod(when_another_thread_has)):
            interpreter.close()
        self.assertEqual(interpreter.handle, 0)
        self.assertRaises(ValueError, interpreter.call, pow, 2, 2)

    def test_ctrl_c_when_another_thread_has_closed_it(self):
        interpreter = ungil.Interpreter()
        waits = iter([True])

        def wait(latch, timeout=None):
            until(lambda: latch.is_open)
            if next(waits, False):
                interpreter.close()
                raise KeyboardInterrupt
            return True

        with mock.patch.object(interruptible.Latch, "wait", wait):
            self.assertRaises(KeyboardInterrupt, interpreter.call, pow, 2, 2)

    @unittest.skipUnless(sys.implementation.name == "cpython", "SKIP: only CPython has interpreters")
    def test_the_release_callback_outlives_its_module(self):
        status, output, errors = run_script("""
            import gc, weakref
            from ungil._native import lending
            release = weakref.ref(lending._release)
            lending.__dict__.clear()  # as at the process's end
            gc.collect()
            print(release() is not None)
        """)
        self.assertEqual((status, output), (0, "True\n"), errors)


class Counting(unittest.TestCase):
    def test_each_number_is_given_once(self):
        """With a GIL itertools.count alone has always passed; it is for builds without."""
        numbers, taken = Numbers(), []

        def take():
            taken.extend([numbers.take() for _ in range(5000)])

        threads = [threading.Thread(target=take) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(sorted(taken), list(range(1, 20001)))


if __name__ == "__main__":
    unittest.main()
