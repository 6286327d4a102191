"""Run code on all cores in spite of Python's global interpreter lock (GIL).

- `is_prime`, `count_primes`, `sum`, `sum_multiples` (module `kernels`): functions over numbers that use all cores.
- `num_threads`, `set_num_threads` (also `kernels`): how many threads a call uses.
- `parallel_for`, `map`, `integrate` (module `functions`): call your own C functions on all cores.
- `InterpreterPoolExecutor`, `Actor`, `run`, `Interpreter`, `share` (package `interpreters`): run any Python code in
  isolated interpreters.
- `Queue`, `Event`, `Lock`, `Barrier`, `Counter` (package `exchange`): what tasks in interpreters share.
- `Control` (module `control`), `track` (module `progress`): progress, cancellation, deadlines and progress bars.
- `Error` and its subclasses (module `errors`): the exceptions.
- `aio`: awaitable forms of the long functions, for asyncio.
- `joblib`, `dask`: backends of joblib and Dask; each needs that package, and is imported by its name.
- `compat`: `test`, `num_primes` and `pi`, the workloads of the classic examples.

`python -m ungil` reports what works on this machine, and how fast.
"""

from __future__ import annotations

from ._import_hooks import after_import

TYPE_CHECKING = False  # not from typing, whose import would take a fifth of the start of an isolated interpreter
if TYPE_CHECKING:
    from typing import Any

    from . import aio as aio
    from . import compat as compat
    from . import control as control
    from . import errors as errors
    from . import exchange as exchange
    from . import functions as functions
    from . import interpreters as interpreters
    from . import kernels as kernels
    from . import progress as progress
    from .control import *  # noqa: F403 - all names of its __all__, as in each of these lines
    from .errors import *  # noqa: F403
    from .exchange.barriers import *  # noqa: F403
    from .exchange.queues import *  # noqa: F403
    from .exchange.sync import *  # noqa: F403
    from .functions import *  # noqa: F403
    from .interpreters._sharing import share as share
    from .interpreters.actors import *  # noqa: F403
    from .interpreters.executor import *  # noqa: F403
    from .interpreters.interpreter import *  # noqa: F403
    from .kernels import *  # noqa: F403
    from .progress import *  # noqa: F403

    __version__: str

# Where each public name is. A module is imported when one of its names is first used: an isolated interpreter needs few
# of them, and starts faster without the others.
_NAMES = {
    "control": "Control Progress",
    "errors": "CancelledError Error ExecutionError ExitingError InterpreterDiedError InvalidArgumentError "
    "ResultOverflowError TimeoutError UnsupportedError",
    "exchange.queues": "Queue ShutDown",
    "exchange.barriers": "Barrier",
    "exchange.sync": "Counter Event Lock",
    "functions": "integrate map parallel_for",
    "interpreters._sharing": "share",
    "interpreters.actors": "Actor",
    "interpreters.executor": "BrokenInterpreterPool InterpreterPoolExecutor",
    "interpreters.interpreter": "Interpreter run",
    "kernels": "count_primes is_prime num_threads set_num_threads sum sum_multiples",
    "progress": "track",
}
_MODULES = {name: module for module, names in _NAMES.items() for name in names.split()}
_MODULES["__version__"] = "_native.library"

# They were here in version 0.1.
_MOVED_TO_COMPAT = ("num_primes", "pi", "test")

_SUBMODULES = ("aio", "compat", "control", "errors", "exchange", "functions", "interpreters", "kernels", "progress")

# Names of builtins are left out: `from ungil import *` hides none of them.
__all__ = sorted({"aio", "compat", *_MODULES} - {"TimeoutError", "map", "sum"})


def _offer_to_joblib(parallel: Any) -> None:
    """Register the backend "ungil" with joblib. Its module is imported when somebody uses it."""
    parallel.register_parallel_backend("ungil", _joblib_backend)


def _joblib_backend(**options: Any) -> Any:
    from .joblib import InterpreterBackend

    return InterpreterBackend(**options)


after_import("joblib.parallel", _offer_to_joblib)


if not TYPE_CHECKING:  # type checkers would take any name for one of the module's

    def __getattr__(name: str) -> object:
        import importlib  # only here, as isolated interpreters do not need it when they start

        if name in _SUBMODULES:
            return importlib.import_module("." + name, __name__)
        if name in _MOVED_TO_COMPAT:
            return _moved(importlib.import_module(".compat", __name__), name)
        if name not in _MODULES:
            raise AttributeError("module %r has no attribute %r" % (__name__, name))
        module = importlib.import_module("." + _MODULES[name], __name__)
        value = globals()[name] = getattr(module, "version" if name == "__version__" else name)
        return value


def _moved(module: object, name: str) -> object:
    import warnings

    warnings.warn("ungil.%s is ungil.compat.%s now" % (name, name), DeprecationWarning, stacklevel=3)
    return getattr(module, name)


def __dir__() -> list[str]:
    return sorted({*globals(), *_MODULES, *_SUBMODULES})
