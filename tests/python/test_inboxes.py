"""Calls through inboxes: servers, waiting, cancellation, watching, functions, lent memory, deaths, forks."""

import ctypes
import os
import unittest

from inboxes import (CANCELLED, CLOSED, DONE, FORKED, GUARD_MS, LENT, QUEUED, RUNNING, TIMED_OUT, WAS_CANCELLED, Inbox,
                     InboxTest, Server, until)
from interpreters import ExportedBuffer, check, library
from support import signatures


class Inboxes(InboxTest):
    def test_servers_run_calls_and_whoever_waits_gets_the_reply(self):
        calls = [self.inbox.submit(b"%d ** 2e" % number) for number in range(100)]
        self.assertEqual([calls[0].state(), self.inbox.counts()], [QUEUED, (100, 0, 0, 0)])
        self.assertEqual(self.failure(calls[0].wait, 0), TIMED_OUT)
        servers = [Server(self.inbox), Server(self.inbox)]
        for number, call in enumerate(calls):
            self.assertEqual(int(call.wait()), number ** 2)
            self.assertEqual(int(call.wait()), number ** 2, "a reply can be had again")
            self.assertEqual(call.state(), DONE)
            call.free()
            self.assertEqual(self.failure(call.free), signatures.UNGIL_E_HANDLE)
        failing = self.inbox.submit(b"1 / 0e")
        self.assertEqual(self.failure(failing.wait), signatures.UNGIL_E_PYTHON)
        self.inbox.close()
        self.assertEqual([server.end() for server in servers], [signatures.UNGIL_OK] * 2)
        self.assertEqual(self.failure(self.inbox.submit, b"1e"), CLOSED)

    def test_a_server_waits_for_calls_and_one_thread_state_has_them_all(self):
        server = Server(self.inbox)
        self.assertEqual(self.inbox.submit(b"[setattr(__builtins__, 'local', __import__('threading').local()),"
                                           b" setattr(local, 'value', 7)][1]e").wait(), b"None")
        until(lambda: self.inbox.counts() == (0, 0, 0, 1))
        self.assertEqual(self.inbox.submit(b"local.valuee").wait(), b"7")
        self.assertEqual(library.ungil_interp_free(server.interp), signatures.UNGIL_E_IN_USE)
        self.inbox.close()
        self.assertEqual(server.end(), signatures.UNGIL_OK)

    def test_cancel_stop_and_give_up(self):
        server = Server(self.inbox)
        endless = self.inbox.submit(b"[0 for _ in iter(int, 1)]e")
        queued, other, third = [self.inbox.submit(b"1e") for _ in range(3)]
        until(lambda: endless.state() == RUNNING)
        self.assertEqual(library.ungil_call_cancel(endless.number), signatures.UNGIL_E_IN_USE)
        for _ in range(2):
            self.assertEqual(library.ungil_call_cancel(queued.number), signatures.UNGIL_OK)
        self.assertEqual([queued.state(), self.failure(queued.wait)], [WAS_CANCELLED, CANCELLED])
        check(library.ungil_inbox_cancel_queued(self.inbox.handle))
        self.assertEqual([other.state(), third.state()], [WAS_CANCELLED] * 2)
        late = self.inbox.submit(b"1e")
        check(library.ungil_inbox_stop(self.inbox.handle))
        self.assertEqual(self.failure(endless.wait), signatures.UNGIL_E_PYTHON)
        self.assertEqual(late.state(), WAS_CANCELLED)
        stubborn = self.inbox.submit(b"[0 for _ in iter(int, 1)]e")
        until(lambda: stubborn.state() == RUNNING)
        self.inbox.close()
        check(library.ungil_inbox_give_up(self.inbox.handle, 1))
        self.assertEqual(self.failure(stubborn.wait), CLOSED)
        check(library.ungil_interp_interrupt(server.interp))
        self.assertEqual(server.end(), signatures.UNGIL_OK)

    def test_watched_calls_are_told_once(self):
        calls = [self.inbox.submit(b"%de" % number) for number in range(3)]
        self.assertEqual([calls[0].watch(), calls[2].watch()], [QUEUED, QUEUED])
        self.assertEqual(self.failure(self.inbox.completed, 0), TIMED_OUT)
        self.assertEqual(library.ungil_call_cancel(calls[2].number), signatures.UNGIL_OK)
        self.assertEqual(self.inbox.completed(), [calls[2].number])
        server = Server(self.inbox)
        self.assertEqual(self.inbox.completed(), [calls[0].number])
        calls[1].wait()
        self.assertEqual(calls[1].watch(), DONE)
        self.inbox.close()
        server.end()
        self.assertEqual(self.failure(self.inbox.completed), CLOSED)

    def test_a_candidate_is_told_when_a_server_is_needed(self):
        await_call = library.ungil_inbox_await_call
        self.assertEqual(await_call(self.inbox.handle, 0, 0), TIMED_OUT)
        call = self.inbox.submit(b"1e")
        self.assertEqual(await_call(self.inbox.handle, GUARD_MS, 0), signatures.UNGIL_OK)
        library.ungil_call_cancel(call.number)
        self.assertEqual(await_call(self.inbox.handle, 0, 0), TIMED_OUT)
        self.inbox.close()
        self.assertEqual(await_call(self.inbox.handle, -1, 0), CLOSED)

    def test_a_function_is_sent_once_and_again_when_it_is_forgotten(self):
        memory = (ctypes.c_char * 8)(*b"12345678")
        buffer = ExportedBuffer(memory)
        source, number = b"lambda text, *buffers: text * 2", ctypes.c_int64()
        check(library.ungil_function_new(77, source, len(source), ctypes.byref(buffer.struct), 1, ctypes.byref(number)))
        server = Server(self.inbox)
        twice = lambda text: self.inbox.submit(text + b"f", function=number.value).wait()  # noqa: E731
        received = lambda: self.inbox.submit(b"receivede").wait()  # noqa: E731
        self.assertEqual([twice(b"a"), twice(b"b"), received()], [b"b'aa'", b"b'bb'", b"[(77, 1)]"])
        self.inbox.submit(b"functions.clear()e").wait()
        self.assertEqual([twice(b"c"), received()], [b"b'cc'", b"[(77, 1), (77, 1)]"])
        call = ctypes.c_int64()
        submit = library.ungil_inbox_submit
        self.assertEqual(submit(self.inbox.handle, number.value, b"", 0, None, 0, ctypes.byref(call)),
                         signatures.UNGIL_E_INVALID)
        self.assertEqual(submit(self.inbox.handle, number.value + 1, b"f", 1, None, 0, ctypes.byref(call)),
                         signatures.UNGIL_E_HANDLE)
        self.assertFalse(buffer.released.is_set())
        check(library.ungil_function_free(number.value))
        self.inbox.close()
        server.end()
        self.assertTrue(buffer.released.wait(GUARD_MS / 1000))

    def test_memory_is_released_when_its_call_has_ended(self):
        server = Server(self.inbox)
        memory = (ctypes.c_char * 4)(*b"abcd")

        def lent():
            buffer = ExportedBuffer(memory)
            buffer.struct.readonly = LENT
            return buffer

        shared, returned, collected, cancelled = ExportedBuffer(memory), lent(), lent(), lent()
        self.assertEqual(self.inbox.submit(b"s", shared).wait(), b"kept")
        self.assertFalse(shared.released.is_set())
        reply = self.inbox.submit(b"xb", returned)
        found = reply.reply()
        self.assertEqual(ctypes.string_at(found.buffers[0].address, found.buffers[0].length), b"abcd")
        self.assertFalse(returned.released.is_set())
        reply.free()
        self.assertTrue(returned.released.wait(GUARD_MS / 1000))
        self.assertEqual(self.inbox.submit(b"k", collected).wait(), b"kept")
        self.assertTrue(collected.released.is_set(), "garbage was collected")
        busy = self.inbox.submit(b"time.sleep(0.2)e")
        until(lambda: busy.state() == RUNNING)
        library.ungil_call_cancel(self.inbox.submit(b"s", cancelled).number)
        self.assertTrue(cancelled.released.is_set())
        self.inbox.close()
        server.end()

    def test_a_death_fails_its_call_and_tells_what_is_lost(self):
        lost = []
        callback = signatures.UngilRelease(lost.append)
        server = Server(self.inbox, callback)
        memory = (ctypes.c_char * 4)(*b"abcd")
        kept = ExportedBuffer(memory)
        kept.struct.readonly = LENT
        self.inbox.submit(b"s", kept).wait()
        dying, next_one = self.inbox.submit(b"os._exit(3)e"), self.inbox.submit(b"5e")
        self.assertEqual(self.failure(dying.wait), signatures.UNGIL_E_DIED)
        self.assertEqual(lost, [ctypes.addressof(memory)])
        self.assertEqual(server.end(), signatures.UNGIL_E_DIED)
        self.assertEqual(next_one.state(), QUEUED)
        heir = Server(self.inbox)
        self.assertEqual(next_one.wait(), b"5")
        self.inbox.close()
        heir.end()

    def test_a_child_of_a_fork_has_no_calls(self):
        call = self.inbox.submit(b"1e")
        child = os.fork()
        if child == 0:
            code = 1
            try:
                statuses = [self.failure(self.inbox.submit, b"1e"), self.failure(self.inbox.counts),
                            self.failure(self.inbox.close), self.failure(self.inbox.completed),
                            library.ungil_inbox_stop(self.inbox.handle),
                            library.ungil_inbox_await_call(self.inbox.handle, -1, 0)]
                is_good = statuses == [FORKED] * 6 and self.failure(call.wait) == signatures.UNGIL_E_HANDLE
                own = Inbox()
                server = Server(own)
                is_good = is_good and own.submit(b"6 * 7e").wait() == b"42"
                own.close()
                code = int(not (is_good and server.end() == signatures.UNGIL_OK))
            finally:
                os._exit(code)
        self.assertEqual(os.waitpid(child, 0)[1], 0)

    def test_wrong_arguments(self):
        handle, call = self.inbox.handle, ctypes.byref(ctypes.c_int64())
        null, invalid = signatures.UNGIL_E_NULL, signatures.UNGIL_E_HANDLE
        state, reply = ctypes.byref(ctypes.c_int32()), ctypes.byref(signatures.UngilReply())
        count, calls = ctypes.byref(ctypes.c_size_t()), (ctypes.c_int64 * 1)()
        for status, expected in [
            (library.ungil_inbox_new(None), null),
            (library.ungil_inbox_free(0), signatures.UNGIL_OK),
            (library.ungil_inbox_free(12345), invalid),
            (library.ungil_inbox_submit(handle, 0, None, 1, None, 0, call), null),
            (library.ungil_inbox_submit(handle, 0, b"x", 1, None, 1, call), null),
            (library.ungil_inbox_submit(handle, 0, b"x", 1, None, 0, None), null),
            (library.ungil_inbox_submit(12345, 0, b"x", 1, None, 0, call), invalid),
            (library.ungil_inbox_counts(handle, None), null),
            (library.ungil_inbox_completed(handle, 0, 0, calls, 0, count), signatures.UNGIL_E_INVALID),
            (library.ungil_inbox_completed(handle, 0, 0, None, 1, count), null),
            (library.ungil_inbox_completed(handle, 0, 0, calls, 1, None), null),
            (library.ungil_inbox_completed(handle, 0, 99, calls, 1, count), invalid),
            (library.ungil_inbox_serve(handle, 99, b"", 0, signatures.UngilRelease()), invalid),
            (library.ungil_inbox_serve(handle, 99, None, 1, signatures.UngilRelease()), null),
            (library.ungil_call_free(0), signatures.UNGIL_OK),
            (library.ungil_call_free(1 << 40), invalid),
            (library.ungil_call_state(-1, state), invalid),
            (library.ungil_call_watch(-1, state), invalid),
            (library.ungil_call_cancel(1), invalid),
            (library.ungil_call_wait(1, 0, 0, reply), invalid),
            (library.ungil_function_free(0), signatures.UNGIL_OK),
            (library.ungil_function_free(1), invalid),
            (library.ungil_function_new(1, None, 1, None, 0, call), null),
            (library.ungil_function_new(1, b"", 0, None, 0, None), null),
        ]:
            self.assertEqual(status, expected, library.ungil_last_error())
        number = self.inbox.submit(b"x").number
        self.assertEqual(library.ungil_call_wait(number, 0, 0, None), null)
        self.assertEqual(library.ungil_call_state(number, None), null)
        self.assertEqual(library.ungil_call_state(ctypes.c_int32(number).value, state), invalid)


if __name__ == "__main__":
    unittest.main()
