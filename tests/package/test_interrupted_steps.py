"""Ctrl-C between any two steps of the package's Python code: it is heard, and arrays are their owners' again."""

import array
import ctypes
import itertools
import os
import sys
import unittest
from unittest import mock

import ungil
from ungil import _running, functions, kernels

PACKAGE = os.path.dirname(ungil.__file__)


def at_step(number, call):
    """Makes the call, with KeyboardInterrupt at this step of the package's code: False if there are less steps."""
    steps = itertools.count()

    def trace(frame, event, _):
        if frame.f_code.co_name in ("__del__", "<genexpr>") or not frame.f_code.co_filename.startswith(PACKAGE):
            return None  # what is raised while an object dies is lost, in any Python program
        frame.f_trace_opcodes, frame.f_trace_lines = True, False
        if event == "opcode" and next(steps) == number:
            raise KeyboardInterrupt
        return trace

    before = sys.gettrace()
    sys._getframe().f_trace_opcodes = True  # CPython 3.12 has no such events if no frame wanted them before settrace()
    sys.settrace(trace)
    try:
        call()
    except KeyboardInterrupt:
        return True
    finally:
        sys.settrace(before)
    return False


class InterruptedSteps(unittest.TestCase):
    def interrupt_each_step(self, call, *arrays):
        for step in itertools.count():
            with self.subTest(step=step):
                interrupted = at_step(step, call)
                for one in arrays:
                    one.append(one.pop())  # not while anybody has its memory
            if not interrupted:
                break
        self.assertGreater(step, 50)

    def test_of_kernels(self):
        integers, reals, room = array.array("q", range(99)), array.array("d", range(99)), bytearray(99)
        small = array.array("i", range(99))
        for call, *arrays in (
            (lambda: kernels.pi(1000),),
            (lambda: kernels.sum(reals), reals),
            (lambda: kernels.num_primes(small), small),
            (lambda: kernels.count_primes(integers), integers),
            (lambda: kernels.is_prime(integers, out=room), integers, room),
            (lambda: kernels.sum(reals, control=ungil.Control()), reals),
        ):
            for short in (0, _running.SHORT):  # where signals are heard, and directly
                with mock.patch.object(_running, "SHORT", short):
                    self.interrupt_each_step(call, *arrays)

    def test_of_c_functions(self):
        sqrt = ctypes.CDLL(None).sqrt
        sqrt.restype, sqrt.argtypes = ctypes.c_double, [ctypes.c_double]
        numbers, room = array.array("d", range(99)), array.array("d", range(99))
        self.interrupt_each_step(lambda: functions.map(sqrt, numbers, out=room), numbers, room)


if __name__ == "__main__":
    unittest.main()
