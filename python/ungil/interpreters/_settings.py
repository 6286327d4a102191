"""Settings of the program that change results or output: the context of decimal, the error state and print options of
numpy, levels and handlers of logging, and whether output goes to the program's `sys.stdout` and `sys.stderr`.

An interpreter takes over those of the thread that makes it, or that starts the worker of a pool, as a forked process
does. What is at its default is not sent, so that only programs which set something pay for it.

The program and each interpreter import it, so it imports little.
"""

from __future__ import annotations

import marshal
import sys

from .._import_hooks import after_import

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import ModuleType
    from typing import Any

_FIELDS = ("prec", "rounding", "Emin", "Emax", "capitals", "clamp")
_TRAPS = ["DivisionByZero", "InvalidOperation", "Overflow"]
_DECIMAL = (28, "ROUND_HALF_EVEN", -999999, 999999, 1, 0), _TRAPS
_ERRORS = {"divide": "warn", "over": "warn", "under": "ignore", "invalid": "warn"}
_PRINTING = {
    "edgeitems": 3,
    "threshold": 1000,
    "floatmode": "maxprec",
    "precision": 8,
    "suppress": False,
    "linewidth": 75,
    "nanstr": "nan",
    "infstr": "inf",
    "sign": "-",
    "legacy": False,
}
_NONE = None, None
_DEFAULTS = _NONE, _NONE, None, False

_numpy: tuple[dict[str, Any] | None, dict[str, Any] | None] = _NONE  # of the program's: errors and printing
_of_logging: Any = None  # of the program's: see `_logging`


def of_this_thread(redirects: bool = False) -> bytes:
    """The program's settings for `take_over`; empty if they are the defaults.

    redirects: whether output goes to the program's streams. It is not a setting of the thread.
    """
    of_decimal, of_numpy = _settings_of("decimal", _decimal_settings), _settings_of("numpy", _numpy_settings)
    of_logging = _settings_of("logging", _logging_settings, None)
    found = of_decimal, of_numpy, of_logging, redirects
    return b"" if found == _DEFAULTS else marshal.dumps(found)


def take_over(settings: bytes) -> None:
    """Have this thread of an interpreter use them, and numpy and logging, when these are imported, if not yet."""
    global _numpy, _of_logging
    of_decimal, _numpy, _of_logging, redirects = marshal.loads(settings) if settings else _DEFAULTS
    if redirects:
        from . import _redirection

        _redirection.redirect()
    if of_decimal != _NONE:
        _set_decimal(*of_decimal)
    if _numpy != _NONE:
        after_import("numpy", _set_numpy)
    if _of_logging is not None:
        after_import("logging", _set_logging)


def _settings_of(name: str, read: Any, default: Any = _NONE) -> Any:
    module = sys.modules.get(name)
    if module is None:
        return default
    try:
        return read(module)
    except Exception:  # another thread is importing it, or it is another module of this name
        return default


def _decimal_settings(decimal: Any) -> Any:
    """Of this thread's context and of those of new threads, None for the default."""
    found = []
    for context in (decimal.getcontext(), decimal.DefaultContext):
        traps = sorted(signal.__name__ for signal, is_on in context.traps.items() if is_on)
        settings = tuple(getattr(context, name) for name in _FIELDS), traps
        found.append(None if settings == _DECIMAL else settings)
    return tuple(found)


def _set_decimal(current: Any, default: Any) -> None:
    import decimal

    for settings, context in ((default, decimal.DefaultContext), (current or _DECIMAL, decimal.getcontext())):
        if settings is not None:
            values, traps = settings
            for name, value in zip(_FIELDS, values):
                setattr(context, name, value)
            for signal in context.traps:
                context.traps[signal] = signal.__name__ in traps


def _numpy_settings(numpy: Any) -> Any:
    errors = {
        kind: action
        for kind, action in numpy.geterr().items()
        if action != _ERRORS[kind] and action not in ("call", "log")  # with a function, which stays here
    }
    printing = {}
    for name, value in numpy.get_printoptions().items():
        value = value.item() if isinstance(value, numpy.generic) else value
        if type(value) in (int, float, str, bool) and value != _PRINTING.get(name):
            printing[name] = value
    return errors or None, printing or None


def _set_numpy(numpy: ModuleType | Any) -> None:
    errors, printing = _numpy
    if errors:
        numpy.seterr(**errors)
    if printing:
        numpy.set_printoptions(**printing)


def _logging_settings(logging: ModuleType) -> Any:
    from . import _logging

    return _logging.settings_of_program()


def _set_logging(logging: ModuleType) -> None:
    from . import _logging

    if _of_logging is not None:  # else this is for a later user
        _logging.set_up(_of_logging)
