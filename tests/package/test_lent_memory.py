"""The memory of large arrays in arguments is lent: nobody writes to it until every loan has ended."""

import asyncio
import importlib.util
import os
import sys
import threading
import time
import unittest

import ungil
from support import HAS_INTERPRETERS, NEEDS_INTERPRETERS, PATIENCE, numpy, rounds
from ungil.interpreters import _loans
from ungil.interpreters._sharing import COPIED

LONG = COPIED  # float64 elements


def has(package):
    return importlib.util.find_spec(package) is not None


def address(array):
    return array.ctypes.data, array.flags.writeable


class Gate:
    """Memory by which the program lets tasks go on."""

    def __init__(self):
        self.memory = bytearray(1)
        self.shared = ungil.share(self.memory)

    def open(self):
        self.memory[0] = 1


def wait(array, gate):
    import time

    while not gate[0]:
        time.sleep(0.001)
    return float(array.sum())


@unittest.skipIf(numpy is None, "SKIP: numpy is not installed")
@unittest.skipUnless(HAS_INTERPRETERS, NEEDS_INTERPRETERS)
class Locks(unittest.TestCase):
    def setUp(self):
        self.pool = ungil.InterpreterPoolExecutor(1)
        self.addCleanup(self.pool.shutdown)
        self.gate = Gate()
        self.addCleanup(self.gate.open)
        self.mine = numpy.full(LONG, 5.0)
        self.earlier = set(_loans._locked)  # interpreters that other tests have used may have it

    def assert_locked(self, *arrays):
        for array in arrays:
            with self.assertRaisesRegex(ValueError, "read-only"):
                array[0] = 1

    def assert_unlocked(self, *arrays):
        deadline = time.monotonic() + PATIENCE
        while not all(array.flags.writeable for array in arrays) and time.monotonic() < deadline:
            time.sleep(0.01)  # where no result says that the loan has ended
        for array in arrays:
            array[0] = array[0]
        self.assertLessEqual(_loans._locked.keys(), self.earlier)

    def submit(self, array):
        return self.pool.submit(wait, array, self.gate.shared)

    def test_an_array_is_locked_until_the_result_is_there(self):
        for expected in (5 * LONG, 6 * LONG):
            self.gate = Gate()
            future = self.submit(self.mine)
            self.assert_locked(self.mine)
            self.gate.open()
            self.assertEqual(future.result(), expected)
            self.mine += 1  # at once

    def test_several_loans(self):
        gates = [Gate() for _ in range(3)]
        futures = [self.pool.submit(wait, self.mine, gate.shared) for gate in gates]
        for gate, future in zip(gates, futures):
            self.assert_locked(self.mine)
            gate.open()
            future.result()
        self.mine += 1
        self.assert_unlocked()

    def test_the_owner_of_a_view_is_locked(self):
        for view in (self.mine[1:], self.mine.reshape(2, -1).T, self.mine[1:][1:]):
            self.gate = Gate()
            future = self.submit(view)
            self.assert_locked(self.mine)
            with self.assertRaises(ValueError):
                view[...] = 1
            self.gate.open()
            future.result()
            view += 1
            self.mine += 1

    def test_arrays_in_fortran_order(self):
        owner = numpy.full((2, LONG), 5.0, order="F")
        future = self.submit(owner)
        self.assert_locked(owner)
        self.gate.open()
        future.result()
        owner += 1

    def test_read_only_arrays_stay_so(self):
        view = self.mine[1:]
        view.flags.writeable = False
        future = self.submit(view)
        self.assert_locked(self.mine)
        self.gate.open()
        future.result()
        self.mine += 1
        self.assertFalse(view.flags.writeable)

    def test_memory_of_others(self):
        owner = bytearray(self.mine.nbytes)
        array = numpy.frombuffer(owner)
        future = self.submit(array)
        self.assert_locked(array)
        self.gate.open()
        future.result()
        array += 1

        class Exporter:  # numpy would not make such an array writeable again, so it is copied
            def __init__(self, array):
                self.array, self.__array_interface__ = array, array.__array_interface__

        array = numpy.asarray(Exporter(self.mine))
        self.gate = Gate()
        future = self.submit(array)
        array[:] = 100
        self.gate.open()
        self.assertEqual(future.result(), 5 * LONG)

    def test_frames_of_pandas(self):
        if not has("pandas"):
            self.skipTest("SKIP: pandas is not installed")
        import pandas

        frame = pandas.DataFrame({"a": self.mine, "b": self.mine})
        future = self.pool.submit(lambda f, gate: wait(f.a, gate), frame, self.gate.shared)
        with self.assertRaisesRegex(ValueError, "read-only"):
            frame.iloc[0, 0] = 1
        self.gate.open()
        self.assertEqual(future.result(), 5 * LONG)
        frame.iloc[0, 0] = 1

    def test_an_accessor_of_pandas_keeps_nothing_locked(self):
        if not has("pandas"):
            self.skipTest("SKIP: pandas is not installed")
        import pandas

        series = pandas.Series(numpy.zeros(LONG, "M8[s]").astype("i8"))
        self.pool.submit(lambda s: len(s) + (s.plot is None), series).exception()
        series.iloc[0] = 1

    def test_a_cycle_in_the_worker_keeps_nothing_locked(self):
        def cycle(a):
            found = [a]
            found.append(found)

        self.pool.submit(cycle, self.mine).result()
        self.mine += 1

    def test_an_array_that_the_worker_keeps_is_locked(self):
        def keep(a):
            import __main__

            __main__.kept = a

        def drop():
            import __main__

            del __main__.kept

        self.pool.submit(keep, self.mine).result()
        self.assert_locked(self.mine)
        self.pool.submit(drop).result()
        self.assert_unlocked(self.mine)
        self.pool.submit(keep, self.mine).result()
        self.pool.shutdown()
        self.assert_unlocked(self.mine)

    def test_a_task_that_fails(self):
        def fail(a):
            raise ValueError("no")

        try:
            self.pool.submit(fail, self.mine).result()
        except ValueError:
            self.mine += 1
        try:
            with ungil.Interpreter() as interpreter:
                interpreter.call(fail, self.mine)
        except ValueError:
            self.mine += 1
        self.assert_unlocked(self.mine)

    def test_a_cancelled_task(self):
        blocker = self.submit(numpy.zeros(1))
        future = self.pool.submit(numpy.sum, self.mine)
        self.assert_locked(self.mine)
        self.assertTrue(future.cancel())
        self.mine += 1
        self.gate.open()
        self.assertEqual(blocker.result(), 0)

    def test_a_pool_that_is_shut_down(self):
        blocker = self.submit(numpy.zeros(1))
        futures = [self.pool.submit(numpy.sum, self.mine) for _ in range(3)]
        while not blocker.running():
            time.sleep(0.01)
        self.pool.shutdown(wait=False, cancel_futures=True)
        self.mine += 1
        self.gate.open()
        blocker.result()
        self.assertTrue(all(future.cancelled() for future in futures))

    def test_a_call_that_cannot_be_pickled(self):
        future = self.pool.submit(numpy.sum, self.mine, threading.Lock())
        self.assertIsInstance(future.exception(), TypeError)
        self.assert_unlocked(self.mine)

    def test_errors_that_are_kept_keep_nothing_locked(self):
        generator = (i for i in range(3))
        used = self.pool.submit(lambda a: generator, self.mine)
        sent = self.pool.submit(numpy.sum, self.mine, lambda: generator)
        for future in used, sent:
            self.assertIsInstance(future.exception(), TypeError)
        self.mine += 1
        self.pool.shutdown()
        try:
            self.pool.submit(numpy.sum, self.mine)
        except RuntimeError:
            self.mine += 1
        else:
            self.fail("the pool takes tasks after its end")
        self.assert_unlocked(self.mine)

    def test_a_task_that_ends_its_interpreter(self):
        future = self.pool.submit(lambda a: os._exit(3), self.mine)
        self.assertIsInstance(future.exception(), ungil.InterpreterDiedError)
        self.mine += 1
        self.assertEqual(self.pool.submit(numpy.sum, self.mine).result(), 6 * LONG)

    def test_an_interrupted_task(self):
        def forever(a):
            while True:
                time.sleep(0.01)

        future = self.pool.submit(forever, self.mine)
        while not future.running():
            time.sleep(0.01)
        self.pool._pool.stop()
        self.assertIsInstance(future.exception(), KeyboardInterrupt)
        self.assert_unlocked(self.mine)

    @unittest.skipUnless(hasattr(os, "fork"), "SKIP: there is no fork here")
    def test_the_child_of_a_fork_may_write(self):
        future = self.submit(self.mine)
        child = os.fork()
        if child == 0:
            try:
                self.mine += 1
                os._exit(0)
            finally:
                os._exit(1)
        self.assertEqual(os.waitpid(child, 0)[1], 0)
        self.assert_locked(self.mine)
        self.gate.open()
        self.assertEqual(future.result(), 5 * LONG)

    def test_initargs_are_locked_as_long_as_the_pool_lives(self):
        with ungil.InterpreterPoolExecutor(1, initializer=len, initargs=(self.mine,)) as pool:
            pool.submit(abs, -1).result()
            self.assert_locked(self.mine)
        self.assert_unlocked(self.mine)

    def test_globals_are_locked_while_a_call_uses_them(self):
        main = sys.modules["__main__"].__dict__
        main["mine_of_main"] = self.mine
        self.addCleanup(main.pop, "mine_of_main")
        exec("def total(gate, a):\n  while not gate[0]: pass\n  return mine_of_main.sum() + a.sum()", main)
        self.addCleanup(main.pop, "total")
        other = numpy.zeros(LONG)
        for expected in (5 * LONG, 6 * LONG):
            self.gate = Gate()
            future = self.pool.submit(main["total"], self.gate.shared, other)
            self.assert_locked(self.mine, other)
            self.gate.open()
            self.assertEqual(future.result(), expected)
            other += 0
            self.mine += 1  # the interpreter's `__main__` still has it

    def test_arrays_in_a_function_that_map_sends(self):
        mine = self.mine
        self.assertEqual(list(self.pool.map(lambda i: mine[i], range(3))), [5, 5, 5])
        self.assert_unlocked(self.mine)
        self.mine += 1

    def test_arrays_in_arguments_of_map(self):
        arrays = [numpy.full(LONG, float(i)) for i in range(4)]
        results = self.pool.map(wait, arrays, [self.gate.shared] * 4)
        self.assert_locked(*arrays)
        self.gate.open()
        self.assertEqual(list(results), [0, LONG, 2 * LONG, 3 * LONG])
        self.assert_unlocked(*arrays)

    def test_all_ways_to_call(self):
        self.assertEqual(ungil.run(address, self.mine), (self.mine.ctypes.data, False))
        self.mine += 1
        with ungil.Interpreter() as interpreter:
            self.assertEqual(interpreter.call(address, self.mine), (self.mine.ctypes.data, False))
            self.mine += 1

        async def main():
            future = asyncio.get_running_loop().run_in_executor(self.pool, address, self.mine)
            result = await future
            self.mine[:] += 1
            return result

        self.assertEqual(asyncio.run(main()), (self.mine.ctypes.data, False))

    def test_many_threads_lend_one_array(self):
        def call(i):
            with ungil.Interpreter() as interpreter:
                for _ in range(rounds(2000, 200)):
                    interpreter.call(len, self.mine[i:])

        threads = [threading.Thread(target=call, args=(i,)) for i in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assert_unlocked(self.mine)


if __name__ == "__main__":
    unittest.main()
