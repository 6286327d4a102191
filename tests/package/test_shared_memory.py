"""Memory that is shared with interpreters, in both directions, and views of it."""

import array
import ctypes
import gc
import itertools
import mmap
import os
import pickle
import select
import sys
import time
import unittest

import ungil
from references import PATIENCE
from support import HAS_INTERPRETERS, NEEDS_INTERPRETERS, OneInterpreter, numpy, rounds
from test_interrupted_steps import at_step
from ungil._native.library import check, library
from ungil._private_apis import IS_FREE_THREADED
from ungil.interpreters import _requests


def address_there(array):
    return array.ctypes.data, array.flags.writeable


def first_there(view):
    return type(view).__name__, view.format, view.shape, view.readonly, view[0]


@unittest.skipUnless(HAS_INTERPRETERS, NEEDS_INTERPRETERS)
class Memory(OneInterpreter):
    def test_views(self):
        for memory, code, shape in (
            (array.array("i", [5, 6]), "i", (2,)),
            (b"\5a", "B", (2,)),
            ((ctypes.c_int * 2)(5, 6), "i", (2,)),
            (bytearray(b"\5a"), "B", (2,)),
        ):
            found = self.call(first_there, ungil.share(memory))
            self.assertEqual(found, ("memoryview", code, shape, True, 5))
            self.assertEqual(self.call(first_there, memoryview(memory)), found)
        self.assertEqual(self.call(len, ungil.share(b"")), 0)
        anonymous = mmap.mmap(-1, 4096)
        anonymous[0] = 5
        self.assertEqual(self.call(first_there, ungil.share(anonymous))[-1], 5)

    def test_writing(self):
        def write(view):
            view[1] = 77

        numbers = array.array("d", [1, 2])
        self.call(write, ungil.share(numbers, writable=True))
        self.assertEqual(numbers[1], 77.0)
        self.assertRaises(TypeError, self.call, write, ungil.share(numbers))
        self.assertRaisesRegex(ValueError, "read-only", ungil.share, b"abc", writable=True)

    def test_there_is_no_memory_without_an_owner(self):
        def another(view):
            memoryview(type(view.obj)())

        with self.assertRaises((TypeError, SystemError)):  # SystemError in Python 3.9
            self.call(another, ungil.share(b"abc"))

    def test_errors_of_share(self):
        self.assertRaises(TypeError, ungil.share, [1, 2])
        self.assertRaisesRegex(ValueError, "strides", ungil.share, memoryview(b"abcd")[::2])
        self.assertRaisesRegex(TypeError, "interpreter", pickle.dumps, ungil.share(b"abc"))

    @unittest.skipIf(numpy is None, "SKIP: numpy is not installed")
    def test_arrays_that_are_more_than_memory_are_not_shared(self):
        for array_ in (
            numpy.ma.array([1, 2], mask=[0, 1]),
            numpy.array(["2024-01-01"], "M8[D]"),
            numpy.zeros((3, 4))[:, ::2],
            numpy.array([None]),
            numpy.float64(1),
        ):
            with self.assertRaisesRegex(TypeError, "contiguous array of numbers"):
                ungil.share(array_)
        named = numpy.zeros(3, [("O", "i4")])
        self.assertEqual(self.call(lambda a: a.dtype.names, ungil.share(named)), ("O",))

    def test_bytes_of_any_size_are_bytes(self):
        for size in (0, 10, 1 << 20, 3 << 20):
            data = os.urandom(size)
            self.assertEqual(self.call(bytes.upper, data), data.upper())
            self.assertEqual(self.call(bytearray, data), bytearray(data))
            self.assertIs(type(self.call(lambda d: d, bytearray(data))), bytearray)

    def test_memory_cannot_be_resized_while_a_view_of_it_exists(self):
        numbers = bytearray(100)
        self.interpreter.exec("kept = []")
        self.call(lambda view: sys.modules["__main__"].kept.append(view), ungil.share(numbers))
        self.assertRaises(BufferError, numbers.append, 1)
        self.interpreter.exec("kept.clear()")
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            try:
                numbers.append(1)
                break
            except BufferError:
                time.sleep(0.01)
        self.assertEqual(len(numbers), 101)

    def test_memory_can_be_resized_when_the_result_is_there(self):
        before = sys.getswitchinterval()
        sys.setswitchinterval(1e-6)
        self.addCleanup(sys.setswitchinterval, before)
        for _ in range(1000):
            numbers = bytearray(100)
            self.call(len, ungil.share(numbers))
            numbers.append(1)

    @unittest.skipIf(
        IS_FREE_THREADED, "SKIP: without a GIL, Python frees objects of a waiting thread when that goes on"
    )
    def test_memory_can_be_resized_in_callbacks(self):
        def size(view, gate):
            while not gate[0]:
                time.sleep(0.001)
            return len(view)

        def append(future):
            sizes.append(future.result())
            numbers.append(1)

        numbers, gate, sizes = bytearray(100), bytearray(1), []
        with ungil.InterpreterPoolExecutor(1) as pool:
            pool.submit(size, ungil.share(numbers), ungil.share(gate)).add_done_callback(append)
            gate[0] = 1
        self.assertEqual((sizes, len(numbers)), ([100], 101))

    def test_results_outlast_their_interpreter(self):
        with ungil.Interpreter() as interpreter:
            view = interpreter.call(lambda: memoryview(bytearray(b"x" * 100000)))
        with ungil.Interpreter() as other:
            other.exec("junk = [bytearray(b'y' * 100000) for _ in range(50)]")
            gc.collect()
            self.assertEqual(bytes(view), b"x" * 100000)
            self.assertTrue(view.readonly)

    def test_memory_of_a_result_is_released_soon_without_another_task(self):
        def lend(descriptor, size):
            class Keeper(bytearray):
                def __del__(self):
                    os.write(descriptor, b".")

            return ungil.share(Keeper(size))

        reader, writer = os.pipe()
        self.addCleanup(os.close, reader)
        self.addCleanup(os.close, writer)
        for size in (10, 10**7, 10):
            result = self.call(lend, writer, size)
            self.assertEqual(select.select([reader], [], [], 0)[0], [])
            del result
            self.assertEqual(select.select([reader], [], [], PATIENCE)[0], [reader])
            self.assertEqual(os.read(reader, 2), b".")

    def test_shared_names(self):
        numbers = array.array("q", [1, 2, 3])
        with ungil.Interpreter(share={"data": numbers, "out": ungil.share(bytearray(2), writable=True)}) as interpreter:
            self.assertEqual(interpreter.eval("sum(data), data.readonly, out.readonly"), (6, True, False))
        self.assertRaisesRegex(ValueError, "name", ungil.Interpreter, share={"a b": numbers})

    @unittest.skipIf(numpy is None, "SKIP: numpy is not installed")
    def test_numpy_arrays_go_without_a_copy(self):
        numbers = numpy.zeros((300, 1000))  # more than is copied
        numbers[:3, :4] = numpy.arange(12.0).reshape(3, 4)
        self.assertEqual(self.call(address_there, numbers), (numbers.ctypes.data, False))
        self.assertEqual(self.call(address_there, numbers.T), (numbers.ctypes.data, False))
        self.assertEqual(self.call(address_there, ungil.share(numbers)), (numbers.ctypes.data, False))
        self.assertEqual(self.call(address_there, ungil.share(numbers, writable=True)), (numbers.ctypes.data, True))
        self.assertEqual(self.call(numpy.sum, numbers), 66.0)
        self.assertEqual(self.call(lambda pair: pair[1]["a"].sum(), (1, {"a": numbers})), 66.0)
        scattered = numbers[:, ::2]
        numpy.testing.assert_array_equal(self.call(lambda a: a + 1, scattered), scattered + 1)

        def double(a):
            a *= 2

        self.call(double, ungil.share(numbers, writable=True))
        self.assertEqual(numbers[2, 3], 22.0)
        self.assertRaisesRegex(ValueError, "read-only", self.call, double, numbers)

    @unittest.skipIf(numpy is None, "SKIP: numpy is not installed")
    def test_numpy_arrays_come_without_a_copy(self):
        def make():
            import numpy

            made = numpy.arange(100000.0)
            return made, made.ctypes.data

        came, there = self.call(make)
        self.assertEqual((came.ctypes.data, came.flags.writeable), (there, True))
        self.assertEqual(came.sum(), 4999950000.0)

        def writable():
            import numpy

            import ungil

            return ungil.share(numpy.zeros(3), writable=True)

        came = self.call(writable)
        came += 1
        self.assertEqual(list(came), [1.0, 1.0, 1.0])

    @unittest.skipIf(numpy is None, "SKIP: numpy is not installed")
    def test_numpy_arrays_of_all_kinds(self):
        for made in (
            numpy.array([], "f8"),
            numpy.array(3),
            numpy.array([1, 2], ">i4"),
            numpy.array(["a", "bc"]),
            numpy.array([None, {"a": 1}], dtype=object),
            numpy.zeros(3, [("a", "i4"), ("b", "f8")]),
            numpy.array(["2024-01-01"], "M8[D]"),
            numpy.ma.masked_array([1, 2], [True, False]),
            numpy.float32(2.5),
        ):
            came = self.call(lambda a: a, made)
            self.assertEqual((type(came), came.dtype, came.shape), (type(made), made.dtype, made.shape))
            self.assertEqual(repr(came), repr(made))

    def test_a_gigabyte_there_and_back(self):
        size = rounds(1 << 30, 1 << 25)
        data = bytearray(size)
        data[-1] = 7
        view = self.call(lambda view: view, ungil.share(data))
        self.assertEqual((len(view), view[-1]), (size, 7))


SERVE = """
import _ungil, mmap, pickle
from ungil.interpreters import _protocol

made = []  # responses, which cannot be resized while they are in use

def huge(size, what):
    def answer(request, *buffers):
        response = mmap.mmap(-1, size, flags=0x4022)  # private, anonymous, without reserved memory
        pickled = pickle.dumps(what)
        response[: len(pickled)], response[-1:] = pickled, _protocol.RESULT
        return response
    _ungil.serve(answer)

def damaged(request, *buffers):
    made.append(bytearray(100000))
    made.append(bytearray(10))
    return tuple(made[-2:])

def shared(request, *buffers):
    made.append(bytearray(pickle.dumps("x" * 100000) + _protocol.RESULT))
    return made[-1]
"""

FREE = """
for response in made:
    response.append(0)
"""


@unittest.skipUnless(HAS_INTERPRETERS, NEEDS_INTERPRETERS)
class Replies(unittest.TestCase):
    """The memory of a reply is released on all paths. The code of this worker keeps its responses, to see that."""

    def setUp(self):
        self.interpreter = ungil.Interpreter()
        self.addCleanup(self.interpreter.close)
        self.exec(SERVE)

    def exec(self, source):
        check(library.ungil_interp_exec(self.interpreter.handle, source.encode()))

    def ask(self):
        return _requests.request(self.interpreter.handle, b"")

    def assert_all_are_free(self):
        gc.collect()  # frames that were traced
        self.exec("assert made")
        for _ in range(1000):
            try:
                return self.exec(FREE)
            except ungil.ExecutionError as error:
                self.assertIn("BufferError", str(error))
                time.sleep(0.01)  # the interpreter's service thread releases memory
        self.exec(FREE)

    def test_more_than_an_int_counts(self):
        for size in (2**31 + 5, 2**32 - 1, 2**32, 2**32 + 5):
            self.exec("huge(%d, 'all')" % size)
            self.assertEqual(self.ask().get(), "all")

    def test_after_a_result(self):
        self.exec("_ungil.serve(shared)")
        self.assertEqual(self.ask().get(), "x" * 100000)
        self.assert_all_are_free()

    def test_after_a_failure_that_is_kept(self):
        self.exec("_ungil.serve(damaged)")
        outcome = self.ask()
        self.assertIsInstance(outcome.error, pickle.UnpicklingError)
        self.assert_all_are_free()

    def test_after_an_interrupt_at_each_step(self):
        self.exec("_ungil.serve(shared)")
        for step in itertools.count():
            if not at_step(step, self.ask):
                break
        self.assertGreater(step, 50)
        self.assert_all_are_free()


if __name__ == "__main__":
    unittest.main()
