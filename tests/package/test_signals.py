"""Signals in interpreters: they are the interpreter's own, and never reach the process."""

import re
import signal
import tempfile
import threading
import unittest

import ungil
from support import HAS_INTERPRETERS, NEEDS_INTERPRETERS, PATIENCE, OneInterpreter, run_script

PROGRAM = """
import os, signal, time
import ungil
from collections import Counter

def task(_):
    import asyncio, faulthandler, os, signal
    numbers = [signal.SIGINT, signal.SIGTERM, signal.SIGCHLD, signal.SIGUSR1]
    seen = []
    for number in numbers:
        signal.signal(number, lambda number, frame: seen.append(number))
        signal.raise_signal(number)
        os.kill(os.getpid(), number)
        signal.siginterrupt(number, True)
        signal.signal(number, signal.SIG_IGN)
        signal.signal(number, signal.SIG_DFL)
    faulthandler.enable()
    faulthandler.register(signal.SIGUSR1)
    faulthandler.unregister(signal.SIGUSR1)
    faulthandler.disable()
    signal.signal(signal.SIGINT, signal.default_int_handler)
    asyncio.run(asyncio.sleep(0))
    counts = {number: seen.count(number) for number in numbers}
    # Children of the program end meanwhile, so this one may come more often.
    return counts.pop(signal.SIGCHLD) >= 2 and set(counts.values()) == {2}

def masks():
    with open("/proc/self/status") as file:
        return [line for line in file if line.startswith(("SigCgt", "SigIgn", "SigBlk"))]

arrived = Counter()
for number in signal.SIGINT, signal.SIGTERM, signal.SIGCHLD, signal.SIGUSR1:
    signal.signal(number, lambda number, frame: arrived.update([signal.Signals(number).name]))
with ungil.InterpreterPoolExecutor(4) as pool:
    pool.submit(task, 0).result()
    before, futures = masks(), [pool.submit(task, i) for i in range(200)]
    while not all(future.done() for future in futures):
        for number in signal.SIGINT, signal.SIGTERM, signal.SIGUSR1:
            os.kill(os.getpid(), number)
        os.waitpid(os.spawnlp(os.P_NOWAIT, "true", "true"), 0)
        time.sleep(0.01)
    print({future.result() for future in futures}, before == masks())
print(sorted(arrived))
"""


@unittest.skipUnless(HAS_INTERPRETERS, NEEDS_INTERPRETERS)
class Signals(OneInterpreter):
    def test_handlers_are_as_in_a_new_process(self):
        def dispositions():
            import signal

            return {int(number): str(signal.getsignal(number)) for number in signal.valid_signals()}

        expected = {
            int(number): str(signal.SIG_IGN if signal.getsignal(number) == signal.SIG_IGN else signal.SIG_DFL)
            for number in signal.valid_signals()
        }
        expected[signal.SIGINT] = str(signal.default_int_handler)
        expected[signal.SIGPIPE] = expected[signal.SIGXFSZ] = str(signal.SIG_IGN)
        with ungil.Interpreter(fresh=True) as interpreter:
            self.assertEqual(interpreter.call(dispositions), expected)

    def test_a_task_sends_a_signal_to_itself(self):
        def task(send):
            import os
            import signal
            import threading

            seen = []

            def handle(number, frame):
                seen.append((number, frame is not None, threading.current_thread() is threading.main_thread()))

            before = signal.signal(signal.SIGUSR1, handle)
            ways = {
                "raise": lambda: signal.raise_signal(signal.SIGUSR1),
                "kill": lambda: os.kill(os.getpid(), signal.SIGUSR1),
                "pthread_kill": lambda: signal.pthread_kill(threading.get_ident(), signal.SIGUSR1),
            }
            ways[send]()
            is_own = signal.getsignal(signal.SIGUSR1) is handle
            return seen, before, is_own, signal.signal(signal.SIGUSR1, signal.SIG_IGN) is handle, ways[send]()

        for send in "raise", "kill", "pthread_kill":
            seen, before, is_own, was_own, _ = self.call(task, send)
            self.assertEqual(seen, [(signal.SIGUSR1, True, True)])
            self.assertIn(before, [signal.SIG_DFL, signal.SIG_IGN])
            self.assertTrue(is_own and was_own)

    def test_wrong_arguments(self):
        def errors():
            import os
            import signal
            import threading

            found = []

            def attempt(*arguments, function=signal.signal):
                try:
                    function(*arguments)
                except Exception as error:
                    found.append("%s: %s" % (type(error).__name__, error))

            attempt(1000, signal.SIG_DFL)
            attempt(signal.SIGKILL, signal.SIG_DFL)
            attempt(signal.SIGUSR1, 5)
            attempt(10**6, function=signal.raise_signal)
            attempt(os.getpid(), 1000, function=os.kill)
            attempt(signal.ITIMER_REAL, -1, function=signal.setitimer)
            attempt(1000, True, function=signal.siginterrupt)
            attempt(10**6, function=signal.set_wakeup_fd)
            thread = threading.Thread(target=attempt, args=(signal.SIGUSR1, signal.SIG_DFL))
            thread.start()
            thread.join()
            return found

        self.assertEqual(self.call(errors), errors())

    def test_a_signal_from_a_thread_reaches_the_main_thread(self):
        def task(patience):
            import os
            import signal
            import threading
            import time

            threads = []
            signal.signal(signal.SIGUSR2, lambda *_: threads.append(threading.current_thread()))
            sender = threading.Thread(target=os.kill, args=(os.getpid(), signal.SIGUSR2))
            sender.start()
            sender.join()
            end = time.monotonic() + patience
            while not threads and time.monotonic() < end:
                pass
            return [thread is threading.main_thread() for thread in threads]

        self.assertEqual(self.call(task, PATIENCE), [True])

    def test_asyncio(self):
        def task():
            import asyncio
            import os
            import signal

            async def main():
                loop, arrived = asyncio.get_running_loop(), asyncio.Event()
                for number in signal.SIGTERM, signal.SIGINT:
                    loop.add_signal_handler(number, arrived.set)
                    os.kill(os.getpid(), number)
                    await arrived.wait()
                    arrived.clear()
                return [loop.remove_signal_handler(number) for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)]

            return asyncio.run(main()), signal.getsignal(signal.SIGTERM)

        self.assertEqual(self.call(task), ([True, True, False], signal.SIG_DFL))

    def test_timers(self):
        def task():
            import signal

            count = []
            signal.signal(signal.SIGALRM, lambda number, frame: count.append(number))
            before = signal.setitimer(signal.ITIMER_REAL, 0.01, 0.01)
            while len(count) < 3:
                signal.pause()
            rest, interval = signal.setitimer(signal.ITIMER_REAL, 0)
            signal.alarm(1000)
            alarm = signal.alarm(0)
            try:
                signal.setitimer(signal.ITIMER_PROF, 1)
            except OSError as error:
                refused = type(error) is signal.ItimerError
            return before, 0 < rest <= 0.01 and round(interval, 6) == 0.01, alarm, refused, set(count)

        self.assertEqual(self.call(task), ((0, 0), True, 1000, True, {signal.SIGALRM}))

    def test_faulthandler(self):
        def task(path):
            import faulthandler
            import signal

            with open(path, "w") as file:
                before = faulthandler.is_enabled()
                faulthandler.enable(file)
                faulthandler.register(signal.SIGUSR1, file)
                signal.raise_signal(signal.SIGUSR1)
                faulthandler.dump_traceback_later(1000, file=file)
                faulthandler.cancel_dump_traceback_later()
                return (
                    before,
                    faulthandler.is_enabled(),
                    faulthandler.unregister(signal.SIGUSR1),
                    faulthandler.disable(),
                )

        with tempfile.NamedTemporaryFile() as file:
            self.assertEqual(self.call(task, file.name)[1:], (True, True, True))
            self.assertIn(b"in task", file.read())

    def test_a_reset_restores_all(self):
        def change():
            import signal

            signal.signal(signal.SIGINT, signal.SIG_IGN)
            signal.signal(signal.SIGTERM, lambda *_: None)
            signal.alarm(1000)
            signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR1])

        def state():
            import signal

            handlers = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)
            return handlers, signal.alarm(0), signal.pthread_sigmask(signal.SIG_BLOCK, []) & {signal.SIGUSR1}

        with ungil.Interpreter(argv=["reset"]) as interpreter:
            interpreter.exec("import _ungil; _ungil.mark = 5")
            interpreter.call(change)
        with ungil.Interpreter(argv=["reset"]) as interpreter:
            self.assertEqual(interpreter.eval("__import__('_ungil').mark"), 5)  # it is the same one
            self.assertEqual(interpreter.call(state), ((signal.default_int_handler, signal.SIG_DFL), 0, set()))

    def test_the_signal_mask_of_the_thread_is_restored(self):
        def block():
            import signal

            signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR1])
            return signal.SIGUSR1 in signal.pthread_sigmask(signal.SIG_BLOCK, [])

        found = []

        def request():
            found.append(self.call(block))
            found.append(signal.SIGUSR1 in signal.pthread_sigmask(signal.SIG_BLOCK, []))

        thread = threading.Thread(target=request)
        thread.start()
        thread.join()
        self.assertEqual(found, [True, False])

    def test_a_fatal_signal_ends_the_interpreter(self):
        def task(number):
            import os

            os.kill(os.getpid(), number)

        for number in signal.SIGTERM, signal.SIGKILL, signal.SIGUSR1:
            with ungil.Interpreter() as interpreter, self.assertRaises(ungil.InterpreterDiedError) as caught:
                interpreter.call(task, number)
            self.assertIn("signal %d" % number, str(caught.exception))

    def test_signals_that_stop_a_process_are_refused_and_others_ignored(self):
        def task():
            import os
            import signal

            os.kill(os.getpid(), signal.SIGCHLD)
            try:
                os.kill(os.getpid(), signal.SIGSTOP)
            except PermissionError:
                return True

        self.assertTrue(self.call(task))


@unittest.skipUnless(HAS_INTERPRETERS, NEEDS_INTERPRETERS)
class TheProcess(unittest.TestCase):
    def test_its_own_handling_is_untouched(self):
        status, output, errors = run_script(PROGRAM)
        # Python says so where a child of the program ends just before a task sets SIG_DFL.
        races = r"Exception ignored.*\n(.*\n)*?OSError: Signal %d ignored due to race condition\n" % signal.SIGCHLD
        self.assertEqual(re.sub(races, "", errors), "")
        self.assertEqual(output, "{True} True\n['SIGCHLD', 'SIGINT', 'SIGTERM', 'SIGUSR1']\n")
        self.assertEqual(status, 0)

    def test_the_end_of_a_child_reaches_a_handler(self):
        def task():
            import signal
            import subprocess
            import time

            arrived = []
            signal.signal(signal.SIGCHLD, lambda *_: arrived.append(1))
            child = subprocess.Popen(["true"])
            while not arrived:  # it may arrive before pause() would be called
                time.sleep(0.01)
            return child.wait(), bool(arrived), signal.signal(signal.SIGCHLD, signal.SIG_DFL) != signal.SIG_DFL

        with ungil.Interpreter() as interpreter:
            self.assertEqual(interpreter.call(task), (0, True, True))

    def test_children_have_default_handlers(self):
        def task():
            import signal
            import subprocess
            import sys

            for number in signal.SIGINT, signal.SIGTERM, signal.SIGUSR1:
                signal.signal(number, lambda *_: None)
            program = "import signal; print([str(signal.getsignal(n)) for n in (signal.SIGTERM, signal.SIGUSR1)])"
            child = subprocess.run([sys.executable, "-c", program], stdout=subprocess.PIPE, check=True)
            sleeper = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(1000)"])
            sleeper.terminate()
            return child.stdout.decode(), sleeper.wait()

        with ungil.Interpreter() as interpreter:
            default = str(signal.SIG_DFL)
            self.assertEqual(interpreter.call(task), (str([default, default]) + "\n", -signal.SIGTERM))


if __name__ == "__main__":
    unittest.main()
