"""Ctrl-C between any two steps of the package's Python code: arrays are released, and pools still work."""

import array
import contextlib
import ctypes
import dis
import itertools
import os
import sys
import threading
import time
import unittest
from unittest import mock

import ungil
from references import not_on_pypy
from support import HAS_INTERPRETERS, NEEDS_INTERPRETERS, PATIENCE, rounds
from ungil import compat, functions, kernels
from ungil._native import call_options

PACKAGE = os.path.dirname(ungil.__file__)

EVERY = rounds(1, 7)  # step is tested, or only each seventh: others on the next Python
FIRST = sys.version_info[1] % EVERY

CALLS = {number for name, number in dis.opmap.items() if name.startswith("CALL")}
HANDLERS = {dis.opmap.get(name) for name in ("PUSH_EXC_INFO", "POP_EXCEPT")}  # the first and last step of a handler
NO_STEPS = {dis.opmap.get("NOT_TAKEN")}  # says something about the jump before, and may be outside of its `try`


@contextlib.contextmanager
def each_step(watch):
    """watch(frame) is called before each opcode of this thread. It may raise."""
    if sys.version_info >= (3, 12):  # there settrace() misses opcodes of code that it has traced before
        thread, monitoring = threading.get_ident(), sys.monitoring

        def watch_this_thread(code, offset):
            if threading.get_ident() == thread:
                watch(sys._getframe(1))

        monitoring.use_tool_id(monitoring.DEBUGGER_ID, "steps")
        monitoring.register_callback(monitoring.DEBUGGER_ID, monitoring.events.INSTRUCTION, watch_this_thread)
        monitoring.set_events(monitoring.DEBUGGER_ID, monitoring.events.INSTRUCTION)
        try:
            yield
        finally:
            monitoring.set_events(monitoring.DEBUGGER_ID, 0)
            monitoring.free_tool_id(monitoring.DEBUGGER_ID)
    else:

        def trace(frame, event, _):
            frame.f_trace_opcodes, frame.f_trace_lines = True, False
            if event == "opcode":
                watch(frame)
            return trace

        tracing = sys.gettrace()
        sys.settrace(trace)
        try:
            yield
        finally:
            sys.settrace(tracing)


# Destructors, generators, and the callbacks of the package's weak references.
ENDS_OF_OBJECTS = ("__del__", "<genexpr>", "_forget", "_remove")


def dies(frame):
    """Whether it runs because an object, or a generator, is freed: an exception there is lost in any program."""
    while frame is not None and frame.f_code.co_name not in ENDS_OF_OBJECTS:
        frame = frame.f_back
    return frame is not None


def at_step(number, call, after_calls=False):
    """Make the call, with KeyboardInterrupt at this step of the package's code: False if there are fewer steps.

    after_calls: only steps after calls of functions are counted. CPython 3.11 to 3.13 check for signals there, and
    where functions and loop iterations begin. Other versions also check between the acquisition of a lock and its
    `with` block, or between that and the release, which no program can prevent.
    """
    steps = itertools.count()
    before = {}  # the previous opcode, by frame
    is_over = False

    def watch(frame):
        nonlocal is_over
        code = frame.f_code
        if is_over or not code.co_filename.startswith(PACKAGE) or dies(frame):
            return
        if code.co_code[frame.f_lasti] in NO_STEPS:  # Python checks for no signals here
            return
        is_step = not after_calls or before.get(frame) in CALLS
        before[frame] = code.co_code[frame.f_lasti]
        # An exception here, where Python checks for no signals, would leave the handled one as sys.exception() forever.
        if code.co_code[frame.f_lasti] in HANDLERS:
            return
        if is_step and next(steps) == number:
            is_over = True
            before.clear()
            raise KeyboardInterrupt

    try:
        with each_step(watch):
            call()
    except KeyboardInterrupt:
        return True
    finally:
        before.clear()  # frames keep the objects of their functions
    assert not is_over, "it was lost"
    return False


@not_on_pypy("keeps memory in use until it collects garbage")
class Arrays(unittest.TestCase):
    def interrupt_each_step(self, call, *arrays):
        for step in itertools.count(FIRST, EVERY):
            interrupted = False
            with self.subTest(step=step):
                interrupted = at_step(step, call)
                for one in arrays:
                    one.append(one.pop())  # an error while its memory is in use
            if not interrupted:
                break
        self.assertGreater(step, 50)

    def test_of_kernels(self):
        integers, reals, room = array.array("q", range(99)), array.array("d", range(99)), bytearray(99)
        small = array.array("i", range(99))
        for call, *arrays in (
            (lambda: compat.pi(1000),),
            (lambda: kernels.sum(reals), reals),
            (lambda: compat.num_primes(small), small),
            (lambda: kernels.count_primes(integers), integers),
            (lambda: kernels.is_prime(integers, out=room), integers, room),
            (lambda: kernels.sum(reals, control=ungil.Control()), reals),
        ):
            for short in (0, call_options.INTERRUPTIBLE_ABOVE_NS):  # interruptible, and directly
                with mock.patch.object(call_options, "INTERRUPTIBLE_ABOVE_NS", short):
                    self.interrupt_each_step(call, *arrays)

    def test_of_c_functions(self):
        sqrt = ctypes.CDLL(None).sqrt
        sqrt.restype, sqrt.argtypes = ctypes.c_double, [ctypes.c_double]
        numbers, room = array.array("d", range(99)), array.array("d", range(99))
        self.interrupt_each_step(lambda: functions.map(sqrt, numbers, out=room), numbers, room)


@unittest.skipUnless(HAS_INTERPRETERS, NEEDS_INTERPRETERS)
class Pools(unittest.TestCase):
    def interrupt_each_step(self, begin, call, is_shut=False):
        """call(pool, begin(pool)), with a new pool for each step, which still works afterwards."""
        for step in itertools.count(FIRST, EVERY):
            pool = ungil.InterpreterPoolExecutor(2)
            begun = begin(pool)
            interrupted = at_step(step, lambda pool=pool, begun=begun: call(pool, begun), after_calls=True)
            if not is_shut:
                self.assertEqual(self.soon(lambda pool=pool: pool.submit(pow, 2, 3).result(), step), 8)
            self.soon(pool.shutdown, step)
            if not interrupted:
                break
        self.assertGreater(step, 10)

    def soon(self, call, step):
        """The result of the call, which is made in a thread, as it may never end."""
        results = []
        thread = threading.Thread(target=lambda: results.append(call()), daemon=True)
        thread.start()
        thread.join(PATIENCE)
        self.assertEqual(len(results), 1, "after step %d" % step)
        return results[0]

    def test_of_submit(self):
        self.interrupt_each_step(lambda pool: None, lambda pool, _: pool.submit(pow, 2, 2))

    def test_of_submit_to_a_worker_that_waits(self):
        self.interrupt_each_step(
            lambda pool: pool.submit(pow, 2, 2).result(), lambda pool, _: pool.submit(pow, 2, 2).result()
        )

    def test_of_result(self):
        self.interrupt_each_step(lambda pool: pool.submit(time.sleep, 0.05), lambda pool, future: future.result())

    def test_of_map(self):
        self.interrupt_each_step(lambda pool: None, lambda pool, _: list(pool.map(pow, [2, 3], [4, 5])))

    def test_of_shutdown(self):
        self.interrupt_each_step(
            lambda pool: pool.submit(pow, 2, 2).result(), lambda pool, _: pool.shutdown(), is_shut=True
        )


if __name__ == "__main__":
    unittest.main()
