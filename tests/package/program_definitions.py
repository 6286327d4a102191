"""Templates of what random programs define: see random_programs."""

from __future__ import annotations

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

# Not where the program changes its globals between calls, with a worker that stays and with a new process for each
# call: these change when they are used, or remember what a global was.
WITH_STATE = {
    "class": _blocks("""
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
"""),
    "cached": _blocks("""
@functools.lru_cache(maxsize=2)
def {name}(x):
    return x, {int}
"""),
}

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

@functools.lru_cache(maxsize=0)
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

DECORATORS = ["", "", "", "@counted\n", "@remembered\n", "@register\n"]
