"""Faults, and the handler of SIGSEGV: what the program has chosen for these stays."""

import signal
import unittest

from deadly import DeadlyPrograms
from support import HAS_INTERPRETERS, NEEDS_INTERPRETERS


@unittest.skipUnless(HAS_INTERPRETERS, NEEDS_INTERPRETERS)
class Faults(DeadlyPrograms):
    def test_a_crash_ends_the_process(self):
        """As if the library had no handler: by the signal, after the handler that was there before."""
        script = "import faulthandler\n%s\nungil.run(lambda: ctypes.string_at(8))"
        self.run_program(script % "faulthandler.disable()", status=-signal.SIGSEGV)
        self.assertEqual(self.errors, "")
        self.run_program(script % "faulthandler.enable()", status=-signal.SIGSEGV)
        self.assertIn("Fatal Python error: Segmentation fault", self.errors)

    def test_a_handler_that_was_there_before_is_called_once_if_it_says_so(self):
        script = "c('note_one_fault')()\nungil.Interpreter().exec('import ctypes; ctypes.string_at(8)')"
        self.run_program(script, status=-signal.SIGSEGV)
        self.assertEqual(self.errors, "a fault\n")

    def test_a_signal_that_a_handler_sends(self):
        """faulthandler's does so. Another request does not wait for that handler."""
        self.assert_prints(
            """
ends = "import faulthandler, os, signal; faulthandler.enable(); os.kill(os.getpid(), signal.SIGSEGV)"
with ungil.Interpreter() as interpreter:
    waits = "import time; begun = True\\nwhile True: time.sleep(0.01)"
    other = threading.Thread(target=lambda: print(why(interpreter.exec, waits)), daemon=True)
    other.start()
    while not interpreter.eval("'begun' in globals()"):
        time.sleep(0.001)
    text = why(interpreter.exec, ends)
    other.join()
    print(text)
""",
            "Fatal Python error: Segmentation fault\n" * 2,
        )

    def test_a_stack_of_the_programs_own_stays_as_it_is(self):
        self.assert_prints(
            """
with ungil.Interpreter() as interpreter:
    function = ctypes.CFUNCTYPE(ctypes.c_void_p, ctypes.c_void_p)(lambda _: interpreter.exec("number = 5"))
    print(c("call_on_own_stack")(function), interpreter.eval("number"))
""",
            "0 5\n",
        )
