"""Modules of the program itself are imported anew for each user. Those of the standard library and installed packages stay
imported, as importing them again takes long, and many cannot be imported twice.
"""
import sys

import os

from _ungil import interrupts

STANDARD_LIBRARY = os.path.dirname(os.__file__) + os.sep
INSTALLED = {"site-packages", "dist-packages"}
# Modules that other modules refer to, or that are there from the start, whatever their files are.
KEPT = {"ungil", "_ungil", "__main__", "__mp_main__"}


def is_of_program(module):
    """Whether it comes from a file of source code that is part of neither Python nor an installed package."""
    spec = getattr(module, "__spec__", None)
    loader = type(getattr(spec, "loader", None)).__name__
    if loader not in ("SourceFileLoader", "SourcelessFileLoader"):
        return False
    path = os.path.abspath(getattr(spec, "origin", None) or "")
    return not path.startswith(STANDARD_LIBRARY) and INSTALLED.isdisjoint(path.split(os.sep))


def is_namespace(module):
    """Whether it is a package without a file of its own."""
    spec = getattr(module, "__spec__", None)
    return getattr(spec, "origin", "") is None and getattr(spec, "submodule_search_locations", None) is not None


def is_importing_kept(frame):
    """Whether the frame belongs to the import of a module that stays."""
    while frame is not None:
        back = frame.f_back
        if frame.f_code.co_filename == interrupts.IMPORT_SYSTEM:
            return True  # a module in C
        is_body = frame.f_code.co_name == "<module>"
        if is_body and back is not None and back.f_code.co_filename == interrupts.IMPORT_SYSTEM:
            name = frame.f_globals.get("__name__")
            return type(name) is str and not is_of_program(sys.modules.get(name))
        frame = back
    return False


def is_by_user(value):
    """Whether a function or a class was made by the program."""
    name = getattr(value, "__module__", None)
    return name == "__main__" or type(name) is str and is_of_program(sys.modules.get(name))


def droppable():
    """The names of modules of the program. A package with a module in C is kept: that cannot be imported twice."""
    trees = {}
    for name, module in list(sys.modules.items()):
        trees.setdefault(name.partition(".")[0], []).append((name, module))
    names = []
    for top, tree in trees.items():
        of_program = [is_of_program(module) for _, module in tree]
        if top not in KEPT and any(of_program):
            if all(found or is_namespace(module) for found, (_, module) in zip(of_program, tree)):
                names += [name for name, _ in tree]
    return names


def reset():
    """Drops them, and forgets which files are in their directories."""
    for name in droppable():
        sys.modules.pop(name, None)
    for path in list(sys.path_importer_cache):
        if not path.startswith(STANDARD_LIBRARY) and INSTALLED.isdisjoint(path.split(os.sep)):
            sys.path_importer_cache.pop(path, None)
