"""Tasks recurse as deep as the program's sys.setrecursionlimit() allows, and no deeper; none crashes."""

import sys
import unittest

from support import HAS_INTERPRETERS, NEEDS_INTERPRETERS, run_script

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
