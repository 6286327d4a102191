"""A worker of a pool has one thread state for all its tasks, as the main thread of a process has."""

from __future__ import annotations

import threading
import unittest

import ungil
from support import HAS_INTERPRETERS, NEEDS_INTERPRETERS, run_script


def remember(value: int) -> tuple[int | None, int | None, int]:
    """Sets what lives in the thread state. Returns what was there before."""
    import contextvars
    import decimal
    import sys
    import threading

    # Modules of an interpreter stay when its user changes, as does what is in them.
    kept = sys.modules[__name__].__dict__.setdefault("kept", (threading.local(), contextvars.ContextVar("value")))
    local, variable = kept
    before = getattr(local, "value", None), variable.get(None), decimal.getcontext().prec
    local.value = value
    variable.set(value)
    decimal.getcontext().prec = value
    return before


@unittest.skipUnless(HAS_INTERPRETERS, NEEDS_INTERPRETERS)
class ThreadStates(unittest.TestCase):
    def test_they_last_from_task_to_task(self) -> None:
        with ungil.InterpreterPoolExecutor(1) as pool:
            self.assertEqual(pool.submit(remember, 10).result(), (None, None, 28))
            self.assertEqual(pool.submit(remember, 20).result(), (10, 10, 10))

    def test_the_next_user_gets_a_new_one(self) -> None:
        for _ in range(2):
            with ungil.InterpreterPoolExecutor(1) as pool:
                self.assertEqual(pool.submit(remember, 10).result(), (None, None, 28))

    def test_what_an_initializer_sets_is_there_for_tasks(self) -> None:
        with ungil.InterpreterPoolExecutor(1, initializer=set_all) as pool:
            self.assertEqual([pool.submit(get_all).result() for _ in range(2)], [ALL_SET] * 2)
            self.assertEqual(list(pool.map(lambda _: get_all(), range(3), chunksize=2)), [ALL_SET] * 3)
        with ungil.InterpreterPoolExecutor(1) as pool:
            self.assertNotEqual(pool.submit(lambda: __import__("decimal").getcontext().prec).result(), 50)


# What `set_all` sets, as `get_all` reads it.
ALL_SET = (50, "local", "variable", [(7,)], True, "raise")


def set_all() -> None:
    import asyncio
    import contextvars
    import decimal
    import sqlite3
    import sys
    import threading

    kept = sys.modules["threading"].__dict__
    decimal.getcontext().prec = 50
    kept["of_test"] = threading.local(), contextvars.ContextVar("of_test"), sqlite3.connect(":memory:")
    kept["of_test"][0].value = "local"
    kept["of_test"][1].set("variable")
    kept["of_test"][2].execute("create table t(x)")
    kept["of_test"][2].execute("insert into t values (7)")
    kept["of_test_loop"] = asyncio.new_event_loop()
    asyncio.set_event_loop(kept["of_test_loop"])
    try:
        import numpy

        numpy.seterr(divide="raise")
    except ImportError:
        pass


def get_all() -> tuple[object, ...]:
    import asyncio
    import decimal
    import sys

    kept = sys.modules["threading"].__dict__
    local, variable, connection = kept["of_test"]
    rows = connection.execute("select x from t").fetchall()
    loop = asyncio.get_event_loop_policy().get_event_loop() if sys.version_info < (3, 14) else asyncio.get_event_loop()
    try:
        import numpy

        divide = numpy.geterr()["divide"]
    except ImportError:
        divide = "raise"
    is_loop = loop is kept["of_test_loop"]
    return decimal.getcontext().prec, local.value, variable.get(), rows, is_loop, divide


@unittest.skipUnless(HAS_INTERPRETERS, NEEDS_INTERPRETERS)
class Callers(unittest.TestCase):
    """A thread that calls an Interpreter has one thread there for all its calls."""

    def call_often(self, interpreter: ungil.Interpreter) -> None:
        interpreter.call(set_all)
        ident = interpreter.eval("__import__('threading').get_ident()")
        waiting = [threading.Thread(target=threading.Event().wait, args=(0.2,)) for _ in range(3)]
        for thread in waiting:  # they would get the numbers of threads that had ended
            thread.start()
        self.assertEqual([interpreter.call(get_all) for _ in range(3)], [ALL_SET] * 3)
        self.assertEqual(interpreter.eval("__import__('threading').get_ident()"), ident)
        for thread in waiting:
            thread.join()

    def test_the_main_thread(self) -> None:
        with ungil.Interpreter() as interpreter:
            self.call_often(interpreter)

    def test_another_thread(self) -> None:
        errors: list[BaseException] = []

        def work() -> None:
            try:
                with ungil.Interpreter() as interpreter:
                    self.call_often(interpreter)
            except BaseException as error:
                errors.append(error)

        thread = threading.Thread(target=work)
        thread.start()
        thread.join()
        self.assertEqual(errors, [])

    def test_several_threads_have_one_each(self) -> None:
        source = "import sqlite3, threading; %s = sqlite3.connect(':memory:')"
        with ungil.Interpreter() as interpreter:
            interpreter.exec(source % "of_main")
            seen: list[object] = []

            def work() -> None:
                interpreter.exec(source % "of_other")
                seen.append(interpreter.eval("of_other.execute('select 1').fetchall()"))
                try:
                    interpreter.eval("of_main.execute('select 1')")
                except Exception as error:
                    seen.append(type(error).__name__)

            thread = threading.Thread(target=work)
            thread.start()
            self.assertEqual(interpreter.eval("of_main.execute('select 2').fetchall()"), [(2,)])
            thread.join()
            self.assertEqual(seen, [[(1,)], "ProgrammingError"])
            self.assertEqual(interpreter.eval("of_main.execute('select 3').fetchall()"), [(3,)])

    def test_with_larger_stacks_and_in_signal_handlers(self) -> None:
        status, output, errors = run_script(
            """
            import signal, sys, threading, ungil
            sys.setrecursionlimit(5000)
            with ungil.Interpreter() as interpreter:
                ident = interpreter.eval("__import__('threading').get_ident()")
                seen = []
                def handler(*_):  # the main thread waits for a call, so its thread there is busy
                    seen.append(interpreter.eval("6 * 7"))
                    interpreter.exec("event.set()")
                signal.signal(signal.SIGUSR1, handler)
                interpreter.exec("import threading; event = threading.Event()")
                threading.Timer(0.3, signal.pthread_kill, (threading.main_thread().ident, signal.SIGUSR1)).start()
                interpreter.exec("event.wait()")
                assert seen == [42], seen
                assert interpreter.eval("threading.get_ident()") == ident
                def work():
                    idents = {interpreter.eval("threading.get_ident()") for _ in range(3)}
                    print(len(idents), ident in idents)
                thread = threading.Thread(target=work)
                thread.start()
                thread.join()
            """
        )
        self.assertEqual((status, output, errors), (0, "1 False\n", ""))

    def test_the_threads_end_with_the_interpreter_or_the_caller(self) -> None:
        status, output, errors = run_script(
            """
            import os, threading, time, ungil
            def threads(): return len(os.listdir("/proc/self/task"))
            def wait_for(number):
                end = time.monotonic() + 60
                while threads() > number and time.monotonic() < end: time.sleep(0.01)
                return threads() <= number
            ungil.Interpreter().close()
            first = threads()
            for _ in range(20):
                interpreter = ungil.Interpreter()
                assert interpreter.call(pow, 2, 3) == 8
                interpreter.close()
            assert wait_for(first), (first, threads())
            for _ in range(20):  # without close(): it is freed in its thread, so that the next one may be another
                assert ungil.Interpreter().call(pow, 2, 3) == 8
            assert wait_for(first + 5), (first, threads())
            """
        )
        self.assertEqual((status, output, errors), (0, "", ""))

    def test_an_interrupted_call_leaves_its_thread_in_use(self) -> None:
        status, output, errors = run_script(
            """
            import _thread, threading, ungil
            with ungil.Interpreter() as interpreter:
                ident = interpreter.eval("__import__('threading').get_ident()")
                for _ in range(3):
                    try:
                        threading.Timer(0.2, _thread.interrupt_main).start()
                        interpreter.exec("while True: pass")
                    except KeyboardInterrupt: pass
                    assert interpreter.eval("__import__('threading').get_ident()") == ident
            """
        )
        self.assertEqual((status, output, errors), (0, "", ""))


if __name__ == "__main__":
    unittest.main()
