"""The native API through ctypes: any C function, Python functions too, controls, and answers over arrays."""
import ctypes
import math
import os
import random
import signal
import subprocess
import sys
import threading
import time
import unittest
from array import array
from ctypes.util import find_library

from support import HERE, load, signatures

from primality import is_prime  # in a folder that support has added

library = load()
libm = ctypes.CDLL(find_library("m"))

OK, CANCELLED, TIMED_OUT = signatures.UNGIL_OK, signatures.UNGIL_E_CANCELLED, signatures.UNGIL_E_TIMED_OUT

MapF64, MapI64 = signatures.UngilMapF64, signatures.UngilMapI64
LoopBody, Integrand = signatures.UngilLoopBody, signatures.UngilIntegrand


def doubles(numbers):
    numbers = list(numbers)
    return (ctypes.c_double * len(numbers))(*numbers)


def unsigned(numbers):
    numbers = list(numbers)
    return (ctypes.c_uint64 * len(numbers))(*numbers)


class Map(unittest.TestCase):
    source = doubles(i * 0.01 - 3 for i in range(1000))
    expected = [math.erf(x) for x in source]

    def assert_maps(self, function, threads=2):
        out = (ctypes.c_double * len(self.source))()
        status = library.ungil_map_f64(function, self.source, out, len(out), threads, 0)
        self.assertEqual(status, OK, library.ungil_last_error())
        for found, expected in zip(out, self.expected):
            self.assertAlmostEqual(found, expected, 15)

    def test_a_function_of_libm(self):
        for threads in (0, 1, 2, 16):
            self.assert_maps(libm.erf, threads)

    def test_an_address(self):
        self.assert_maps(ctypes.cast(libm.erf, ctypes.c_void_p).value)
        self.assert_maps(ctypes.cast(libm.erf, ctypes.c_void_p))

    def test_a_python_function(self):
        self.assert_maps(MapF64(math.erf))

    def test_integers_of_64_bits(self):
        numbers = (ctypes.c_int64 * 3)(-(2**63), 0, 2**63 - 1)
        self.assertEqual(library.ungil_map_i64(MapI64(lambda x: -1 - x), numbers, numbers, 3, 2, 0), OK)
        self.assertEqual(list(numbers), [2**63 - 1, -1, -(2**63)])

    def test_the_memory_of_an_array_in_place(self):
        numbers = array("d", self.source)
        shared = (ctypes.c_double * len(numbers)).from_buffer(numbers)
        self.assertEqual(library.ungil_map_f64(libm.erf, shared, shared, len(numbers), 0, 0), OK)
        self.assertEqual(numbers[300], 0.0)

    def test_no_function(self):
        out = (ctypes.c_double * 1000)()
        self.assertEqual(library.ungil_map_f64(None, self.source, out, 1000, 1, 0), signatures.UNGIL_E_NULL)
        self.assertIn(b"function is NULL", library.ungil_last_error())

    def test_what_is_no_function(self):
        out = (ctypes.c_double * 1000)()
        for wrong in ("erf", b"erf", 1.5, self.source, math.erf):
            with self.assertRaises(ctypes.ArgumentError):
                library.ungil_map_f64(wrong, self.source, out, 1000, 1, 0)


class Loop(unittest.TestCase):
    def test_every_index_once(self):
        seen = [0] * 1000

        def body(begin, end, context):
            for i in range(begin, end):
                seen[i] += 1
            return 0

        self.assertEqual(library.ungil_parallel_for(0, 1000, 7, 2, LoopBody(body), None, 0), OK)
        self.assertEqual(seen, [1] * 1000)

    def test_the_context_is_handed_on(self):
        contexts = set()

        def body(begin, end, context):
            contexts.add(context)
            return 0

        self.assertEqual(library.ungil_parallel_for(0, 10, 1, 2, LoopBody(body), 12345, 0), OK)
        self.assertEqual(contexts, {12345})

    def test_the_lowest_stop_comes_back(self):
        body = LoopBody(lambda begin, end, context: begin if begin in (31, 64) else 0)
        self.assertEqual(library.ungil_parallel_for(0, 100, 1, 3, body, None, 0), 31)
        self.assertIn(b"returned 31", library.ungil_last_error())

    def test_calls_of_python_threads_inside_calls(self):
        def inner(begin, end, context):
            out = (ctypes.c_double * 10)()
            status = library.ungil_map_f64(libm.fabs, doubles(range(-10, 0)), out, 10, 2, 0)
            return status or int(list(out) != list(range(10, 0, -1)))

        body = LoopBody(inner)
        statuses = []

        def call():
            statuses.append(library.ungil_parallel_for(0, 20, 1, 4, body, None, 0))

        threads = [threading.Thread(target=call) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(statuses, [OK] * 8)

    def test_an_exception_in_a_python_function_harms_nothing(self):
        """In a process of its own: ctypes prints it."""
        script = """
import ctypes, sys
sys.path.insert(0, %r)
from support import load, signatures
library = load()
def body(begin, end, context):
    raise ValueError(begin)
def fine(begin, end, context):
    total.append(end - begin)
    return 0
for threads in (1, 2, 4):
    library.ungil_parallel_for(0, 20, 1, threads, signatures.UngilLoopBody(body), None, 0)
    total = []
    assert library.ungil_parallel_for(0, 20, 1, threads, signatures.UngilLoopBody(fine), None, 0) == 0
    assert sum(total) == 20
print("unharmed")
"""
        command = [sys.executable, "-c", script % os.path.dirname(os.path.abspath(__file__))]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        output, errors = process.communicate()
        self.assertEqual((process.returncode, output.strip()), (0, b"unharmed"), errors)
        self.assertIn(b"ValueError", errors)


    def test_a_daemon_thread_in_a_call_does_not_hinder_the_end(self):
        """Python up to 3.13 ends such a thread when it comes back from C."""
        script = """
import ctypes, sys, threading, time
sys.path.insert(0, %r)
from support import load, signatures
library = load()
began = threading.Event()
def body(begin, end, context):
    began.set()
    time.sleep(0.001)
    return 0
function = signatures.UngilLoopBody(body)
def call():
    library.ungil_parallel_for(0, 10**9, 1, int(sys.argv[1]), function, None, 0)
thread = threading.Thread(target=call)
thread.daemon = True
thread.start()
began.wait()
"""
        command = [sys.executable, "-c", script % os.path.dirname(os.path.abspath(__file__))]
        # CPython 3.14 may crash if a thread that is not its own calls Python code while it ends, whoever made the thread.
        for threads in ("1", "2") if sys.version_info[:2] != (3, 14) else ("1",):
            process = subprocess.Popen(command + [threads], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
            _, errors = process.communicate()
            # A thread that Python has not made may enter it while it ends, and crash in PyGILState_Ensure.
            self.assertIn(process.returncode, (0,) if threads == "1" else (0, -signal.SIGSEGV), errors)


class Sums(unittest.TestCase):
    def sum(self, numbers, threads=2):
        result = ctypes.c_double()
        status = library.ungil_sum_f64(doubles(numbers), len(numbers), threads, 0, ctypes.byref(result))
        self.assertEqual(status, OK)
        return result.value

    def test_agrees_with_fsum_to_the_last_bit(self):
        generator = random.Random(5)
        for size in (0, 1, 2, 31, 32, 33, 8191, 8192, 8193, 50001):
            numbers = [generator.uniform(-1, 1) * 2.0 ** generator.randrange(-30, 30) for _ in range(size)]
            for threads in (1, 2, 3, 7, 16):
                self.assertEqual(self.sum(numbers, threads), math.fsum(numbers))

    def test_cancellation(self):
        self.assertEqual(self.sum([1.0, 1e100, 1.0, -1e100]), 2.0)

    def test_pi_in_both_ways(self):
        result = ctypes.c_double()
        self.assertEqual(library.ungil_pi(1000003, 2, 0, ctypes.byref(result)), OK)
        self.assertEqual(result.value, library.compPi_ctypes(0.0, 1000003))

    def test_the_load_on_several_threads(self):
        result = ctypes.c_int32()
        for start, stop in ((0, 10), (5, 5), (7, -7), (-(2**31), 2**31 - 1), (-1000003, 90000001)):
            for threads in (1, 2, 3):
                self.assertEqual(library.ungil_test(start, stop, threads, 0, ctypes.byref(result)), OK)
                self.assertEqual(result.value, library.test(start, stop))
        self.assertEqual(library.ungil_test(0, 10, 1, 0, None), signatures.UNGIL_E_NULL)

    def test_an_integral_by_a_python_function(self):
        context = ctypes.c_double(4.0)

        def four_over(x, pointer):
            return ctypes.cast(pointer, ctypes.POINTER(ctypes.c_double))[0] / (1 + x * x)

        bits = set()
        for threads in (1, 2, 3, 7, 16):
            result = ctypes.c_double()
            address = ctypes.addressof(context)
            status = library.ungil_integrate(
                Integrand(four_over), address, 0, 1, 2000, threads, 0, ctypes.byref(result)
            )
            self.assertEqual(status, OK)
            bits.add(result.value)
        self.assertEqual(len(bits), 1)
        self.assertAlmostEqual(bits.pop(), math.pi + 1 / (12 * 2000.0**2), 12)


HELPERS = """
import ctypes, sys
import support
library = support.load()
n = int(sys.argv[1])
numbers, wide, reals = (ctypes.c_int32 * n)(), (ctypes.c_uint64 * n)(), (ctypes.c_double * n)()
flags, whole = (ctypes.c_uint8 * n)(), ctypes.byref(ctypes.c_int32())
count, value = ctypes.byref(ctypes.c_uint64()), ctypes.byref(ctypes.c_double())
assert [
    library.ungil_test(0, n, 0, 0, whole),
    library.ungil_num_primes_i32(numbers, n, 0, 0, count),
    library.ungil_count_primes_i32(numbers, n, 0, 0, count),
    library.ungil_is_prime_u64(wide, n, flags, 0, 0),
    library.ungil_sum_f64(reals, n, 0, 0, value),
    library.ungil_pi(n, 0, 0, value),
] == [0] * 6
print(support.helpers(int(sys.argv[2])))
"""


@unittest.skipUnless(os.path.isdir("/proc/self/task"), "this system does not list a process's threads")
class SmallCalls(unittest.TestCase):
    def test_they_stay_on_the_calling_thread(self):
        for n, expected in ((1000, 0), (2000000, 1)):
            command = [sys.executable, "-c", HELPERS, str(n), str(expected)]
            output = subprocess.check_output(command, env=dict(os.environ, UNGIL_NUM_THREADS="2"), cwd=HERE)
            self.assertEqual(int(output), expected, n)


class Primes(unittest.TestCase):
    def assert_told(self, numbers):
        numbers = list(numbers)
        expected = [int(is_prime(n)) for n in numbers]
        out = (ctypes.c_uint8 * len(numbers))(*[77] * len(numbers))
        count = ctypes.c_uint64()
        shared = unsigned(numbers)
        self.assertEqual(library.ungil_is_prime_u64(shared, len(numbers), out, 2, 0), OK)
        self.assertEqual(list(out), expected)
        self.assertEqual(library.ungil_count_primes_u64(shared, len(numbers), 2, 0, ctypes.byref(count)), OK)
        self.assertEqual(count.value, sum(expected))

    def test_the_ends_of_the_types(self):
        for bits in (8, 16, 31, 32, 48, 52, 53, 62, 63):
            self.assert_told(range(2**bits - 100, 2**bits + 100))
        self.assert_told(range(2**64 - 300, 2**64))
        self.assert_told([])

    def test_random_numbers_of_every_length(self):
        generator = random.Random(3)
        self.assert_told(generator.getrandbits(generator.randrange(1, 65)) for _ in range(5000))

    def test_signed_numbers(self):
        numbers = [-(2**63), -7, -2, -1, 0, 1, 2, 3, 4, 2**63 - 25, 2**63 - 1]
        expected = [0, 0, 0, 0, 0, 0, 1, 1, 0, 1, 0]
        shared = (ctypes.c_int64 * len(numbers))(*numbers)
        out, count = (ctypes.c_uint8 * len(numbers))(), ctypes.c_uint64()
        self.assertEqual(library.ungil_is_prime_i64(shared, len(numbers), out, 1, 0), OK)
        self.assertEqual(list(out), expected)
        self.assertEqual(library.ungil_count_primes_i64(shared, len(numbers), 1, 0, ctypes.byref(count)), OK)
        self.assertEqual(count.value, 3 + 1 - 1)

    def test_32_bit_numbers(self):
        numbers = (ctypes.c_int32 * 1000003)(*range(-3, 1000000))
        count = ctypes.c_uint64()
        self.assertEqual(library.ungil_count_primes_i32(numbers, len(numbers), 2, 0, ctypes.byref(count)), OK)
        self.assertEqual(count.value, 78498)
        self.assertEqual(library.ungil_num_primes_i32(numbers, len(numbers), 2, 0, ctypes.byref(count)), OK)
        self.assertEqual(count.value, 921295)

    def test_misaligned(self):
        numbers = list(range(2**40, 2**40 + 3000))
        raw = ctypes.create_string_buffer(8 * len(numbers) + 8)
        for offset in range(1, 8):
            ctypes.memmove(ctypes.addressof(raw) + offset, unsigned(numbers), 8 * len(numbers))
            pointer = ctypes.cast(ctypes.addressof(raw) + offset, ctypes.POINTER(ctypes.c_uint64))
            out = (ctypes.c_uint8 * len(numbers))()
            self.assertEqual(library.ungil_is_prime_u64(pointer, len(numbers), out, 2, 0), OK)
            self.assertEqual(list(out), [int(is_prime(n)) for n in numbers])


class Controls(unittest.TestCase):
    def setUp(self):
        handle = ctypes.c_int32()
        self.assertEqual(library.ungil_control_new(ctypes.byref(handle)), OK)
        self.control = handle.value

    def tearDown(self):
        self.assertEqual(library.ungil_control_free(self.control), OK)

    def progress(self):
        done, total = ctypes.c_uint64(), ctypes.c_uint64()
        status = library.ungil_control_progress(self.control, ctypes.byref(done), ctypes.byref(total))
        self.assertEqual(status, OK)
        return done.value, total.value

    def endless(self):
        """Start a call that takes years in a thread. Returns the thread and a list for its status."""
        result, status = ctypes.c_double(), []

        def call():
            status.append(library.ungil_pi(2**62, 0, self.control, ctypes.byref(result)))

        thread = threading.Thread(target=call)
        thread.start()
        while self.progress()[0] == 0:
            time.sleep(0.001)
        return thread, status

    def test_cancel(self):
        thread, status = self.endless()
        self.assertEqual(library.ungil_control_cancel(self.control), OK)
        thread.join()
        self.assertEqual(status, [CANCELLED])
        done, total = self.progress()
        self.assertTrue(0 < done < total == 2**62)

    def test_deadline(self):
        thread, status = self.endless()
        self.assertEqual(library.ungil_control_set_deadline_ms(self.control, 5), OK)
        thread.join()
        self.assertEqual(status, [TIMED_OUT])

    def test_in_use(self):
        thread, status = self.endless()
        result = ctypes.c_double()
        in_use = signatures.UNGIL_E_IN_USE
        self.assertEqual(library.ungil_pi(10, 1, self.control, ctypes.byref(result)), in_use)
        self.assertEqual(library.ungil_control_free(self.control), in_use)
        library.ungil_control_cancel(self.control)
        thread.join()

    def test_without_argtypes_a_handle_goes_through(self):
        """As scripts do that declare nothing."""
        plain = ctypes.CDLL(library._name)
        handle = ctypes.c_int32()
        self.assertEqual(plain.ungil_control_new(ctypes.byref(handle)), OK)
        self.assertEqual(plain.ungil_control_cancel(handle.value), OK)
        self.assertEqual(plain.ungil_control_free(handle.value), OK)
        self.assertEqual(plain.ungil_control_free(handle.value), signatures.UNGIL_E_HANDLE)


if __name__ == "__main__":
    unittest.main()
