"""Past Python's global interpreter lock: fast kernels, any C function, and any Python code, on all cores.

- `num_primes`, `is_prime`, `count_primes`, `pi`, `sum`, `test`: kernels that use all cores; `sum_multiples`.
- `parallel_for`, `map`, `integrate`: any C function on all cores.
- `InterpreterPoolExecutor`, `run`, `Interpreter`, `share`: any Python code on all cores, in isolated interpreters.
- `num_threads`, `set_num_threads`: on how many threads.
- `Control`, `track`, `aio`: progress, cancellation, deadlines, progress bars, and `await`.

`python -m ungil` shows what works here, and how fast.
"""

from __future__ import annotations

import importlib

TYPE_CHECKING = False  # typing itself is not imported: each interpreter would take as long as a fifth of its start
if TYPE_CHECKING:
    from typing import Any

    from . import aio as aio
    from .control import Control as Control
    from .control import Progress as Progress
    from .errors import CancelledError as CancelledError
    from .errors import Error as Error
    from .errors import ExecutionError as ExecutionError
    from .errors import ExitingError as ExitingError
    from .errors import InvalidArgumentError as InvalidArgumentError
    from .errors import ResultOverflowError as ResultOverflowError
    from .errors import TimeoutError as TimeoutError
    from .errors import UnsupportedError as UnsupportedError
    from .functions import integrate as integrate
    from .functions import map as map
    from .functions import parallel_for as parallel_for
    from .interpreters._pickling import share as share
    from .interpreters.executor import BrokenInterpreterPool as BrokenInterpreterPool
    from .interpreters.executor import InterpreterPoolExecutor as InterpreterPoolExecutor
    from .interpreters.interpreter import Interpreter as Interpreter
    from .interpreters.interpreter import run as run
    from .kernels import count_primes as count_primes
    from .kernels import is_prime as is_prime
    from .kernels import num_primes as num_primes
    from .kernels import num_threads as num_threads
    from .kernels import pi as pi
    from .kernels import set_num_threads as set_num_threads
    from .kernels import sum as sum
    from .kernels import sum_multiples as sum_multiples
    from .kernels import test as test
    from .progress import track as track

    __version__: str

# The modules that have the names. One is imported when one of its names is first used: each interpreter needs only few
# of them, and starts the sooner.
_MODULES = {
    "errors": "CancelledError Error ExecutionError ExitingError InvalidArgumentError ResultOverflowError TimeoutError "
    "UnsupportedError",
    "interpreters._pickling": "share",
    "control": "Control Progress",
    "interpreters.executor": "BrokenInterpreterPool InterpreterPoolExecutor",
    "functions": "integrate map parallel_for",
    "interpreters.interpreter": "Interpreter run",
    "kernels": "count_primes is_prime num_primes num_threads pi set_num_threads sum sum_multiples test",
    "progress": "track",
}
_PLACES = {name: module for module, names in _MODULES.items() for name in names.split()}
_PLACES["__version__"] = "_native.library"

__all__ = [*_PLACES, "aio"]


def __getattr__(name: str) -> Any:
    if name == "aio":
        return importlib.import_module(".aio", __name__)
    if name not in _PLACES:
        raise AttributeError("module %r has no attribute %r" % (__name__, name))
    module = importlib.import_module("." + _PLACES[name], __name__)
    value = globals()[name] = getattr(module, "version" if name == "__version__" else name)
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
