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
    ExportedBuffer,
    Failed,
    Interpreter,
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

    def test_no_function_handles_requests(self):
        self.assert_fails(PYTHON, "_ungil.serve", self.new(fresh=1).call, b"x")

    def test_buffers_go_in_without_a_copy(self):
        numbers = (ctypes.c_ubyte * 1000)(*([7] * 1000))
        buffers = [ExportedBuffer(numbers), ExportedBuffer((ctypes.c_ubyte * 0)())]
        self.assertEqual(self.interpreter.call(b"sum", *buffers).response, b"[7000, 0]")
        self.assertTrue(all(buffer.released.is_set() for buffer in buffers))
        self.interpreter.call(b"write", ExportedBuffer(numbers, read_only=False))
        self.assertEqual(numbers[0], 99)
        refused = ExportedBuffer(numbers)
        self.assert_fails(PYTHON, "cannot modify read-only memory", self.interpreter.call, b"write", refused)
        self.assertTrue(refused.released.is_set())

    def test_a_view_kept_after_its_call_keeps_its_buffer(self):
        buffer = ExportedBuffer((ctypes.c_ubyte * 10)(*range(10)))
        self.interpreter.call(b"keep", buffer)
        self.assertFalse(buffer.released.is_set())
        self.assertEqual(self.interpreter.eval("bytes(kept[0][3:5])"), "b'\\x03\\x04'")
        self.interpreter.call(b"drop")
        self.assertTrue(buffer.released.is_set())

    def test_views_that_are_kept_go_when_the_interpreter_is_freed(self):
        buffer = ExportedBuffer((ctypes.c_ubyte * 10)())
        other = self.new()
        other.run(SERVER)
        other.call(b"keep", buffer)
        other.free()
        self.assertTrue(buffer.released.wait(300))

    def test_a_release_that_makes_a_request(self):
        buffer, seen = ExportedBuffer((ctypes.c_ubyte * 10)()), []
        handle = self.interpreter.handle
        again = signatures.UngilRelease(lambda owner: seen.append(library.ungil_interp_exec(handle, b"y = 5")))
        buffer.struct.release = again
        self.interpreter.call(b"keep", buffer)
        self.assert_fails(PYTHON, "ValueError", self.interpreter.run, "int.from_bytes(kept.pop(), 'nope')")
        self.assertEqual((seen, self.interpreter.eval("y")), ([0], "5"))

    def test_a_flag_is_set_when_no_view_is_left(self):
        memory, flag = (ctypes.c_ubyte * 10)(), ctypes.c_ubyte(0)
        buffer = ExportedBuffer(memory)
        buffer.struct.release = ctypes.cast(library.ungil_release_flag, signatures.UngilRelease)
        buffer.struct.owner = ctypes.addressof(flag)
        self.interpreter.call(b"keep", buffer)
        self.assertEqual(flag.value, 0)
        self.interpreter.call(b"drop")
        self.assertEqual(flag.value, 1)
        library.ungil_release_flag(None)

    def test_every_buffer_is_released_also_after_errors(self):
        buffer = ExportedBuffer((ctypes.c_ubyte * 10)())
        with self.assertRaises(Failed):
            Interpreter.call(type(str("Gone"), (), {"handle": 12345})(), b"x", buffer)
        self.assertTrue(buffer.released.is_set())
        good, bad = ExportedBuffer((ctypes.c_ubyte * 10)()), ExportedBuffer((ctypes.c_ubyte * 10)())
        bad.struct.address = None
        self.assert_fails(INVALID, "a buffer's address", self.interpreter.call, b"x", good, bad)
        self.assertTrue(good.released.is_set() and bad.released.is_set())
        number = ExportedBuffer((ctypes.c_ubyte * 10)())
        self.assert_fails(PYTHON, "TypeError", self.interpreter.call, b"number", number)
        self.assertTrue(number.released.is_set())

    def test_a_release_that_has_ended_is_not_called(self):
        kept, ended, other = [ExportedBuffer((ctypes.c_ubyte * 10)()) for _ in range(3)]
        kept.struct.release = ended.release
        self.interpreter.call(b"keep", kept, other)
        self.assertEqual(library.ungil_interp_end_release(ended.release), signatures.UNGIL_OK)
        self.interpreter.call(b"drop", ended)
        self.assertTrue(other.released.is_set())
        self.assertFalse(kept.released.is_set() or ended.released.is_set())
        self.assertEqual(library.ungil_interp_end_release(ended.release), signatures.UNGIL_OK)
        self.assertEqual(library.ungil_interp_end_release(None), signatures.UNGIL_OK)

    def test_a_release_that_ends_while_it_is_called(self):
        buffer, statuses = ExportedBuffer((ctypes.c_ubyte * 10)()), []
        end = library.ungil_interp_end_release
        buffer.struct.release = signatures.UngilRelease(lambda owner: statuses.append(end(buffer.struct.release)))
        self.interpreter.call(b"x", buffer)
        self.assertEqual(statuses, [signatures.UNGIL_E_IN_USE])
        self.interpreter.call(b"x", buffer)
        self.assertEqual(len(statuses), 1)

    def test_buffers_come_out_without_a_copy(self):
        reply = self.interpreter.call(b"export")
        (address, length, read_only), (_, _, constant) = reply.buffers
        self.assertEqual((reply.response, length, read_only, constant), (b"exported", 4000, False, True))
        self.assertEqual(list((ctypes.c_int32 * 1000).from_address(address)), list(range(1000)))
        reply.free()

    def test_an_exported_bytearray_is_resized_once_it_is_released(self):
        reply = self.interpreter.call(b"bytearray")
        self.assert_fails(PYTHON, "BufferError", self.interpreter.call, b"resize")
        reply.free()
        for _ in range(1000):  # the interpreter's own thread releases it
            try:
                return self.interpreter.call(b"resize").free()
            except Failed:
                time.sleep(0.01)
        self.fail("it was not released")

    def test_memory_that_is_not_contiguous(self):
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
            buffer = ExportedBuffer(big)
            reply = i.call(b"", buffer)
            (address, length, read_only), = reply.buffers
            assert address == ctypes.addressof(big) and length == size and read_only
            assert not buffer.released.is_set()
            reply.free()
            assert buffer.released.wait(300)
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
