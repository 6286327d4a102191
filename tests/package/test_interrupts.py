"""Ctrl-C on a terminal: one is enough, whatever tasks wait for, and however the program waits for its tasks."""

import os
import re
import signal
import subprocess
import sys
import tempfile
import textwrap
import threading
import unittest
from unittest import mock

from references import PATIENCE, import_or_skip, some
from support import HAS_INTERPRETERS, NEEDS_INTERPRETERS

try:
    import fcntl
    import pty
    import termios
except ImportError:
    pty = None

BEGUN, CTRL_C = "begun\r\n", b"\x03"

# What the task `f` does. Nothing of that ends by itself while a test waits.
WAITS = {
    "a queue": "queue.Queue().get()",
    "a lock": "lock = threading.Lock(); lock.acquire(); lock.acquire()",
    "a lock, with a timeout": "lock = threading.Lock(); lock.acquire(); lock.acquire(timeout=10**6)",
    "an event": "threading.Event().wait()",
    "a socket": "ends = socket.socketpair(); ends[0].recv(1)",
    "a pipe": "os.read(os.pipe()[0], 1)",
    "time": "time.sleep(10**6)",
    "a program": "subprocess.run(['sleep', '1000000'])",
    "the output of a program": "subprocess.Popen(['sleep', '1000000'], stdout=-1, stderr=-1).communicate()",
    "a queue of multiprocessing": "multiprocessing.Queue().get()",
    "a lock of multiprocessing": "lock = multiprocessing.Lock(); lock.acquire(); lock.acquire()",
    "asyncio": "asyncio.run(asyncio.sleep(10**6))",
    "a thread": "thread = threading.Thread(target=queue.Queue().get, daemon=True); thread.start(); thread.join()",
    "nothing": "\n    while True: pass",
}

# What an interrupt does not end, or not soon.
BEGIN = 'print("begun", flush=True); '
CATCHES = """
    while True:
        try:
            if x == 0:
                x = 1
                print("begun", flush=True)  # here, as Ctrl-C may come at once
            threading.Event().wait()
        except BaseException: pass
"""
COMPUTES = "hashlib.pbkdf2_hmac('sha256', b'a', b'b', 2**31 - 1)"
THREADS = "\n    with ThreadPoolExecutor(1) as pool: pool.submit(queue.Queue().get).result()"

TASK = """
import asyncio, hashlib, multiprocessing, os, queue, socket, subprocess, threading, time, ungil
from concurrent.futures import ThreadPoolExecutor, as_completed, wait
from ungil import InterpreterPoolExecutor as Pool

def f(x=0):
    %s

"""


def with_task(task, program):
    """A program whose function f() does this, and says first that it has begun."""
    return TASK % (task if task == CATCHES else BEGIN + task) + program


# The traceback of a thread at the end of Python may be a fatal error: the lock of stderr is taken. CPython does not
# wait there for daemons, nor, until 3.12, for a thread whose join() was interrupted: python/cpython issue 90882.
WORK = """
def work():
    try:
        with Pool(1) as pool: pool.submit(f).result()
    except BaseException: pass
"""

# How the program waits. KeyboardInterrupt ends it.
PROGRAMS = {
    "for a result": "with Pool(1) as pool: pool.submit(f).result()",
    "for a result, without a with block": "pool = Pool(1); pool.submit(f).result()",
    "for the results of map": "with Pool(1) as pool:\n    for result in pool.map(f, range(3)): pass",
    "for those completed": "with Pool(1) as pool: list(as_completed([pool.submit(f) for _ in range(2)]))",
    "by wait()": "with Pool(1) as pool: wait([pool.submit(f)])",
    "for the end of a with block": "with Pool(1) as pool: pool.submit(f)",
    "for something else": "pool = Pool(1); pool.submit(f); time.sleep(10**6)",
    "for a thread": WORK + "thread = threading.Thread(target=work); thread.start(); thread.join()",
    "for a daemon": WORK + "thread = threading.Thread(target=work, daemon=True); thread.start(); thread.join()",
    "by await": """
async def main():
    with Pool(1) as pool: await asyncio.get_running_loop().run_in_executor(pool, f)
asyncio.run(main())
""",
    "by await, without a with block": """
async def main():
    pool = Pool(1)
    await asyncio.get_running_loop().run_in_executor(pool, f)
asyncio.run(main())
""",
    "in a coroutine": """
async def main():
    with Pool(1) as pool: pool.submit(f).result()
asyncio.run(main())
""",
    "at the end of a with block in a coroutine": """
async def main():
    with Pool(1) as pool: pool.submit(f)
asyncio.run(main())
""",
    "by aio.call": "from ungil import aio\nasyncio.run(aio.call(ungil.run, f))",
    "by run()": "ungil.run(f)",
    "for a call": "with ungil.Interpreter() as interpreter: interpreter.call(f)",
    "for a nested pool": """
def g():
    with ungil.InterpreterPoolExecutor(1) as pool: pool.submit(f).result()
with Pool(1) as pool: pool.submit(g).result()
""",
    "for an initializer": "with Pool(1, initializer=f) as pool: pool.submit(pow, 2, 2).result()",
}

# The programs whose tasks may be such that no interrupt ends them.
LEAVING = (
    "for a result",
    "for those completed",
    "for something else",
    "for a thread",
    "by await",
    "at the end of a with block in a coroutine",
    "by aio.call",
    "by run()",
    "for a call",
)


def become_foreground():
    """In a new process: its terminal sends it Ctrl-C."""
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)
    # A shell without job control makes its background commands ignore SIGINT, and their children inherit that.
    signal.signal(signal.SIGINT, signal.SIG_DFL)


class Terminal:
    """A terminal that a program is started on, in the foreground. A program that does not end is killed."""

    def __init__(self, *command):
        self._own, other = pty.openpty()
        environment = dict(os.environ, PYTHONPATH=os.pathsep.join(filter(None, sys.path)), TERM="dumb")
        environment.pop("PYTHONUNBUFFERED", None)
        try:
            self.process = subprocess.Popen(
                [sys.executable, *command],
                stdin=other,
                stdout=other,
                stderr=other,
                env=environment,
                start_new_session=True,
                preexec_fn=become_foreground,
            )
        finally:
            os.close(other)
        self._unread = ""

    def __enter__(self):
        self._watch = threading.Timer(PATIENCE, self.process.kill)
        self._watch.start()
        return self

    def __exit__(self, *error):
        self._watch.cancel()
        self.process.kill()
        self.process.wait()
        os.close(self._own)

    def write(self, text):
        os.write(self._own, text)

    def read(self):
        """More output; nothing after the program's end."""
        try:
            return os.read(self._own, 1 << 16).decode(errors="replace")
        except OSError:  # EIO: no process has the terminal any more
            return ""

    def until(self, pattern):
        """The output up to what the pattern matches."""
        while True:
            match = re.search(pattern, self._unread)
            if match:
                output, self._unread = self._unread[: match.end()], self._unread[match.end() :]
                return output
            more = self.read()
            if not more:
                raise AssertionError("no %r in the output: %s" % (pattern, self._unread))
            self._unread += more

    def rest(self):
        """(exit status, the rest of the output)"""
        more = self.read()
        while more:
            self._unread += more
            more = self.read()
        return self.process.wait(), self._unread


@unittest.skipUnless(HAS_INTERPRETERS, NEEDS_INTERPRETERS)
@unittest.skipIf(pty is None, "SKIP: there are no terminals here")
class Programs(unittest.TestCase):
    def end_of(self, task, program):
        """(exit status, the rest of the output) after one Ctrl-C."""
        with tempfile.TemporaryDirectory() as directory:
            path = os.path.join(directory, "program.py")
            with open(path, "w", encoding="utf-8") as file:
                file.write(with_task(task, textwrap.dedent(program)))
            with Terminal(path) as terminal:
                terminal.until(BEGUN)
                terminal.write(CTRL_C)
                return terminal.rest()

    def assert_ends(self, task, program):
        status, output = self.end_of(task, program)
        self.assertEqual(status, -signal.SIGINT, output)  # 130 in a shell
        self.assertIn("KeyboardInterrupt", output)

    def test_whatever_tasks_wait_for(self):
        for name, task in some(WAITS.items(), 3):
            with self.subTest(name):
                self.assert_ends(task, PROGRAMS["for a result"])

    def test_however_the_program_waits(self):
        for name, program in some(PROGRAMS.items(), 3):
            with self.subTest(name):
                self.assert_ends(WAITS["a queue"], program)

    def test_tasks_that_catch_everything(self):
        for name in some(LEAVING, 3):
            with self.subTest(name):
                self.assert_ends(CATCHES, PROGRAMS[name])

    def test_tasks_that_do_not_notice(self):
        for task in COMPUTES, THREADS:
            with self.subTest(task):
                self.assert_ends(task, PROGRAMS["for a result"])

    def test_a_program_that_catches_it(self):
        for task in WAITS["a queue"], CATCHES:
            for program in "with Pool(1) as pool: pool.submit(f).result()", "pool = Pool(1); pool.submit(f).result()":
                with self.subTest(task=task, program=program):
                    caught = "try:\n    %s\nexcept KeyboardInterrupt: print('caught'); raise SystemExit(3)\n" % program
                    self.assertEqual(self.end_of(task, caught), (3, "^Ccaught\r\n"))

    def test_at_the_end_of_the_program(self):
        """Python itself has the exit status then."""
        for task in WAITS["a queue"], CATCHES:
            self.assertEqual(self.end_of(task, "pool = Pool(1)\npool.submit(f)"), (0, "^C"))

    def test_a_pool_that_was_left_behind(self):
        program = """
pool = Pool(1)
future = pool.submit(f)
try:
    with pool: future.result()
except KeyboardInterrupt:
    pass
print(type(future.exception()).__name__, type(future.exception().__cause__).__name__)
try:
    pool.submit(pow, 2, 2)
except Exception as error:
    print(type(error).__name__)
with Pool(1) as another:
    print(another.submit(pow, 2, 2).result())
"""
        expected = "^CBrokenInterpreterPool KeyboardInterrupt\r\nBrokenInterpreterPool\r\n4\r\n"
        self.assertEqual(self.end_of(CATCHES, program), (0, expected))


@unittest.skipUnless(HAS_INTERPRETERS, NEEDS_INTERPRETERS)
@unittest.skipIf(pty is None, "SKIP: there are no terminals here")
class Sessions(unittest.TestCase):
    """An interactive session goes on, and so does its pool."""

    def session(self, command, prompt):
        with tempfile.TemporaryDirectory() as directory:
            path = os.path.join(directory, "begin.py")
            for task in WAITS["a queue"], CATCHES:
                with open(path, "w", encoding="utf-8") as file:
                    file.write(with_task(task, "pool = Pool(2)\n"))
                with self.subTest(task), Terminal(*command, path) as terminal:
                    terminal.until(prompt)
                    terminal.write(b"pool.submit(f).result()\r")
                    terminal.until(BEGUN)
                    terminal.write(CTRL_C)
                    terminal.until("KeyboardInterrupt")
                    terminal.until(prompt)
                    terminal.write(b"print('power', pool.submit(pow, 2, 10).result())\r")
                    terminal.until("power 1024\r\n")
                    terminal.until(prompt)
                    terminal.write(b"exit()\r")
                    self.assertEqual(terminal.rest()[0], 0)

    def test_python(self):
        self.session(["-q", "-i"], ">>> ")

    def test_ipython(self):
        import_or_skip("IPython")
        options = ["--simple-prompt", "--no-banner", "--colors=NoColor", "-i"]
        with tempfile.TemporaryDirectory() as directory, mock.patch.dict(os.environ, IPYTHONDIR=directory):
            self.session(["-m", "IPython", *options], r"In \[\d+\]: ")


if __name__ == "__main__":
    unittest.main()
