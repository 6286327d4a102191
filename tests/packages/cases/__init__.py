"""Short uses of packages with compiled code, and of the standard library, each with an assertion.

A case is a function. It runs twice in each of several interpreters at once, so it must not count on being the first,
and whatever it leaves behind, such as a file, has a name of its own.
"""

import collections
import importlib
import pkgutil

Case = collections.namedtuple("Case", "name function distribution needs quick")

_CASES = {}


def case(distribution=None, *needs, quick=False):
    """Declares a function as the case of a distribution, as PyPI calls it; of the standard library if there is none.

    The function may need other distributions that the first does not require. Quick cases are those of CI.
    """

    def declare(function):
        name = function.__name__
        assert name not in _CASES, name
        _CASES[name] = Case(name, function, distribution, needs, quick)
        return function

    return declare


def find():
    """All cases by name: those of each module here, in the order of the files and their lines."""
    for module in sorted(module.name for module in pkgutil.iter_modules(__path__)):
        importlib.import_module(__name__ + "." + module)
    return dict(_CASES)


def requirements(chosen):
    """What pip has to install for these cases."""
    return sorted({name for case in chosen for name in (case.distribution, *case.needs) if name})
