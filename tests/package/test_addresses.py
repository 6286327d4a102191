"""Addresses of memory: the field of memoryviews, which is checked at import, and PyObject_GetBuffer."""

import array
import contextlib
import runpy
import sys
import unittest
from types import SimpleNamespace
from unittest import mock

import test_buffers
import test_interrupted_steps
import test_shared_memory
from ungil._arrays import addresses, buffers
from ungil._native import lending
from ungil.interpreters import _requests

IS_CPYTHON = sys.implementation.name == "cpython"


@unittest.skipUnless(IS_CPYTHON, "SKIP: only CPython's memoryviews are read")
class SelfCheck(unittest.TestCase):
    def test_this_python_passes(self):
        self.assertIs(addresses.address_of, addresses._read_field)

    def test_another_layout_is_noticed(self):
        right = addresses._offset_in(memoryview)
        self.assertTrue(addresses._is_buffer_offset(right))
        for wrong in range(object.__basicsize__, right, 8):  # all of these are inside a memoryview
            self.assertFalse(addresses._is_buffer_offset(wrong), wrong)

    def test_offsets_outside_the_object_are_not_read(self):
        size = memoryview.__basicsize__
        for offset in (
            -32,
            -8,
            0,
            8,
            object.__basicsize__,
            79,
            size + 8,
            size + 4096,
            memoryview.__weakrefoffset__ + 4,
        ):
            kind = SimpleNamespace(__weakrefoffset__=offset, __basicsize__=size)
            self.assertIsNone(addresses._offset_in(kind), offset)

    def test_a_python_with_another_layout_gets_the_right_addresses(self):
        numbers = array.array("q", range(9))
        size = memoryview.__basicsize__
        for offset in (-32, 0, memoryview.__weakrefoffset__ - 8, memoryview.__weakrefoffset__ - 32, size, size + 8):

            class Other:
                __weakrefoffset__, __basicsize__ = offset, size

                def __new__(cls, owner):
                    return memoryview(owner)

            module = runpy.run_path(addresses.__file__, {"memoryview": Other})
            view = memoryview(numbers)[3:]
            self.assertEqual(module["address_of"](view)[0], numbers.buffer_info()[0] + 24, offset)

    def test_both_ways_agree(self):
        numbers = array.array("q", range(9))
        for owner in (b"", b"abc", bytearray(), bytearray(5), array.array("d"), numbers, memoryview(numbers)[2::3]):
            for view in (memoryview(owner), memoryview(owner).toreadonly(), memoryview(owner)[1:]):
                self.assertEqual(addresses._read_by_get_buffer(view), addresses._read_field(view), (owner, view))

    def test_get_buffer_holds_nothing(self):
        numbers = array.array("q", range(9))
        view = memoryview(numbers)
        self.assertEqual(addresses._read_by_get_buffer(view), (numbers.buffer_info()[0], None))
        view.release()
        numbers.append(9)


def by_get_buffer(case):
    """The same tests, with addresses from PyObject_GetBuffer."""

    class Case(case):
        def setUp(self):
            patches = contextlib.ExitStack()
            for module in (buffers, lending, _requests):
                patches.enter_context(mock.patch.object(module, "address_of", addresses._read_by_get_buffer))
            self.addCleanup(patches.close)
            super().setUp()

    Case.__name__ = Case.__qualname__ = case.__name__ + "ByGetBuffer"
    Case.__module__ = __name__
    return unittest.skipUnless(IS_CPYTHON, "SKIP: other Pythons have no PyObject_GetBuffer")(Case)


def load_tests(loader, tests, _):
    """Run the tests of buffers again, with addresses from PyObject_GetBuffer."""
    cases = [test_interrupted_steps.Arrays]
    for module in (test_buffers, test_shared_memory):
        cases += [
            case
            for case in vars(module).values()
            if isinstance(case, type) and issubclass(case, unittest.TestCase) and case.__module__ == module.__name__
        ]
    tests.addTests(loader.loadTestsFromTestCase(by_get_buffer(case)) for case in cases)
    return tests


if __name__ == "__main__":
    unittest.main()
