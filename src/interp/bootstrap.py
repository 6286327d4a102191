"""What runs first in each private copy of Python: the import hook, then `site`, then a dispatcher for requests.

`native` is there: it takes b"copy " and the path of an extension module, and gives the path of a copy for this
interpreter; or b"drop " and that path, when the copy is loaded.
"""
import _imp
import sys
from _frozen_importlib import ModuleSpec

create = _imp.create_dynamic


def create_dynamic(spec, file=None):
    """Loads a copy of the extension module, which goes by the original's path."""
    path = native(b"copy " + spec.origin.encode(sys.getfilesystemencoding(), "surrogateescape"))
    try:
        private = ModuleSpec(spec.name, spec.loader, origin=path.decode())
        private.submodule_search_locations = spec.submodule_search_locations
        module = create(private)
    finally:
        native(b"drop " + path)
    module.__file__ = spec.origin
    return module


_imp.create_dynamic = create_dynamic

import site  # noqa: E402

site.main()

import __main__  # noqa: E402
import traceback  # noqa: E402


def execute(source):
    exec(compile(source, "<ungil>", "exec"), __main__.__dict__)
    return ""


def evaluate(expression):
    return str(eval(compile(expression, "<ungil>", "eval"), __main__.__dict__))


WAYS = {b"exec": execute, b"eval": evaluate}


def dispatch(request):
    """b"exec " or b"eval " and a text: gives b"ok " and the result, or b"error " and the traceback."""
    way, _, text = request.partition(b" ")
    try:
        return b"ok " + WAYS[way](text.decode()).encode("utf-8", "surrogateescape")
    except BaseException:  # SystemExit too: it is the task's, not the process's
        return b"error " + traceback.format_exc().encode("utf-8", "backslashreplace")
