"""Objects of a multiprocessing.Manager as arguments and results of tasks."""

import multiprocessing
import unittest

import ungil
from support import HAS_INTERPRETERS, NEEDS_INTERPRETERS


def put(queue, numbers, lock):
    with lock:
        queue.put(5)
        numbers["six"] = 6
    return queue, numbers


@unittest.skipUnless(HAS_INTERPRETERS, NEEDS_INTERPRETERS)
class Managers(unittest.TestCase):
    def test_proxies_work_in_interpreters(self):
        with multiprocessing.get_context("spawn").Manager() as manager:
            queue, numbers, lock = manager.Queue(), manager.dict(), manager.Lock()
            with ungil.InterpreterPoolExecutor(2) as pool:
                results = list(pool.map(put, [queue] * 3, [numbers] * 3, [lock] * 3))
            self.assertEqual([queue.get(timeout=60) for _ in range(3)], [5, 5, 5])
            self.assertEqual(dict(numbers), {"six": 6})
            results[0][0].put(7)
            self.assertEqual((queue.get(timeout=60), results[2][1]["six"]), (7, 6))


if __name__ == "__main__":
    unittest.main()
