"""Arrays as arguments: up to COPIED bytes they are copied, and others are read in place; and arrays that are shared."""

import importlib.util
import os
import tempfile
import time
import traceback
import unittest

import ungil
from support import HAS_INTERPRETERS, NEEDS_INTERPRETERS, OneInterpreter, numpy
from ungil.interpreters._sharing import COPIED, SMALL

# Numbers of float64 elements: each way that an array may go.
SIZES = SMALL // 8, 10 * SMALL // 8, COPIED // 8, COPIED // 8 + 1, COPIED
SHORT, LONG = SIZES[0], SIZES[-1]


def has(package):
    return importlib.util.find_spec(package) is not None


def address(array):
    return array.ctypes.data, array.flags.writeable


@unittest.skipIf(numpy is None, "SKIP: numpy is not installed")
@unittest.skipUnless(HAS_INTERPRETERS, NEEDS_INTERPRETERS)
class Arguments(OneInterpreter):
    def test_arrays_up_to_a_mebibyte_are_copied(self):
        def change(a):
            a -= a.mean()
            a.sort()
            a[:] = 7
            return a.sum() / a.size

        for size in SIZES:
            for mine in (
                numpy.full(size, 5.0),
                numpy.full(size, 5.0)[::-1],
                numpy.full((2, size // 2), 5.0, order="F"),
            ):
                if mine.nbytes > COPIED and mine.flags.forc:
                    with self.assertRaisesRegex(ValueError, "read-only"):
                        self.call(change, mine)
                else:
                    self.assertEqual(self.call(change, mine), 7)
                self.assertEqual((mine.sum(), mine.flags.writeable), (5 * mine.size, True))

    def test_read_only_arrays_are_writable_copies(self):
        for size in (1, SHORT, COPIED // 8):
            mine = numpy.full(size, 5.0)
            mine.flags.writeable = False
            self.assertEqual(self.call(lambda a: a.fill(1) or a[0], mine), 1)
            self.assertEqual((mine[0], mine.flags.writeable), (5, False))

    def test_larger_ones_are_not_copied(self):
        mine = numpy.full(LONG, 5.0)
        for each in (mine, mine[1:], mine.reshape(2, -1).T, numpy.full((2, LONG), 5.0, order="F")):
            self.assertEqual(self.call(address, each), (each.ctypes.data, False))

    def test_the_error_of_a_task_that_writes_has_the_advice(self):
        def fill(a):
            a[:] = 1

        with self.assertRaisesRegex(ValueError, "read-only") as caught:
            self.call(fill, numpy.zeros(LONG))
        text = "".join(traceback.format_exception(type(caught.exception), caught.exception, None))
        self.assertRegex(text, "array.copy")
        self.assertRegex(text, r"share\(array, writable=True\)")
        shared = numpy.zeros(LONG)
        self.call(fill, ungil.share(shared, writable=True))
        self.assertEqual(shared.sum(), LONG)

    def test_frames_of_pandas(self):
        if not has("pandas"):
            self.skipTest("SKIP: pandas is not installed")
        import pandas

        def change(frame):
            frame.loc[frame.a > 2, "a"] = 0
            frame["b"] = frame.a * 2
            return float(frame.a.sum())

        frame = pandas.DataFrame({"a": numpy.arange(1000.0)})
        self.assertEqual(self.call(change, frame), 3)
        self.assertEqual((list(frame), frame.a[999]), (["a"], 999))

    def test_a_copy_for_each_interpreter(self):
        for size in (10, COPIED // 8):
            mine = numpy.zeros(size)

            def init(a):
                import __main__

                __main__.own = a

            def add():
                import time

                import __main__

                __main__.own[:] += 1
                time.sleep(0.05)
                return __main__.own[0]

            with ungil.InterpreterPoolExecutor(2, initializer=init, initargs=(mine,)) as pool:
                found = [future.result() for future in [pool.submit(add) for _ in range(8)]]
            self.assertEqual(mine.sum(), 0)
            self.assertLessEqual(max(found), 8)
            self.assertEqual(sorted(found)[:2], [1, 1] if max(found) < 8 else [1, 2])

    def test_each_call_has_what_the_array_held_then(self):
        for size in (10, COPIED // 8):
            mine, futures = numpy.zeros(size), []
            with ungil.InterpreterPoolExecutor(1) as pool:
                pool.submit(time.sleep, 0.1)
                for i in range(5):
                    mine[:] = i
                    futures.append(pool.submit(numpy.sum, mine))
            self.assertEqual([future.result() for future in futures], [size * i for i in range(5)])


@unittest.skipIf(numpy is None, "SKIP: numpy is not installed")
@unittest.skipUnless(HAS_INTERPRETERS, NEEDS_INTERPRETERS)
class SharedArrays(OneInterpreter):
    def test_memory_of_files(self):
        with tempfile.TemporaryDirectory() as directory:
            path = os.path.join(directory, "numbers")
            mapped = numpy.memmap(path, dtype="f8", mode="w+", shape=(4, 6))

            def fill(a, i):
                a[:] = i
                return type(a).__name__

            for i in range(4):
                self.assertEqual(self.call(fill, ungil.share(mapped[i], writable=True), i), "ndarray")
            mapped.flush()
            self.assertEqual(list(numpy.fromfile(path).reshape(4, 6)[:, 5]), [0, 1, 2, 3])
            read = numpy.memmap(path, dtype="f8", mode="r", shape=(4, 6))
            self.assertEqual(self.call(address, ungil.share(read)), (read.ctypes.data, False))
            with self.assertRaisesRegex(ValueError, "read-only"):
                ungil.share(read, writable=True)

    def test_subclasses(self):
        class Own(numpy.ndarray):
            pass

        for kind in (Own, numpy.recarray):
            mine = numpy.zeros(3).view(kind)
            self.call(lambda a: a.fill(3), ungil.share(mine, writable=True))
            self.assertEqual(list(mine), [3, 3, 3])

    def test_masked_arrays_have_the_advice(self):
        masked = numpy.ma.array([1, 2], mask=[0, 1])
        with self.assertRaisesRegex(TypeError, r"share\(array.data\), share\(numpy.ma.getmaskarray\(array\)\)"):
            ungil.share(masked)
        parts = ungil.share(masked.data), ungil.share(numpy.ma.getmaskarray(masked))
        self.assertEqual(self.call(lambda data, mask: data[~mask].sum(), *parts), 1)


if __name__ == "__main__":
    unittest.main()
