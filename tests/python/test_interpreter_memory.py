# coding: utf-8
"""Memory that goes into isolated interpreters and comes out of them."""

from __future__ import unicode_literals

import ctypes
import sys
import time
import unittest

from interpreters import (
    HANDLE,
    HAS_ONE,
    INVALID,
    PYTHON,
    REASON,
    SERVER,
    Case,
    Failed,
    Interpreter,
    Loan,
    library,
    run,
)
from support import signatures


@unittest.skipUnless(HAS_ONE, REASON)
class Memory(Case):
    def setUp(self):
        self.interpreter = self.new()
        self.interpreter.run(SERVER)

    def test_bytes_to_bytes(self):
        for request in (b"", b"hello", bytes(bytearray(range(256))) * 1000):
            reply = self.interpreter.call(request)
            self.assertEqual(reply.response, request)
            reply.free()
            self.assertEqual(library.ungil_reply_free(reply.reply.handle), HANDLE)

    def test_no_function_serves(self):
        self.assert_fails(PYTHON, "_ungil.serve", self.new(fresh=1).call, b"x")

    def test_buffers_go_in_without_a_copy(self):
        numbers = (ctypes.c_ubyte * 1000)(*([7] * 1000))
        loans = [Loan(numbers), Loan((ctypes.c_ubyte * 0)())]
        self.assertEqual(self.interpreter.call(b"sum", *loans).response, b"[7000, 0]")
        self.assertTrue(all(loan.over.is_set() for loan in loans))
        self.interpreter.call(b"write", Loan(numbers, read_only=False))
        self.assertEqual(numbers[0], 99)
        refused = Loan(numbers)
        self.assert_fails(PYTHON, "cannot modify read-only memory", self.interpreter.call, b"write", refused)
        self.assertTrue(refused.over.is_set())

    def test_a_view_kept_after_its_call_keeps_its_owner(self):
        loan = Loan((ctypes.c_ubyte * 10)(*range(10)))
        self.interpreter.call(b"keep", loan)
        self.assertFalse(loan.over.is_set())
        self.assertEqual(self.interpreter.eval("bytes(kept[0][3:5])"), "b'\\x03\\x04'")
        self.interpreter.call(b"drop")
        self.assertTrue(loan.over.is_set())

    def test_views_that_are_kept_go_when_the_interpreter_is_freed(self):
        loan = Loan((ctypes.c_ubyte * 10)())
        other = self.new()
        other.run(SERVER)
        other.call(b"keep", loan)
        other.free()
        self.assertTrue(loan.over.wait(300))

    def test_an_owner_that_comes_back_with_a_request(self):
        loan, seen = Loan((ctypes.c_ubyte * 10)()), []
        handle = self.interpreter.handle
        again = signatures.UngilRelease(lambda owner: seen.append(library.ungil_interp_exec(handle, b"y = 5")))
        loan.buffer.release = again
        self.interpreter.call(b"keep", loan)
        self.assert_fails(PYTHON, "ValueError", self.interpreter.run, "int.from_bytes(kept.pop(), 'nope')")
        self.assertEqual((seen, self.interpreter.eval("y")), ([0], "5"))

    def test_every_owner_is_told_also_of_errors(self):
        loan = Loan((ctypes.c_ubyte * 10)())
        with self.assertRaises(Failed):
            Interpreter.call(type(str("Gone"), (), {"handle": 12345})(), b"x", loan)
        self.assertTrue(loan.over.is_set())
        good, bad = Loan((ctypes.c_ubyte * 10)()), Loan((ctypes.c_ubyte * 10)())
        bad.buffer.address = None
        self.assert_fails(INVALID, "a buffer's address", self.interpreter.call, b"x", good, bad)
        self.assertTrue(good.over.is_set() and bad.over.is_set())
        number = Loan((ctypes.c_ubyte * 10)())
        self.assert_fails(PYTHON, "TypeError", self.interpreter.call, b"number", number)
        self.assertTrue(number.over.is_set())

    def test_a_release_that_has_ended_is_not_called(self):
        kept, ended, other = [Loan((ctypes.c_ubyte * 10)()) for _ in range(3)]
        kept.buffer.release = ended.release
        self.interpreter.call(b"keep", kept, other)
        self.assertEqual(library.ungil_interp_end_release(ended.release), signatures.UNGIL_OK)
        self.interpreter.call(b"drop", ended)
        self.assertTrue(other.over.is_set())
        self.assertFalse(kept.over.is_set() or ended.over.is_set())
        self.assertEqual(library.ungil_interp_end_release(ended.release), signatures.UNGIL_OK)
        self.assertEqual(library.ungil_interp_end_release(None), signatures.UNGIL_OK)

    def test_a_release_that_ends_while_it_is_called(self):
        loan, statuses = Loan((ctypes.c_ubyte * 10)()), []
        end = library.ungil_interp_end_release
        loan.buffer.release = signatures.UngilRelease(lambda owner: statuses.append(end(loan.buffer.release)))
        self.interpreter.call(b"x", loan)
        self.assertEqual(statuses, [signatures.UNGIL_E_IN_USE])
        self.interpreter.call(b"x", loan)
        self.assertEqual(len(statuses), 1)

    def test_buffers_come_out_without_a_copy(self):
        reply = self.interpreter.call(b"lend")
        (address, length, read_only), (_, _, constant) = reply.buffers
        self.assertEqual((reply.response, length, read_only, constant), (b"lent", 4000, False, True))
        self.assertEqual(list((ctypes.c_int32 * 1000).from_address(address)), list(range(1000)))
        reply.free()

    def test_a_shared_bytearray_resized_by_its_owner(self):
        reply = self.interpreter.call(b"bytearray")
        self.assert_fails(PYTHON, "BufferError", self.interpreter.call, b"resize")
        reply.free()
        for _ in range(1000):  # the interpreter's own thread gives it back
            try:
                return self.interpreter.call(b"resize").free()
            except Failed:
                time.sleep(0.01)
        self.fail("it was not given back")

    def test_what_is_not_in_one_piece(self):
        self.assert_fails(PYTHON, "BufferError", self.interpreter.call, b"scattered")

    def test_a_payload_of_a_gigabyte_is_not_copied(self):
        size = 1 << 30
        status, output, errors = run("""
            import mmap, resource
            i = Interpreter()
            i.run("import _ungil; _ungil.serve(lambda request, big: (b'%d' % len(big), big))")
            size = 1 << 30
            area = mmap.mmap(-1, size)
            big = (ctypes.c_ubyte * size).from_buffer(area)
            big[size - 1] = 7
            before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
            loan = Loan(big)
            reply = i.call(b"", loan)
            (address, length, read_only), = reply.buffers
            assert address == ctypes.addressof(big) and length == size and read_only
            assert not loan.over.is_set()
            reply.free()
            assert loan.over.wait(300)
            assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss < before + 20000
            print(reply.reply.length)
        """)
        self.assertEqual((status, output), (0, "10\n"), errors)
        self.assertEqual(len(str(size)), 10)

    def test_large_responses(self):
        for size in (65535, 65536, 65537, 10000000):
            reply = self.interpreter.call(b"zeros %d" % size if sys.version_info >= (3, 5) else b"")
            self.assertEqual(reply.response, bytes(bytearray(size)))
            reply.free()


if __name__ == "__main__":
    unittest.main()
