"""Handles of one kind, given to the functions of the others: each is told that it has nothing of that number."""

import ctypes
import unittest

from interpreters import HANDLE, HAS_ONE, REASON, SERVER, Case, count, library, signatures

OK = signatures.UNGIL_OK

# Parameters that are handles, by their names in the header.
PARAMETERS = {"control": "control", "interp": "interpreter", "handle": "reply", "message": "message",
              "queue": "queue", "counter": "counter", "barrier": "barrier", "object": "object", "inbox": "inbox"}
ACCEPTED = (OK, signatures.UNGIL_E_TIMED_OUT, signatures.UNGIL_E_BROKEN, signatures.UNGIL_E_CLOSED,
            signatures.UNGIL_E_CANCELLED)
ALIVE = {"ungil_inbox_fail": signatures.UNGIL_E_INVALID}  # what functions return that take dead interpreters alone
OBJECTS = ("queue", "counter", "barrier")  # which the functions with the parameter `object` take


def takers():
    """(function, parameter) for each function that takes a handle, those that end what it stands for last."""
    found = []
    for function, (_, parameters) in signatures.SIGNATURES.items():
        for name, kind in parameters:
            if name in PARAMETERS and kind is ctypes.c_int32:
                found.append((function, name))
    return sorted(found, key=lambda taker: (taker[0].endswith("_free"), taker))


def argument(kind):
    """Something that is right for a parameter of this type."""
    if kind is ctypes.c_char_p:
        return b"1"
    if kind is ctypes.c_void_p:
        return (ctypes.c_char * 64)()
    if isinstance(kind, signatures.FunctionPointer):
        return kind.prototype(lambda *arguments: 0)
    if hasattr(kind, "contents"):
        return (kind._type_ * 4)()
    return 1


def made(function, *arguments):
    handle = ctypes.c_int32()
    assert function(*(arguments + (ctypes.byref(handle),))) == OK
    return handle.value


def new_queue():
    queue = made(library.ungil_queue_new, 0)
    assert library.ungil_queue_put(queue, 0, b"x", 1, None, 0, 0, 0) == OK
    return queue


def new_inbox():
    """One that is closed: nobody waits for calls in it."""
    inbox = made(library.ungil_inbox_new)
    assert library.ungil_inbox_close(inbox) == OK
    return inbox


def new_call():
    """One that has ended."""
    inbox, call = made(library.ungil_inbox_new), ctypes.c_int64()
    assert library.ungil_inbox_submit(inbox, 0, None, 0, None, 0, ctypes.byref(call)) == OK
    assert library.ungil_call_cancel(call) == OK
    return call


INTEGERS = (ctypes.c_int32, ctypes.c_int64)
NEW = {"queue": new_queue, "counter": lambda: made(library.ungil_counter_new, 1),
       "barrier": lambda: made(library.ungil_barrier_new, 1), "control": lambda: 0, "holder": lambda: 0, "function": lambda: 0,
       "inbox": new_inbox, "call": new_call}


def call(function, parameter, handle):
    """Call the function with this handle, and otherwise with arguments that are right."""
    arguments = []
    for name, kind in signatures.SIGNATURES[function][1]:
        arguments.append(handle if name == parameter else NEW[name]() if name in NEW and kind in INTEGERS else argument(kind))
    return getattr(library, function)(*arguments)


class Handles(Case):
    def control(self):
        handle = ctypes.c_int32()
        self.assertEqual(library.ungil_control_new(ctypes.byref(handle)), OK)
        self.addCleanup(library.ungil_control_free, handle.value)
        return handle.value

    def check_control(self, handle):
        """It is as new."""
        out, progress = ctypes.c_double(), (ctypes.c_uint64(7), ctypes.c_uint64(7))
        self.assertEqual(library.ungil_control_progress(handle, *map(ctypes.byref, progress)), OK)
        self.assertEqual([number.value for number in progress], [0, 0])
        self.assertEqual(library.ungil_pi(10, 1, handle, ctypes.byref(out)), OK)

    def check_others(self, own, handle):
        """The functions of all other kinds refuse it."""
        refused = [(function, name) for function, name in takers()
                   if PARAMETERS[name] != own and not (own in OBJECTS and name == "object")]
        for function, name in refused:
            self.assertEqual(call(function, name, handle), HANDLE, "%s of a %s" % (function, own))
            self.assertIn("%s %d" % (name, handle), library.ungil_last_error().decode())
        return len(refused)

    def test_all_takers_are_known(self):
        """Or a function's parameter has another name, and is missed here."""
        kinds = [PARAMETERS[name] for _, name in takers()]
        self.assertGreater(kinds.count("control"), 12)
        self.assertEqual((kinds.count("interpreter"), kinds.count("reply"), kinds.count("message")), (9, 1, 1))
        self.assertEqual([kinds.count(kind) for kind in OBJECTS + ("object",)], [9, 5, 7, 3])

    def test_of_a_control(self):
        control = self.control()
        self.assertEqual(self.check_others("control", control), 48)
        self.check_control(control)

    def message(self):
        message = signatures.UngilMessage()
        self.assertEqual(library.ungil_queue_get(new_queue(), None, 0, 0, 0, ctypes.byref(message)), OK)
        return message.handle

    def test_of_objects_and_messages(self):
        for kind in OBJECTS:
            self.check_others(kind, NEW[kind]())
        self.check_others("message", self.message())

    @unittest.skipUnless(HAS_ONE, REASON)
    def test_of_an_interpreter_and_of_a_reply(self):
        control, interpreter = self.control(), self.new()
        interpreter.run(SERVER)
        reply = interpreter.call(b"export")
        before = count()
        self.check_others("interpreter", interpreter.handle)
        self.check_others("reply", reply.reply.handle)
        self.check_control(control)
        self.assertEqual((count(), interpreter.eval("1 + 1")), (before, "2"))
        self.assertEqual(reply.response, b"exported")
        self.assertEqual(len(reply.buffers), 2)
        reply.free()

    @unittest.skipUnless(HAS_ONE, REASON)
    def test_each_function_takes_those_of_its_own_kind(self):
        """So what it refuses above is the handle, and no other argument."""
        interpreter = self.new()
        interpreter.run(SERVER)
        reply = interpreter.call(b"").reply.handle
        own = {"control": self.control, "interp": lambda: interpreter.handle, "handle": lambda: reply,
               "object": new_queue, "message": self.message}
        NEW["interp"] = own["interp"]
        self.addCleanup(NEW.pop, "interp")
        own.update((kind, NEW[kind]) for kind in OBJECTS + ("inbox",))
        for function, name in takers():  # a control may be cancelled by the last one, so each gets another
            status = call(function, name, own[name]())
            self.assertIn(status, (ALIVE[function],) if function in ALIVE else ACCEPTED, function)


if __name__ == "__main__":
    unittest.main()
