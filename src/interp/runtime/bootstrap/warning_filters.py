"""The filters of warnings are those that the host has when the interpreter is checked out."""
import sys

import _warnings

initial = list(_warnings.filters)
initial_options = list(sys.warnoptions)


class LazyPattern:
    """A regular expression that is compiled when it is first needed: the module `re` takes longer than all filters."""

    def __init__(self, pattern, flags):
        self.pattern, self.flags, self.compiled = pattern, flags, None

    def match(self, text):
        if self.compiled is None:
            import re

            self.compiled = re.compile(self.pattern, self.flags)
        return self.compiled.match(text)


class ByName(type):
    """The type of categories that no module of this interpreter has imported yet."""

    def __subclasscheck__(cls, other):
        name = cls.__module__, cls.__qualname__
        return any((base.__module__, base.__qualname__) == name for base in getattr(other, "__mro__", ()))


def category_of(module, name):
    known = vars(sys.modules[module]).get(name) if module in sys.modules else None
    if isinstance(known, type) and issubclass(known, Warning):
        return known
    return ByName(name, (Warning,), {"__module__": module, "__qualname__": name})


def pattern_of(description):
    return LazyPattern(*description) if type(description) is tuple else description


def configure(options, lines):
    """Sets these filters, literals of tuples, of which one is empty if there are none; or else those of the options -W."""
    descriptions = [eval(line, {"__builtins__": {}}) for line in lines if line]
    current = [describe(entry) for entry in _warnings.filters]
    if descriptions == current if lines else options == initial_options:
        sys.warnoptions[:] = options
        return
    try:
        import warnings  # adds those of its options
    except ImportError:  # the caller's path has no standard library
        return
    sys.warnoptions[:] = options
    if lines:
        _warnings.filters[:] = [
            (action, pattern_of(message), category_of(*category), pattern_of(module), line)
            for action, message, category, module, line in descriptions
        ]
        warnings._filters_mutated()
    else:
        warnings._processoptions(options)


def describe(entry):
    """As cpython/host.py does."""
    action, message, category, module, line = entry
    texts = [it if it is None or type(it) is str else (it.pattern, it.flags) for it in (message, module)]
    return action, texts[0], (category.__module__, category.__qualname__), texts[1], line


def reset():
    """What was shown once may be shown again."""
    _warnings.filters[:] = initial
    sys.warnoptions[:] = initial_options
    warnings = sys.modules.get("warnings")
    if warnings is None:
        return
    warnings.filters = _warnings.filters
    warnings.showwarning, warnings.formatwarning = warnings._showwarning_orig, warnings._formatwarning_orig
    warnings.onceregistry.clear()
    warnings._filters_mutated()
