"""Numbers of the library's objects, which are freed with those who have them."""

import ctypes
import gc
import os
import sys
import unittest
import warnings

import ungil
from references import not_on_pypy
from support import HAS_INTERPRETERS, NEEDS_INTERPRETERS
from ungil._native import numbers


class Owner:
    pass


@not_on_pypy("frees objects later")
class Numbers(unittest.TestCase):
    def setUp(self):
        self.freed = []
        self.free = ctypes.CFUNCTYPE(ctypes.c_int32, ctypes.c_int64)(lambda number: self.freed.append(number) or 0)

    def own(self, number):
        owned = numbers.OwnedNumber(self.free)
        owned.number.value = number
        return owned

    def test_the_last_reference(self):
        first, second = self.own(1 << 40), self.own(2)
        again = first
        del first, second
        self.assertEqual(self.freed, [2])
        del again
        self.assertEqual(self.freed, [2, 1 << 40])

    def test_a_reference_cycle(self):
        owner = Owner()
        owner.owned, owner.itself = self.own(3), owner
        del owner
        gc.collect()
        self.assertEqual(self.freed, [3])

    def test_nothing_is_left_of_many(self):
        kept = [self.own(i) for i in range(100)]
        for i in range(10_000):
            self.own(i)
        self.assertEqual(len(self.freed), 10_000)
        self.assertLess(len(numbers._finalizers), 1000)
        del kept
        self.assertEqual(len(self.freed), 10_100)

    @unittest.skipUnless(hasattr(os, "fork"), "SKIP: there is no fork here")
    def test_the_child_of_a_fork_frees_nothing_of_its_parent(self):
        owned = self.own(5)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # there may be other threads
            child = os.fork()
        if not child:
            number = owned.number.value
            del owned
            os._exit(10 * number + len(self.freed))
        self.assertEqual(os.waitpid(child, 0)[1], 0)
        self.assertEqual(owned.number.value, 5)

    @unittest.skipUnless(HAS_INTERPRETERS, NEEDS_INTERPRETERS)
    def test_a_future_is_freed_without_code_in_python(self):
        """Ctrl-C would be lost there."""
        calls = []
        with ungil.InterpreterPoolExecutor(1) as pool:
            futures = [pool.submit(pow, 2, n) for n in range(3)]
            futures[0].result()
            sys.setprofile(lambda frame, event, _: calls.append((event, frame.f_code.co_name)))
            try:
                del futures
            finally:
                sys.setprofile(None)
        self.assertEqual([call for call in calls if call[0] == "call"], [])


if __name__ == "__main__":
    unittest.main()
