"""What would end a process ends an interpreter: abort(), exit(), fatal errors, in C and in Python."""

import os
import signal
import subprocess
import sys
import unittest

from deadly import DeadlyPrograms
from support import HAS_INTERPRETERS, NEEDS_INTERPRETERS, rounds


@unittest.skipUnless(HAS_INTERPRETERS, NEEDS_INTERPRETERS)
class Deaths(DeadlyPrograms):
    def test_each_way_in_c(self):
        """With the GIL held, and without."""
        self.assert_prints(
            """
def end(name, loader):
    c(name, loader)(1)
for name in "by_abort", "by_exit", "by_exit_at_once", "by_quick_exit":
    for loader in ctypes.CDLL, ctypes.PyDLL:
        with ungil.Interpreter() as interpreter:
            print(why(interpreter.call, end, name, loader), why(interpreter.eval, "1"), interpreter.is_alive)
print(ungil.run(square, 3))
""",
            "abort() was called abort() was called False\n" * 2
            + "exit(3) was called exit(3) was called False\n" * 2
            + "_exit(4) was called _exit(4) was called False\n" * 2
            + "quick_exit(5) was called quick_exit(5) was called False\n" * 2
            + "9\n",
        )

    def test_a_failed_assertion(self):
        output = self.run_program("print(why(ungil.run, lambda: c('by_assertion')(1)))")
        self.assertRegex(output, r"^<stdin>:\d+: by_assertion: Assertion `number > 1' failed\n$")

    def test_the_c_librarys_own_functions(self):
        self.assert_prints(
            """
print(why(ungil.run, lambda: ctypes.CDLL(None).abort()))
print(why(ungil.run, lambda: ctypes.PyDLL("libc.so.6").exit(6)))
""",
            "abort() was called\nexit(6) was called\n",
        )

    def test_each_way_in_python(self):
        self.assert_prints(
            """
print(why(ungil.run, os._exit, 3))
print(why(ungil.run, os.abort))
print(why(ungil.run, lambda: ctypes.pythonapi.Py_FatalError(b"of the test")))
print(why(ungil.run, lambda: ctypes.pythonapi.Py_Exit(7)))
try:
    ungil.run(sys.exit, 8)
except SystemExit as error:
    print(error)
""",
            "_exit(3) was called\nabort() was called\nFatal Python error: of the test\nexit(7) was called\n8\n",
        )

    def test_the_traceback_is_the_cause(self):
        output = self.run_program(
            """
def inner(how):
    c("by_abort", ctypes.CDLL)() if how == "C" else ctypes.pythonapi.Py_FatalError(b"of the test")
def outer(how):
    inner(how)
for how in "C", "fatal":
    try:
        ungil.run(outer, how)
    except ungil.InterpreterDiedError as error:
        lines = str(error.__cause__).rstrip('"\\n').splitlines()
        print(any("in outer" in line for line in lines), any("in inner" in line for line in lines))
        if how == "C":
            print("in inner" in lines[-2], any("ungil" in line for line in lines))
        print("".join(traceback.format_exception(type(error), error, error.__traceback__)).count("in inner"))
"""
        )
        self.assertEqual(output, "True True\nTrue False\n1\nTrue True\n1\n")

    def test_no_traceback_without_frames(self):
        """The function is one in C: no Python code of the task runs."""
        self.assert_prints(
            """
try:
    ungil.run(os.abort)
except ungil.InterpreterDiedError as error:
    print(error.__cause__)
""",
            "None\n",
        )

    def test_output_is_flushed(self):
        self.assert_prints(
            """
def task(loader):
    print("before the end", end="; ")
    c("by_abort", loader)()
print(why(ungil.run, task, ctypes.CDLL))
print(why(ungil.run, task, ctypes.PyDLL))
""",
            "before the end; abort() was called\n" * 2,
        )

    def test_a_callback_into_python(self):
        """C calls Python, which ends the interpreter, with frames of C in between."""
        self.assert_prints(
            """
def task():
    callback = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_int)(lambda n: os.abort())
    return c("call")(callback)
print(why(ungil.run, task))
""",
            "abort() was called\n",
        )

    def test_an_interpreter_in_an_interpreter(self):
        """The inner one dies, and the outer one goes on; then the outer one dies in a callback from the inner one."""
        self.assert_prints(
            """
def task():
    import ungil
    with ungil.Interpreter() as inner:
        try:
            inner.call(os.abort)
        except ungil.InterpreterDiedError as error:
            return "contained"
with ungil.Interpreter() as outer:
    print(outer.call(task), outer.is_alive, outer.call(square, 5))
""",
            "contained True 25\n",
        )

    def test_lent_memory_is_kept(self):
        """Threads of a library may still use it. It is not released, and the program can go on using it."""
        self.assert_prints(
            """
from ungil._native import lending
memory = bytearray(b"lent" * 1000)
shared = ungil.share(memory, writable=True)
def task(memory):
    memory[:3] = b"sea"
    os.abort()
print(why(ungil.run, task, shared))
print(memory[:4].decode(), len(lending.lent))
try:
    memory.append(1)
except BufferError:
    print("still lent")
""",
            "abort() was called\nseat 1\nstill lent\n",
        )

    def test_asyncio(self):
        self.assert_prints(
            """
import asyncio
async def main():
    with ungil.InterpreterPoolExecutor(2) as pool:
        loop = asyncio.get_running_loop()
        calls = [loop.run_in_executor(pool, task, 3) for task in (square, os._exit, square)]
        found = await asyncio.gather(*calls, return_exceptions=True)
        print([type(it).__name__ if isinstance(it, Exception) else it for it in found])
asyncio.run(main())
""",
            "[9, 'InterpreterDiedError', 9]\n",
        )

    def test_death_while_the_process_exits(self):
        """Interpreters die in another thread while the main one ends."""
        self.assert_prints(
            """
interpreter = ungil.Interpreter()
print(why(interpreter.call, os._exit, 1))
def use():
    while True:
        other = ungil.Interpreter()
        why(other.call, os.abort)
        why(other.call, square, 1)
threading.Thread(target=use, daemon=True).start()
while sum(thread.is_alive() for thread in threading.enumerate()) < 2:
    time.sleep(0.001)
print("the end", flush=True)
""",
            "_exit(1) was called\nthe end\n",
        )

    def test_a_child_ends_itself(self):
        """In the child of a subprocess the functions are the C library's, also in a library."""
        self.assert_prints(
            """
def task():
    import subprocess
    ends = c("by_exit_at_once")
    codes = [subprocess.run(["true"], preexec_fn=end).returncode for end in (ends, lambda: os._exit(6))]
    return codes
with ungil.Interpreter() as interpreter:
    print(interpreter.call(task), interpreter.is_alive)
""",
            "[4, 6] True\n",
        )

    def test_a_stack_overflow_in_a_thread_of_a_task_ends_the_process(self):
        script = """
class Endless:
    def __getattr__(self, name):
        return getattr(self, name + "a"[:0])
def task():
    sys.setrecursionlimit(10**6)
    thread = threading.Thread(target=lambda: Endless().attribute)
    thread.start()
    thread.join()
ungil.run(task)
"""
        if sys.version_info >= (3, 12):
            self.skipTest("SKIP: Python limits calls in C")
        self.run_program(script, status=-signal.SIGSEGV)

    def test_where_it_cannot_be_contained(self):
        """The initialiser of a library runs with the loader's lock held."""
        target = os.path.join(os.path.dirname(self.library), "initialiser.so")
        source = "#include <stdlib.h>\n__attribute__((constructor)) void begin(void) { exit(9); }"
        subprocess.run(["cc", "-shared", "-fPIC", "-x", "c", "-", "-o", target], input=source, text=True, check=True)
        self.run_program("ungil.run(ctypes.CDLL, %r)" % target, status=9)
        self.assertIn("ungil: an isolated interpreter ends the process", self.errors)


@unittest.skipUnless(HAS_INTERPRETERS, NEEDS_INTERPRETERS)
class Pools(DeadlyPrograms):
    def test_many_deaths(self):
        """The pool is right before, between and after."""
        self.assert_prints(
            """
def sort_without_end(_):
    return sorted([1, 2], key=sort_without_end)
def overflow():
    sys.setrecursionlimit(10**5)
    sort_without_end(0)
    os.abort()
ways = [os.abort, lambda: os._exit(3), lambda: ctypes.CDLL(None).abort(),
        lambda: ctypes.pythonapi.Py_FatalError(b"of the test")]
if sys.version_info < (3, 12):  # others limit calls in C
    ways.append(overflow)
with ungil.InterpreterPoolExecutor(4) as pool:
    for i in range(%d):
        before = [pool.submit(square, n) for n in range(8)]
        dying = pool.submit(ways[i %% len(ways)])
        after = [pool.submit(square, n) for n in range(8)]
        assert [it.result() for it in before + after] == [n * n for n in range(8)] * 2
        assert "no error" not in why(dying.result)
    print(sum(pool.map(square, range(100))))
"""
            % rounds(100, 4),
            "328350\n",
        )

    def test_the_initializer_runs_again(self):
        self.assert_prints(
            """
def begin(value):
    global ready
    ready = value
def task():
    return ready
with ungil.InterpreterPoolExecutor(1, initializer=begin, initargs=(5,)) as pool:
    for _ in range(3):
        print(pool.submit(task).result(), why(pool.submit(os.abort).result))
    print(pool.submit(task).result())
""",
            "5 abort() was called\n" * 3 + "5\n",
        )

    def test_an_initializer_that_dies_breaks_the_pool(self):
        self.assert_prints(
            """
import logging
logging.disable()
with ungil.InterpreterPoolExecutor(2, initializer=os.abort) as pool:
    try:
        pool.submit(square, 3).result()
    except ungil.BrokenInterpreterPool as error:
        print(type(error.__cause__).__name__)
""",
            "InterpreterDiedError\n",
        )

    def test_a_death_between_two_tasks(self):
        """A thread that the first one left ends the interpreter. The second one finds another."""
        self.assert_prints(
            """
def leave():
    threading.Timer(0.01, os.abort).start()
    return id(sys)
def identity():
    return id(sys)
with ungil.InterpreterPoolExecutor(1) as pool:
    first = pool.submit(leave).result()
    while True:
        try:
            if pool.submit(identity).result() != first:
                print("another")
                break
        except ungil.InterpreterDiedError:
            pass
""",
            "another\n",
        )


if __name__ == "__main__":
    unittest.main()
