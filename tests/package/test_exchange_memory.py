"""Memory that goes through ungil.Queue: it is handed over, copied or shared, and released."""

import gc
import queue
import sys
import unittest

import ungil
from references import PYPY, not_on_pypy
from support import HAS_INTERPRETERS, NEEDS_INTERPRETERS, numpy


class Memory(unittest.TestCase):
    @unittest.skipIf(numpy is None, "needs numpy")
    def test_arrays_are_handed_over_copied_or_shared(self):
        def address(array):
            return array.__array_interface__["data"][0]

        shared, kept = ungil.Queue(), numpy.arange(10**6)
        shared.put(kept)
        received = shared.get()
        self.assertTrue((received == kept).all() and received.flags.writeable and kept.flags.writeable)
        self.assertNotEqual(address(received), address(kept))
        if sys.version_info >= (3, 11) and not PYPY:
            arrays = [numpy.arange(10**6)]
            place = address(arrays[0])
            shared.put(arrays.pop())
            received = shared.get()
            self.assertEqual((address(received), received.flags.writeable), (place, True))
        shared.put(ungil.share(kept, writable=True))
        shared.get()[0] = 77
        self.assertEqual(kept[0], 77)

    @not_on_pypy("frees objects late")
    def test_memory_is_released_with_the_item_or_the_queue(self):
        from ungil._native import lending

        earlier = set(lending.lent)  # interpreters that other tests have used may have it

        def lent():
            return len(lending.lent.keys() - earlier)

        shared = ungil.Queue()
        shared.put(ungil.share(bytearray(10**6)))
        shared.put(bytearray(10**6))
        received = shared.get()
        self.assertEqual(lent(), 2)
        del received
        shared.shutdown(immediate=True)
        self.assertEqual(lent(), 0)
        shared = ungil.Queue()
        shared.put(bytearray(10**6))
        del shared
        gc.collect()
        self.assertEqual(lent(), 0)
        full = ungil.Queue(1)
        full.put(1)
        self.assertRaises(queue.Full, full.put, bytearray(10**6), False)
        self.assertEqual(lent(), 0)

    @unittest.skipUnless(HAS_INTERPRETERS, NEEDS_INTERPRETERS)
    @unittest.skipIf(numpy is None, "needs numpy")
    def test_arrays_cross_without_a_copy_there(self):
        """What a task hands over is the program's, and it may be changed."""
        answers = ungil.Queue()

        def make(answers, count):
            import numpy

            arrays = [numpy.arange(count)]
            place = arrays[0].__array_interface__["data"][0]
            answers.put(arrays.pop())
            return place

        place = ungil.run(make, answers, 10**6)
        received = answers.get()
        if sys.version_info >= (3, 11):
            self.assertEqual(received.__array_interface__["data"][0], place)
        received += 1
        self.assertEqual(received[-1], 10**6)


if __name__ == "__main__":
    unittest.main()
