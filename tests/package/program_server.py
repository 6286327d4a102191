"""Runs programs in this process's `__main__`, one after another, with the tasks in a pool of one worker.

    python program_server.py processes|interpreters

A program is a line of JSON on stdin, and what it did a line of JSON on stdout. Test_programs.py compares both kinds.
"""

from __future__ import annotations

import contextlib
import enum
import json
import sys
import types
from typing import Any, Callable

Pool = Callable[[], Any]

UNPICKLABLE = "cannot be pickled"


def describe(value: Any, names: dict[str, Any]) -> Any:
    """A value as JSON that shows its type, its state, and whether it is an object of the program's.

    names: the program's globals.
    """
    kind = type(value)
    if value is None or kind in (bool, int, float, str):
        return value
    if kind in (list, tuple):
        return [kind.__name__, *(describe(item, names) for item in value)]
    if isinstance(value, (type, types.FunctionType)) or hasattr(value, "cache_info"):
        return ["object", value.__qualname__, names.get(value.__name__) is value]
    if isinstance(value, enum.Enum):
        return ["member", kind.__name__, value.name, names.get(kind.__name__) is kind, value in list(kind)]
    if isinstance(value, BaseException):
        return ["exception", *_instance(value, names), describe(list(value.args), names)]
    if isinstance(value, dict):
        return ["dict", kind.__name__, [[describe(key, names), describe(value[key], names)] for key in value]]
    if isinstance(value, (set, frozenset)):
        return ["set", kind.__name__, sorted((describe(item, names) for item in value), key=repr)]
    if isinstance(value, types.ModuleType):
        return ["module", value.__name__]
    if kind.__module__ == "__main__":
        return ["instance", *_instance(value, names)]
    if isinstance(value, (list, tuple)):
        return [kind.__name__, *(describe(item, names) for item in value)]
    if isinstance(value, types.SimpleNamespace):
        return ["namespace", describe(vars(value), names)]
    return ["other", kind.__name__]


def _instance(value: Any, names: dict[str, Any]) -> list[Any]:
    kind = type(value)
    state = {name: item for name, item in getattr(value, "__dict__", {}).items() if not name.startswith("__")}
    for base in kind.__mro__:
        slots = base.__dict__.get("__slots__", ())
        for name in (slots,) if isinstance(slots, str) else slots:
            if hasattr(value, name):
                state[name] = getattr(value, name)
    items = list(value) if isinstance(value, (list, tuple)) else int(value) if isinstance(value, int) else None
    is_own = names.get(kind.__name__) is kind or kind.__module__ != "__main__"
    return [kind.__name__, is_own, describe(state, names), describe(items, names)]


def describe_state(names: dict[str, Any]) -> Any:
    """The program's own globals, with the attributes of classes and functions."""
    found = {}
    for name, value in sorted(names.items()):
        found[name] = describe(value, names)
        if isinstance(value, type) and value.__module__ == "__main__":
            own = {key: item for key, item in vars(value).items() if type(item) in (int, str, list, dict)}
            found[name + ".__dict__"] = [[key, describe(own[key], names)] for key in own if key[:2] != "__"]
        elif isinstance(value, types.FunctionType):
            state = vars(value), value.__defaults__, [cell.cell_contents for cell in value.__closure__ or ()]
            found[name + ".__dict__"] = describe(list(state), names)
    return found


def outcome(call: Callable[[], Any], names: dict[str, Any]) -> Any:
    try:
        return describe(call(), names)
    except Exception as error:
        if "pickle" in str(error):
            return UNPICKLABLE
        return ["raised", describe(error, names)]


class Run:
    """One run of a program: `found` is what its tasks returned or raised, and what it had after each session."""

    def __init__(self, program: dict[str, Any], pool: Pool, new_for_each_call: bool) -> None:
        self.found: list[Any] = []
        self._names = sys.modules["__main__"].__dict__
        self._pool, self._new_for_each_call = pool, new_for_each_call
        before = dict(self._names)
        try:
            self._change([program["definitions"]])
            for session in program["sessions"]:
                self._change(session["before"])
                if program["live"]:
                    self._call_between_changes(session["calls"])
                else:
                    self._call(session["calls"])
                own = {name: self._names[name] for name in program["names"] if name in self._names}
                self.found.append(describe_state(own))
        finally:
            self._names.clear()
            self._names.update(before)

    def _change(self, statements: list[str]) -> None:
        for statement in statements:
            try:
                exec(statement, self._names)
            except Exception as error:
                self.found.append(type(error).__name__)
        for value in list(self._names.values()):  # each interpreter makes locks anew; here the program holds none
            if hasattr(value, "release"):
                with contextlib.suppress(RuntimeError):
                    value.release()

    def _evaluate(self, source: str) -> Any:
        try:
            return eval(source, self._names)
        except Exception as error:
            return [type(error).__name__]

    def _execute(self, executor: Any, call: dict[str, Any], arguments: Any) -> None:
        function = self._names[call["function"]]
        if call["is_map"]:
            self.found.append(outcome(lambda: list(executor.map(function, arguments)), self._names))
        else:
            self.found.append(outcome(lambda: executor.submit(function, *arguments).result(), self._names))

    def _call(self, calls: list[dict[str, Any]]) -> None:
        # First all arguments: what the program does from then on is seen by interpreters alone.
        arguments = [self._evaluate(call["arguments"]) for call in calls]
        with self._pool() as executor:
            for call, values in zip(calls, arguments):
                self._execute(executor, call, values)

    def _call_between_changes(self, calls: list[dict[str, Any]]) -> None:
        with contextlib.ExitStack() as stack:
            executor = None
            for call in calls:
                self._change(call["before"])
                if executor is None or self._new_for_each_call:
                    executor = stack.enter_context(self._pool())
                self._execute(executor, call, self._evaluate(call["arguments"]))


def main() -> None:
    kind, output = sys.argv[1], sys.stdout
    if kind == "processes":
        import multiprocessing
        from concurrent.futures import ProcessPoolExecutor

        fork = multiprocessing.get_context("fork")
        pool: Pool = lambda: ProcessPoolExecutor(1, mp_context=fork)  # noqa: E731
    else:
        import ungil

        pool = lambda: ungil.InterpreterPoolExecutor(1)  # noqa: E731
    for line in sys.stdin:
        program = json.loads(line)
        new_for_each_call = program["live"] and kind == "processes"
        output.write(json.dumps(Run(program, pool, new_for_each_call).found) + "\n")
        output.flush()
