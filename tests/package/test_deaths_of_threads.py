"""Interpreters that die while several threads run in them."""

import unittest

from deadly import DeadlyPrograms
from support import HAS_INTERPRETERS, NEEDS_INTERPRETERS, rounds


@unittest.skipUnless(HAS_INTERPRETERS, NEEDS_INTERPRETERS)
class Deaths(DeadlyPrograms):
    def test_other_requests_end(self):
        """One sleeps, one waits for a lock, one computes."""
        self.assert_prints(
            """
with ungil.Interpreter() as interpreter:
    interpreter.exec("import _thread, os, time; begun = []; lock = _thread.allocate_lock(); lock.acquire()")
    found = []
    def run(source):
        found.append(why(interpreter.exec, "begun.append(1)\\n" + source))
    sources = "time.sleep(1000)", "lock.acquire()", "os.read(os.pipe()[0], 1)", "while True: pass"
    threads = [threading.Thread(target=run, args=(source,)) for source in sources]
    for thread in threads:
        thread.start()
    while interpreter.eval("len(begun)") < len(threads):
        time.sleep(0.001)
    print(why(interpreter.call, os._exit, 1))
    for thread in threads:
        thread.join()
    print(found)
""",
            "_exit(1) was called\n%r\n" % (["_exit(1) was called"] * 4,),
        )

    def test_a_thread_that_is_in_no_request(self):
        """A thread of Python's, and one of a library's own."""
        self.assert_prints(
            """
def start(target):
    threading.Thread(target=target, daemon=True).start()
    time.sleep(1000)
def start_in_c():
    c("start_thread_that_aborts")()
    time.sleep(1000)
print(why(ungil.run, start, os.abort))
print(why(ungil.run, start_in_c))
with ungil.Interpreter() as interpreter:
    why(interpreter.call, lambda: c("start_thread_that_aborts")())  # the thread may be faster than the call
    while interpreter.is_alive:
        time.sleep(0.001)
    print(why(interpreter.call, square, 1))
""",
            "abort() was called\n" * 3,
        )

    def test_threads_that_are_left(self):
        """They do not run on: nothing more arrives in the pipe that one of them writes to."""
        self.assert_prints(
            """
def task(write):
    def grow():
        while True:
            os.write(write, b"x")
    threading.Thread(target=grow, daemon=True).start()
    os.abort()
read, write = os.pipe()
print(why(ungil.run, task, write))
os.set_blocking(read, False)
def drain():
    size = 0
    try:
        while True:
            size += len(os.read(read, 1 << 16))
    except BlockingIOError:
        return size
while drain():  # what was written before
    time.sleep(0.1)
time.sleep(0.3)
print(drain() <= 1)  # a byte of a write that had begun before
""",
            "abort() was called\nTrue\n",
        )

    def test_a_thread_of_faulthandler_that_dumps_tracebacks(self):
        """It would read the stacks of threads that have abandoned theirs."""
        self.assert_prints(
            """
def task():
    import faulthandler
    faulthandler.dump_traceback_later(0.1, repeat=True, file=open(os.devnull, "w"))
    os.abort()
print(why(ungil.run, task))
for _ in range(5):
    print(ungil.run(square, 3))  # on the same stack
    time.sleep(0.1)
""",
            "abort() was called\n" + "9\n" * 5,
        )

    def test_a_fatal_error_without_the_gil(self):
        """Python has written the stack, so nothing but the end itself needs the GIL, which another request has."""
        self.assert_prints(
            """
SOURCES = (
    "while not begun: time.sleep(0)\\nctypes.CDLL(None).Py_FatalError(b'of the test')",
    "begun.append(1)\\nwhile True: pass",
)
del os.environ["PYTHONFAULTHANDLER"]  # whose end, which is a part of a fatal error, needs the GIL in Python 3.13
with ungil.Interpreter() as interpreter:
    interpreter.exec("import ctypes, time; begun = []")
    found = []
    threads = [threading.Thread(target=lambda it=it: found.append(why(interpreter.exec, it))) for it in SOURCES]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    print(found)
""",
            "%r\n" % (2 * ["Fatal Python error: of the test"],),
        )

    def test_what_libraries_have_called_when_a_thread_ends(self):
        """It wants the GIL. Threads are joined in C, also those whose requests another one ended."""
        self.assert_prints(
            """
def task(end=None):
    c("call_python_at_thread_end")()
    if end:
        end()
def compute():
    begun.append(1)
    while True:
        pass
def abort():
    while not begun:
        time.sleep(0)
    os.abort()
def on_threads(*tasks):
    found = []
    def run(end):
        found.append(why(interpreter.call, task, end))
    threads = [ctypes.CFUNCTYPE(None, ctypes.c_void_p)(lambda _, end=end: run(end)) for end in tasks]
    join = ctypes.CDLL(LIBRARY).call_on_own_stack
    callers = [threading.Thread(target=join, args=(thread,)) for thread in threads]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join()
    print("", found, flush=True)
for ends in [None], [os.abort], [compute, abort]:
    with ungil.Interpreter() as interpreter:
        interpreter.exec("begun = []")
        on_threads(*ends)
with ungil.InterpreterPoolExecutor(1) as pool:
    print(why(pool.submit(task, os.abort).result), flush=True)
    print(pool.submit(square, 3).result(), flush=True)
""",
            "21 ['no error but None']\n ['abort() was called']\n %r\nabort() was called\n9\n"
            % (2 * ["abort() was called"],),
        )

    def test_several_ends_at_once(self):
        """By a thread that has the GIL and by one that has not, while others want it, and one sleeps."""
        self.assert_prints(
            """
def together(number, find):
    end = find()
    begun.append(1)
    while len(begun) < number:
        time.sleep(0)
    end()
def compute():
    while True:
        pass
ends = [lambda: c("by_abort"), lambda: os.abort, lambda: lambda: time.sleep(1000)] + 3 * [lambda: compute]
for _ in range(%d):
    with ungil.Interpreter() as interpreter:
        interpreter.exec("begun = []")
        found = []
        def run(find):
            found.append(why(interpreter.call, together, len(ends), find))
        threads = [threading.Thread(target=run, args=(find,), daemon=True) for find in ends]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert found == ["abort() was called"] * len(ends), found
print("all ended")
"""
            % rounds(50, 3),
            "all ended\n",
        )


if __name__ == "__main__":
    unittest.main()
