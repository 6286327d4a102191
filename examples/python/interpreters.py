"""Pure Python on all cores: isolated interpreters, used with ctypes alone, compared with threads and processes.

    python3 examples/python/interpreters.py [COUNT]
"""
import ctypes
import multiprocessing
import os
import sys
import threading

from side_by_side import find, in_sequence, in_threads, timed_call

library = ctypes.CDLL(find("libungil.so"))
library.ungil_last_error.restype = ctypes.c_char_p

JOB = """
def job(count):
    total = 0
    for i in range(count):
        total += i * i % 7
    return total
"""
exec(JOB)


def check(status):
    if status != 0:
        raise RuntimeError(library.ungil_last_error().decode())


class Interpreter(object):
    """An isolated interpreter, with a GIL of its own."""

    def __init__(self):
        handle = ctypes.c_int32()
        check(library.ungil_interp_new(None, ctypes.byref(handle)))
        self.handle = handle.value

    def run(self, source):
        check(library.ungil_interp_exec(self.handle, source.encode()))

    def value(self, expression):
        text = ctypes.c_char_p()
        check(library.ungil_interp_eval(self.handle, expression.encode(), ctypes.byref(text)))
        return text.value.decode()

    def free(self):
        check(library.ungil_interp_free(self.handle))


def in_processes(calls):
    """Each call in a process of its own. Forked while this process has no other threads."""
    with multiprocessing.get_context("fork").Pool(len(calls)) as pool:
        return pool.starmap(job, calls)  # noqa: F821, JOB defines it


def main(count=5000000):
    workers = max(2, os.cpu_count() or 2)
    calls = [(count,)] * workers
    print("\n%d times the same loop in pure Python\n" % workers)
    processes, by_processes = timed_call(lambda: in_processes(calls))
    start, interpreters = timed_call(lambda: [Interpreter() for _ in calls])
    for interpreter in interpreters:
        interpreter.run(JOB)
    ways = [
        ("one after the other", lambda: in_sequence(job, calls)),  # noqa: F821
        ("in Python threads", lambda: in_threads(job, calls)),  # noqa: F821
        ("in isolated interpreters", lambda: in_threads(
            lambda interpreter: int(interpreter.value("job(%d)" % count)), [(it,) for it in interpreters])),
    ]
    times = [timed_call(function) for _, function in ways]
    rows = [(name, *result) for (name, _), result in zip(ways, times)]
    for name, seconds, results in rows + [("in processes, their start included", processes, by_processes)]:
        assert results == times[0][1], name
        print("  %-40s%10.3f s   %.2f of the time in sequence" % (name, seconds, seconds / times[0][0]))
    print("  %-40s%10.3f s" % ("(starting the interpreters)", start))
    for interpreter in interpreters:
        interpreter.free()


if __name__ == "__main__":
    if threading.active_count() != 1 or len(sys.argv) > 2:
        sys.exit(__doc__)
    main(*[int(argument) for argument in sys.argv[1:]])
