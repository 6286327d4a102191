"""Random programs of globals, classes and functions, as strategies of Hypothesis.

A program is put together from templates. In a template, `{kind}` stands for the name of a global of that kind, and
`{kind2}` for another one, or the same by chance; `{n}` is a small number. Definitions come first, then sessions: each
begins with changes that the program makes to its globals, and then calls functions in a pool that is new.
"""

from __future__ import annotations

import re
from typing import Any, Callable

from hypothesis import strategies as st

from program_definitions import (
    CALLABLES,
    CLASSES,
    DECORATORS,
    ENUMS,
    ERRORS,
    IMPORTS,
    NAMES,
    VALUES,
    WITH_STATE,
)
from program_statements import ARGUMENTS, CHANGES, DEFAULTS, IDENTITIES, READS, TASK_CHANGES

_PLACE = re.compile(r"(?<!{){(\w+?)2?}")


class Writer:
    """Writes one program.

    number: gives an integer of a range, both ends included. A program is simpler if the numbers are smaller.
    """

    def __init__(self, number: Callable[[int, int], int], live: bool) -> None:
        self.number, self._live = number, live
        self.names: dict[str, list[str]] = {}
        self.sources: list[str] = []

    def choice(self, options: list[str]) -> str:
        return options[self.number(0, len(options) - 1)]

    def possible(self, templates: list[str]) -> list[str]:
        """The templates for which there are globals."""
        own = {"n", "name"}
        return [it for it in templates if all(kind in self.names or kind in own for kind in _PLACE.findall(it))]

    def fill(self, template: str, name: str = "") -> str:
        values: dict[str, Any] = {"name": name}
        for place in re.findall(r"(?<!{){(\w+)}", template):
            if place not in values:
                kind = place[:-1] if place.endswith("2") else place
                values[place] = self.number(0, 4) if kind == "n" else self.choice(self.names[kind])
        return template.format(**values)

    def written(self, templates: list[str], name: str = "") -> str:
        return self.fill(self.choice(self.possible(templates)), name)

    def add(self, kind: str, name: str, source: str) -> None:
        self.sources.append(source)
        self.names.setdefault(kind, []).append(name)

    def define(self, kind: str) -> None:
        name = "%s%d" % (kind, len(self.names.get(kind, [])))
        if kind == "function":
            self.add(kind, name, self.function(name))
        elif kind in VALUES:
            if self.possible(VALUES[kind]):
                self.add(kind, name, "%s = %s" % (name, self.written(VALUES[kind])))
        else:
            templates = {"class": CLASSES, "enum": ENUMS, "error": ERRORS, **CALLABLES}[kind]
            if not self._live:
                templates = templates + WITH_STATE.get(kind, [])
            name = name.capitalize() if kind in ("class", "enum", "error") else name
            if self.possible(templates):
                self.add(kind, name, self.written(templates, name))

    def function(self, name: str) -> str:
        statements = READS if self._live else READS + IDENTITIES + TASK_CHANGES + CHANGES
        body = [self.written(statements) for _ in range(self.number(1, 5))]
        assigned = {name for part in body for name in re.findall(r"^(\w+) \+?= ", part, re.MULTILINE)}
        default = self.written(DEFAULTS)
        lines = ["global " + ", ".join(sorted(assigned))] if assigned else []
        lines += ["out = []", *body, "return out"]
        text = "\n".join(lines).replace("\n", "\n    ")
        decorator = "" if self._live else self.choice(DECORATORS)
        kept = ", c=[]" if "c.append(" in text else ""  # without it, calls are sent in a shorter way
        return "%sdef %s(a=0, b=%s%s):\n    %s" % (decorator, name, default, kept, text)

    def changes(self) -> list[str]:
        """Changes that the program itself makes."""
        changes = self.possible(CHANGES)
        found = [self.fill(self.choice(changes)) for _ in range(self.number(0, 3))] if changes else []
        if self.number(0, 5) == 5:
            found.append(self.choice(self.sources))  # as when a cell of a notebook is run again
        if not self._live and self.number(0, 4) == 4:
            found.append("%s(1)" % self.choice(self.names["function"]))
            # Processes would begin with what the program has in its caches, as docs/differences.md says.
            found += ["%s.cache_clear()" % name for name in self.names.get("cached", [])]
        return found

    def call(self) -> dict[str, Any]:
        call: dict[str, Any] = {"function": self.choice(self.names["function"])}
        arguments = [self.written(ARGUMENTS) for _ in range(self.number(0, 2))]
        call["arguments"] = "[%s]" % ", ".join(arguments)
        call["before"] = self.changes() if self._live else []
        call["is_map"] = bool(arguments) and not self._live and self.number(0, 4) == 4
        return call


class Program:
    """Definitions, and sessions of calls. Its repr is source that can be read."""

    def __init__(self, writer: Writer, sessions: list[dict[str, Any]], live: bool) -> None:
        names = NAMES + [name for names in writer.names.values() for name in names]
        definitions = "\n".join([IMPORTS, *writer.sources])
        self.message = {"definitions": definitions, "sessions": sessions, "names": names, "live": live}
        self._sources = writer.sources

    def __repr__(self) -> str:
        lines = [*self._sources]
        for session in self.message["sessions"]:
            lines += [*session["before"], "with pool:"]
            for call in session["calls"]:
                lines += ["    " + change.replace("\n", "\n    ") for change in call["before"]]
                way = "map" if call["is_map"] else "submit"
                lines.append("    %s: %s(*%s)" % (way, call["function"], call["arguments"]))
        return "\n".join(["", *lines, ""])


def write(number: Callable[[int, int], int], live: bool) -> Program:
    """A program.

    live: tasks change nothing, and the program changes its globals between calls; otherwise it does so before each
    pool only.
    """
    writer = Writer(number, live)
    kinds = [*VALUES, "class", "class", "class", "enum", "error", "function", "function", *CALLABLES]
    for _ in range(number(1, 12)):
        writer.define(writer.choice(kinds))
    for _ in range(number(1, 3)):
        writer.define("function")
    sessions = []
    for _ in range(number(1, 2)):
        before = writer.changes()
        sessions.append({"before": before, "calls": [writer.call() for _ in range(number(1, 6))]})
    return Program(writer, sessions, live)


@st.composite
def programs(draw: Callable[[Any], int], live: bool = False) -> Program:
    return write(lambda low, high: draw(st.integers(low, high)), live)
