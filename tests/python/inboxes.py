"""Inboxes, calls and servers through plain ctypes, for the tests."""

import ctypes
import threading
import unittest

import interpreters
from interpreters import Failed, Interpreter, check, library
from support import signatures

CLOSED, CANCELLED = signatures.UNGIL_E_CLOSED, signatures.UNGIL_E_CANCELLED
TIMED_OUT, FORKED = signatures.UNGIL_E_TIMED_OUT, signatures.UNGIL_E_FORKED
QUEUED, RUNNING = signatures.UNGIL_CALL_QUEUED, signatures.UNGIL_CALL_RUNNING
DONE, WAS_CANCELLED = signatures.UNGIL_CALL_DONE, signatures.UNGIL_CALL_CANCELLED

LENT = 2
GUARD_MS = 120000  # against a test that hangs

# The last byte of a request says what to do: that is the package's protocol, too.
SERVER = """
import gc, os, sys, time
import _ungil

functions, kept, received, deferred = {}, [], [], []

def answer(request, *buffers):
    kind = request[-1:]
    if kind == b"e":  # an expression
        return repr(eval(request[:-1])).encode()
    if kind == b"f":  # a function by its key, with text
        start = len(request) - 25
        key, length, count = [int.from_bytes(request[start + i * 8 : start + i * 8 + 8], "little") for i in range(3)]
        if length:
            received.append((key, count))
            functions[key] = eval(request[start - length : start])
        elif key not in functions:
            return b"u"
        return repr(functions[key](request[: start - length], *buffers)).encode()
    if kind == b"b":  # memory that comes back
        return (request[:-1],) + buffers
    if kind == b"k":  # memory that is kept until garbage is collected
        cycle = [buffers]
        cycle.append(cycle)
        return b"kept"
    if kind == b"l":  # later: the host resumes the call
        deferred.append(buffers)
        return b"l"
    if kind == b"o":  # the memory of deferred calls is over
        deferred.clear()
        return b"over"
    if kind == b"s":  # memory that is kept
        kept.append(buffers)
        return b"kept"
    gc.collect()
    return b""

_ungil.serve(answer)
"""


class Inbox(object):
    def __init__(self):
        handle = ctypes.c_int32()
        check(library.ungil_inbox_new(ctypes.byref(handle)))
        self.handle = handle.value

    def submit(self, request, *buffers, **options):
        buffers = (signatures.UngilBuffer * len(buffers))(*[buffer.struct for buffer in buffers])
        call = ctypes.c_int64()
        check(library.ungil_inbox_submit(self.handle, options.get("function", 0), request, len(request), buffers,
                                         len(buffers), ctypes.byref(call)))
        return Call(call.value)

    def counts(self):
        counts = signatures.UngilInboxCounts()
        check(library.ungil_inbox_counts(self.handle, ctypes.byref(counts)))
        return counts.queued, counts.running, counts.interrupted, counts.waiting

    def completed(self, timeout=GUARD_MS):
        calls, count = (ctypes.c_int64 * 10)(), ctypes.c_size_t()
        check(library.ungil_inbox_completed(self.handle, timeout, 0, calls, 10, ctypes.byref(count)))
        return list(calls)[:count.value]

    def close(self):
        check(library.ungil_inbox_close(self.handle))

    def free(self):
        check(library.ungil_inbox_free(self.handle))


class Call(object):
    def __init__(self, number):
        self.number = number

    def reply(self, timeout=GUARD_MS):
        reply = signatures.UngilReply()
        while True:
            status = library.ungil_call_wait(self.number, timeout, 0, ctypes.byref(reply))
            if status != signatures.UNGIL_E_INTERRUPTED:
                break
        check(status)
        return reply

    def wait(self, timeout=GUARD_MS):
        reply = self.reply(timeout)
        return ctypes.string_at(reply.response, reply.length)

    def state(self):
        state = ctypes.c_int32()
        check(library.ungil_call_state(self.number, ctypes.byref(state)))
        return state.value

    def watch(self):
        state = ctypes.c_int32()
        check(library.ungil_call_watch(self.number, ctypes.byref(state)))
        return state.value

    def free(self):
        check(library.ungil_call_free(self.number))


class Server(threading.Thread):
    """Makes an interpreter and runs an inbox's calls in it; `status` is how that has ended."""

    def __init__(self, inbox, lost=None):
        threading.Thread.__init__(self)
        self.daemon = True
        self.inbox, self.status, self.lost = inbox, None, lost or signatures.UngilRelease()
        self.interp, self.is_ready = 0, threading.Event()
        self.start()

    def run(self):
        try:
            interpreter = Interpreter()
            self.interp = interpreter.handle
            interpreter.run(SERVER)
            self.is_ready.set()
            self.status = library.ungil_inbox_serve(self.inbox.handle, interpreter.handle, b"g", 1, self.lost)
            interpreter.free()
        finally:
            self.is_ready.set()

    def end(self):
        self.join(GUARD_MS / 1000)
        return self.status


def until(condition):
    while not condition():
        threading.Event().wait(0.001)


@unittest.skipUnless(interpreters.SUPPORTED, "there are no interpreters for this Python")
class InboxTest(unittest.TestCase):
    def setUp(self):
        self.inbox = Inbox()
        self.addCleanup(self.inbox.free)

    def failure(self, call, *arguments):
        with self.assertRaises(Failed) as caught:
            call(*arguments)
        return caught.exception.status
