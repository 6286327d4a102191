"""Objects and arrays of more than 2^31 and 2^32 bytes and elements. A test is skipped if memory is short."""

import contextlib
import mmap
import struct
import unittest

import ungil
from support import HAS_INTERPRETERS, NEEDS_INTERPRETERS, OneInterpreter

SIZES = (2**31 + 5, 2**32 + 50)
NO_RESERVE = 0x4000  # MAP_NORESERVE, a constant that mmap has from Python 3.13 on


def available():
    """The available memory in bytes."""
    with open("/proc/meminfo") as lines:
        return next(int(line.split()[1]) << 10 for line in lines if line.startswith("MemAvailable:"))


def zeros(size):
    """Zeros that take no memory until they are written."""
    return mmap.mmap(-1, size, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | NO_RESERVE)


class Large(OneInterpreter):
    def each_size(self, copies):
        """The sizes of which so many copies fit into memory."""
        for size in SIZES:
            with self.subTest(size=size):
                if available() < (copies + 1) * size:
                    self.skipTest("SKIP: %d GiB of memory are needed" % (copies + 1 << size.bit_length() - 31))
                yield size


@unittest.skipUnless(HAS_INTERPRETERS, NEEDS_INTERPRETERS)
class Objects(Large):
    def test_text_from_a_task(self):
        for size in self.each_size(3):
            text = self.call(lambda n: "x" * n, size)
            self.assertEqual((len(text), text[0], text[-1]), (size, "x", "x"))
            del text

    def test_text_for_a_task(self):
        for size in self.each_size(4):
            self.assertEqual(self.call(lambda text: (len(text), text[-1]), "x" * size), (size, "x"))

    def test_bytes_from_a_task(self):
        for size in self.each_size(2):
            data = self.call(lambda n: b"x" * n, size)
            self.assertEqual((len(data), data[-1:]), (size, b"x"))
            del data

    def test_bytes_for_a_task(self):
        for size in self.each_size(2):
            self.assertEqual(self.call(lambda data: (len(data), data[-1:]), b"x" * size), (size, b"x"))

    def test_text_through_a_pool(self):
        with ungil.InterpreterPoolExecutor(1) as pool:
            for size in self.each_size(4):
                (text,) = pool.map(lambda n: "x" * n, [size])
                self.assertEqual((len(text), text[-1]), (size, "x"))
                del text

    def test_memory_that_is_shared(self):
        for size in (*SIZES, 2**33 + 1):
            with zeros(size) as memory:
                memory[size - 3 :] = b"end"
                shared = ungil.share(memory)
                self.assertEqual(self.call(lambda view: (len(view), bytes(view[-3:])), shared), (size, b"end"))
                del shared

    def test_memory_from_a_task(self):
        def make(size):
            import mmap

            memory = mmap.mmap(-1, size, flags=0x4022)  # private, anonymous, without a reserve
            memory[size - 3 :] = b"end"
            return ungil.share(memory)

        for size in SIZES:
            view = self.call(make, size)
            self.assertEqual((len(view), bytes(view[-3:])), (size, b"end"))
            view.release()

    def test_lines_to_execute(self):
        size = SIZES[0]
        if available() < 10 * size:
            self.skipTest("SKIP: 20 GiB of memory are needed")
        with contextlib.suppress(MemoryError, OverflowError, SystemError):  # Python has limits of its own
            self.interpreter.exec("#" * size)
        self.assertEqual(self.call(pow, 2, 3), 8)


class Arrays(unittest.TestCase):
    LENGTH = 2**31 + 5

    def numbers(self, code, last):
        view = memoryview(zeros(self.LENGTH * struct.calcsize(code))).cast(code)
        view[-1] = last
        return view

    def test_integers(self):
        numbers = self.numbers("i", 12)
        self.assertEqual(ungil.compat.num_primes(numbers), 1)
        numbers[-1] = 37
        self.assertEqual(ungil.count_primes(numbers), 1)

    def test_reals(self):
        self.assertEqual(ungil.sum(self.numbers("d", 0.5)), 0.5)


if __name__ == "__main__":
    unittest.main()
