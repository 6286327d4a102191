"""What the architecture test reads of Python sources: which modules import which, and functions with their lengths."""
import ast
import json
import os
import subprocess
import sys


def module_name(path):
    """The module in a file, by its path below the directory of the packages."""
    names = path[:-len(".py")].split("/")
    return ".".join(names[:-1] if names[-1] == "__init__" else names)


def is_for_type_checkers(statement):
    return isinstance(statement, ast.If) and "TYPE_CHECKING" in ast.dump(statement.test)


def imports(statements):
    """The import statements that run when a module is imported: none inside functions."""
    for statement in statements:
        if isinstance(statement, (ast.Import, ast.ImportFrom)):
            yield statement
        elif is_for_type_checkers(statement):
            yield from imports(statement.orelse)
        elif not isinstance(statement, (ast.FunctionDef, ast.AsyncFunctionDef)):
            for field in ("body", "orelse", "finalbody"):
                yield from imports(getattr(statement, field, []))
            for handler in getattr(statement, "handlers", []):
                yield from imports(handler.body)


def targets(statement, package, modules):
    """The modules that an import statement names, of a module in this package."""
    if isinstance(statement, ast.Import):
        return [alias.name for alias in statement.names]
    names = package.split(".")[:len(package.split(".")) - statement.level + 1] if statement.level else []
    base = ".".join(names + ([statement.module] if statement.module else []))
    inner = ["%s.%s" % (base, alias.name) for alias in statement.names]
    return [name if name in modules else base for name in inner]


def with_packages(target, importer):
    """A module and the packages around it that are imported for it, unless the importer is in them."""
    names = target.split(".")
    packages = [".".join(names[:n]) for n in range(1, len(names))]
    return [target] + [name for name in packages if not (importer + ".").startswith(name + ".")]


def graph(files):
    """Each module with those that it imports when it is imported, and the lines; `files` has texts by paths."""
    modules = {module_name(path): path for path in files}
    edges = {name: {} for name in modules}
    for name, path in modules.items():
        package = name if path.endswith("__init__.py") else name.rpartition(".")[0]
        for statement in imports(ast.parse(files[path]).body):
            for target in targets(statement, package, modules):
                for used in with_packages(target, name):
                    if used in modules and used != name:
                        edges[name].setdefault(used, statement.lineno)
    return edges


def functions(text):
    """Each function: its name, its first line and the one after its last, counted from 0."""
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            yield node.name, node.lineno - 1, node.end_lineno


def code_lines(text):
    """The numbers of the lines that are neither empty, nor a comment, nor of a docstring; from 0."""
    lines = {number for number, line in enumerate(text.split("\n")) if line.strip() and line.strip()[0] != "#"}
    with_docstrings = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, with_docstrings) and ast.get_docstring(node):
            lines -= set(range(node.body[0].lineno - 1, node.body[0].end_lineno))
    return lines


# Run in a new process: what an import adds to the modules, without those of the package and the standard library.
ADDED = """
import json, sys
before = set(sys.modules)
__import__(sys.argv[1])
added = {name.partition(".")[0] for name in set(sys.modules) - before}
print(json.dumps(sorted(added - set(sys.stdlib_module_names) - {sys.argv[1]})))
"""


def third_parties(directory, package, settings):
    """What an import of a package in a directory imports of others that are installed."""
    environment = dict(os.environ, PYTHONPATH=directory, **settings)
    output = subprocess.check_output([sys.executable, "-c", ADDED, package], env=environment, text=True)
    return json.loads(output)
