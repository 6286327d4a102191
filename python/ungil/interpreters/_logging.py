"""What interpreters take over of the program's `logging`: levels, and handlers that write to the standard streams.

A forked process has all of it. Other handlers have files, sockets or locks of the program, and stay there.

The program and each interpreter import it, when they have imported `logging`.
"""

from __future__ import annotations

import logging
import sys
import time

from .._private_apis import captures_warnings, format_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any, Optional, TextIO

    # How it is sent: the kind, the level, the text that ends a record, the formatter, the names of filters.
    Handler = tuple[str, int, str, Optional[tuple[Any, ...]], list[str]]

_STREAMS = "stdout", "stderr"
_CONVERTERS = {"localtime": time.localtime, "gmtime": time.gmtime}


class _Unknown(Exception):
    """It has a part that cannot be sent."""


def settings_of_program() -> Any:
    """For `set_up`; None if they are the defaults."""
    root = logging.root
    loggers = [it for it in map(_description_of, _all_loggers()) if it is not None]
    common = root.manager.disable, captures_warnings()
    return (loggers, *common) if loggers or common != (logging.NOTSET, False) else None


def _all_loggers() -> Iterator[logging.Logger]:
    yield logging.root
    for logger in list(logging.root.manager.loggerDict.values()):
        if isinstance(logger, logging.Logger):
            yield logger


def _description_of(logger: logging.Logger) -> Any:
    is_root = logger is logging.root
    handlers = [it for it in map(_description_of_handler, list(logger.handlers)) if it is not None]
    settings = logger.level, logger.propagate, logger.disabled, handlers
    is_default = settings == (logging.WARNING if is_root else logging.NOTSET, True, False, [])
    return None if is_default else ("" if is_root else logger.name, *settings)


def _description_of_handler(handler: logging.Handler) -> Handler | None:
    """None if interpreters cannot have the handler."""
    if type(handler) is logging.NullHandler:
        return "", handler.level, "", None, []
    if type(handler) is not logging.StreamHandler and type(handler) is not InheritedHandler:
        return None
    try:
        name, end = _name_of(handler.stream), handler.terminator
        filters = [_name_of_filter(it) for it in list(handler.filters)]
        formatter = None if handler.formatter is None else _description_of_formatter(handler.formatter)
    except _Unknown:
        return None
    return (name, handler.level, end, formatter, filters) if type(end) is str else None


def _name_of(stream: object) -> str:
    for name in _STREAMS:
        if stream is not None and (stream is getattr(sys, name) or stream is getattr(sys, "__%s__" % name)):
            return name
    raise _Unknown


def _name_of_filter(it: object) -> str:
    if type(it) is not logging.Filter:
        raise _Unknown
    return it.name


def _description_of_formatter(formatter: logging.Formatter) -> tuple[Any, ...]:
    converters = [name for name, function in _CONVERTERS.items() if formatter.converter is function]
    form = format_of(formatter) if type(formatter) is logging.Formatter else None
    if form is None or not converters:
        raise _Unknown
    return (*form, converters[0])


class InheritedHandler(logging.StreamHandler):  # type: ignore[type-arg]
    """Writes to the standard stream that the interpreter has at the time.

    If code here has given the logger a handler of its own for that stream, that one writes alone: a module that is
    imported here has been imported by the program too, and what it adds is what this was made from.
    """

    def __init__(self, logger: logging.Logger, name: str, level: int) -> None:
        logging.Handler.__init__(self, level)  # the class between them sets the stream
        self._logger, self._name = logger, name

    @property
    def stream(self) -> TextIO:
        stream: TextIO = getattr(sys, self._name)
        return stream

    def handle(self, record: logging.LogRecord) -> bool:
        return False if any(map(self._is_another, self._logger.handlers)) else bool(super().handle(record))

    def _is_another(self, handler: logging.Handler) -> bool:
        if type(handler) is InheritedHandler or not isinstance(handler, logging.StreamHandler):
            return False
        return getattr(handler, "stream", None) is self.stream


def set_up(settings: Any) -> None:
    """Have these settings of the program."""
    loggers, disabled_level, captures = settings
    for name, level, propagates, is_disabled, handlers in loggers:
        logger = logging.getLogger(name) if name else logging.root
        # Not by methods: what these set while a package is imported stays for later users.
        logger.level, logger.propagate, logger.disabled = level, propagates, is_disabled
        for handler in handlers:
            _add(logger, *handler)
    logging.captureWarnings(captures)
    logging.disable(disabled_level)  # and forget which loggers are enabled


def _add(
    logger: logging.Logger, name: str, level: int, end: str, formatter: tuple[Any, ...] | None, filters: list[str]
) -> None:
    if not name:
        if not any(type(it) is logging.NullHandler for it in logger.handlers):  # not again, for packages that stay
            logger.handlers.append(logging.NullHandler(level))
        return
    handler = InheritedHandler(logger, name, level)
    handler.terminator = end
    for it in filters:
        handler.addFilter(logging.Filter(it))
    if formatter is not None:
        handler.setFormatter(_formatter_of(*formatter))
    logger.handlers.append(handler)


def _formatter_of(
    text: str, dates: str | None, style: str, defaults: dict[str, Any] | None, converter: str
) -> logging.Formatter:
    options = {} if defaults is None else {"defaults": defaults}  # new in Python 3.10
    formatter = logging.Formatter(text, dates, style, False, **options)  # type: ignore[arg-type]
    if converter != "localtime":
        formatter.converter = _CONVERTERS[converter]
    return formatter
