"""What a user leaves behind is removed, for the next one."""
import sys

import _thread
import builtins
import gc
import os
import posix

import __main__
import _ungil
from _ungil import logging_state, module_states, process, program_modules, requests, settings, signals, sources

builtin_names = dict(builtins.__dict__)
main_names = dict(__main__.__dict__, __builtins__=builtins)
own_modules = {module.__name__: module for module in (sys, builtins, os, posix, __main__, _ungil)}
hooks = {name: getattr(sys, name) for name in ("excepthook", "displayhook", "breakpointhook", "unraisablehook")}
finders = list(sys.meta_path), list(sys.path_hooks)
recursion_limit = sys.getrecursionlimit()


def reset_builtins():
    """Names with two underscores stay: modules in C keep there what they share with each other, as pybind11's do."""
    for name in list(builtins.__dict__):
        if name not in builtin_names and not (type(name) is str and name.startswith("__")):
            del builtins.__dict__[name]
    builtins.__dict__.update(builtin_names)


def remaining_finders():
    """The finders of the beginning, and those of modules that stay imported: these find other modules for them."""
    standard = set(map(id, finders[0]))
    places = [place for place, finder in enumerate(sys.meta_path) if id(finder) in standard]
    first = places[0] if places else len(sys.meta_path)
    before, after = sys.meta_path[:first], sys.meta_path[first:]
    return [*filter(stays, before), *finders[0], *(finder for finder in filter(stays, after) if id(finder) not in standard)]


def stays(finder):
    kind = finder if isinstance(finder, type) else type(finder)
    module = sys.modules.get(kind.__module__)
    return module is not __main__ and getattr(module, kind.__name__, None) is kind


def reset(_):
    """Removes what a user left behind, except modules that stay imported. Fails if threads are left: the next user would have them, too."""
    reset_builtins()
    sys.modules.update(own_modules)
    sys.setrecursionlimit(recursion_limit)
    _thread.stack_size(0)
    if _thread._count():
        raise RuntimeError("threads are left")
    signals.reset()
    requests.reset()
    sources.sources.clear()
    __main__.__dict__.clear()
    __main__.__dict__.update(main_names)
    logging_state.reset()
    settings.reset()
    module_states.reset()
    program_modules.reset()
    sys.stdin, sys.stdout, sys.stderr = sys.__stdin__, sys.__stdout__, sys.__stderr__
    sys.meta_path[:], sys.path_hooks[:] = remaining_finders(), finders[1]
    for name, hook in hooks.items():
        setattr(sys, name, hook)
    gc.enable()
    gc.collect()
    process.restore_directory()
    return b""
