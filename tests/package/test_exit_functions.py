"""What tasks leave behind ends when their interpreter is closed, or when the process exits: as at a process's end."""

import os
import signal
import tempfile
import unittest

import ungil
from support import HAS_INTERPRETERS, NEEDS_INTERPRETERS, installed_packages, run_script

HEAD = """
    import sys, ungil
    def say(text):
        print(text, flush=True)
"""


def reused():
    """Something that only an interpreter which is used again has."""
    import json as module

    module.uses = getattr(module, "uses", 0) + 1
    return module.uses


@unittest.skipUnless(HAS_INTERPRETERS, NEEDS_INTERPRETERS)
class ExitFunctions(unittest.TestCase):
    def assert_prints(self, script, expected):
        status, output, errors = run_script(HEAD + script)
        self.assertEqual((status, output, errors), (0, expected, ""))

    def test_those_of_tasks_are_called_once_when_the_pool_ends(self):
        self.assert_prints(
            """
    def task(name):
        import atexit
        atexit.register(say, name + " 1")
        atexit.register(lambda: atexit.register(say, name + " from another"))
        atexit.register(say, text=name + " 2")
        atexit.register(len)
        atexit.unregister(len)
        return name
    for name in "ab":
        with ungil.InterpreterPoolExecutor(1) as pool:
            say(pool.submit(task, name).result())
        say("the pool has ended")
            """,
            "a\na 2\na from another\na 1\nthe pool has ended\nb\nb 2\nb from another\nb 1\nthe pool has ended\n",
        )

    def test_ctrl_c_interrupts_one_that_blocks(self):
        script = """
    import threading
    def task():
        import atexit, sys, threading
        atexit.register(sys.stdout.write, "the next is called")
        def block():
            say("blocks")
            threading.Event().wait()
        atexit.register(block)
    interpreter = ungil.Interpreter()
    interpreter.call(task)
    try:
        interpreter.close()
    except KeyboardInterrupt:
        say(" - interrupted")
        """

        def interrupt(process):
            self.assertEqual(process.stdout.readline(), "blocks\n")
            process.send_signal(signal.SIGINT)

        status, output, errors = run_script(HEAD + script, interact=interrupt)
        self.assertEqual((status, output), (0, "the next is called - interrupted\n"))
        self.assertIn("Exception ignored in atexit callback", errors)
        self.assertIn("KeyboardInterrupt", errors)

    def test_those_of_packages_are_called_when_the_process_exits(self):
        with tempfile.TemporaryDirectory() as parent:
            directory = installed_packages(parent)
            with open(os.path.join(directory, "registers.py"), "w") as file:
                file.write("import atexit; atexit.register(print, 'the module ends', flush=True)")
            self.assert_prints(
                """
    sys.path.append(%r)
    def task():
        import atexit, registers
        atexit.register(say, "the task ends")
    for _ in range(2):
        with ungil.InterpreterPoolExecutor(1) as pool:
            pool.submit(task).result()
        say("the pool has ended")
                """
                % directory,
                "the task ends\nthe pool has ended\n" * 2 + "the module ends\n",
            )

    def test_finalizers_and_temporary_directories(self):
        """weakref.finalize calls them when an object is freed, or else at the end, also for the next users."""
        script = """
    sys.path.append(%r)
    class It:
        pass
    def task():
        import %s, os, tempfile, warnings, weakref
        global kept, others
        warnings.simplefilter("ignore")
        freed = tempfile.TemporaryDirectory().name
        others = [It() for _ in range(3)]
        for i, it in enumerate(others):
            weakref.finalize(it, say, i)
        kept = tempfile.TemporaryDirectory()
        return os.path.exists(freed), kept.name
    import os
    for i in range(3):
        with ungil.InterpreterPoolExecutor(1) as pool:
            is_left, name = pool.submit(task).result()
        say((is_left, os.path.exists(name)))
            """
        expected = "2\n1\n0\n(False, False)\n" * 3
        self.assert_prints(script % ("", "os"), expected)
        with tempfile.TemporaryDirectory() as parent:
            directory = installed_packages(parent)
            with open(os.path.join(directory, "finalizes.py"), "w") as file:
                file.write("import weakref\nclass It: pass\nit = It()\n")
                file.write("weakref.finalize(it, print, 'the module ends', flush=True)")
            self.assert_prints(script % (directory, "finalizes"), expected + "the module ends\n")

    def test_one_that_fails(self):
        status, output, errors = run_script(
            HEAD
            + """
    def task():
        import atexit
        atexit.register(say, "the next one")
        atexit.register(lambda: 1 / 0)
        atexit.register(sys.exit)
    ungil.run(task)
            """
        )
        self.assertEqual((status, output), (0, "the next one\n"))
        self.assertIn("ZeroDivisionError", errors)

    def test_those_of_an_interpreter_that_is_not_closed(self):
        self.assert_prints(
            """
    def task():
        import atexit
        atexit.register(say, "the task ends")
    interpreter = ungil.Interpreter()
    interpreter.call(task)
    import builtins
    builtins.kept = interpreter
            """,
            "the task ends\n",
        )


@unittest.skipUnless(HAS_INTERPRETERS, NEEDS_INTERPRETERS)
class LeftBehind(unittest.TestCase):
    def assert_reused(self, task):
        """An interpreter is used again after the task."""
        with ungil.Interpreter(fresh=True) as interpreter:
            first = interpreter.call(reused)
            result = interpreter.call(task)
        with ungil.Interpreter() as interpreter:
            self.assertEqual((first, interpreter.call(reused)), (1, 2))
        return result

    def test_idle_threads_of_a_pool(self):
        def task():
            from concurrent.futures import ThreadPoolExecutor

            global pool
            pool = ThreadPoolExecutor(2)
            return list(pool.map(abs, [-1, -2]))

        for _ in range(2):  # the next user can have a pool, too
            self.assertEqual(self.assert_reused(task), [1, 2])

    def test_a_daemon_thread(self):
        def task():
            import threading
            import time

            threading.Thread(target=time.sleep, args=(1000,), daemon=True).start()

        self.assert_reused(task)

    def test_a_process_of_multiprocessing_is_ended(self):
        def task():
            import multiprocessing
            import time

            global process
            context = multiprocessing.get_context("spawn")
            process = context.Process(target=time.sleep, args=(1000,), daemon=True)
            process.start()
            return process.pid

        for _ in range(2):
            pid = self.assert_reused(task)
            self.assertRaises(ProcessLookupError, os.kill, pid, 0)

    def test_a_pool_of_processes_is_ended(self):
        def task():
            from concurrent.futures import ProcessPoolExecutor
            from multiprocessing import get_context

            global pool
            pool = ProcessPoolExecutor(1, mp_context=get_context("spawn"))
            return pool.submit(os.getpid).result()

        for _ in range(2):
            pid = self.assert_reused(task)
            self.assertRaises(ProcessLookupError, os.kill, pid, 0)

    def test_a_program_that_a_task_started_goes_on(self):
        _, output, _ = run_script(
            """
            import ungil
            def task():
                import subprocess
                return subprocess.Popen(["sleep", "1000"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).pid
            print(ungil.run(task))
            """
        )
        os.kill(int(output), 9)  # it is there


if __name__ == "__main__":
    unittest.main()
