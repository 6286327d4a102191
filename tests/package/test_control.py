"""Controls: progress, cancellation, deadlines and closing."""

import copy
import gc
import math
import pickle
import threading
import time
import unittest

import ungil
from references import interrupted
from ungil import compat, kernels
from ungil._native.interruptible import run_interruptibly

ENDLESS = 10**15


def begun(control):
    """Wait until a call that uses the control has made progress."""
    while not control.progress.done:
        time.sleep(0.001)


class Controls(unittest.TestCase):
    def test_progress(self):
        with ungil.Control() as control:
            self.assertEqual(control.progress, (0, 0))
            self.assertEqual(control.progress.fraction, 0.0)
            compat.pi(10**6, control=control)
            self.assertEqual(control.progress, (10**6, 10**6))
            self.assertEqual(control.progress.fraction, 1.0)
            kernels.is_prime([1, 2, 3], control=control)
            self.assertEqual(control.progress, ungil.Progress(done=3, total=3))

    def test_progress_while_a_call_runs(self):
        with ungil.Control() as control:
            thread = threading.Thread(target=self.expect, args=(ungil.CancelledError, control))
            thread.start()
            begun(control)
            first = control.progress
            while control.progress.done == first.done:
                time.sleep(0.001)
            self.assertEqual((first.total, control.progress.total), (ENDLESS, ENDLESS))
            control.cancel()
            thread.join()

    def expect(self, error, control):
        with self.assertRaises(error):
            compat.pi(ENDLESS, control=control)

    def test_there_are_no_copies(self):
        """Freeing a copy would free the original's handle."""
        with ungil.Control() as control:
            for make in copy.copy, copy.deepcopy, pickle.dumps:
                with self.assertRaisesRegex(TypeError, "'Control'"):
                    make(control)
            self.assertGreater(compat.pi(10, control=control), 3)

    def test_a_cancelled_control_stays_so(self):
        with ungil.Control() as control:
            control.cancel()
            control.cancel()
            for _ in range(2):
                with self.assertRaises(ungil.CancelledError):
                    compat.pi(1, control=control)

    def test_deadlines(self):
        with ungil.Control(deadline=0.05) as control:
            with self.assertRaises(TimeoutError) as caught:
                compat.pi(ENDLESS, control=control)
            self.assertIsInstance(caught.exception, ungil.TimeoutError)
            self.assertIsInstance(caught.exception, ungil.Error)
            control.set_deadline(None)
            compat.pi(1, control=control)
            control.set_deadline(-5)
            self.expect(ungil.TimeoutError, control)
        for seconds in (0, 0.0, -math.inf):
            with ungil.Control(seconds) as control:
                self.expect(ungil.TimeoutError, control)
        for seconds in (math.inf, 1e300, 10**9):
            with ungil.Control(seconds) as control:
                compat.pi(1, control=control)

    def test_wrong_deadlines(self):
        with self.assertRaisesRegex(ValueError, "deadline: .* not NaN"):
            ungil.Control(math.nan)
        with self.assertRaises(TypeError):
            ungil.Control("soon")
        with self.assertRaises(TypeError):
            ungil.Control(1, 2, 3)

    def test_closed(self):
        control = ungil.Control()
        self.assertGreater(control.handle, 0)
        control.close()
        control.close()
        self.assertEqual(control.handle, 0)
        self.assertEqual(repr(control), "<ungil.Control, closed>")
        for use in (control.cancel, lambda: control.progress, lambda: control.set_deadline(1)):
            with self.assertRaisesRegex(ValueError, "this control is closed"):
                use()

    def test_close_stops_the_call_that_uses_it(self):
        control = ungil.Control()
        thread = threading.Thread(target=self.expect, args=(ungil.CancelledError, control))
        thread.start()
        begun(control)
        closers = [threading.Thread(target=control.close) for _ in range(3)]
        for closer in closers:
            closer.start()
        for closer in closers + [thread]:
            closer.join()
        self.assertEqual(control.handle, 0)

    def test_there_may_be_many_one_after_the_other(self):
        for _ in range(70000):
            ungil.Control()
        gc.collect()
        ungil.Control().close()

    def test_representation(self):
        with ungil.Control() as control:
            compat.pi(5, control=control)
            self.assertEqual(repr(control), "<ungil.Control, 5 of 5 done>")


class RunInterruptibly(unittest.TestCase):
    def test_results_and_errors(self):
        self.assertEqual(run_interruptibly(lambda: 5, self.fail), 5)
        with self.assertRaises(ZeroDivisionError):
            run_interruptibly(lambda: 1 // 0, self.fail)

    def test_a_signal_at_the_calls_end(self):
        """A signal at any time, also at the call's end, never makes it wait for a call that has ended."""
        program = """
import signal, time
from ungil._native.interruptible import run_interruptibly
def wait(event):
    while not event(): time.sleep(1e-5)
try:
    print("started")
    wait(lambda: False)
except KeyboardInterrupt:
    handled = []
def handle(number, frame):
    handled.append(number)
    raise KeyboardInterrupt
signal.signal(signal.SIGALRM, handle)
for i in range(3000):
    try:
        signal.setitimer(signal.ITIMER_REAL, 1e-6 + 1e-6 * (i % 300))
        run_interruptibly(lambda: time.sleep(1e-4), lambda: None)
        wait(lambda: len(handled) > i)
    except KeyboardInterrupt:
        pass
print(len(handled))
"""
        self.assertEqual(interrupted(program, "started"), (0, ["3000"]))


if __name__ == "__main__":
    unittest.main()
