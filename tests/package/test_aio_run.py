"""`ungil.aio.run`, and executors of event loops: calls in interpreters that are awaited, and interrupted."""

import asyncio
import contextlib
import os
import sys
import threading
import time
import unittest

import ungil
from references import PATIENCE, interrupted
from support import HAS_INTERPRETERS, NEEDS_INTERPRETERS, numpy
from ungil import aio


def where(value=None):
    return "_ungil" in sys.modules, value


def announce_and_wait(event, seconds=PATIENCE):
    event.set()
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        time.sleep(0.01)


def announce_and_tell(event, ended):
    try:
        announce_and_wait(event)
    finally:
        ended.set()


def announce_and_go_on(event, go_on):
    event.set()
    while not go_on.is_set():
        with contextlib.suppress(KeyboardInterrupt):
            go_on.wait(0.05)


async def until(event):
    while not event.is_set():
        await asyncio.sleep(0.005)


@unittest.skipUnless(HAS_INTERPRETERS, NEEDS_INTERPRETERS)
class Answers(unittest.TestCase):
    def test_results_and_errors(self):
        async def main():
            self.assertEqual(await aio.run(where, 5), (True, 5))
            self.assertEqual(await aio.run(where, value=6), (True, 6))
            self.assertEqual(await aio.run(lambda function, args: (function, args), function=1, args=2), (1, 2))
            with self.assertRaises(ZeroDivisionError):
                await aio.run(divmod, 1, 0)
            with self.assertRaises(SystemExit):
                await aio.run(sys.exit, 3)
            with self.assertRaises(TypeError):
                await aio.run(x for x in ())
            self.assertEqual(await aio.run(abs, -1), 1)

        asyncio.run(main())

    def test_many_at_once(self):
        async def main():
            return await asyncio.gather(*(aio.run(abs, -i) for i in range(100)))

        self.assertEqual(asyncio.run(main()), list(range(100)))
        self.assertEqual(asyncio.run(main()), list(range(100)))  # another loop

    def test_the_loop_goes_on_meanwhile(self):
        async def main():
            begun, go_on = ungil.Event(), ungil.Event()
            task = asyncio.ensure_future(aio.run(lambda: (begun.set(), go_on.wait(PATIENCE))[1]))
            await until(begun)
            self.assertFalse(task.done())
            go_on.set()
            self.assertTrue(await task)

        asyncio.run(main())

    def test_an_interpreter_that_dies(self):
        async def main():
            with self.assertRaises(ungil.errors.InterpreterDiedError):
                await aio.run(os.abort)
            self.assertEqual(await asyncio.gather(*(aio.run(abs, -i) for i in range(20))), list(range(20)))

        asyncio.run(main())

    @unittest.skipIf(numpy is None, "SKIP: numpy is not installed")
    def test_arrays(self):
        async def main():
            array = numpy.ones(1000000)
            self.assertEqual(await aio.run(numpy.sum, array), 1e6)
            array[0] = 2
            self.assertEqual((await aio.run(numpy.zeros, 1000000)).shape, (1000000,))

        asyncio.run(main())

    def test_a_fork(self):
        asyncio.run(aio.run(abs, -1))
        child = os.fork()
        if child == 0:
            os._exit(asyncio.run(aio.run(abs, -3)) - 3)
        self.assertEqual(os.waitpid(child, 0)[1], 0)

    def test_run_in_executor(self):
        async def main(pool):
            loop = asyncio.get_running_loop()
            self.assertEqual(await loop.run_in_executor(pool, where, 1), (True, 1))
            with self.assertRaises(ZeroDivisionError):
                await loop.run_in_executor(pool, divmod, 1, 0)
            calls = (loop.run_in_executor(pool, abs, -i) for i in range(20))
            self.assertEqual(await asyncio.gather(*calls), list(range(20)))

        with ungil.InterpreterPoolExecutor(2) as pool:
            asyncio.run(main(pool))


@unittest.skipUnless(HAS_INTERPRETERS, NEEDS_INTERPRETERS)
class Cancellation(unittest.TestCase):
    def test_a_call_that_runs_is_interrupted(self):
        async def main():
            begun, ended = ungil.Event(), ungil.Event()
            task = asyncio.ensure_future(aio.run(announce_and_tell, begun, ended))
            await until(begun)
            task.cancel()
            with self.assertRaises(asyncio.CancelledError):
                await task
            self.assertTrue(ended.wait(PATIENCE))
            self.assertEqual(await aio.run(abs, -1), 1)

        asyncio.run(main())

    def test_by_wait_for(self):
        async def main():
            with self.assertRaises(asyncio.TimeoutError):
                await asyncio.wait_for(aio.run(announce_and_wait, ungil.Event()), 0.2)

        asyncio.run(main())

    def test_calls_that_wait_for_an_interpreter_do_not_begin(self):
        async def main():
            count = ungil.num_threads()
            begun = [ungil.Event() for _ in range(count)]
            running = [asyncio.ensure_future(aio.run(announce_and_wait, event)) for event in begun]
            for event in begun:
                await until(event)
            late = ungil.Event()
            waiting = [asyncio.ensure_future(aio.run(late.set)) for _ in range(5)]
            await asyncio.sleep(0)
            for task in waiting + running:
                task.cancel()
            outcomes = await asyncio.gather(*waiting, *running, return_exceptions=True)
            self.assertEqual({type(outcome) for outcome in outcomes}, {asyncio.CancelledError})
            self.assertEqual(await aio.run(abs, -1), 1)
            self.assertFalse(late.is_set())

        asyncio.run(main())

    def test_a_call_that_goes_on_is_left_behind(self):
        async def main():
            begun, go_on = ungil.Event(), ungil.Event()
            task = asyncio.ensure_future(aio.run(announce_and_go_on, begun, go_on))
            await until(begun)
            task.cancel()
            with self.assertRaises(asyncio.CancelledError):
                await task
            self.assertFalse(go_on.is_set())
            go_on.set()
            self.assertEqual(await aio.run(abs, -1), 1)

        asyncio.run(main())

    def test_ctrl_c(self):
        program = (
            "import asyncio, ungil\n"
            "def work():\n"
            "    print('begun', flush=True)\n"
            "    while True: pass\n"
            "try: asyncio.run(ungil.aio.run(work))\n"
            "except KeyboardInterrupt: print('interrupted')\n"
        )
        self.assertEqual(interrupted(program, "begun"), (0, ["interrupted"]))

    def test_in_several_threads(self):
        results = []
        threads = [threading.Thread(target=lambda: results.append(asyncio.run(aio.run(abs, -1)))) for _ in range(4)]
        [thread.start() for thread in threads], [thread.join(PATIENCE) for thread in threads]
        self.assertEqual(results, [1] * 4)


if __name__ == "__main__":
    unittest.main()
