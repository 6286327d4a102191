"""The import of a package that is not to be found by the interpreter's path."""
import gc
import sys

import _ungil


def import_from(directory, name):
    """Imports a module, and what it needs, with this directory before the others. To look for garbage meanwhile takes time, and next to nothing is."""
    collects_garbage = gc.isenabled()
    gc.disable()
    sys.path.insert(0, directory)
    try:
        __import__(name)
    finally:
        sys.path.remove(directory)
        collects_garbage and gc.enable()
    return sys.modules[name]


_ungil.import_from = import_from
