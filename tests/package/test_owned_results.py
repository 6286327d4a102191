"""Arrays in results belong to the program: they are writable, and nobody else has them."""

import gc
import importlib.util
import itertools
import time
import unittest

import ungil
from support import HAS_INTERPRETERS, NEEDS_INTERPRETERS, OneInterpreter, memory, numpy, rounds
from ungil.interpreters._sharing import COPIED, SMALL

# Numbers of float64 elements: each way that an array may go.
SIZES = SHORT, _, LONG = SMALL // 8, 10 * SMALL // 8, COPIED


def has(package):
    return importlib.util.find_spec(package) is not None


def address(array):
    return array.ctypes.data, array.flags.writeable


# What a worker keeps of the array `a`, or of its memory, in `kept`, and what the result is then.
KEEPERS = {
    "the array in a global": "kept = a",
    "a view": "kept = a[1:]",
    "the array, and a view is the result": "kept = a; a = a[:]",
    "the array, and a part is the result": "kept = a; a = a[1:-1]",
    "the array, and its transpose is the result": "kept = a; a = a.reshape(2, -1).T",
    "a view, and another one is the result": "kept = a[1:]; a = a[:-1]",
    "the array, and a reshaped view is the result": "kept = a; a = a.reshape(1, -1)",
    "a closure": "keep = lambda: a\ndef make():\n    b = a\n    return lambda: b\nkept = make()",
    "a default argument": "def kept(b=a): pass",
    "a list": "kept = [a]",
    "a memoryview": "kept = memoryview(a)",
    "a memoryview of a view": "kept = memoryview(a[1:])",
    "a weak reference": "import weakref; kept = weakref.ref(a)",
    "a weak reference to the owner": "import weakref; kept = weakref.ref(a); a = a[:]",
    "an array of ctypes": "import ctypes; kept = (ctypes.c_double * len(a)).from_buffer(a)",
    "a cache": "import functools; kept = functools.lru_cache(None)(lambda: a); a = kept()",
    "a generator": "def generate(b):\n    while True:\n        yield b\nkept = generate(a); next(kept)",
    "an attribute": "class Kept: pass\nkept = Kept(); kept.a = a",
    "a reference cycle": "kept = [a]; kept.append(kept)",
    "a bytearray": "kept = bytearray(a.tobytes()); a = numpy.frombuffer(kept)",
    "a view of a bytearray": "kept = memoryview(bytearray(a.tobytes())); a = numpy.frombuffer(kept)[1:]",
    "an array of the array module": "import array; kept = array.array('d', a); a = numpy.frombuffer(kept)",
    "an array of ctypes that has the memory": "import ctypes; kept = (ctypes.c_double * len(a))(*a)\n"
    "a = numpy.asarray(kept)",
    "memory of a file": "import mmap; kept = mmap.mmap(-1, a.nbytes); a = numpy.frombuffer(kept); a[:] = 5",
}

KEEP = """
import numpy
def keep(size, again):
    global kept, a, place
    if not again:
        a = numpy.full(size, 5.0)
        %s
        made, place = a, (a.ctypes.data, a.nbytes)
        del a
        return made
    import ctypes, weakref
    if isinstance(kept, weakref.ref) and kept() is None:
        return
    ctypes.memset(place[0], 0, place[1])
keep_and = lambda size: keep(size, False)
"""


@unittest.skipIf(numpy is None, "SKIP: numpy is not installed")
@unittest.skipUnless(HAS_INTERPRETERS, NEEDS_INTERPRETERS)
class Results(OneInterpreter):
    def is_own(self, result):
        """Whether an array of fives is writable, and stays what it is when the worker writes to its own memory."""
        writable = result.flags.writeable
        self.interpreter.eval("keep(0, True)")
        return writable and (result == 5).all()

    def test_what_a_worker_keeps_is_copied(self):
        for name, source in KEEPERS.items():
            for size in (SHORT, LONG):
                with self.subTest(name, size=size):
                    self.interpreter.exec(KEEP % source.replace("\n", "\n        "))
                    self.assertTrue(self.is_own(self.interpreter.eval("keep(%d, False)" % size)))

    def test_what_a_thread_keeps_is_copied(self):
        self.interpreter.exec(
            KEEP % "import threading; kept = threading.Event(); started = threading.Event()\n"
            "        def work(b):\n            started.set(); kept.wait()\n"
            "        threading.Thread(target=work, args=(a,), daemon=True).start(); started.wait()"
        )
        self.assertTrue(self.is_own(self.interpreter.eval("keep(%d, False)" % LONG)))
        self.interpreter.exec("kept.set()")

    def test_what_nothing_keeps_is_not_copied(self):
        for source in (
            "a",
            "a[:]",
            "a[1000:]",
            "a.reshape(2, -1)",
            "a.reshape(2, -1).T",
            "numpy.asfortranarray(a.reshape(2, -1))",
        ):
            self.interpreter.exec("def make(a):\n  import numpy\n  return %s" % source)
            self.interpreter.exec("def both(a):\n  b = make(a)\n  return b, b.ctypes.data")
            result, there = self.interpreter.eval("both(__import__('numpy').full(%d, 5.0))" % LONG)
            self.assertEqual(address(result), (there, True), source)
            result += 1
            self.assertEqual(result.sum(), 6 * result.size)

    def test_arrays_that_were_read_only_are_writable_results(self):
        for size, view in itertools.product((SHORT, LONG), (False, True)):

            def make(size, view):
                import numpy

                a = numpy.full(size, 5.0)
                a.flags.writeable = False
                a = a[1:] if view else a
                return a, a.ctypes.data

            result, there = self.call(make, size, view)
            result += 1
            self.assertEqual(result.sum(), 6 * result.size)
            if size == LONG:
                self.assertEqual(result.ctypes.data, there)

    def test_constant_memory_is_copied(self):
        result = self.call(lambda n: __import__("numpy").frombuffer(b"a" * n, "u1"), 2 * COPIED)
        result += 1
        self.assertEqual(result[0], ord("b"))

    def test_several_arrays_of_one_owner(self):
        def halves(n):
            import numpy

            parts = numpy.split(numpy.full(n, 5.0), 2)
            return parts, [part.ctypes.data for part in parts]

        parts, there = self.call(halves, LONG)
        self.assertEqual([address(part) for part in parts], [(place, True) for place in there])

        def overlapping(n):
            import numpy

            a = numpy.full(n, 5.0)
            return a, a[10:], a[:-10], a[10:]

        for size in (SHORT, LONG):
            arrays = self.call(overlapping, size)
            arrays[0][:] = 1
            arrays[1][:] = 2
            self.assertEqual([a.sum() / a.size for a in arrays], [1, 2, 5, 5])

    def test_the_same_array_twice_is_one_object(self):
        first, second = self.call(lambda n: [__import__("numpy").full(n, 5.0)] * 2, LONG)
        self.assertIs(first, second)

    def test_an_argument_that_comes_back_is_a_copy(self):
        for size in SIZES:
            mine = numpy.full(size, 5.0)
            for result in (self.call(lambda a: a, mine), self.call(lambda a: [a[1:]], mine)[0]):
                result += 1
                self.assertEqual((mine.sum(), result[0]), (5 * size, 6))

    def test_exceptions_take_arrays_along(self):
        def fail(size):
            import numpy

            import __main__

            __main__.kept = numpy.full(size, 5.0)
            raise ValueError(__main__.kept)

        for size in (SHORT, LONG):
            with self.assertRaises(ValueError) as caught:
                self.call(fail, size)
            (result,) = caught.exception.args
            self.interpreter.exec("kept[:] = 0")
            result += 1
            self.assertEqual(result.sum(), 6 * size)

    def test_memoryviews_and_share_stay_lent(self):
        self.interpreter.exec("import ungil; kept = bytearray(b'a' * 100)")
        view = self.interpreter.eval("memoryview(kept)")
        shared = self.interpreter.eval("ungil.share(kept, writable=True)")
        self.interpreter.exec("kept[0] = 98")
        self.assertEqual((view[0], view.readonly, shared[0], shared.readonly), (98, True, 98, False))

    def test_a_gigabyte_comes_without_a_copy(self):
        size = rounds(1 << 30, 1 << 26)

        def make(size):
            import numpy

            a = numpy.ones(size, "u1")
            return a, a.ctypes.data

        gc.collect()
        before = memory()
        result, there = self.call(make, size)
        self.assertEqual(address(result), (there, True))
        result[:] = 2
        self.assertLess(memory() - before, 1.3 * size)

    def test_frames_of_pandas(self):
        if not has("pandas"):
            self.skipTest("SKIP: pandas is not installed")
        import pandas

        def make(size):
            import numpy
            import pandas

            return pandas.DataFrame({"a": numpy.full(size, 5.0), "b": numpy.arange(size)})

        for size in (SHORT, LONG):
            frame = self.call(make, size)
            frame.loc[frame.b > 2, "a"] = 0
            frame.iloc[0, 0] = 9
            frame["b"] += 1
            frame.fillna({"a": 1}, inplace=True)
            frame.sort_values("a", ascending=False, inplace=True)
            self.assertEqual((frame.a.sum(), frame.b.iloc[0]), (9 + 2 * 5, 1))
            self.assertIsInstance(frame, pandas.DataFrame)


@unittest.skipIf(numpy is None, "SKIP: numpy is not installed")
@unittest.skipUnless(HAS_INTERPRETERS, NEEDS_INTERPRETERS)
class ResultsOfPools(unittest.TestCase):
    def test_an_array_that_each_task_fills(self):
        def begin(size):
            import numpy

            import __main__

            __main__.scratch = numpy.empty(size)

        def fill(i):
            import __main__

            __main__.scratch[:] = i
            return __main__.scratch

        for size in (4, LONG):
            with ungil.InterpreterPoolExecutor(1, initializer=begin, initargs=(size,)) as pool:
                futures = [pool.submit(fill, i) for i in range(8)]
                self.assertEqual([future.result()[-1] for future in futures], list(range(8)))
                self.assertEqual([result[-1] for result in list(pool.map(fill, range(8)))], list(range(8)))

    def test_objects_that_each_task_changes(self):
        def begin():
            import __main__

            __main__.state = {"values": []}

        def add(i):
            from __main__ import state

            state["values"].append(i)
            if i == 6:
                raise ValueError(state)
            return state

        with ungil.InterpreterPoolExecutor(1, initializer=begin) as pool:
            pool.submit(time.sleep, 0.1)  # so that the tasks of `map` wait, and several go in one request
            found = []
            with self.assertRaises(ValueError) as caught:
                for result in pool.map(add, range(9)):
                    found.append(len(result["values"]))
        self.assertEqual((found, len(caught.exception.args[0]["values"])), ([1, 2, 3, 4, 5, 6], 7))

    def test_shared_memory_in_results_of_map(self):
        def lend(i):
            import __main__
            import ungil

            numbers = __main__.__dict__.setdefault("numbers", bytearray(3))
            numbers[i] += 1
            return ungil.share(numbers, writable=True)

        with ungil.InterpreterPoolExecutor(1) as pool:
            views = list(pool.map(lend, [0, 1, 2, 0]))
            views[0][1] = 7
            self.assertEqual([bytes(view) for view in views], [b"\2\7\1"] * 4)


if __name__ == "__main__":
    unittest.main()
