"""Functions that `atexit` has: those that modules register while they are imported, and those of the user.

Those of modules that stay imported are called when the process exits; the user's, and those of the program's modules, when
the interpreter is checked in.
"""
import sys

import atexit

from _ungil import logging_state, program_modules

of_modules = {name: getattr(atexit, name) for name in ("register", "unregister", "_run_exitfuncs", "_clear")}
of_user = []  # (function, args, kwargs)


class Finalizers(dict):
    """The objects of weakref.finalize, which are called like functions of `atexit`. TemporaryDirectory is one user."""

    indexes_of_modules = set()

    def __setitem__(self, finalizer, info):
        if program_modules.is_importing_kept(sys._getframe(1)):
            self.indexes_of_modules.add(info.index)
        dict.__setitem__(self, finalizer, info)

    def call_those_of_user(self):
        found = [(info.index, it) for it, info in list(self.items()) if info.atexit]
        for index, finalizer in sorted(found, key=lambda pair: pair[0], reverse=True):
            if index not in self.indexes_of_modules:
                call(finalizer)


finalizers = Finalizers()


def register(func, /, *args, **kwargs):
    if is_of_weakref(func):
        # It would call all finalizers and then let none be called any more: the process is about to end.
        func.__self__._registry = finalizers
        return of_modules["register"](func)
    if getattr(func, "__module__", None) == "logging" and getattr(func, "__name__", None) == "shutdown":
        logging_state.track(func.__globals__)  # that module is being imported
    if not callable(func) or program_modules.is_importing_kept(sys._getframe(1)):
        return of_modules["register"](func, *args, **kwargs)
    of_user.append((func, args, kwargs))
    return func


def is_of_weakref(func):
    """Whether this is the function that weakref.finalize registers when it is first used."""
    finalize = getattr(sys.modules.get("weakref"), "finalize", None)
    return finalize is not None and getattr(func, "__self__", None) is finalize


def unregister(func, /):
    of_modules["unregister"](func)
    of_user[:] = [entry for entry in of_user if not entry[0] == func]


def run_user():
    """Calls the user's, the latest first, also those that are registered meanwhile; then the finalizers."""
    while of_user:
        func, args, kwargs = of_user.pop()
        call(func, *args, **kwargs)
    finalizers.call_those_of_user()


def call(func, *args, **kwargs):
    try:
        func(*args, **kwargs)
    except SystemExit:
        pass
    except BaseException:
        import traceback

        print("Exception ignored in atexit callback %r:" % (func,), file=sys.stderr)
        traceback.print_exc()


def _run_exitfuncs():
    run_user()
    of_modules["_run_exitfuncs"]()


def _clear():
    of_user.clear()
    of_modules["_clear"]()


for function in (register, unregister, _run_exitfuncs, _clear):
    function.__doc__ = of_modules[function.__name__].__doc__
    function.__module__ = "atexit"
    function.__qualname__ = function.__name__
    setattr(atexit, function.__name__, function)
