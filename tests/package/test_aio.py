"""Awaited calls: results, cancellation, and that a call has ended when its task ends."""

import array
import asyncio
import contextvars
import ctypes
import inspect
import threading
import time
import unittest

import ungil
from references import not_on_pypy, values
from ungil import aio, compat, functions, kernels

ENDLESS = 10**15

Body = ctypes.CFUNCTYPE(ctypes.c_int32, ctypes.c_int64, ctypes.c_int64, ctypes.c_void_p)
Map = ctypes.CFUNCTYPE(ctypes.c_double, ctypes.c_double)
Integrand = ctypes.CFUNCTYPE(ctypes.c_double, ctypes.c_double, ctypes.c_void_p)


class Answers(unittest.TestCase):
    def test_each_function(self):
        square, one = Map(lambda x: x * x), Integrand(lambda x, context: 1.0)

        async def main():
            self.assertEqual(await aio.call(compat.num_primes, range(1000000)), 921295)
            self.assertEqual(await aio.count_primes(range(100), threads=2), 25)
            self.assertIs(await aio.is_prime(7), True)
            self.assertEqual(values(await aio.is_prime([7, 8])), [True, False])
            out = bytearray(2)
            self.assertIs(await aio.is_prime([7, 8], out=out), out)
            self.assertEqual(await aio.call(compat.pi, 1000), compat.pi(1000))
            self.assertEqual(await aio.sum([1, 2, 3]), 6.0)
            self.assertEqual(await aio.call(compat.test, 0, 10), 18)
            self.assertEqual(await aio.parallel_for(Body(lambda begin, end, context: 7), 0, 1), 7)
            self.assertEqual(values(await aio.map(square, [3])), [9.0])
            self.assertEqual(await aio.integrate(one, 0, 2, 10), 2.0)

        asyncio.run(main())

    def test_each_function_takes_keywords(self):
        square, one = Map(lambda x: x * x), Integrand(lambda x, context: 1.0)

        async def main():
            self.assertEqual(await aio.count_primes(numbers=range(100)), 25)
            self.assertIs(await aio.is_prime(numbers=7), True)
            self.assertEqual(await aio.sum(numbers=[1, 2, 3]), 6.0)
            body = Body(lambda begin, end, context: 7)
            self.assertEqual(await aio.parallel_for(function=body, start=0, stop=1), 7)
            self.assertEqual(values(await aio.map(function=square, numbers=[3])), [9.0])
            self.assertEqual(await aio.integrate(function=one, a=0, b=2, n=10), 2.0)
            self.assertEqual(await aio.call(lambda function, args: (function, args), function=1, args=2), (1, 2))

        asyncio.run(main())

    def test_signatures(self):
        for name in ("count_primes", "is_prime", "sum", "parallel_for", "map", "integrate"):
            other = getattr(kernels, name, None) or getattr(functions, name)
            twin = getattr(aio, name)
            self.assertTrue(inspect.iscoroutinefunction(twin), name)
            self.assertEqual(list(inspect.signature(twin).parameters), list(inspect.signature(other).parameters))

    def test_many_at_once(self):
        async def main():
            return await asyncio.gather(*(aio.call(compat.pi, 1000 + i) for i in range(50)))

        self.assertEqual(asyncio.run(main()), [compat.pi(1000 + i) for i in range(50)])

    def test_the_loop_goes_on_meanwhile(self):
        async def main():
            inside, go_on = asyncio.Event(), threading.Event()
            loop = asyncio.get_running_loop()
            body = Body(lambda begin, end, context: (loop.call_soon_threadsafe(inside.set), go_on.wait(60), 5)[2])
            task = asyncio.ensure_future(aio.parallel_for(body, 0, 1))
            await inside.wait()
            self.assertFalse(task.done())
            go_on.set()
            self.assertEqual(await task, 5)

        asyncio.run(main())

    def test_errors(self):
        async def main():
            with self.assertRaisesRegex(TypeError, "numbers: expected int32"):
                await aio.call(compat.num_primes, array.array("d", [1.0]))
            with self.assertRaises(TypeError):
                await aio.call(compat.pi)
            with self.assertRaises(TypeError):
                await aio.call(compat.pi, 5, control="x")
            with self.assertRaises(ungil.TimeoutError), ungil.Control(deadline=0.01) as control:
                await aio.call(compat.pi, ENDLESS, control=control)

        asyncio.run(main())


class Calls(unittest.TestCase):
    def test_any_function(self):
        variable = contextvars.ContextVar("variable")

        async def main():
            variable.set(5)
            self.assertEqual(await aio.call(lambda a, b: (a, b, variable.get()), 1, b=2), (1, 2, 5))
            self.assertEqual(await aio.call(int, "12"), 12)
            self.assertNotEqual(await aio.call(threading.get_ident), threading.get_ident())
            with self.assertRaises(ZeroDivisionError):
                await aio.call(divmod, 1, 0)

        asyncio.run(main())

    def test_a_function_without_a_control_is_waited_for(self):
        ended = []

        async def main():
            task = asyncio.ensure_future(aio.call(lambda: (time.sleep(0.2), ended.append(1))))
            await asyncio.sleep(0.05)
            task.cancel()
            with self.assertRaises(asyncio.CancelledError):
                await task
            self.assertEqual(ended, [1])

        asyncio.run(main())


async def begun(control):
    while not control.progress.done:
        await asyncio.sleep(0.001)


class Cancellation(unittest.TestCase):
    def assert_over(self, control):
        before = control.progress
        time.sleep(0.05)
        self.assertEqual(control.progress, before)
        self.assertLess(before.done, before.total)

    def test_of_a_task(self):
        async def main():
            with ungil.Control() as control:
                task = asyncio.ensure_future(aio.call(compat.pi, ENDLESS, control=control))
                await begun(control)
                task.cancel()
                with self.assertRaises(asyncio.CancelledError):
                    await task
                self.assertTrue(task.cancelled())
                self.assert_over(control)
                with self.assertRaises(ungil.CancelledError):
                    await aio.call(compat.pi, 1, control=control)

        asyncio.run(main())

    def test_of_a_task_of_a_generated_function(self):
        numbers = array.array("q", [2**61 - 1]) * 10**7
        one = Integrand(lambda x, context: 1.0)
        for function, arguments in (
            (aio.count_primes, (numbers,)),
            (aio.integrate, (one, 0, 1, ENDLESS)),
        ):

            async def main(function=function, arguments=arguments):
                with ungil.Control() as control:
                    task = asyncio.ensure_future(function(*arguments, threads=2, control=control))
                    await begun(control)
                    task.cancel()
                    with self.assertRaises(asyncio.CancelledError):
                        await task
                    self.assertTrue(task.cancelled())
                    self.assert_over(control)
                    with self.assertRaises(ungil.CancelledError):
                        await function(*arguments, control=control)

            with self.subTest(function=function.__name__):
                asyncio.run(main())
        numbers.append(1)  # no call uses it any more

    def test_of_a_generated_function_without_a_control(self):
        numbers = array.array("q", [2**61 - 1]) * 10**7

        async def main():
            with self.assertRaises(asyncio.TimeoutError):
                await asyncio.wait_for(aio.count_primes(numbers, threads=2), 0.05)
            with self.assertRaises(ungil.TimeoutError), ungil.Control(deadline=0.01) as control:
                await aio.count_primes(numbers, threads=2, control=control)
            with self.assertRaisesRegex(TypeError, "control: expected"):
                await aio.count_primes(numbers, control="x")
            numbers.append(1)

        asyncio.run(main())

    def test_of_a_task_twice(self):
        async def main():
            with ungil.Control() as control:
                task = asyncio.ensure_future(aio.call(compat.pi, ENDLESS, control=control))
                await begun(control)
                for _ in range(3):
                    task.cancel()
                    await asyncio.sleep(0)
                with self.assertRaises(asyncio.CancelledError):
                    await task
                self.assert_over(control)

        asyncio.run(main())

    def test_before_it_begins(self):
        async def main():
            task = asyncio.ensure_future(aio.call(compat.pi, ENDLESS))
            task.cancel()
            with self.assertRaises(asyncio.CancelledError):
                await task

        asyncio.run(main())

    def test_by_wait_for(self):
        async def main():
            with self.assertRaises(asyncio.TimeoutError):
                await asyncio.wait_for(aio.call(compat.pi, ENDLESS), 0.05)
            self.assertEqual(await asyncio.wait_for(aio.call(compat.pi, 1000), 60), compat.pi(1000))

        asyncio.run(main())

    @not_on_pypy("keeps memory in use until it collects garbage")
    def test_arrays_are_released(self):
        numbers, out = array.array("q", [2**61 - 1]) * 10**7, bytearray(10**7)

        async def main():
            with ungil.Control() as control:
                task = asyncio.ensure_future(aio.is_prime(numbers, out=out, control=control))
                await begun(control)
                task.cancel()
                with self.assertRaises(asyncio.CancelledError):
                    await task
                numbers.append(1)
                out.append(1)

        asyncio.run(main())

    def test_of_a_whole_loop(self):
        async def main():
            nonlocal control
            control = ungil.Control()
            task = asyncio.ensure_future(aio.call(compat.pi, ENDLESS, control=control))
            await begun(control)
            return task

        control = None
        task = asyncio.run(main())  # cancels all tasks when main() has returned
        self.assertTrue(task.cancelled())
        self.assert_over(control)


if __name__ == "__main__":
    unittest.main()
