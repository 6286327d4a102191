"""Calls that go on without their servers, weak handles of inboxes, and inboxes whose interpreter is dead."""

import ctypes
import unittest

from inboxes import CLOSED, LENT, RUNNING, SERVER, Inbox, InboxTest, Server, until
from interpreters import ExportedBuffer, Failed, Interpreter, check, library
from support import signatures


class Deferred(InboxTest):
    def test_deferred_calls(self):
        server, memory = Server(self.inbox), (ctypes.c_char * 4)(*b"abcd")
        lent = [ExportedBuffer(memory) for _ in range(2)]
        for buffer in lent:
            buffer.struct.readonly = LENT
        calls = [self.inbox.submit(b"l", buffer) for buffer in lent]
        self.assertEqual(self.inbox.submit(b"6 * 7e").wait(), b"42", "the server goes on")
        self.assertEqual([call.state() for call in calls], [RUNNING] * 2)
        self.assertEqual([buffer.released.is_set() for buffer in lent], [False] * 2)
        self.assertEqual(library.ungil_call_cancel(calls[1].number), signatures.UNGIL_E_IN_USE)
        for request, answer in ((b"o", b"over"), (b"'last'e", b"'last'")):
            call = calls.pop()
            self.resume(call, request)
            self.assertEqual(call.wait(), answer)
            self.assertEqual(self.resumed(call, request), CLOSED)
        self.assertTrue(all(buffer.released.is_set() for buffer in lent), "of both, as the interpreter has cleared them")
        again = self.inbox.submit(b"l")
        for request in (b"l", b"[ungil for ungil in 'x']e"):
            self.resume(again, request)
        self.assertEqual(again.wait(), b"['x']")
        self.inbox.close()
        self.assertEqual(server.end(), signatures.UNGIL_OK)

    def resumed(self, call, request):
        return library.ungil_inbox_resume(self.inbox.handle, call.number, request, len(request))

    def resume(self, call, request):
        """As soon as the call has no request."""
        until(lambda: self.resumed(call, request) == signatures.UNGIL_OK)

    def test_interrupts_leave_a_server_alone_that_defers(self):
        server = Server(self.inbox)
        first = self.inbox.submit(b"l")
        self.inbox.submit(b"0e").wait()
        busy = self.inbox.submit(b"[sum(range(10**6)) for _ in range(20)][0]e")
        until(lambda: busy.state() == RUNNING)
        for _ in range(20):
            library.ungil_interp_interrupt(server.interp)
        self.assertEqual(int(busy.wait()), sum(range(10**6)))
        self.resume(first, b"8e")
        self.assertEqual(first.wait(), b"8")
        self.inbox.close()
        self.assertEqual(server.end(), signatures.UNGIL_OK)

    def test_an_inbox_that_fails(self):
        lost = []
        callback = signatures.UngilRelease(lost.append)
        server, memory = Server(self.inbox, callback), (ctypes.c_char * 4)(*b"abcd")
        until(server.is_ready.is_set)
        fail = library.ungil_inbox_fail
        self.assertEqual(fail(self.inbox.handle, server.interp), signatures.UNGIL_E_INVALID, "it is alive")
        kept, deferred = ExportedBuffer(memory), self.inbox.submit(b"l")
        kept.struct.readonly = LENT
        self.inbox.submit(b"s", kept).wait()
        dying, queued = self.inbox.submit(b"os._exit(3)e"), self.inbox.submit(b"5e")
        for call in (dying, deferred):
            self.assertEqual(self.failure(call.wait), signatures.UNGIL_E_DIED)
        self.assertEqual(lost, [ctypes.addressof(memory)], "once")
        interpreter = Interpreter()
        interpreter.run(SERVER)
        with self.assertRaises(Failed):
            interpreter.call(b"os._exit(3)e")
        self.assertEqual(fail(self.inbox.handle, interpreter.handle), signatures.UNGIL_OK)
        for call in (queued, self.inbox.submit(b"1e")):
            self.assertEqual(self.failure(call.wait), signatures.UNGIL_E_DIED)
        interpreter.free()
        self.assertEqual(server.end(), signatures.UNGIL_E_DIED)

    def test_weak_handles(self):
        own, weak = Inbox(), ctypes.c_int32()
        check(library.ungil_inbox_weak(own.handle, ctypes.byref(weak)))
        call, number = ctypes.c_int64(), ctypes.byref(ctypes.c_int64())
        submit = library.ungil_inbox_submit
        self.assertEqual(submit(weak, 0, b"1e", 2, None, 0, ctypes.byref(call)), signatures.UNGIL_OK)
        other = ctypes.c_int32()
        check(library.ungil_exchange_share(own.handle, 0, ctypes.byref(other)))
        own.free()
        self.assertEqual(submit(weak, 0, b"1e", 2, None, 0, number), signatures.UNGIL_OK)
        check(library.ungil_exchange_free(other))
        self.assertEqual(submit(weak, 0, b"1e", 2, None, 0, number), CLOSED)
        check(library.ungil_inbox_free(weak))
        self.assertEqual(library.ungil_inbox_free(weak), signatures.UNGIL_E_HANDLE)

    def test_the_current_call(self):
        call = ctypes.c_int64(-1)
        self.assertEqual(library.ungil_call_current(ctypes.byref(call)), signatures.UNGIL_OK)
        self.assertEqual(call.value, 0)
        self.assertEqual(library.ungil_call_current(None), signatures.UNGIL_E_NULL)

    def test_wrong_arguments(self):
        handle, state = self.inbox.handle, ctypes.byref(ctypes.c_int32())
        null, invalid = signatures.UNGIL_E_NULL, signatures.UNGIL_E_HANDLE
        for status, expected in [
            (library.ungil_inbox_weak(12345, state), invalid),
            (library.ungil_inbox_weak(handle, None), null),
            (library.ungil_inbox_fail(handle, 99), invalid),
            (library.ungil_inbox_fail(12345, 99), invalid),
            (library.ungil_inbox_resume(handle, 1, None, 1), null),
            (library.ungil_inbox_resume(handle, 1, b"x", 1), CLOSED),
            (library.ungil_inbox_resume(12345, 1, b"x", 1), invalid),
        ]:
            self.assertEqual(status, expected, library.ungil_last_error())


if __name__ == "__main__":
    unittest.main()
