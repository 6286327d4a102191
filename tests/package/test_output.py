"""Output appears in the order in which it is printed, even if the streams are pipes or files."""

import os
import subprocess
import sys
import time
import unittest
from unittest import mock

from support import HAS_INTERPRETERS, NEEDS_INTERPRETERS, run_script

BEGIN = """
import io, os, sys, ungil

def say(text, *ends):
    print(text, end="")
    print("of", file=sys.stderr, end="")

def both(text):
    print(text, end="", flush=False)
    print(text, end="", file=sys.stderr, flush=False)

"""


@unittest.skipUnless(HAS_INTERPRETERS, NEEDS_INTERPRETERS)
class Order(unittest.TestCase):
    def assert_prints(self, script, output, errors=""):
        with mock.patch.dict(os.environ):
            os.environ.pop("PYTHONUNBUFFERED", None)  # with it nothing is buffered
            self.assertEqual(run_script(BEGIN + script), (0, output, errors))

    def test_of_pools(self):
        self.assert_prints(
            """
with ungil.InterpreterPoolExecutor(1) as pool:
    both("1 ")
    pool.submit(say, "2 ").result()
    both("3 ")
    list(pool.map(say, ["4 "]))
    both("5 ")
    pool.submit(say, "6").result()
""",
            "1 2 3 4 5 6",
            "1 of3 of5 of",
        )

    def test_of_interpreters(self):
        self.assert_prints(
            """
with ungil.Interpreter() as interpreter:
    both("1 ")
    interpreter.call(say, "2 ")
    both("3 ")
    interpreter.exec("import sys; print('4', end=' '); print('of', end='', file=sys.stderr)")
    both("5 ")
    interpreter.eval("print('6', end=' ')")
both("7 ")
ungil.run(say, "8")
""",
            "1 2 3 4 5 6 7 8",
            "1 of3 of5 7 of",
        )

    def test_of_an_initializer(self):
        self.assert_prints(
            """
both("1 ")
with ungil.InterpreterPoolExecutor(1, initializer=say, initargs=("2 ",)) as pool:
    pool.submit(say, "3").result()
""",
            "1 2 3",
            "1 ofof",
        )

    def test_of_a_stream_in_front_of_the_programs(self):
        self.assert_prints(
            """
class Tee:
    def write(self, text):
        sys.__stdout__.write(text)

    def flush(self):
        raise RuntimeError("it is not asked")

sys.stdout = Tee()
print("1", end=" ")
ungil.run(say, "2")
sys.stdout = sys.__stdout__
""",
            "1 2",
            "of",
        )


@unittest.skipUnless(HAS_INTERPRETERS, NEEDS_INTERPRETERS)
class Streams(unittest.TestCase):
    """Streams of all kinds do not keep tasks from running."""

    def test_kinds(self):
        status, output, errors = run_script("""
import io, os, sys, ungil

class Strange(io.TextIOWrapper):
    def flush(self):
        raise RuntimeError("it is not asked")

full = open("/dev/full", "w")
full.write("lost")
closed = open(os.devnull, "w")
closed.close()
detached = open(os.devnull, "w")
detached.detach()
broken = os.pipe()
os.close(broken[0])
broken = open(broken[1], "w")
broken.write("lost")
streams = [None, object(), io.StringIO(), closed, detached, full, broken, Strange(io.BytesIO())]
done = []
with ungil.InterpreterPoolExecutor(1) as pool:
    for stream in streams:
        sys.stdout = sys.stderr = stream
        try:
            done += [pool.submit(pow, 2, 3).result(), *pool.map(pow, [2], [2]), ungil.run(pow, 2, 1)]
        finally:
            sys.stdout, sys.stderr = sys.__stdout__, sys.__stderr__
print(done == [8, 4, 2] * len(streams), flush=True)
os._exit(0)  # the streams that are full or broken would report it
""")
        self.assertEqual((status, output, errors), (0, "True\n", ""))

    def test_ctrl_c_where_nobody_reads(self):
        """The pipe is full: submit() waits as print() does, and Ctrl-C interrupts it."""
        script = """
import os, signal, sys, threading, ungil

def interrupt(*_):
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    raise KeyboardInterrupt

signal.signal(signal.SIGINT, interrupt)
with ungil.InterpreterPoolExecutor(1) as pool:
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    for size in (1000, 1):  # to the last byte: otherwise a shorter text would fit
        try:
            while True:
                os.write(writer, bytes(size))
        except BlockingIOError:
            pass
    os.set_blocking(writer, True)
    stream = open(writer, "w")
    stream.write("more")
    own, sys.stdout = sys.stdout, stream
    try:
        print("ready", file=own, flush=True)
        pool.submit(pow, 2, 3)
    except KeyboardInterrupt:
        sys.stdout = own
        print(pool.submit(pow, 2, 3).result(), flush=True)
os._exit(0)
"""
        process = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, universal_newlines=True)
        with process:
            self.assertEqual(process.stdout.readline(), "ready\n")
            while process.poll() is None:  # again: the first may come before it waits
                process.send_signal(2)
                time.sleep(0.1)
            self.assertEqual(process.stdout.read(), "8\n")
        self.assertEqual(process.returncode, 0)


if __name__ == "__main__":
    unittest.main()
