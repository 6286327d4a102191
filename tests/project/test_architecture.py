"""The architecture: which modules may use which, no cycles, and the lengths of files and functions.

A file or function that is longer than the limit says why, in a comment that begins with "Long:". For a file it is among
the first lines; for a function it is inside, or directly above.
"""
import os
import tempfile
import textwrap
import unittest

import python_source
import rust_source
import source_files

PROJECT = os.path.normpath(os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", ".."))

# Which parts of the library each part may use. A part is a module with all modules in it, but for those that are parts
# themselves. The order is from the bottom to the top: a part uses only parts above it in this table.
ALLOWED = {
    "sys": "",
    "error": "",
    "cpu": "sys",
    "kernels": "cpu error",
    "control": "error sys",
    "pool": "control error sys",
    "exchange": "control error sys",
    "ops": "pool control kernels cpu error sys",
    # The parts of interp. `loading` and `interpose` ask `exit` whether the process is exiting.
    "interp::error": "",
    "interp::elf": "",
    "interp::exit": "interp::error sys",
    "interp::loading": "interp::exit interp::elf interp::error sys",
    "interp::cpython": "interp::loading interp::exit interp::error exchange sys",
    "interp::interpose": "interp::loading interp::exit interp::elf interp::error sys",
    "interp::runtime": "interp::cpython interp::interpose interp::loading interp::exit interp::elf"
                       " interp::error exchange sys",
    # The server of an inbox runs calls in an interpreter.
    "exchange::server": "exchange interp::runtime interp::error error",
    # Where there are no interpreters, it stands in for `exit` and `runtime`.
    "interp::unsupported": "interp::exit interp::runtime interp::error exchange sys",
    "interp": "interp::unsupported",
    # How calls arrive: arrays become those of `ops`, errors become statuses, and while the process exits, the thread of
    # an export that runs Python code stops in it.
    "capi::abi": "ops interp::exit interp::error error sys",
    # An export converts its arguments, and calls `ops` or `interp`: it knows no kernel, and not the pool.
    "capi": "capi::abi ops exchange::server interp::runtime interp::exit interp::error exchange control cpu error",
    # The crate's root declares the modules.
    "": "",
}

FILE_LINES = 400
FUNCTION_LINES = 40
DIRECTORIES = ("src", "python", "tools", "benches", "fuzz", "tests", "examples", "bench_py", "packaging")


def cycles(graph):
    """The groups of modules that use each other, directly or through others; each as text, with what each uses."""
    reached = {}
    for start in graph:
        reached[start], waiting = set(), list(graph[start])
        while waiting:
            module = waiting.pop()
            if module not in reached[start]:
                reached[start].add(module)
                waiting.extend(graph[module])
    groups = {frozenset(other for other in reached[start] if start in reached[other])
              for start in graph if start in reached[start]}
    return [sorted("%s:%d uses %s" % (shown(one), graph[one][other], shown(other))
                   for one in group for other in graph[one] if other in group) for group in groups]


def shown(module):
    return module if isinstance(module, str) else "::".join(module) or "lib"


def part_of(module, allowed):
    return next(part for part in ("::".join(module[:n]) for n in range(len(module), -1, -1)) if part in allowed)


def forbidden(graph, allowed):
    """The uses of modules in parts that the module's own part may not use."""
    found = []
    for module, used in graph.items():
        part = part_of(module, allowed)
        for other, line in used.items():
            other_part = part_of(other, allowed)
            if other_part != part and other_part not in allowed[part].split():
                found.append("%s:%d uses %s" % (shown(module), line, shown(other)))
    return sorted(found)


def upward(allowed):
    """The entries of the table that are not below their part."""
    order = list(allowed)
    is_upward = [(part, other) for part in order for other in allowed[part].split()
                 if other not in order or order.index(other) >= order.index(part)]
    return ["%s may use %s" % pair for pair in is_upward]


def too_long(path, text):
    """The file, if it is too long, and its functions that are; but for those with a reason."""
    source = rust_source if path.endswith(".rs") else python_source
    lines, code = text.split("\n"), source.code_lines(text)
    if text.count("\n") > FILE_LINES and not any("Long:" in line for line in lines[:20]):
        yield "%s: %d lines" % (path, text.count("\n"))
    for name, start, end in source.functions(text):
        length = len(code.intersection(range(start, end)))
        first = start
        while first > 0 and lines[first - 1].strip().startswith(("#", "//", "@")):
            first -= 1
        if length > FUNCTION_LINES and not any("Long:" in line for line in lines[first:end]):
            yield "%s: %s has %d lines" % (path, name, length)


class Architecture(unittest.TestCase):
    maxDiff = None

    @classmethod
    def setUpClass(cls):
        cls.rust = rust_source.graph(source_files.read(os.path.join(PROJECT, "src"), ".rs"))
        cls.python = python_source.graph(source_files.read(os.path.join(PROJECT, "python"), ".py"))

    def test_no_modules_of_the_library_use_each_other(self):
        self.assertGreater(sum(map(len, self.rust.values())), 200)
        self.assertEqual([], cycles(self.rust))

    def test_modules_use_only_the_parts_that_they_may(self):
        self.assertEqual([], forbidden(self.rust, ALLOWED))
        self.assertEqual([], upward(ALLOWED))
        self.assertEqual({shown(module[:1]) for module in self.rust} - {"lib"},
                         {part.partition("::")[0] for part in ALLOWED if part})

    def test_no_modules_of_the_package_import_each_other(self):
        self.assertGreater(sum(map(len, self.python.values())), 40)
        self.assertEqual([], cycles(self.python))

    def test_the_package_imports_only_the_standard_library(self):
        settings = {"UNGIL_LIBRARY": os.path.join(PROJECT, "build", "lib", "libungil.so")}
        self.assertEqual([], python_source.third_parties(os.path.join(PROJECT, "python"), "ungil", settings))

    def test_files_and_functions_are_short_or_say_why_not(self):
        found = []
        for directory in DIRECTORIES:
            files = source_files.read(os.path.join(PROJECT, directory), (".rs", ".py"))
            found += [line for name in sorted(files) for line in too_long("%s/%s" % (directory, name), files[name])]
        self.assertEqual([], found)


class Planted(unittest.TestCase):
    """Each check fails where it should."""

    def graph(self, **files):
        names = {name.replace("__", "/") + ".rs": textwrap.dedent(text) for name, text in files.items()}
        return rust_source.graph(names)

    def test_rust_uses_are_read_in_every_form(self):
        graph = self.graph(
            lib="mod a;\n#[cfg(test)]\nmod skips;",
            skips="use crate::a;",
            a__mod="""
                pub mod b;
                mod c;
                #[cfg(test)]
                #[expect(unused)]
                mod tests;
                #[cfg(all(test, loom))]
                mod planted { use crate::d; }
                #[cfg(test)]
                use crate::{d::X, d};
                pub(in crate::d) fn f() {}
                macro_rules! m { () => { $crate::e::f() } }
                """,
            a__tests="use crate::d;",
            a__b="""
                // use crate::d;
                use super::{c::{self as other, X}, Y};
                const TEXT: &str = "crate::d::X";
                const QUOTES: [char; 3] = ['"', '\\'', 'x'];
                fn f<'a>() { other::nested::g('"', crate::g::X) }
                mod inline { use super::super::c; use super::Z; }
                """,
            a__c__mod="mod nested; use nested::g; use std::sync::Mutex as d;",
            a__c__nested="pub fn g() -> self::X { super::super::b::f() }",
            d="", e="", g="")
        self.assertEqual(graph, {
            (): {}, ("a",): {("e",): 12}, ("a", "b"): {("a", "c"): 3, ("a",): 3, ("a", "c", "nested"): 6, ("g",): 6},
            ("a", "c"): {("a", "c", "nested"): 1}, ("a", "c", "nested"): {("a", "b"): 1}, ("d",): {}, ("e",): {},
            ("g",): {}})

    def test_a_cycle(self):
        graph = self.graph(a="use crate::b;", b="\nuse crate::c::X;", c="use crate::a;", d="use crate::a;")
        self.assertEqual(cycles(graph), [["a:1 uses b", "b:2 uses c", "c:1 uses a"]])
        self.assertEqual(cycles(self.graph(lib="", a="use crate::b;", b="")), [])
        # A file that uses its directory's mod.rs, and the other way round.
        self.assertEqual(cycles(self.graph(a__mod="mod b; use b::X;", a__b="use super::LIMIT;")),
                         [["a:1 uses a::b", "a::b:1 uses a"]])

    def test_a_use_in_the_wrong_direction(self):
        graph = self.graph(lib="", sys="use crate::cpu;", cpu="use crate::sys;", interp__elf__image="use crate::sys;",
                           interp__runtime__start="use crate::interp::elf::image;")
        self.assertEqual(forbidden(graph, ALLOWED), ["interp::elf::image:1 uses sys", "sys:1 uses cpu"])
        self.assertEqual(upward({"a": "b", "b": "", "c": "c a x"}), ["a may use b", "c may use c", "c may use x"])

    def test_python_imports_at_module_level_alone(self):
        files = {
            "p/__init__.py": "from .a import f\n",
            "p/a.py": "import os\ntry:\n    from .inner import x, NAME\nexcept ImportError:\n    import p.b\n",
            "p/b.py": "def f():\n    from . import a\nif TYPE_CHECKING:\n    from . import a\n",
            "p/inner/__init__.py": "",
            "p/inner/x.py": "class C:\n    from .. import b\nfrom p.a import f\n",
        }
        graph = python_source.graph(files)
        self.assertEqual(graph, {"p": {"p.a": 1}, "p.a": {"p.inner.x": 3, "p.inner": 3, "p.b": 5}, "p.b": {},
                                 "p.inner": {}, "p.inner.x": {"p.b": 2, "p.a": 3}})
        self.assertEqual(cycles(graph), [["p.a:3 uses p.inner.x", "p.inner.x:3 uses p.a"]])

    def test_an_import_of_a_third_party(self):
        with tempfile.TemporaryDirectory() as directory:
            for name, text in (("planted.py", "import json, other.inner"), ("other/inner.py", "")):
                path = os.path.join(directory, name)
                os.makedirs(os.path.dirname(path), exist_ok=True)
                with open(path, "w") as file:
                    file.write(text)
            self.assertEqual(python_source.third_parties(directory, "planted", {}), ["other"])

    def test_long_functions_and_files(self):
        body = "    one();\n" * (FUNCTION_LINES - 2)
        short = "fn f(x: [u8; 2])\n{\n    // A comment, \"{\n\n%s}\n" % body[:-len("    one();\n")]
        long = "fn f<T>(x: T) {\n%s    two();\n}\n" % body
        self.assertEqual(list(too_long("a.rs", short + "fn declared();\n")), [])
        self.assertEqual(list(too_long("a.rs", short + long)), ["a.rs: f has 41 lines"])
        self.assertEqual(list(too_long("a.rs", "/// Does.\n// Long: a table.\n#[inline]\n" + long)), [])
        self.assertEqual(list(too_long("a.rs", long.replace("two();", "two(); // Long: a table"))), [])
        body = "    one()\n" * (FUNCTION_LINES - 1)
        self.assertEqual(list(too_long("a.py", 'def f():\n    """Doc.\n\n    More."""\n    # Comment.\n' + body)), [])
        self.assertEqual(list(too_long("a.py", "def f():\n    two()\n" + body)), ["a.py: f has 41 lines"])
        self.assertEqual(list(too_long("a.py", "# Long: a table.\n@d\ndef f():\n    two()\n" + body)), [])
        self.assertEqual(list(too_long("a.py", "one()\n" * 401)), ["a.py: 401 lines"])
        self.assertEqual(list(too_long("a.rs", "//! Long: generated.\n" + "const A: u8 = 1;\n" * 401)), [])


if __name__ == "__main__":
    unittest.main()
