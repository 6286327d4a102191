"""Tasks recurse as deep as the program's sys.setrecursionlimit() allows, and no deeper; none crashes."""

import sys
import unittest

from support import HAS_INTERPRETERS, NEEDS_INTERPRETERS, rounds, run_script

BEGIN = """
import functools, json, resource, sys, threading, ungil

def down(n):
    return 0 if n == 0 else 1 + down(n - 1)

def limit():
    return __import__("sys").getrecursionlimit()

def down_in_a_thread(n):
    import threading
    found = []
    thread = threading.Thread(target=lambda: found.append(down(n)))
    thread.start()
    thread.join()
    return found

class Deep:
    def __getattr__(self, name):
        return getattr(self, name + "a"[:0])

    def __repr__(self):
        return repr([self])

def by_sorting(_):
    return sorted([1, 2], key=by_sorting)

def forever(n):
    return forever(n + 1)

def endless(kind):
    try:
        if kind == "python":
            forever(0)
        elif kind == "sort":
            by_sorting(0)
        elif kind == "attribute":
            Deep().attribute
        else:
            repr(Deep())
    except RecursionError:
        return kind

KINDS = ["python", "sort", "attribute", "repr"]

def in_a_thread(function, *args):
    found = []
    thread = threading.Thread(target=lambda: found.append(function(*args)))
    thread.start()
    thread.join()
    return found
"""

KINDS = ["python", "sort", "attribute", "repr"]
HIGHEST = 131072  # before Python 3.12


@unittest.skipUnless(HAS_INTERPRETERS, NEEDS_INTERPRETERS)
class Recursion(unittest.TestCase):
    def assert_prints(self, script, *lines):
        status, output, errors = run_script(BEGIN + script)
        self.assertEqual((status, errors), (0, ""))
        self.assertEqual(output.splitlines(), [str(line) for line in lines])

    def test_as_deep_as_the_program_allows(self):
        self.assert_prints(
            """
sys.setrecursionlimit(30000)
with ungil.InterpreterPoolExecutor(1) as pool:
    print(pool.submit(down, 25000).result(), *pool.map(down, [25000]), pool.submit(limit).result())
    print(pool.submit(down_in_a_thread, 25000).result())
print(ungil.run(down, 25000))
with ungil.Interpreter() as interpreter:
    print(interpreter.call(down, 25000), in_a_thread(interpreter.call, down, 25000))
    interpreter.exec("def down(n): return 0 if n == 0 else 1 + down(n - 1)")
    print(interpreter.eval("down(25000)"))
    print(interpreter.call(down_in_a_thread, 25000))
""",
            "25000 25000 30000",
            [25000],
            25000,
            "25000 [25000]",
            25000,
            [25000],
        )

    def test_the_limit_is_that_when_an_interpreter_is_checked_out(self):
        self.assert_prints(
            """
for number in 5000, 1000, 100000, 300:
    sys.setrecursionlimit(number)
    with ungil.InterpreterPoolExecutor(1) as pool:
        print(ungil.run(limit), pool.submit(limit).result())
        sys.setrecursionlimit(1000)
        print(pool.submit(limit).result())
print(threading.stack_size())
""",
            *["5000 5000", 5000, "1000 1000", 1000, "100000 100000", 100000, "1000 1000", 1000],
            0,
        )

    def test_without_end(self):
        for number in (20000, 10**6):
            self.assert_prints(
                """
sys.setrecursionlimit(%d)
with ungil.InterpreterPoolExecutor(1) as pool:
    print(*pool.map(endless, KINDS))
with ungil.Interpreter() as interpreter:
    print(*(in_a_thread(interpreter.call, endless, kind)[0] for kind in KINDS))
    print(*(interpreter.call(endless, kind) for kind in KINDS))
    print(interpreter.call(limit))
"""
                % number,
                *["python sort attribute repr"] * 3,
                number if sys.version_info >= (3, 12) else min(number, HIGHEST),
            )

    def test_a_limit_that_a_task_sets(self):
        """It has no larger stack for that. What overflows ends the interpreter, and the pool goes on."""
        self.assert_prints(
            """
def overflow(kind):
    sys.setrecursionlimit(10**6 if sys.version_info < (3, 11) else 10**5)
    return endless(kind)
with ungil.InterpreterPoolExecutor(2) as pool:
    for kind in KINDS * %d:
        dying, others = pool.submit(overflow, kind), [pool.submit(pow, n, 2) for n in range(4)]
        try:
            found = dying.result()
        except ungil.InterpreterDiedError as error:
            found = str(error)
        if found not in (kind, "the interpreter died: the stack overflowed"):
            print(kind, found)
        print(end="".join(str(other.result()) for other in others) + " ")
"""
            % rounds(5, 1),
            "0149 " * len(KINDS) * rounds(5, 1),
        )

    def test_the_size_of_the_stack(self):
        """That of a main thread, in threads that a task starts too."""
        self.assert_prints(
            """
def stack():
    import ctypes, threading
    found = []
    def look():
        library = ctypes.CDLL(None)
        attributes = (ctypes.c_long * 16)()
        address, size = ctypes.c_void_p(), ctypes.c_size_t()
        library.pthread_self.restype = ctypes.c_void_p
        library.pthread_getattr_np(ctypes.c_void_p(library.pthread_self()), attributes)
        library.pthread_attr_getstack(attributes, ctypes.byref(address), ctypes.byref(size))
        found.append(round(size.value / 2**20))
    look()
    thread = threading.Thread(target=look)
    thread.start()
    thread.join()
    return found
threading.stack_size(256 << 10)
usual = resource.getrlimit(resource.RLIMIT_STACK)
resource.setrlimit(resource.RLIMIT_STACK, (8 << 20, usual[1]))
print(ungil.run(stack))
for size in None, 64 << 20:
    with ungil.InterpreterPoolExecutor(1, stack_size=size) as pool:
        print(pool.submit(stack).result())
for wrong in 0, -1, 2**40, 1.5, "1":
    try:
        ungil.InterpreterPoolExecutor(1, stack_size=wrong)
    except (ValueError, TypeError) as error:
        print(type(error).__name__)
""",
            [8, 8],
            [8, 8],
            [64, 64],
            *["ValueError"] * 3,
            *["TypeError"] * 2,
        )

    def test_where_there_is_no_memory_for_large_stacks(self):
        self.assert_prints(
            """
sys.setrecursionlimit(100000)
size = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (size + (600 << 20),) * 2)
with ungil.InterpreterPoolExecutor(1) as pool:
    print(pool.submit(down, 900).result(), pool.submit(endless, "sort").result())
with ungil.Interpreter() as interpreter:
    try:
        print(interpreter.call(down, 900))
    except RuntimeError as error:
        print(900)
""",
            "900 sort",
            900,
        )


if __name__ == "__main__":
    unittest.main()
