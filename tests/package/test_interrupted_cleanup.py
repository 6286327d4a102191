"""What code does in `finally` after Ctrl-C is not interrupted again at once."""

import textwrap
import unittest

from support import Programs

PROGRAM = """
import asyncio, signal, threading, time, ungil
from ungil import aio
from ungil._native.interruptible import Pace

Pace.INTERVAL = 1000  # so that how busy the machine is does not matter

begun, done = bytearray(1), bytearray(1)
shared = ungil.share(begun, writable=True), ungil.share(done, writable=True)

def work(begun, done):
    try:
        begun[0] = 1
        time.sleep(10**6)
    finally:
        time.sleep(0.05)
        done[0] = 1

class Worker:
    def work(self, *shared):
        work(*shared)

class Lazy(Worker):
    async def wait(self, begun, done):
        try:
            begun[0] = 1
            await asyncio.sleep(10**6)
        finally:
            await asyncio.sleep(0.05)
            done[0] = 1

def press():
    while not begun[0]:
        time.sleep(0.001)
    signal.pthread_kill(threading.main_thread().ident, signal.SIGINT)

threading.Thread(target=press, daemon=True).start()
try:
%s
except KeyboardInterrupt:
    pass
print(done[0])
"""
POOL = "with ungil.InterpreterPoolExecutor(1) as pool: "
WAYS = {
    "a task": POOL + "pool.submit(work, *shared).result()",
    "a task at the end of the block": POOL + "pool.submit(work, *shared)",
    "an actor": POOL + "\n    with pool.actor(Worker) as actor: actor.work(*shared).result()",
    "an actor at the end of the block": POOL + "pool.actor(Worker).work(*shared)",
    "a coroutine of an actor": POOL + "\n    with pool.actor(Lazy) as actor: actor.wait(*shared).result()",
    "an awaited call": "asyncio.run(aio.run(work, *shared))",
}


class Cleanup(Programs):
    def test_it_is_complete(self):
        for name, way in WAYS.items():
            with self.subTest(name):
                self.assert_prints(PROGRAM % textwrap.indent(way, "    "), "1")


if __name__ == "__main__":
    unittest.main()
