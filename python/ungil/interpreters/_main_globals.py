"""Globals of `__main__`, which functions of `__main__` bring along to interpreters.

cloudpickle chooses them: they are the names that the function's code uses. `shared_names`, the names in the argument
`share`, are left out: the interpreter has these of its own.

Each is sent with a fingerprint of its value. If that covers the whole value, and has not changed since the global
arrived last, the global there is not overwritten: what an initializer or a task has made of it stays. Both sides import
this file.
"""

from __future__ import annotations

import sys
from types import BuiltinFunctionType, FunctionType, ModuleType

from .._private_apis import RLock, parts_of_reduction, thread_local

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable, Optional, Union

    from ._pickling import Message

    SentGlobal = tuple[str, Any, tuple[Any, ...]]
    """A name, its value, and the objects that make up the value's identity."""

    Fingerprint = Optional[Union[bytes, tuple[int, ...]]]
    """A value's pickle or its hash, or the `id`s of its identity; None where changes cannot be noticed."""

    Fingerprints = dict[str, Fingerprint]

SHORT_PICKLE = 64  # bytes; a global's pickle up to this length is its own fingerprint


def main_globals() -> dict[str, Any]:
    return sys.modules["__main__"].__dict__


class MainGlobals:
    """Stands for the dict of `__main__`'s globals; it arrives as that of the other side."""

    def __reduce__(self) -> Any:
        return main_globals, ()


# Sending side


def reduce_function(
    reduced: Any, shared_names: frozenset[str], sent: list[SentGlobal], dumps: Callable[[Any], Message]
) -> Any:
    """cloudpickle's reduction of a function of `__main__`, changed so that it arrives with the globals of `__main__`.

    shared_names: globals that the other side has of its own, and that are not sent.
    sent: receives the globals that are sent.
    """
    make, arguments, attributes, slots, complete = parts_of_reduction(reduced)
    values = {}
    for name, value in slots["__globals__"].items():
        if name not in shared_names:
            identity = _identity(value)
            sent.append((name, value, identity))
            values[name] = tuple(map(id, identity)) or fingerprint_of(value, dumps), value
    state = complete, attributes, dict(slots, __globals__=values)
    return make, (arguments[0], MainGlobals(), *arguments[2:]), state, None, None, set_function_state


def _identity(value: Any) -> tuple[Any, ...]:
    """The objects by which a function, class or module differs from others; empty for other values.

    Identity does not show whether such an object has changed inside. So `update` always sets functions, classes and
    modules that arrive.
    """
    if isinstance(value, FunctionType):
        return value, value.__code__, value.__defaults__
    return (value,) if isinstance(value, (type, BuiltinFunctionType, ModuleType)) else ()


def fingerprint_of(value: Any, dumps: Callable[[Any], Message]) -> bytes | None:
    """Bytes that are equal for equal values; None if the value cannot be pickled."""
    try:
        message = dumps(value)
    except Exception:  # which pickling the function is going to raise
        return None
    if not message.buffers and len(message.data) <= SHORT_PICKLE:
        return message.data
    import hashlib

    from .._arrays.addresses import address_of

    # Memory that is shared is the same on both sides, whatever is written to it.
    addresses = [(address_of(buffer.view)[0], buffer.view.nbytes) for buffer in message.buffers]
    return hashlib.blake2b(message.data + repr(addresses).encode(), digest_size=16).digest()


def import_what_fingerprints_need() -> None:
    """Import it now: a thread that imports must not be forked."""
    import hashlib  # noqa: F401

    from .._arrays import addresses  # noqa: F401


# Receiving side


class ReceivedGlobals:
    """The fingerprints of globals of `__main__` that arrived. All threads of an interpreter share it."""

    def __init__(self) -> None:
        self._lock = RLock()
        self._latest: Fingerprints = {}
        self.changes = 0  # how many globals arrived that were different
        self._of_thread = thread_local()

    def clear(self) -> None:
        with self._lock:
            self._latest.clear()
            self.changes += 1

    def update(self, namespace: dict[str, Any], values: dict[str, tuple[Fingerprint, Any]]) -> None:
        """Set the globals that arrived with a function, except those that have not changed since they arrived last."""
        dropped = []  # kept until the lock is released: their destructors may run any code
        with self._lock:
            for name, (fingerprint, value) in values.items():
                is_different = self._latest.get(name) != fingerprint
                self.changes += is_different
                if is_different or type(fingerprint) is not bytes:  # ids do not show changes inside
                    self._latest.pop(name, None)  # first: an interrupt may come between these lines
                    dropped.append(namespace.get(name))
                    namespace[name] = value
                    self._latest[name] = fingerprint
        loading = getattr(self._of_thread, "loading", None)
        if loading is not None:
            loading.update((name, fingerprint) for name, (fingerprint, _) in values.items())

    def load(self, loads: Callable[..., Any], *message: Any) -> tuple[Any, Fingerprints]:
        """The function that loads(*message) gives, and the fingerprints of all globals that arrived with it."""
        arrived: Fingerprints = {}
        before = getattr(self._of_thread, "loading", None)
        self._of_thread.loading = arrived
        try:
            return loads(*message), arrived
        finally:
            self._of_thread.loading = before

    def are_current(self, fingerprints: Fingerprints) -> bool:
        """Whether no other values have arrived since these."""
        with self._lock:
            for name, fingerprint in fingerprints.items():
                if fingerprint is None or self._latest.get(name) != fingerprint:
                    return False
        return True


received = ReceivedGlobals()


def set_function_state(function: Any, state: Any) -> None:
    """Complete a function of `__main__` that arrived, and set the globals that came with it."""
    complete, attributes, slots = state
    received.update(function.__globals__, slots["__globals__"])
    complete(function, (attributes, dict(slots, __globals__={})))
