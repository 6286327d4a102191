"""Modules of the program itself are imported anew for each user. Those of the standard library and installed packages stay
imported, as importing them again takes long, and many cannot be imported twice; and so do modules that these refer to, of
which there would be two otherwise.
"""
import sys

import os

from _ungil import interrupts

STANDARD_LIBRARY = os.path.dirname(os.__file__) + os.sep
INSTALLED = {"site-packages", "dist-packages"}
# Modules that are there from the start, or that ungil refers to, whatever their files are.
KEPT = {"ungil", "_ungil", "cloudpickle", "__main__", "__mp_main__"}


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


def by_package():
    """The modules' names and the modules, by package."""
    packages = {}
    for name, module in list(sys.modules.items()):
        packages.setdefault(name.partition(".")[0], []).append((name, module))
    return packages


def may_be_dropped(package, modules):
    """Whether this is a package of the program without a module in C, which cannot be imported twice."""
    of_program = [is_of_program(module) for _, module in modules]
    if package in KEPT or not any(of_program):
        return False
    return all(found or is_namespace(module) for found, (_, module) in zip(of_program, modules))


def values_of(modules):
    """The objects in the namespaces of modules."""
    for _, module in modules:
        names = getattr(module, "__dict__", None)
        if type(names) is dict:
            yield from list(names.values())


def made_by(modules):
    """The identities of the modules, and of their functions and classes."""
    names = {name for name, _ in modules}
    made = {id(module) for _, module in modules}
    for value in values_of(modules):
        is_definition = type(value) is type(made_by) or issubclass(type(value), type)
        if is_definition and getattr(value, "__module__", None) in names:
            made.add(id(value))
    return made


def droppable():
    """The names of modules of the program to which none refers that stays."""
    packages = by_package()
    dropped = {name: modules for name, modules in packages.items() if may_be_dropped(name, modules)}
    made = {name: made_by(modules) for name, modules in dropped.items()}
    made_by_all = set().union(*made.values())
    staying = [modules for name, modules in packages.items() if name not in dropped]
    while staying and dropped:
        used = made_by_all.intersection(map(id, values_of(staying.pop())))
        staying += [dropped.pop(name) for name in list(dropped) if not made[name].isdisjoint(used)]
    return [name for modules in dropped.values() for name, _ in modules]


def reset():
    """Drops them, and forgets which files are in their directories."""
    for name in droppable():
        sys.modules.pop(name, None)
    for path in list(sys.path_importer_cache):
        if not path.startswith(STANDARD_LIBRARY) and INSTALLED.isdisjoint(path.split(os.sep)):
            sys.path_importer_cache.pop(path, None)
