"""Random programs of globals, classes and functions, as strategies of Hypothesis.

A program is put together from templates. In a template, `{kind}` stands for the name of a global of that kind, and
`{kind2}` for another one, or the same by chance; `{n}` is a small number. Definitions come first, then sessions: each
begins with changes that the program makes to its globals, and then calls functions in a pool that is new.
"""

from __future__ import annotations

import re
from typing import Any, Callable

from hypothesis import strategies as st

IMPORTS = """\
import abc, collections, contextvars, copy, dataclasses, enum, functools, itertools, math, pickle, sys, threading
import types, typing

def counted(function):
    @functools.wraps(function)
    def wrapper(*args, **kwargs):
        wrapper.calls += 1
        return function(*args, **kwargs)
    wrapper.calls = 0
    return wrapper

def remembered(function):
    seen = {}
    @functools.wraps(function)
    def wrapper(*args):
        key = repr([type(arg) for arg in args])
        if key not in seen:
            seen[key] = function(*args)
        return seen[key]
    return wrapper

REGISTRY = {}

def register(function):
    REGISTRY[function.__name__] = function
    return function

DEPTH = []

def limited(function, *args):
    if len(DEPTH) > 2:
        return 'deep'
    DEPTH.append(1)
    try:
        return function(*args)
    finally:
        DEPTH.pop()

def make_counter(start):
    def count(step=1):
        nonlocal start
        start += step
        return start
    return count
"""
NAMES = ["counted", "remembered", "REGISTRY", "register", "DEPTH", "limited", "make_counter"]

VALUES = {
    "int": ["{n}", "-{n}", "10 ** 20 + {n}"],
    "str": ["'text{n}'", "''", "'\\u00e9' * {n}"],
    "list": ["[]", "[{n}]", "[1, 2, {n}]", "{list}", "list({list})", "[{n}] * 50"],
    "dict": ["{{}}", "{{'k{n}': {n}}}", "{dict}", "collections.OrderedDict(a={n})", "collections.Counter('aab')"],
    "set": ["set()", "{{1, {n}}}", "{set}"],
    "sentinel": ["object()", "object()", "{sentinel}"],
    "lock": ["threading.Lock()", "threading.RLock()"],
    "instance": ["{class}({n})", "{class}({n})", "{instance}"],
    "iterator": ["itertools.count({n})"],
    "counter": ["make_counter({n})"],
    "partial": ["functools.partial({function}, {n})"],
    "space": ["types.SimpleNamespace(x={n})"],
    "holder": [
        "[{sentinel}, {class}]",
        "{{'a': {list}, 'b': {instance}}}",
        "({list}, {sentinel})",
        "[{list}, {list2}]",
    ],
    "alias": ["{function}", "{cached}", "{class}"],
    "local": ["threading.local()"],
    "variable": ["contextvars.ContextVar('variable', default={n})"],
}


def _blocks(text: str) -> list[str]:
    """Templates with blank lines between them. Comments stand for what several have in common."""
    return [part.replace("    # METHODS", METHODS).replace("    # STATE", STATE) for part in text.strip().split("\n\n")]


STATE = """\
    count = {n}
    store = []
    lookup = {{'a': {n}}}"""

METHODS = (
    STATE
    + """
    def __init__(self, value=0):
        self.value = value
    def method(self, x=0):
        return type(self).count, self.value, x
    @classmethod
    def made(cls, x):
        cls.count += 1
        return cls(x)
    @staticmethod
    def plain(x):
        return x, {name}.count
    @property
    def double(self):
        return self.value, {name}.lookup"""
)

CLASSES = _blocks("""
class {name}:
    # METHODS

class {name}({class}):
    # STATE

class {name}({class}):
    def method(self, x=0):
        return 'over', super().method(x)

class {name}:
    __slots__ = 'value', 'other'
    # METHODS

@dataclasses.dataclass
class {name}:
    value: int = 0
    parts: list = dataclasses.field(default_factory=list)
    count: typing.ClassVar[int] = {n}
    store: typing.ClassVar[list] = []
    def method(self, x=0):
        return self, x, type(self).count

@dataclasses.dataclass(frozen=True)
class {name}:
    value: int = 0
    count: typing.ClassVar[int] = {n}
    store: typing.ClassVar[list] = []
    def method(self, x=0):
        return dataclasses.replace(self, value=x)

class {name}(typing.NamedTuple):
    value: int = 0
    count = {n}
    store = []
    def method(self, x=0):
        return self._replace(value=x)

class {name}(list):
    # METHODS

class {name}(dict):
    # METHODS

class {name}(int):
    # STATE
    value = 1
    def method(self, x=0):
        return self + 1, {name}.count

class {name}(abc.ABC):
    # METHODS
    @abc.abstractmethod
    def later(self): pass
class {name}({name}):
    def later(self): return {name}.count

T = typing.TypeVar('T')
class {name}(typing.Generic[T]):
    # METHODS

class {name}:
    # STATE
    single = None
    value = {n}
    def __new__(cls, value=0):
        if cls.single is None:
            cls.single = super().__new__(cls)
        return cls.single
    def __reduce__(self): return {name}, ()
    def method(self, x=0): return self is {name}.single
{name}()

class {name}:
    # METHODS
    def __eq__(self, other): return type(other) is {name} and self.value == other.value
    def __hash__(self): return hash(self.value)

class {name}:
    # METHODS
    def __reduce__(self): return type(self), (self.value,)

class {name}:
    # METHODS
    def __getstate__(self): return [self.value]
    def __setstate__(self, state): self.value = state[0]

class {name}:
    # METHODS
    made_of = []
    def __init_subclass__(cls, **kwargs):
        {name}.made_of.append(cls.__name__)

class {name}:
    # METHODS
    @functools.cached_property
    def cached(self):
        {name}.count += 1
        return {name}.count

class {name}:
    # METHODS
    lock = threading.Lock()
    missing = object()
    def method(self, x=missing):
        return x is self.missing, x is {name}.missing

class {name}:
    # METHODS
    def __call__(self, x=0):
        self.value += 1
        return self.value
""")

CLASSES_THAT_CHANGE = _blocks("""
class {name}Meta(type):
    def __call__(cls, *args):
        cls.count += 1
        return super().__call__(*args)
class {name}(metaclass={name}Meta):
    # METHODS

class {name}:
    # METHODS
    class Inner:
        count = {n}
    def method(self, x=0):
        {name}.Inner.count += 1
        return {name}.Inner.count
""")

ENUMS = _blocks("""
class {name}(enum.Enum):
    RED = {n}
    BLUE = 'b'
    count = []

class {name}(enum.IntEnum):
    RED = 1
    BLUE = 2
    def other(self):
        return {name}.BLUE

class {name}(enum.Flag):
    RED = 1
    BLUE = 2

{name} = enum.Enum('{name}', 'RED BLUE')
""")

ERRORS = _blocks("""
class {name}(Exception):
    count = 0

class {name}({error}):
    pass

class {name}(ValueError):
    def __init__(self, *args):
        super().__init__(*args)
        self.extra = {n}
""")

CALLABLES = {
    "cached": _blocks("""
@functools.lru_cache(maxsize=None)
def {name}(x):
    return 1 if x < 2 else {name}(x - 1) + {name}(x - 2)

@functools.lru_cache(maxsize=2)
def {name}(x):
    return x, {int}
"""),
    "generator": _blocks("""
def {name}(x):
    for i in range(x):
        yield i * {int}
"""),
    "single": _blocks("""
@functools.singledispatch
def {name}(x):
    return 'any'
@{name}.register(int)
def _(x):
    return 'int', x
@{name}.register({class})
def _(x):
    return '{class}'
"""),
    "method": ["{name} = getattr({class}, 'made', {class})", "{name} = getattr({instance}, 'method', repr)"],
}

# What tasks read, without a change to anything.
READS = [
    "out.append({int})",
    "out.append({str})",
    "out.append({list})",
    "out.append({dict})",
    "out.append({set})",
    "out.append({holder})",
    "out.append(a)",
    "out.append({space})",
    "out.append({sentinel} is {sentinel2})",
    "out.append(b is {sentinel})",
    "out.append({list} is {list2})",
    "out.append({instance} is {instance2})",
    "out.append({holder}[0] is {sentinel} if type({holder}) is list else None)",
    "out.append({holder}[0] is {list} if type({holder}) is not dict else {holder}['a'] is {list})",
    "out.append({class})",
    "out.append({class}({n}))",
    "out.append([{class}({n}), {class2}({n})])",
    "out.append([it.__name__ for it in {class}.__mro__])",
    "out.append({class}.count)",
    "out.append({class}.store)",
    "out.append({class}({n}).method(a))",
    "out.append(isinstance(a, {class}))",
    "out.append(type(a) is {class})",
    "out.append(isinstance({instance}, {class}))",
    "out.append(issubclass({class}, {class2}))",
    "out.append(a == {instance})",
    "out.append(getattr(a, 'value', None))",
    "out.append({function})",
    "out.append({function} is {function2})",
    "out.append({alias})",
    "out.append({alias} is {function})",
    "out.append(({function}.__name__, {function}.__module__, {function}.__qualname__))",
    "out.append(({class}.__name__, {class}.__module__))",
    "out.append(getattr({function}, 'calls', None))",
    "out.append(getattr({class}, 'extra', None))",
    "out.append(globals()['{int}'])",
    "out.append('{list}' in globals())",
    "out.append(eval('{int}'))",
    "out.append(sys.modules['__main__'].{list})",
    "import __main__\nout.append(__main__.{str})",
    "out.append(pickle.loads(pickle.dumps({class}({n}))))",
    "out.append(pickle.loads(pickle.dumps({function})) is {function})",
    "out.append(copy.deepcopy({instance}))",
    "out.append({instance})",
    "out.append(getattr({instance}, 'value', None))",
    "out.append({lock}.acquire(False) and {lock}.release())",
    "out.append({cached}({n}))",
    "out.append({enum}.RED)",
    "out.append([{enum}.RED is {enum}({enum}.RED.value), list({enum})])",
    "out.append(a is {enum}.RED)",
    "out.append({single}(a))",
    "out.append({single}({instance}))",
    "out.append(sum({generator}({n})))",
    "out.append({variable}.get())",
    "out.append({variable}.name)",
    "out.append(getattr({local}, 'x', None))",
    "raise {error}({n}, 'text')",
    "try:\n    raise {error}({n})\nexcept {error2} as error:\n    out.append(error)",
    "try:\n    limited({function}, a)\nexcept {error} as error:\n    out.append(error)",
    "out.append([name for name in REGISTRY])",
    "out.append([REGISTRY[name] is globals()[name] for name in REGISTRY])",
    "out.append(math.gcd({n}, {int}))",
    "out.append([{int} for _ in range(2)])",
    "out.append((lambda x: (x, {int}, {list}))({n}))",
    "def inner(x):\n    return x, {int}, {class}({n})\nout.append(inner(1))",
]

# Calls, and changes to what only tasks change.
TASK_CHANGES = [
    "out.append(limited({function}, a))",
    "out.append(limited({function}, {n}))",
    "c.append({n})\nout.append(list(c))",
    "out.append(limited({alias}, {n}))",
    "out.append({counter}())",
    "out.append(next({iterator}))",
    "out.append(limited({partial}))",
    "out.append(limited(REGISTRY[min(REGISTRY)], {n}) if REGISTRY else None)",
    "{variable}.set({n})",
    "{local}.x = {n}",
    "out.append({lock}.acquire(False))",
    "out.append({cached}.cache_info())",
    "{cached}.cache_clear()",
    "if type(a) is list:\n    a.append({n})\nout.append(a)",
    "globals()['made{n}'] = {n}",
    "out.append(globals().get('made{n}'))",
    "made{n} = [{n}]",
    "out.append({method}({n}))",
    "out.append(type({instance}).made({n}) if hasattr({instance}, 'made') else None)",
]

# Changes that tasks and the program make.
CHANGES = [
    "{int} += 1",
    "{int} = {n}",
    "{str} += 'x'",
    "{list}.append({n})",
    "{list} = [*{list}, {n}]",
    "{list} = {list2}",
    "{list}.clear()",
    "{dict}['k{n}'] = {n}",
    "{dict} = dict({dict})",
    "{set}.add({n})",
    "{set} = set()",
    "{space}.x += 1",
    "{space}.y = {n}",
    "{class}.count += 1",
    "{class}.store.append({n})",
    "{class}.store = [{n}]",
    "{class}.extra = {n}",
    "{class}.method = lambda self, x=0: ('patched', x)",
    "{instance}.value = {n}",
    "{instance} = {class}({n})",
    "{function}.calls = getattr({function}, 'calls', 0) + 1",
    "{function}.__defaults__ = ({n}, None, [])",
    "{alias} = {function}",
    "REGISTRY['{function}'] = {function}",
    "REGISTRY.clear()",
    "{error}.count = {n}",
    "{sentinel} = object()",
    "{sentinel} = {sentinel2}",
    "{holder} = [{sentinel}, {list}]",
]

ARGUMENTS = [
    "{n}",
    "'s'",
    "None",
    "[1, {n}]",
    "{list}",
    "{dict}",
    "{instance}",
    "{class}({n})",
    "{class}",
    "{function}",
    "{enum}.RED",
    "({class}({n}), {enum}.BLUE)",
    "{holder}",
]

DEFAULTS = ["None", "{n}", "{sentinel}", "{class}", "{list}", "{instance}", "{enum}.RED"]
DECORATORS = ["", "", "", "@counted\n", "@remembered\n", "@register\n"]

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
            classes = CLASSES if self._live else CLASSES + CLASSES_THAT_CHANGE
            templates = {"class": classes, "enum": ENUMS, "error": ERRORS, **CALLABLES}[kind]
            name = name.capitalize() if kind in ("class", "enum", "error") else name
            if self.possible(templates):
                self.add(kind, name, self.written(templates, name))

    def function(self, name: str) -> str:
        statements = READS if self._live else READS + TASK_CHANGES + CHANGES
        body = [self.written(statements) for _ in range(self.number(1, 5))]
        assigned = {name for part in body for name in re.findall(r"^(\w+) \+?= ", part, re.MULTILINE)}
        default = self.written(DEFAULTS)
        lines = ["global " + ", ".join(sorted(assigned))] if assigned else []
        lines += ["out = []", *body, "return out"]
        text = "\n".join(lines).replace("\n", "\n    ")
        decorator = "" if self._live else self.choice(DECORATORS)
        return "%sdef %s(a=0, b=%s, c=[]):\n    %s" % (decorator, name, default, text)

    def changes(self) -> list[str]:
        """Changes that the program itself makes."""
        changes = self.possible(CHANGES)
        found = [self.fill(self.choice(changes)) for _ in range(self.number(0, 3))] if changes else []
        if self.number(0, 5) == 5:
            found.append(self.choice(self.sources))  # as when a cell of a notebook is run again
        if not self._live and self.number(0, 4) == 4:
            found.append("%s(1)" % self.choice(self.names["function"]))
        return found

    def call(self) -> dict[str, Any]:
        call: dict[str, Any] = {"function": self.choice(self.names["function"])}
        arguments = [self.written(ARGUMENTS) for _ in range(self.number(0, 2))]
        call["arguments"] = "[%s]" % ", ".join(arguments)
        call["before"] = self.changes() if self._live else []
        call["map"] = self.number(1, 2) if arguments and not self._live and self.number(0, 4) == 4 else 0
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
                way = "map, chunksize=%d" % call["map"] if call["map"] else "submit"
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
