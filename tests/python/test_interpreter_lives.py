# coding: utf-8
"""Isolated interpreters come and go: reuse, interrupts, growth, forks, the process's end."""

from __future__ import unicode_literals

import ctypes
import os
import sys
import threading
import unittest

from interpreters import (
    HANDLE,
    HAS_ONE,
    IN_USE,
    PYTHON,
    REASON,
    SERVER,
    UNSUPPORTED,
    DIED,
    Case,
    ExportedBuffer,
    Failed,
    Interpreter,
    count,
    library,
    memory,
    run,
    together,
)
from support import signatures

from stress import rounds  # in a directory that support has added


@unittest.skipUnless(HAS_ONE, REASON)
class Lives(Case):
    def test_freed_ones_are_reset_and_given_out_again(self):
        first = self.new(argv=["only here"])
        first.run("import sys, json, _ungil; x = 5; sys.path.append('/x'); sys.argv.append('y')")
        first.run("_ungil.serve(len); sys.stdout = None")
        first.free()
        self.assert_fails(HANDLE, "interp", first.run, "1")
        self.assertEqual(library.ungil_interp_free(first.handle), HANDLE)
        os.environ["UNGIL_LATER"] = "1"
        second = self.new(argv=["only here"])
        second.run("import sys, os")
        self.assertEqual(second.eval("'json' in sys.modules"), "True")
        self.assertEqual(second.eval("sys.path[-1] != '/x' and sys.argv"), "['only here']")
        self.assertEqual(second.eval("sys.stdout is sys.__stdout__ and os.environ['UNGIL_LATER']"), "1")
        self.assert_fails(PYTHON, "NameError", second.eval, "x")
        self.assert_fails(PYTHON, "_ungil.serve", second.call, b"x")

    def test_one_that_has_died(self):
        first, alive = self.new(argv=["dies"]), ctypes.c_int32(-1)
        self.assertEqual(library.ungil_interp_is_alive(first.handle, ctypes.byref(alive)), 0)
        self.assertEqual(alive.value, 1)
        message = self.assert_fails(DIED, "_exit", first.run, "import os\ndef f(): os._exit(3)\nf()")
        lines = message.splitlines()
        self.assertTrue(lines[0].endswith("the interpreter died: _exit(3) was called"), message)
        self.assertIn("in f", lines[-2], message)
        for request in (first.run, first.eval):
            self.assert_fails(DIED, "_exit", request, "1")
        self.assert_fails(DIED, "_exit", first.call, b"x")
        self.assertEqual(library.ungil_interp_interrupt(first.handle), 0)
        self.assertEqual(library.ungil_interp_is_alive(first.handle, ctypes.byref(alive)), 0)
        self.assertEqual(alive.value, 0)
        self.assertEqual(library.ungil_interp_is_alive(first.handle, None), signatures.UNGIL_E_NULL)
        before = count()
        first.free()
        self.assertEqual(count(), (before[0] - 1, before[1]))  # it is not idle: it cannot be reused
        self.assertEqual(library.ungil_interp_is_alive(first.handle, ctypes.byref(alive)), HANDLE)
        self.assertEqual(self.new(argv=["dies"]).eval("1 + 1"), "2")

    def test_one_that_is_checked_out_again_is_like_its_host_is_now(self):
        self.new().free()
        sys.path.append("/added/later")
        try:
            self.assertEqual(self.new().eval("__import__('sys').path"), str(sys.path))
        finally:
            sys.path.pop()

    def test_while_other_threads_ask_for_the_version(self):
        # Until 3.11, Python's text of its version is empty while another thread asks for it.
        ask, over, numbers = ctypes.CDLL(None).Py_GetVersion, threading.Event(), (ctypes.c_double * 10000)()

        def keep_asking():
            while not over.is_set():
                library.ungil_map_f64(ask, numbers, numbers, len(numbers), 1, 0)

        def start_some():
            try:
                for i in range(rounds(300, 10)):
                    interpreter = self.new(argv=["version"], fresh=int(i < 3))
                    self.assertEqual(interpreter.eval("__import__('sys').path"), str(sys.path))
                    interpreter.free()
            finally:
                over.set()

        together([start_some, keep_asking])

    def test_a_fresh_one(self):
        first = self.new(argv=["fresh"])
        first.run("import sys; sys.mark = 1")
        first.free()
        self.assertEqual(self.new(argv=["fresh"], fresh=1).eval("hasattr(__import__('sys'), 'mark')"), "False")
        self.assertEqual(self.new(argv=["fresh"]).eval("__import__('sys').mark"), "1")

    def test_one_with_threads_left_is_not_checked_out_again(self):
        first = self.new(argv=["threads"])
        first.run("import sys, threading; sys.mark = 1; e = threading.Event(); threading.Thread(target=e.wait).start()")
        first.run("sys.e = e")
        first.free()
        self.assertEqual(self.new(argv=["threads"]).eval("hasattr(__import__('sys'), 'mark')"), "False")

    def test_one_with_raw_threads_left_is_not_checked_out_again(self):
        first = self.new(argv=["raw"])
        first.run(
            "import sys, _thread, time; sys.mark = 1; lock = _thread.allocate_lock(); lock.acquire()\n"
            "_thread.start_new_thread(lambda: (lock.release(), time.sleep(600)), ()); lock.acquire()"
        )
        first.free()
        self.assertEqual(self.new(argv=["raw"]).eval("hasattr(__import__('sys'), 'mark')"), "False")

    def test_what_a_user_has_spoiled_is_restored(self):
        first = self.new(argv=["spoiled"])
        buffer = ExportedBuffer((ctypes.c_ubyte * 10)())
        first.run(
            "import _ungil, gc; gc.disable()\n_ungil.serve(lambda r, view: (lambda l: l.append(l) or b'')([view]))"
        )
        first.call(b"", buffer)
        first.run(
            "import sys, builtins; sys.mark = 1; del sys.modules['_ungil']; sys.modules['__main__'] = None\n"
            "sys.meta_path.clear(); sys.setrecursionlimit(77); builtins.len = None"
        )
        first.free()
        self.assertTrue(buffer.released.is_set())
        second = self.new(argv=["spoiled"])
        self.assertEqual(second.eval("[__import__('sys').mark, len([])]"), "[1, 0]")
        second.run("import _ungil, wave")

    def test_counts(self):
        in_use, idle = count()
        interpreter = Interpreter(argv="counted")
        self.assertEqual(count(), (in_use + 1, idle))
        interpreter.free()
        self.assertEqual(count(), (in_use, idle + 1))

    def test_a_busy_one_is_not_freed(self):
        interpreter = self.new()
        reading, writing = os.pipe()
        source = "import os\nos.write(%d, b'x')\nwhile True: pass" % writing
        thread = threading.Thread(target=lambda: self.assert_fails(PYTHON, "Keyboard", interpreter.run, source))
        thread.start()
        os.read(reading, 1)
        self.assertEqual(library.ungil_interp_free(interpreter.handle), IN_USE)
        interpreter.interrupt()
        thread.join()
        interpreter.free()
        os.close(reading), os.close(writing)

    def test_interrupts_of_many_requests_that_fail(self):
        """None may come while its exception is described: that imports modules, and would leave a lock held."""
        for _ in range(rounds(3, 1)):
            interpreter = self.new(fresh=1)
            done = threading.Event()

            def ask():
                while not done.wait(0.001):
                    interpreter.interrupt()

            def fail():
                for _ in range(8):
                    with self.assertRaises(Failed) as caught:
                        interpreter.run("x = [j for j in range(3000)]\n1/0")
                    self.assertNotIn("str() failed", caught.exception.message)

            asking = threading.Thread(target=ask)
            asking.start()
            try:
                together([fail] * 6)
            finally:
                done.set()
                asking.join()
            self.assertEqual(interpreter.eval("2"), "2")

    def test_interrupts(self):
        interpreter = self.new()
        interpreter.interrupt()  # nothing runs
        self.assertEqual(interpreter.eval("1"), "1")
        for _ in range(rounds(5, 1)):
            done = threading.Event()

            def keep_asking():
                while not done.wait(0.01):
                    interpreter.interrupt()

            asking = threading.Thread(target=keep_asking)
            asking.start()
            try:
                self.assert_fails(PYTHON, "KeyboardInterrupt", interpreter.run, "while True: pass")
            finally:
                done.set()
                asking.join()
            self.assertEqual(interpreter.eval("2"), "2")

    def test_200_rounds_of_4_without_growth(self):
        def some(number):
            for _ in range(number):
                four = [Interpreter() for _ in range(4)]
                together([lambda it=it: it.run("import json\nx = [str(i) for i in range(10000)]") for it in four])
                for interpreter in four:
                    interpreter.free()

        some(1)
        first = memory()
        some(rounds(199, 3))
        self.assertLess(memory(), first * 1.1)

    def test_10000_tasks_without_growth(self):
        interpreter = self.new()
        interpreter.run(SERVER)

        def tasks(number):
            for i in range(number):
                buffer = ExportedBuffer((ctypes.c_ubyte * 1000)())
                interpreter.call(b"sum", buffer).free()
                interpreter.run("y = %d" % i)

        tasks(1000)
        first = memory()
        tasks(rounds(9000, 1000))
        self.assertLess(memory(), first * 1.1 + (1 << 20))

    def test_64_at_once(self):
        status, output, errors = run("""
            number = %d
            all_of_them = [Interpreter() for _ in range(number)]
            results = {}
            def work(i):
                all_of_them[i].run("x = sum(j * %%d for j in range(20000))" %% i)
                results[i] = int(all_of_them[i].eval("x"))
            together([lambda i=i: work(i) for i in range(number)])
            assert results == {i: i * 199990000 for i in range(number)}, results
        """ % rounds(64, 8))
        self.assertEqual((status, errors), (0, ""))


@unittest.skipUnless(HAS_ONE, REASON)
class Processes(Case):
    def test_fork_while_workers_are_busy(self):
        status, output, errors = run("""
            import warnings; warnings.simplefilter("ignore")
            i, busy = Interpreter(), Interpreter()
            stop = []
            thread = threading.Thread(target=lambda: [busy.run("sum(range(1000))") for _ in iter(lambda: bool(stop), True)])
            thread.start()
            for _ in range(%d):
                child = os.fork()
                if child == 0:
                    text = ctypes.c_char_p()
                    reply = signatures.UngilReply()
                    forked = [
                        library.ungil_interp_exec(i.handle, b"1"),
                        library.ungil_interp_eval(busy.handle, b"1", ctypes.byref(text)),
                        library.ungil_interp_call(i.handle, None, 0, None, 0, ctypes.byref(reply)),
                        library.ungil_interp_interrupt(i.handle),
                        library.ungil_interp_free(i.handle),
                    ]
                    own = Interpreter()  # the child may have interpreters of its own
                    own.run("import math")
                    os._exit(0 if set(forked) == {signatures.UNGIL_E_FORKED} and own.eval("math.sqrt(4)") == "2.0" else 1)
                assert os.waitpid(child, 0)[1] == 0
            stop.append(1)
            thread.join()
            print(i.eval("6 * 7"))
        """ % rounds(20, 3))
        self.assertEqual((status, output), (0, "42\n"), errors)

    def test_fork_start_multiprocessing_in_the_host(self):
        status, output, errors = run("""
            import multiprocessing, warnings; warnings.simplefilter("ignore")
            i = Interpreter()
            i.run("x = 1")
            def child(queue): queue.put(library.ungil_interp_exec(i.handle, b"x"))
            context = multiprocessing.get_context("fork")
            queue = context.Queue()
            process = context.Process(target=child, args=(queue,))
            process.start()
            print(queue.get(), i.eval("x"))
            process.join()
        """)
        self.assertEqual((status, output), (0, "%d 1\n" % signatures.UNGIL_E_FORKED), errors)

    def ends_promptly(self, source):
        """run() kills what does not end."""
        for _ in range(rounds(5, 1)):
            status, output, errors = run(source)
            self.assertEqual((status, output, errors), (7, "", ""))

    def test_exit_with_idle_interpreters(self):
        self.ends_promptly("i = Interpreter(); Interpreter().free(); i.run('import threading'); sys.exit(7)")

    def test_exit_with_workers_busy_in_python(self):
        self.ends_promptly("""
            for i in [Interpreter() for _ in range(3)]:
                thread = threading.Thread(target=lambda i=i: i.run("while True: pass"))
                thread.daemon = True
                thread.start()
            sys.exit(7)
        """)

    def test_exit_with_workers_busy_in_c(self):
        self.ends_promptly("""
            for source in ("import time; time.sleep(1000)", "sum(range(10**12))"):
                thread = threading.Thread(target=Interpreter().run, args=(source,))
                thread.daemon = True
                thread.start()
            sys.exit(7)
        """)

    def test_exit_half_way_through_start_up(self):
        self.ends_promptly("""
            for _ in range(3):
                thread = threading.Thread(target=Interpreter)
                thread.daemon = True
                thread.start()
            import time; time.sleep(float(os.getpid() % 10) / 400)
            sys.exit(7)
        """)

    def test_exit_with_daemon_threads_left_inside(self):
        self.ends_promptly(self.LEFT_INSIDE % True)

    def test_exit_with_a_thread_left_inside_that_never_ends(self):
        """The exit waits for it, as Python does, but not for more than 20 s. So this has no short form."""
        if rounds(1, 0):
            self.assertEqual(tuple(run(self.LEFT_INSIDE % False)), (7, "", ""))

    LEFT_INSIDE = """
        i = Interpreter()
        i.run("import threading\\ndef f():\\n    while True: pass\\nthreading.Thread(target=f, daemon=%s).start()"); sys.exit(7)
    """

    def test_signals_are_for_the_hosts_own_threads(self):
        status, output, errors = run("""
            import glob, signal, time
            from support import helpers
            value = ctypes.c_double()
            library.ungil_pi(10**8, 2, 0, ctypes.byref(value))
            all_of_them = [Interpreter(fresh=1) for _ in range(2)]
            all_of_them[0].run("x = 1")
            helpers(3)  # of the pool's, there may be none on a machine with one processor
            masks = {}
            for task in glob.glob("/proc/self/task/*"):
                name = open(task + "/comm").read().strip()
                mask = next(line.split()[1] for line in open(task + "/status") if line.startswith("SigBlk"))
                masks[name] = int(mask, 16)
            own = {name: mask for name, mask in masks.items() if name.startswith("ungil-")}
            assert {"ungil-python-0", "ungil-python-1"} <= set(own), masks
            assert len(set(own.values())) == 1, own
            for signal in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGALRM, signal.SIGUSR1, signal.SIGCHLD,
                           signal.SIGRTMIN, signal.SIGRTMAX):
                assert own["ungil-python-0"] >> (signal - 1) & 1, signal
            print(all_of_them[1].eval("6 * 7"))
        """)
        self.assertEqual((status, output), (0, "42\n"), errors)

    def test_start_that_fails_inside_python(self):
        """A standard library without its codecs makes Python end its process: it is this call that ends."""
        status, output, errors = run("""
            import tempfile
            home = tempfile.mkdtemp()
            directory = os.path.join(home, "lib", "python%d.%d" % sys.version_info[:2])
            os.makedirs(directory)
            open(os.path.join(directory, "os.py"), "w").close()
            try: Interpreter(home=home, executable="", path=[directory])
            except Failed as failed: print(failed.status)
            print(Interpreter().eval("1 + 1"))
        """)
        self.assertEqual((status, output), (0, "%d\n2\n" % UNSUPPORTED), errors)

    def test_under_jemalloc(self):
        path = next(iter(sorted(__import__("glob").glob("/usr/lib/*/libjemalloc.so.2"))), None)
        if path is None:
            self.skipTest("SKIP: there is no libjemalloc.so.2 (apt install libjemalloc2)")
        status, output, errors = run(
            """
            all_of_them = [Interpreter() for _ in range(4)]
            together([lambda i=i: i.run("import json, ctypes; json.dumps([bytes(1000).hex() for _ in range(1000)])")
                      for i in all_of_them])
            print(all_of_them[0].eval("1 + 1"))
        """,
            environment={"LD_PRELOAD": path},
        )
        self.assertEqual((status, output), (0, "2\n"), errors)


if __name__ == "__main__":
    unittest.main()
