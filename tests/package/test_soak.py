"""Many tasks and messages, and random schedules: nothing is lost, nothing comes twice, nothing grows, nothing hangs.

`make test-soak` runs a million of each, and ten minutes of schedules.
"""

import json
import os
import random
import subprocess
import sys
import unittest
from collections import deque

import random_schedule
import ungil
from support import HAS_INTERPRETERS, NEEDS_INTERPRETERS, memory, rounds

COUNT = int(os.environ.get("UNGIL_TEST_SOAK", 0)) or rounds(20000, 2000)
SECONDS = int(os.environ.get("UNGIL_TEST_SOAK_SECONDS", 0))
ONE_SCHEDULE = 60  # seconds at most
WINDOW = 500  # tasks that are under way
ALLOWANCE = (4, 4, 8 << 20)  # of `resources`: threads may start and end while they are counted


def square(number):
    return number * number


def produce(queue, numbers):
    for number in numbers:
        queue.put(number)


def consume(queue):
    """How many numbers there are until None comes, their sum, and that of their squares."""
    count = total = squares = 0
    for number in iter(queue.get, None):
        count, total, squares = count + 1, total + number, squares + number * number
    return count, total, squares


def resources():
    """What must not grow: threads, descriptors and bytes of memory."""
    return len(os.listdir("/proc/self/task")), len(os.listdir("/proc/self/fd")), memory()


@unittest.skipUnless(HAS_INTERPRETERS, NEEDS_INTERPRETERS)
class Soak(unittest.TestCase):
    def assert_as_before(self, before):
        for now, then, more in zip(resources(), before, ALLOWANCE):
            self.assertLessEqual(now, then + more)

    def test_tasks(self):
        with ungil.InterpreterPoolExecutor(2) as pool:
            futures = deque()
            for i in range(COUNT):
                futures.append((pool.submit(square, i), i))
                if len(futures) == WINDOW:
                    future, number = futures.popleft()
                    self.assertEqual(future.result(), number * number)
                if i == COUNT // 10:
                    before = resources()
            for future, number in futures:
                self.assertEqual(future.result(), number * number)
            futures.clear()
            self.assert_as_before(before)

    def test_messages(self):
        with ungil.InterpreterPoolExecutor(4) as pool:
            for count in (COUNT // 10, COUNT):
                queue = ungil.Queue(WINDOW)
                consumers = [pool.submit(consume, queue) for _ in range(2)]
                producers = [pool.submit(produce, queue, range(i, count, 2)) for i in range(2)]
                for producer in producers:
                    producer.result()
                for _ in consumers:
                    queue.put(None)
                found = [sum(numbers) for numbers in zip(*(consumer.result() for consumer in consumers))]
                self.assertEqual(found, [count, sum(range(count)), sum(i * i for i in range(count))])
                if count < COUNT:
                    before = resources()
            self.assert_as_before(before)


@unittest.skipUnless(SECONDS, "SKIP: make test-soak runs them, as each run has others")
@unittest.skipUnless(HAS_INTERPRETERS, NEEDS_INTERPRETERS)
class Schedules(unittest.TestCase):
    def test_random_ones(self):
        left = SECONDS
        while left > 0:
            seconds, seed = min(left, ONE_SCHEDULE), random.randrange(10**6)
            with self.subTest(seed=seed):
                self.run_one(seed, seconds)
            left -= seconds

    def run_one(self, seed, seconds):
        path = os.pathsep.join(directory for directory in sys.path if directory)
        process = subprocess.run(
            [sys.executable, random_schedule.__file__, str(seed), str(seconds)],
            capture_output=True,
            env=dict(os.environ, PYTHONPATH=path),
            text=True,
        )
        self.assertNotEqual(process.stdout, "", process.stderr)
        found = json.loads(process.stdout)
        self.assertEqual(process.returncode, 0, "\n".join([*found["failures"], process.stderr]))
        self.assertGreater(sum(found["counts"].values()), 0)


if __name__ == "__main__":
    unittest.main()
