"""Docstrings: the examples run, and each public name has the sections of numpydoc that its signature demands."""

import doctest
import glob
import importlib
import inspect
import os
import pkgutil
import re
import sys
import typing
import unittest

import ungil
from references import not_on_pypy
from support import HAS_INTERPRETERS, NEEDS_INTERPRETERS, numpy
from ungil import _typing

SECTIONS = ["Parameters", "Attributes", "Returns", "Yields", "Raises", "Warns", "See Also", "Notes", "References"]
SECTIONS += ["Examples"]

# It works in interpreters only; needs a package that may not be installed (tests/integrations has the examples then);
# runs when it is imported; and the native library, which pkgutil takes for an extension module where the package is
# installed.
ONLY_IN_INTERPRETERS = {"ungil.interpreters." + name for name in ("_worker", "_inheritance", "_redirection")}
NEED_PACKAGES = {"ungil._native.threadpoolctl", "ungil.dask", "ungil.joblib"}
NOT_IMPORTED = ONLY_IN_INTERPRETERS | NEED_PACKAGES | {"ungil.__main__", "ungil.libungil"}


def modules():
    for found in pkgutil.walk_packages(ungil.__path__, "ungil."):
        if found.name not in NOT_IMPORTED:
            yield importlib.import_module(found.name)
    yield ungil


def public_objects():
    """(name, object) of everything public: modules, their public names, and the public members of classes."""
    for module in modules():
        if "._" in module.__name__:
            continue
        yield module.__name__, module
        for name in getattr(module, "__all__", ()):
            value = getattr(module, name)
            if not inspect.ismodule(value) and not isinstance(value, str):
                yield "%s.%s" % (module.__name__, name), value
                if inspect.isclass(value):
                    yield from members("%s.%s" % (module.__name__, name), value)


def members(prefix, kind):
    for name in dir(kind):
        value = inspect.getattr_static(kind, name)
        if isinstance(value, (staticmethod, classmethod)):
            value = value.__func__
        is_own = (getattr(value, "__module__", None) or "ungil").startswith("ungil")
        if is_own and not name.startswith("_") and (inspect.isfunction(value) or isinstance(value, property)):
            yield "%s.%s" % (prefix, name), value


def sections_of(docstring):
    """The sections' names, in their order, with their text."""
    parts = re.split(r"^(\w[\w ]*)\n-+\n", inspect.cleandoc(docstring), flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2]))


def described(section):
    """The parameters that a section describes: lines that are not indented, "a, b : type"."""
    lines = [line for line in section.splitlines() if line and not line.startswith(" ")]
    return [name.strip().lstrip("*") for line in lines for name in line.partition(" :")[0].split(",")]


def signature_of(value):
    """The parameters' names, and whether something is returned."""
    is_class = inspect.isclass(value)
    signature = inspect.signature(value.__init__ if is_class else value)
    names = [name for name in signature.parameters if name != "self"]
    return names, not is_class and signature.return_annotation not in ("None", None)


@not_on_pypy("has methods in Python that CPython has in C, with docstrings of other forms")
class Docstrings(unittest.TestCase):
    def test_each_public_name_has_one(self):
        for name, value in public_objects():
            with self.subTest(name=name):
                docstring = inspect.getdoc(value)
                self.assertTrue(docstring)
                summary = docstring.partition("\n")[0]
                self.assertTrue(summary.endswith("."), summary)
                if inspect.isfunction(value):  # in the imperative: "Return", not "Returns"
                    self.assertNotRegex(summary, r"^\w*[^\Ws]s ")

    def test_sections_stand_in_the_order_of_numpydoc(self):
        for name, value in public_objects():
            with self.subTest(name=name):
                found = list(sections_of(inspect.getdoc(value)))
                self.assertEqual(found, [section for section in SECTIONS if section in found])

    def test_sections_that_a_signature_demands(self):
        for name, value in public_objects():
            if not callable(value) or (inspect.isclass(value) and not is_constructed_by_users(value)):
                continue
            with self.subTest(name=name):
                names, returns = signature_of(value)
                sections = sections_of(inspect.getdoc(value))
                self.assertEqual(sorted(described(sections.get("Parameters", ""))), sorted(names))
                self.assertEqual("Returns" in sections or "Yields" in sections, returns)

    @unittest.skipIf(sys.version_info < (3, 10), "SKIP: annotations are for Python 3.10 or later")
    def test_annotations_can_be_evaluated(self):
        for name, value in public_objects():
            if inspect.ismodule(value):
                continue
            with self.subTest(name=name):
                for annotated in with_annotations(value):
                    typing.get_type_hints(annotated)
        self.assertIn("numbers", typing.get_type_hints(ungil.count_primes))

    def test_annotations_with_parameters_can_be_evaluated_by_every_python(self):
        result = _typing.Result
        called = typing.Callable[_typing.Parameters if sys.version_info >= (3, 10) else ..., result]
        for function in ungil.Interpreter.call, ungil.run:
            hints = typing.get_type_hints(function)
            self.assertEqual((hints["function"], hints["return"]), (called, result))
        self.assertEqual(typing.get_type_hints(ungil.InterpreterPoolExecutor.submit)["fn"], called)


def with_annotations(value):
    """What of a public object has annotations: a class and its __init__, a property's function, or a function."""
    if inspect.isclass(value):
        return [value, value.__init__] if is_constructed_by_users(value) else [value]
    return [value.fget if isinstance(value, property) else value]


def is_constructed_by_users(kind):
    """Whether it has an __init__ of its own, and is no exception or record that the library makes."""
    return "__init__" in vars(kind) and not issubclass(kind, BaseException)


class Examples(unittest.TestCase):
    def test_examples(self):
        found = 0
        finder = doctest.DocTestFinder(exclude_empty=True)
        for module in modules():
            for test in finder.find(module, module.__name__, globs={}):  # examples import what they use
                if test.examples:
                    found += 1
                    with self.subTest(name=test.name):
                        self.run_examples(test)
        self.assertGreater(found, 10)

    def test_pages(self):
        docs = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "docs")
        pages = sorted(glob.glob(os.path.join(docs, "**", "*.md"), recursive=True))
        if not pages:
            self.skipTest("SKIP: no pages in %s" % docs)
        for path in pages:
            name = os.path.relpath(path, docs)
            with open(path, encoding="utf-8") as page:
                test = doctest.DocTestParser().get_doctest(page.read(), {}, name, path, 0)
            if test.examples:
                with self.subTest(name=name):
                    self.run_examples(test)

    def run_examples(self, test):
        source = "".join(example.source for example in test.examples)
        if "numpy" in source and numpy is None:
            self.skipTest("SKIP: numpy is not installed")
        if re.search(r"Interpreter|\brun\(", source) and not HAS_INTERPRETERS:
            self.skipTest(NEEDS_INTERPRETERS)
        report = []
        runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE, verbose=False)
        runner.run(test, out=report.append)
        self.assertEqual(runner.failures, 0, "".join(report))


if __name__ == "__main__":
    unittest.main()
