"""Processes that tasks start: everything that works in threads works, and nothing is written to stderr."""

import os
import shutil
import subprocess
import tempfile
import unittest

from support import HAS_INTERPRETERS, NEEDS_INTERPRETERS, installed_packages, run_script

USE = """
import sys, ungil
from concurrent.futures import ThreadPoolExecutor

def use_modules():
    import asyncio, concurrent.futures, logging, random, threading
    asyncio.run(asyncio.sleep(0))
    logging.getLogger("a").addHandler(logging.StreamHandler())
    random.seed(5)
    thread = threading.Thread(target=random.random)
    thread.start()
    thread.join()
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        pool.submit(random.random).result()
    try:
        import numpy
    except ImportError:
        pass
    else:
        numpy.random.default_rng().random()

def both(task):
    for kind in ThreadPoolExecutor, ungil.InterpreterPoolExecutor:
        with kind(1) as pool:
            print(pool.submit(task).result(), flush=True)
"""


def build_library(directory, name, source, **numbers):
    """Compiles a library that is private to interpreters, as it is in a directory for packages."""
    if not shutil.which("cc"):
        raise unittest.SkipTest("SKIP: no C compiler")
    target = os.path.join(installed_packages(directory), name + ".so")
    defined = ["-D%s=%d" % number for number in numbers.items()]
    headers = "#include <dlfcn.h>\n#include <unistd.h>\n"
    command = ["cc", "-shared", "-fPIC", "-w", *defined, "-x", "c", "-", "-o", target]
    subprocess.run(command, input=headers + source, text=True, check=True)
    return target


@unittest.skipUnless(HAS_INTERPRETERS, NEEDS_INTERPRETERS)
class Children(unittest.TestCase):
    def assert_prints(self, script, *lines):
        """The same in a thread, and in an interpreter."""
        status, output, errors = run_script(USE + script)
        self.assertEqual((status, errors), (0, ""))
        self.assertEqual(output.splitlines(), [*lines, *lines])

    def test_a_child_of_a_fork(self):
        self.assert_prints(
            """
def task():
    import os, subprocess
    use_modules()
    subprocess.run(["true"], preexec_fn=lambda: None, check=True)
    subprocess.run(["true"], preexec_fn=os.setsid, check=True)
    return "done"

both(task)
""",
            "done",
        )

    def test_a_child_of_a_fork_is_a_process_of_its_own(self):
        self.assert_prints(
            """
def task():
    import signal, subprocess
    use_modules()

    def prepare():
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        signal.alarm(0)

    show = "import signal; print(signal.getsignal(signal.SIGINT) == signal.SIG_IGN)"
    return subprocess.check_output([sys.executable, "-c", show], preexec_fn=prepare).decode().strip()

both(task)
""",
            "True",
        )

    def test_a_fork_while_another_thread_loads_a_library(self):
        """The child loads another one. The slow one's initialiser says that it has begun."""
        sources = {
            "slow": "__attribute__((constructor)) static void begin(void) { write(BEGUN, &begin, 1); usleep(300000); }",
            "other": "int other(void) { return 1; }",
            # ctypes may hold the GIL while it loads a library.
            "loads": "int load(const char *path) { return dlopen(path, RTLD_NOW) != 0; }",
        }
        script = """
            import ctypes, os, subprocess, sys, threading, ungil

            def task(slow, other, loads):
                load = ctypes.CDLL(loads).load
                thread = threading.Thread(target=load, args=(slow.encode(),))
                thread.start()
                os.read(read, 1)
                print(subprocess.run(["true"], preexec_fn=lambda: ctypes.CDLL(other)).returncode)
                thread.join()
                print(load(slow.encode()))

            read, write = os.pipe()
            os.dup2(write, int(sys.argv[1]))
            ungil.run(task, *sys.argv[2:])
        """
        with tempfile.TemporaryDirectory() as directory:
            paths = [build_library(directory, name, source, BEGUN=99) for name, source in sources.items()]
            status, output, errors = run_script(script, "99", *paths)
        self.assertEqual((status, output, errors), (0, "0\n1\n", ""))

    def test_a_child_may_end_itself(self):
        self.assert_prints(
            """
def task():
    import os, subprocess
    use_modules()

    def prepare():
        if os.fork() == 0:
            os._exit(3)
        os._exit(os.wait()[1] >> 8)

    return subprocess.run(["true"], preexec_fn=prepare).returncode

both(task)
""",
            "3",
        )

    def test_the_process_is_still_protected(self):
        status, output, errors = run_script(
            USE
            + """
def task():
    import os, subprocess
    subprocess.run(["true"], preexec_fn=lambda: None, check=True)
    refused = 0
    for call in os.fork, os.forkpty, lambda: os.execv("/bin/true", ["true"]):
        try:
            call()
        except (RuntimeError, ValueError):
            refused += 1
    return refused

print(ungil.run(task))
"""
        )
        self.assertEqual((status, output, errors), (0, "3\n", ""))

    def test_children_of_multiprocessing(self):
        self.assert_prints(
            """
def task():
    import multiprocessing
    use_modules()
    found = []
    for way in "spawn", "forkserver":
        with multiprocessing.get_context(way).Pool(1) as pool:
            found.append(pool.map(abs, [-1, 2]))
    return found

if __name__ == "__main__":
    both(task)
""",
            "[[1, 2], [1, 2]]",
        )

    def test_functions_of_the_program_in_children_of_multiprocessing(self):
        self.assert_prints(
            """
import multiprocessing
FACTOR = 10

class Own:
    def __init__(self, value):
        self.value = value

def scaled(own):
    return Own(FACTOR * own.value)

def child(kind, results):
    with kind(1) as pool:
        own = pool.submit(scaled, Own(4)).result()
        results.put((type(own) is Own, own.value, pool.submit(lambda: FACTOR + 1).result()))

def print_results(kind):
    for way in "spawn", "forkserver":
        context = multiprocessing.get_context(way)
        results = context.Queue()
        process = context.Process(target=child, args=(kind, results))
        process.start()
        print(results.get(timeout=60))
        process.join()

if __name__ == "__main__":
    print_results(ThreadPoolExecutor)
    print_results(ungil.InterpreterPoolExecutor)
""",
            "(True, 40, 11)",
            "(True, 40, 11)",
        )


if __name__ == "__main__":
    unittest.main()
