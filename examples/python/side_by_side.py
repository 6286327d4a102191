"""What the examples share: functions that find the library and print tables of times."""
from __future__ import division, print_function

import os
import threading
from timeit import default_timer

LIBRARIES = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "build", "lib")


def find(name):
    """The path of the library in build/, or just the name, for an installed one (`make install-compat`)."""
    built = os.path.normpath(os.path.join(LIBRARIES, name))
    return built if os.path.exists(built) else name


def in_sequence(function, calls):
    return [function(*arguments) for arguments in calls]


def in_threads(function, calls):
    """Each call in a Python thread of its own."""
    results = [None] * len(calls)

    def run(index, arguments):
        results[index] = function(*arguments)

    threads = [threading.Thread(target=run, args=call) for call in enumerate(calls)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


def timed_call(function):
    start = default_timer()
    result = function()
    return default_timer() - start, result


def timed(way, function, calls):
    return timed_call(lambda: way(function, calls))


class Table(object):
    """One row per implementation: the time of its calls in sequence and in threads, and the ratio of the two."""

    LAYOUT = "  {:<36}{:>12}{:>12}{:>8}   {}"

    def __init__(self, title):
        print("\n" + title + "\n")
        print(self.LAYOUT.format("", "in sequence", "in threads", "ratio", "answer"))

    def row(self, name, function, calls):
        """Checks that both ways give the same answers, and shows the first one."""
        sequence_time, in_order = timed(in_sequence, function, calls)
        threads_time, at_once = timed(in_threads, function, calls)
        if in_order != at_once:
            raise AssertionError("%s: %r in sequence, %r in threads" % (name, in_order, at_once))
        times = ["%.3f s" % sequence_time, "%.3f s" % threads_time]
        print(self.LAYOUT.format(name, times[0], times[1], "%.2f" % (threads_time / sequence_time), in_order[0]))
