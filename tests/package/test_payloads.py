"""What is sent arrives as it was: bytes, strings and bytearrays, of which the large ones go beside the pickle."""

import array
import pickle
import sys
import unittest
from unittest import mock

import ungil
from support import HAS_INTERPRETERS, NEEDS_INTERPRETERS, OneInterpreter
from ungil._native.library import library
from ungil._private_apis import IS_FREE_THREADED
from ungil.interpreters import _beside, _flags, _pickling
from ungil.interpreters._calls import call_of
from ungil.interpreters._loans import lend
from ungil.interpreters._sharing import LARGE

SIZES = (0, 1, LARGE - 1, LARGE)


class Text(str):
    pass


class Raw(bytes):
    pass


class Bytes(bytearray):
    pass


def payloads():
    """Objects of each kind, of sizes around the limit."""
    for size in SIZES:
        data = bytes(i % 251 for i in range(size))
        yield from (data, Raw(data), bytearray(data), Bytes(data), array.array("B", data))
        for character in "a\0\xe9\u20ac\U0001f600\ud800":
            yield character * size
        yield Text("t" * size)
        yield "\ud83d\ude00" * size  # two surrogates, which are not one character
        yield "a" * size + "\udc80"
        yield data, {"key": data, data: [bytearray(data), "x" * size]}, (1, ("inner", size))
    for typecode in "Hd":
        yield from (array.array(typecode, [1, 2]), array.array(typecode, [1, 2]) * LARGE)
    yield list(range(LARGE))
    yield [bytes([i]) * (LARGE // 8 * i) for i in range(20)]
    # Headers of large objects, as contents of small ones
    yield [b"B" + LARGE.to_bytes(4, "little"), bytes(LARGE), b"X" + LARGE.to_bytes(4, "little"), "y" * LARGE]
    yield (None, True, 7, 2.5, 1j, "text", b"bytes", (), (None, False, -1, 0.0, "", b""))


def same(value):
    return value


def identities(pair, key):
    """Whether the same objects came several times; and what comes back has these several times, too."""
    return pair[0] is pair[1], key is pair[0], pair


def change(value):
    value[0] = 7
    value.append(9)
    return value


_kept = bytearray(LARGE)


def keep(data):
    """Return what stays here, too."""
    _kept[:] = data
    return _kept


def kept_ones():
    return _kept.count(1)


@unittest.skipUnless(HAS_INTERPRETERS, NEEDS_INTERPRETERS)
class Payloads(OneInterpreter):
    def assert_same(self, sent, found):
        self.assertIs(type(found), type(sent))
        self.assertTrue(found == sent, repr(sent)[:60])

    def test_they_arrive_and_come_back(self):
        for sent in payloads():
            self.assert_same(sent, self.call(same, sent))

    def test_with_functions_that_go_by_value(self):
        for sent in payloads():
            self.assert_same(sent, self.call(lambda value: value, sent))
        large = b"g" * LARGE
        self.assertEqual(self.call(lambda: large), large)

    def test_in_chunks(self):
        sent = list(payloads())
        with ungil.InterpreterPoolExecutor(1) as pool:
            for chunksize in (1, len(sent)):
                for one, found in zip(sent, pool.map(same, sent, chunksize=chunksize)):
                    self.assert_same(one, found)

    def test_in_exceptions(self):
        def fail(value):
            raise ValueError(value)

        for sent in (bytes(LARGE), "\u20ac" * LARGE, [bytearray(LARGE)]):
            with self.assertRaises(ValueError) as caught:
                self.call(fail, sent)
            self.assert_same(sent, caught.exception.args[0])

    def test_identity_within_a_message(self):
        for value in (bytes(LARGE), "x" * LARGE, bytearray(LARGE), "\ud800" * LARGE):
            first, second, pair = self.call(identities, [value, value], value)
            self.assertTrue(first and second)
            self.assertIs(pair[0], pair[1])

    def test_bytearrays_are_everybody_s_own(self):
        for size in (1, LARGE, 3 * LARGE):
            sent = bytearray(size)
            found = self.call(change, sent)
            self.assertEqual((sent[0], len(sent), found[0], found[-1]), (0, size, 7, 9))
            found.append(1)
        with ungil.InterpreterPoolExecutor(1) as pool:
            found = pool.submit(keep, bytes([1]) * LARGE).result()
            found[:] = bytes(LARGE)
            found.append(1)
            self.assertEqual(pool.submit(kept_ones).result(), LARGE)

    def test_a_bytearray_is_as_it_was_when_it_was_sent(self):
        with ungil.InterpreterPoolExecutor(1) as pool:
            for size in (10, LARGE):
                data, futures = bytearray(size), []
                for i in range(3):
                    data[:] = bytes([i]) * size
                    futures.append(pool.submit(same, data))
                    data.append(1)  # it can be resized
                self.assertEqual([future.result()[:2] for future in futures], [bytes([i, i]) for i in range(3)])


@unittest.skipUnless(HAS_INTERPRETERS, NEEDS_INTERPRETERS)
class LentBytes(OneInterpreter):
    """Bytes that are lent until they are copied are let go when the call is over."""

    def references(self, data):
        return sys.getrefcount(data)

    @unittest.skipIf(IS_FREE_THREADED, "SKIP: reference counts are not exact without a GIL")
    def test_they_are_let_go_after_each_call(self):
        def fail(value):
            raise ValueError

        data = bytes(LARGE)
        before = self.references(data)
        for _ in range(3):
            self.call(len, data)
            self.assertRaises(ValueError, self.call, fail, [data, data, bytes(LARGE)])
        self.assertEqual(self.references(data), before)
        self.assertFalse(_flags._lent)

    @unittest.skipIf(IS_FREE_THREADED, "SKIP: reference counts are not exact without a GIL")
    def test_more_than_there_are_flags_for(self):
        sent = [bytes([i % 251]) * LARGE for i in range(10)]
        before = [self.references(data) for data in sent]
        with mock.patch.object(_flags, "_free", _flags._free[:3]):
            self.assertEqual(self.call(same, sent), sent)
            self.assertEqual(len(_flags._free), 3)
        self.assertEqual([self.references(data) for data in sent], before)

    def test_flags_of_other_calls_are_looked_at(self):
        lent = [memoryview(bytes(10)) for _ in range(_flags._ENOUGH)]
        flags = [_flags.lend(view) for view in lent]
        for flag in flags:
            library.ungil_release_flag(flag)
        self.assertEqual(len(_flags._lent), len(lent))
        self.call(len, bytes(LARGE))
        self.assertFalse(_flags._lent)


class Beside(unittest.TestCase):
    """Large objects are not in the pickle, however it is written."""

    @unittest.skipUnless(HAS_INTERPRETERS, NEEDS_INTERPRETERS)
    def test_every_object_goes_beside(self):
        for lender in (lend, None):
            sent = [b"b" * LARGE, "s" * LARGE, "\u20ac" * LARGE, bytearray(LARGE), {1: b"c" * LARGE}]
            message = _pickling.dumps(sent, lend=lender)
            self.assertLess(len(message.data), 500)
            self.assertEqual(len(message.buffers), 5)
            self.assertIs(message.buffers[0].view.obj, sent[0])  # it is not copied
            self.assertEqual(_pickling.loads(message.data, [buffer.view for buffer in message.buffers]), sent)

    @unittest.skipUnless(HAS_INTERPRETERS, NEEDS_INTERPRETERS)
    def test_one_alone_needs_no_pickler(self):
        """The pickles of a large object alone, and of a call with it, are constants."""
        for sent in (b"b" * LARGE, "s" * LARGE, "\ud800" * LARGE, bytearray(b"a" * LARGE)):
            message, call = _pickling.dumps(sent), call_of(len, (sent,), {}, frozenset()).message
            for each, expected in ((message, sent), (call, ((sent,), {}))):
                found = _pickling.loads(each.data, [buffer.view for buffer in each.buffers])
                self.assertEqual(found, expected)
                self.assertLess(len(each.data), 60)
            self.assertIs(type(_pickling.loads(message.data, [message.buffers[0].view])), type(sent))
            if type(sent) is bytearray:
                sent[0] = 0  # an argument is as it was; a result is handed over
                self.assertEqual((call.buffers[0].view[0], message.buffers[0].view[0]), (ord("a"), 0))

    def test_few_plain_objects_need_no_pickler(self):
        text = "".join(["sh", "ared"])
        call_of(len, (1,), {}, frozenset())  # now the function is known
        with mock.patch.object(_pickling, "FastPickler", side_effect=AssertionError):
            for sent in ([], [text, text, 10**30], {"a": (1, b"b"), text: None}, {1, 2.5}, [i for i in range(32)]):
                message, call = _pickling.dumps(sent), call_of(len, (sent,), {}, frozenset()).message
                received = _pickling.loads(message.data, ())
                self.assertEqual((type(received), received), (type(sent), sent))
                self.assertEqual(_pickling.loads(call.data, ()), ((sent,), {}))
                if type(sent) is list and text in sent:
                    self.assertIs(received[0], received[1])

    @unittest.skipUnless(HAS_INTERPRETERS, NEEDS_INTERPRETERS)
    def test_others_need_one(self):
        class Items(list):
            pass

        for sent in ([[1]], {"a": []}, {"b" * LARGE: 1}, {1: "c" * LARGE}, [Items()], Items([1])):
            with mock.patch.object(_pickling, "FastPickler", side_effect=_pickling.FastPickler) as pickler:
                message = _pickling.dumps(sent)
            self.assertTrue(pickler.called)
            self.assertEqual(_pickling.loads(message.data, [buffer.view for buffer in message.buffers]), sent)

    def test_by_either_pickler(self):
        class Writer:
            def __init__(self):
                self.written = []
                self.write = self.written.append

        for pickler in (pickle.Pickler, pickle._Pickler):
            for sent in payloads():
                if type(sent) in (Text, Raw, Bytes, array.array):
                    continue
                writer = Writer()
                pickler(writer, _pickling.PROTOCOL).dump(sent)
                data, found = _beside.take_out(writer.written, True)
                self.assertEqual(pickle.loads(data, buffers=[buffer.view for buffer in found]), sent)
                if type(sent) in (bytes, str, bytearray) and len(sent) >= LARGE:
                    self.assertEqual(len(found), 1)


if __name__ == "__main__":
    unittest.main()
