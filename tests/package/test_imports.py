"""What `import ungil` imports, and the names that it and its public modules have."""

import ast
import builtins
import importlib
import inspect
import json
import os
import textwrap
import unittest

import ungil
from references import python
from support import HAS_INTERPRETERS, NEEDS_INTERPRETERS
from ungil import aio, compat, control, errors, functions, kernels, progress

PUBLIC = (aio, compat, control, errors, functions, kernels, progress)


def imported_by(statement):
    """The modules that a statement imports in a new Python, with their files."""
    program = "import json, sys; before = set(sys.modules)\n%s\n" % statement
    program += "new = {name: getattr(sys.modules[name], '__file__', None) for name in set(sys.modules) - before}\n"
    return json.loads(python(program + "print(json.dumps(new))"))


class Imports(unittest.TestCase):
    def test_the_package_alone_imports_next_to_nothing(self):
        new = imported_by("import ungil")
        self.assertEqual({name for name in new if name.startswith("ungil")}, {"ungil", "ungil._import_hooks"})
        self.assertFalse(set(new) & {"typing", "ctypes", "concurrent.futures", "threading", "asyncio"})

    def test_no_other_package_is_imported(self):
        """Whatever is installed: a program that does not use it does not wait for its import."""
        directory = os.path.dirname(ungil.__file__)
        everything = "import ungil; [getattr(ungil, name) for name in dir(ungil)]; ungil.count_primes([1])"
        for statement in ("import ungil", everything):
            files = [file for file in imported_by(statement).values() if file and not file.startswith(directory)]
            self.assertEqual([file for file in files if "-packages" in file], [])

    @unittest.skipUnless(HAS_INTERPRETERS, NEEDS_INTERPRETERS)
    def test_an_interpreter_starts_with_few_modules(self):
        program = """
            import sys
            before = set(sys.modules)
            import ungil
            it = ungil.Interpreter()
            print(sorted(it.eval("{*__import__('sys').modules}") - before))
            assert it.eval("__import__('gc').isenabled()")
            assert it.eval("__import__('functools').wraps").__module__ == "functools"
        """
        slow = {"collections", "contextlib", "functools", "inspect", "logging", "pickle", "threading", "typing"}
        self.assertEqual(slow & set(ast.literal_eval(python(textwrap.dedent(program)))), set())

    def test_a_name_imports_its_module_alone(self):
        new = imported_by("import ungil; ungil.num_threads()")
        self.assertIn("ungil.kernels", new)
        others = {"ungil.aio", "ungil.compat", "ungil.functions", "ungil.interpreters", "ungil.progress"}
        self.assertFalse(set(new) & others)


class Names(unittest.TestCase):
    def test_each_name_is_that_of_its_module(self):
        for name, module in ungil._MODULES.items():
            if name != "__version__":
                self.assertIs(getattr(ungil, name), getattr(importlib.import_module("ungil." + module), name))
        self.assertRegex(ungil.__version__, r"^\d+\.\d+\.\d+$")

    def test_names_are_listed(self):
        self.assertLessEqual({"sum", "map", "aio", "compat", "errors", "__version__"}, set(dir(ungil)))
        self.assertLessEqual(set(ungil.__all__), set(dir(ungil)))
        for name in dir(ungil):
            self.assertTrue(hasattr(ungil, name), name)
        self.assertFalse(hasattr(ungil, "nothing"))

    def test_names_that_were_moved_warn(self):
        for name in ("test", "num_primes", "pi"):
            with self.assertWarnsRegex(DeprecationWarning, r"ungil\.compat\.%s now" % name) as caught:
                self.assertIs(getattr(ungil, name), getattr(ungil.compat, name))
            self.assertEqual(caught.filename, __file__)

    def test_type_checkers_see_the_same_names(self):
        tree = ast.parse(inspect.getsource(ungil))
        (block,) = (node for node in tree.body if isinstance(node, ast.If) and isinstance(node.test, ast.Name))
        seen = {}
        for node in block.body:
            if isinstance(node, ast.ImportFrom) and node.level:
                names = [alias.asname or alias.name for alias in node.names]
                every = importlib.import_module("ungil." + node.module).__all__ if names == ["*"] else names
                seen.update(dict.fromkeys(every, node.module))
        expected = {name: module for name, module in ungil._MODULES.items() if name != "__version__"}
        self.assertEqual(seen, dict(expected, **dict.fromkeys(ungil._SUBMODULES)))
        self.assertTrue(os.path.exists(os.path.join(os.path.dirname(ungil.__file__), "py.typed")))

    def test_a_star_import_hides_no_builtin(self):
        self.assertFalse(set(ungil.__all__) & set(dir(builtins)))
        self.assertEqual(python("from ungil import *; print(count_primes([2, 3]), sum([1, 2]))").split(), ["2", "3"])

    def test_the_workloads_of_the_examples_are_in_compat_alone(self):
        self.assertEqual(sorted(compat.__all__), ["num_primes", "pi", "test"])
        for name in compat.__all__:
            self.assertNotIn(name, dir(ungil))
            for module in (kernels, aio):
                self.assertFalse(hasattr(module, name), name)

    def test_public_modules_list_their_names(self):
        for module in PUBLIC:
            own = {
                name
                for name, value in vars(module).items()
                if not name.startswith("_") and getattr(value, "__module__", None) == module.__name__
                if isinstance(value, type) or inspect.isfunction(value)
            }
            self.assertLessEqual(set(module.__all__), set(dir(module)), module)
            self.assertLessEqual(own - {"of_status"}, set(module.__all__), module)


if __name__ == "__main__":
    unittest.main()
