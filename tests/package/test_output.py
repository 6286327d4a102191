"""Output appears in the order in which it is printed, even if the streams are pipes or files."""

import os
import socket
import subprocess
import sys
import tempfile
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


LONG = """
import sys, threading, ungil

def talk(letter, length, count):
    for _ in range(count):
        print(letter * length, flush=False)
        print(letter * length, letter * length, file=sys.stderr)

if __name__ == "__main__":
    with ungil.InterpreterPoolExecutor(4) as pool:
        list(pool.map(talk, "abcd", [int(sys.argv[1])] * 4, [int(sys.argv[2])] * 4))
"""


@unittest.skipUnless(HAS_INTERPRETERS, NEEDS_INTERPRETERS)
class Lines(unittest.TestCase):
    """Lines of several workers do not mix."""

    def assert_whole(self, text, length, count):
        lines = text.split("\n")
        self.assertEqual(lines.pop(), "")
        self.assertEqual(sorted(lines), sorted(letter * length for letter in "abcd" for _ in range(count)))

    def environment(self):
        environment = dict(os.environ, PYTHONPATH=os.pathsep.join(filter(None, sys.path)))
        environment.pop("PYTHONUNBUFFERED", None)
        return environment

    def test_in_a_pipe(self):
        """Long lines fill the pipe, so that a write of one takes several steps."""
        for length, count in (10, 500), (4095, 100), (10_000, 50), (300_000, 10):
            command = [sys.executable, "-c", LONG, str(length), str(count)]
            result = subprocess.run(command, capture_output=True, env=self.environment())
            self.assertEqual(result.returncode, 0, result.stderr[-1000:])
            self.assert_whole(result.stdout.decode(), length, count)
            self.assert_whole(result.stderr.decode().replace(" ", ""), 2 * length, count)

    def test_in_one_pipe_and_one_file_for_both_streams(self):
        length, count = 20_000, 20
        command = [sys.executable, "-c", LONG, str(length), str(count)]
        with tempfile.TemporaryFile() as file:
            subprocess.run(command, stdout=file, stderr=subprocess.STDOUT, env=self.environment(), check=True)
            file.seek(0)
            in_file = file.read()
        pipe = subprocess.PIPE
        in_pipe = subprocess.run(command, stdout=pipe, stderr=subprocess.STDOUT, env=self.environment(), check=True)
        for output in in_file, in_pipe.stdout:
            lines = output.decode().split("\n")
            self.assertEqual({len(line) for line in lines}, {length, 2 * length + 1, 0})
            self.assertEqual({len(set(line) - {" "}) for line in lines[:-1]}, {1})

    def test_each_is_one_write(self):
        """In a packet of its own."""
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        program = """
import sys, ungil
def talk():
    print("a", 5, "b" * 9000)
    print("c", end="", flush=True)
    print("d", "e", end="")
    print("f", "g", file=sys.stderr)
    print("h\\ni")
ungil.run(talk)
"""
        with ours, theirs:
            command = [sys.executable, "-c", program]
            subprocess.run(command, stdout=theirs, stderr=theirs, env=self.environment(), check=True)
            expected = ["a 5 " + "b" * 9000 + "\n", "c", "f g\n", "d eh\ni\n"]
            self.assertEqual([ours.recv(1 << 16).decode() for _ in expected], expected)

    def test_logging(self):
        program = """
import logging, ungil

def begin():
    logging.basicConfig(format="%(message)s")

def talk(letter):
    for _ in range(100):
        logging.warning(letter * 5000)

with ungil.InterpreterPoolExecutor(4, initializer=begin) as pool:
    list(pool.map(talk, "abcd"))
"""
        command = [sys.executable, "-c", program]
        result = subprocess.run(command, stderr=subprocess.PIPE, env=self.environment(), check=True)
        self.assert_whole(result.stderr.decode(), 5000, 100)


@unittest.skipUnless(HAS_INTERPRETERS, NEEDS_INTERPRETERS)
class Settings(unittest.TestCase):
    """What the program has for streams, its tasks have."""

    BUFFERING = """
import sys, ungil

def buffering():
    return [(stream.write_through, type(stream.buffer).__name__) for stream in (sys.stdout, sys.stderr)]

print(ungil.run(buffering), end="")
"""

    def test_unbuffered(self):
        with mock.patch.dict(os.environ):
            os.environ.pop("PYTHONUNBUFFERED", None)
            buffered, unbuffered = str([(False, "BufferedWriter")] * 2), str([(True, "FileIO")] * 2)
            self.assertEqual(run_script(self.BUFFERING), (0, buffered, ""))
            self.assertEqual(run_script(self.BUFFERING, options=["-u"]), (0, unbuffered, ""))
            os.environ["PYTHONUNBUFFERED"] = "1"
            self.assertEqual(run_script(self.BUFFERING), (0, unbuffered, ""))

    def test_output_without_a_newline_comes_at_the_end_of_the_task(self):
        script = """
import sys, ungil

def talk(text):
    print(text, end="")

with ungil.InterpreterPoolExecutor(1) as pool:
    for text in "abc":
        pool.submit(talk, text).result()
        input()
"""

        def interact(process):
            for text in "abc":
                self.assertEqual(process.stdout.read(1), text)
                process.stdin.write("\n")
                process.stdin.flush()

        with tempfile.TemporaryDirectory() as directory:
            path = os.path.join(directory, "script.py")
            with open(path, "w", encoding="utf-8") as file:
                file.write(script)
            environment = dict(os.environ, PYTHONPATH=os.pathsep.join(filter(None, sys.path)))
            environment.pop("PYTHONUNBUFFERED", None)
            pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "universal_newlines": True}
            with subprocess.Popen([sys.executable, path], env=environment, **pipes) as process:
                interact(process)
            self.assertEqual(process.returncode, 0)

    def test_a_closed_stream_is_none(self):
        """Its descriptor may be another file's: a task must not print into that."""
        script = """
import os, sys
os.close(1)
file = open(sys.argv[1], "w+")
assert file.fileno() == 1
sys.stdout = sys.__stdout__ = None
import ungil

def talk():
    print("lost")
    return sys.stdout

print(ungil.run(talk), file=sys.stderr, end=" ")
file.seek(0)
print(repr(file.read()), file=sys.stderr, end="")
"""
        with tempfile.NamedTemporaryFile() as file:
            self.assertEqual(run_script(script, file.name), (0, "", "None ''"))
        closed = "import sys, ungil\nsys.stdout.close()\nprint(ungil.run(print, 'lost'), end='', file=sys.stderr)"
        self.assertEqual(run_script(closed), (0, "", "None"))

    def test_a_stream_that_the_program_has_replaced(self):
        """Tasks print to the program's descriptor, as those of spawned processes."""
        script = """
import contextlib, io, ungil

with contextlib.redirect_stdout(io.StringIO()) as captured:
    print("captured")
    ungil.run(print, "not captured")
print(captured.getvalue(), end="")
"""
        self.assertEqual(run_script(script), (0, "not captured\ncaptured\n", ""))


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
