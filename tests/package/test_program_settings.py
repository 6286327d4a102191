"""Tasks compute and print with the settings of the program, as in forked processes: decimal's and numpy's."""

from __future__ import annotations

import unittest

from both_pools import BothPools
from support import numpy

DECIMAL = """
import decimal, threading
def get():
    context = decimal.getcontext()
    traps = sorted(signal.__name__ for signal, is_on in context.traps.items() if is_on)
    return context.prec, context.rounding, context.Emin, context.Emax, context.capitals, context.clamp, traps
def third():
    return str(decimal.Decimal(1) / 3)
def in_a_thread():
    found = []
    thread = threading.Thread(target=lambda: found.append(third()))
    thread.start()
    thread.join()
    return found[0]
"""

NUMPY = """
import numpy as np
def get():
    return np.geterr(), np.get_printoptions()
def divide():
    try:
        return str(np.ones(1) / np.zeros(1))
    except FloatingPointError as error:
        return str(error)
def text():
    return str(np.ones(2000) / 3)
default = get()
"""


class Decimal(BothPools):
    def test_each_setting_of_the_context(self):
        script = """
decimal.setcontext(decimal.Context(50, decimal.ROUND_UP, -99, 98, 0, 1, [], [decimal.Inexact, decimal.FloatOperation]))
with pool() as executor:
    print(executor.submit(get).result() == get(), executor.submit(get).result() == get())
"""
        self.assert_prints(DECIMAL + script, "True True")

    def test_a_result_has_the_digits_of_the_program(self):
        script = """
decimal.getcontext().prec = 50
with pool(2) as executor:
    results = [executor.submit(third) for _ in range(9)]
    print(len(third()), {len(result.result()) for result in results})
"""
        self.assert_prints(DECIMAL + script, "52 {52}")

    def test_threads_of_tasks_have_the_default_context(self):
        script = """
decimal.getcontext().prec = 5
with pool() as executor:
    print(executor.submit(third).result(), executor.submit(in_a_thread).result())
decimal.DefaultContext.prec = 4
decimal.setcontext(decimal.Context(prec=28))
with pool() as executor:
    print(executor.submit(third).result(), executor.submit(in_a_thread).result())
"""
        third = "0." + 28 * "3"
        self.assert_prints(DECIMAL + script, "0.33333 " + third, third + " 0.3333")

    def test_a_new_pool_has_those_of_its_start(self):
        script = """
def change(): decimal.getcontext().prec = 3
for digits in (7, 28, 9):
    decimal.getcontext().prec = digits
    with pool() as executor:
        print(executor.submit(third).result())
        decimal.getcontext().prec = 6
        print(executor.submit(third).result())
        executor.submit(change).result()
"""
        expected = ["0." + digits * "3" for digits in (7, 7, 28, 28, 9, 9)]
        self.assert_prints(DECIMAL + script, *expected)

    def test_those_of_the_thread_that_starts_the_worker(self):
        script = """
def work():
    decimal.getcontext().prec = 8
    with pool() as executor:
        print(executor.submit(third).result())
thread = threading.Thread(target=work)
thread.start()
thread.join()
"""
        self.assert_prints(DECIMAL + script, "0.33333333")

    def test_run_and_interpreters(self):
        script = """
import ungil
decimal.getcontext().prec = 5
print(ungil.run(third))
with ungil.Interpreter() as interpreter:
    print(interpreter.call(third), interpreter.eval("__import__('decimal').getcontext().prec"))
"""
        self.assert_prints(DECIMAL + script, "0.33333", "0.33333 5", kinds=["interpreters"])

    def test_interpreters_import_it_only_if_need_be(self):
        script = """
def is_imported():
    import sys
    return "decimal" in sys.modules
import ungil
decimal.getcontext()
print(ungil.run(is_imported))
decimal.getcontext().prec = 5
print(ungil.run(is_imported))
"""
        self.assert_prints("import decimal" + script, "False", "True", kinds=["interpreters"])


class Locale(BothPools):
    def test_workers_that_ask_for_it_at_once(self):
        """The C library frees the text with its name while another thread reads it."""
        self.assert_prints(
            """
import locale, os
os.environ["LC_ALL"] = "C.UTF-8"  # before workers start: a name that is no constant
def ask():
    for _ in range(20000):
        locale.getpreferredencoding()
    return locale.setlocale(locale.LC_CTYPE, "") == "C.UTF-8"
with pool(4) as executor:
    print([future.result() for future in [executor.submit(ask) for _ in range(4)]])
""",
            "[True, True, True, True]",
        )


@unittest.skipUnless(numpy, "SKIP: numpy is not installed")
class Numpy(BothPools):
    def test_the_error_state(self):
        script = """
np.seterr(all="raise", under="print")
with pool() as executor:
    print(executor.submit(get).result()[0] == get()[0], executor.submit(divide).result())
"""
        self.assert_prints(NUMPY + script, "True divide by zero encountered in divide")

    def test_print_options(self):
        script = """
np.set_printoptions(threshold=np.inf, precision=np.int64(3), suppress=True, nanstr="-", sign="+")
with pool() as executor:
    print(executor.submit(get).result()[1] == get()[1], executor.submit(text).result() == text())
"""
        self.assert_prints(NUMPY + script, "True True")

    def test_a_new_pool_has_those_of_its_start(self):
        script = """
def change():
    np.seterr(all="ignore")
    np.set_printoptions(precision=2)
found = []
for action, precision in (("raise", 3), ("warn", 8), ("print", 4)):
    np.seterr(divide=action)
    np.set_printoptions(precision=precision)
    with pool() as executor:
        found.append(executor.submit(get).result() == get())
        executor.submit(change).result()
print(found)
"""
        self.assert_prints(NUMPY + script, "[True, True, True]")

    def test_preload(self):
        script = """
import ungil
np.seterr(divide="raise")
np.set_printoptions(precision=3)
with ungil.InterpreterPoolExecutor(1, preload=["numpy"]) as executor:
    print(executor.submit(get).result() == get(), executor.submit(divide).result())
"""
        self.assert_prints(NUMPY + script, "True divide by zero encountered in divide", kinds=["interpreters"])
