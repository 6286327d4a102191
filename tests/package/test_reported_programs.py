"""Programs from public reports by users of process pools (docs/reports.md) print the same with both kinds of pool."""

from __future__ import annotations

import sys
import unittest

from both_pools import INTERPRETERS, BothPools
from support import numpy


class State(BothPools):
    def test_a_global_that_differs_for_each_pool(self):
        self.assert_prints(
            """
def process(i): return "%s - %d" % (chunk, i)
for chunk in ["first", "second"]:
    with pool(2) as executor:
        print(list(executor.map(process, range(2))))
""",
            "['first - 0', 'first - 1']",
            "['second - 0', 'second - 1']",
        )

    def test_an_initializer_that_sets_a_global(self):
        self.assert_prints(
            """
value = 1
def init(i):
    global value
    value = i + 10
def work(i): return value * i
with pool(2, initializer=init, initargs=(2,)) as executor:
    print(list(executor.map(work, range(4))), value)
""",
            "[0, 12, 24, 36] 1",
        )

    def test_a_global_dict(self):
        self.assert_prints(
            """
cache = {}
def add(x): cache[x] = x
def get(): return cache, cache is globals()["cache"]
with pool() as executor:
    for x in 1, 2:
        executor.submit(add, x).result()
    print(executor.submit(get).result(), cache)
""",
            "({1: 1, 2: 2}, True) {}",
        )

    def test_globals_that_were_set_after_the_function_was_defined(self):
        self.assert_prints(
            """
setting = None
def get(x): return setting
setting = 500
with pool(2) as executor:
    print(set(executor.map(get, range(10))))
""",
            "{500}",
        )

    def test_functions_of_executed_source(self):
        self.assert_prints(
            """
source = '''
count = 0
def f(x):
    global count
    count += 1
    return helper(x), count
def helper(x): return x + 1
'''
names = {"__name__": "__main__"}
exec(source, names)
with pool() as executor:
    print([executor.submit(names["f"], i).result() for i in range(2)])
""",
            "[(1, 1), (2, 2)]",
            kinds=[INTERPRETERS],
        )


class Classes(BothPools):
    def test_results_are_instances_of_the_programs_classes(self):
        self.assert_prints(
            """
class A: pass
class B(dict): pass
def work(x): return isinstance(x, A), x, {"b": [B(a=1), (A(),)]}
with pool() as executor:
    is_one, back, nested = executor.submit(work, A()).result()
print(is_one, type(back) is A, type(nested["b"][0]) is B, isinstance(nested["b"][1][0], A))
""",
            "True True True True",
        )

    def test_a_result_leaves_a_class_with_a_closure_as_it_is(self):
        self.assert_prints(
            """
def make():
    log = []
    class Foo:
        def __init__(self): log.append("made")
    return Foo, log
Foo, log = make()
Foo.__qualname__ = "Foo"
def work(foo): return foo
with pool() as executor:
    result = executor.submit(work, Foo()).result()
Foo()
print(len(log), type(result) is Foo)
""",
            "2 True",
        )

    def test_an_instance_as_the_mark_of_a_default(self):
        self.assert_prints(
            """
class Unspecified: pass
unspecified = Unspecified()
class Module:
    def __init__(self, parent=unspecified): self.parent = None if parent is unspecified else parent
class Derived(Module): pass
def work(kind): return kind().parent, Derived().parent, Derived(3).parent
with pool() as executor:
    print([executor.submit(work, Derived).result() for _ in range(3)])
""",
            "[(None, None, 3), (None, None, 3), (None, None, 3)]",
        )

    def test_members_of_enums(self):
        self.assert_prints(
            """
import enum
class Color(enum.Enum):
    GREEN = "g"
    RED = "r"
    def other(self): return Color.RED if self is Color.GREEN else Color.GREEN
class Permission(enum.Flag):
    R = 1
    W = 2
table = {Color.GREEN: 1, Color.RED: 2}
def choose(data): return Color.GREEN if sum(data) > 0 else Color.RED
def look(c, p): return table[c], c.other(), c is Color.GREEN, p & Permission.W is Permission.W
with pool() as executor:
    print(executor.submit(choose, [1, 2]).result() is Color.GREEN)
    print(executor.submit(look, Color.GREEN, Permission.R | Permission.W).result())
""",
            "True",
            "(1, <Color.RED: 'r'>, True, True)",
        )

    def test_named_tuples(self):
        self.assert_prints(
            """
import collections
X = collections.namedtuple("X", ["x", "y"])
def work(i): return X(i, i + 1)
with pool() as executor:
    result = executor.submit(work, 1).result()
print(result, type(result) is X)
""",
            "X(x=1, y=2) True",
        )
        self.assert_prints(
            """
import collections
def work(i): return collections.namedtuple("P", "a b")(i, 2)
with pool() as executor:
    print(executor.submit(work, 1).result())
""",
            "P(a=1, b=2)",
            kinds=[INTERPRETERS],
        )

    @unittest.skipIf(sys.version_info < (3, 10), "SKIP: dataclasses have no slots before Python 3.10")
    def test_frozen_dataclasses_with_slots(self):
        self.assert_prints(
            """
import dataclasses
@dataclasses.dataclass(frozen=True, slots=True)
class Config:
    version: str = "3"
    parts: tuple = ()
    others: list = dataclasses.field(default_factory=list, hash=False)
def work(config):
    try:
        config.version = "4"
    except dataclasses.FrozenInstanceError:
        return Config(config.version + "x", (config,)), config == Config(), hash(config) == hash(Config())
with pool() as executor:
    result, *rest = executor.submit(work, Config()).result()
print(result, rest, type(result) is Config, result.parts[0] == Config())
""",
            "Config(version='3x', parts=(Config(version='3', parts=(), others=[]),), others=[]) [True, True] True True",
        )

    def test_an_argument_that_cannot_be_loaded_leaves_the_pool_alone(self):
        """A process breaks its pool."""
        self.assert_prints(
            """
import dataclasses
class Base:
    __slots__ = ("foo",)
    def __init__(self, foo): object.__setattr__(self, "foo", foo)
@dataclasses.dataclass(frozen=True)
class Frozen(Base):
    bar: int
    def __init__(self, foo, bar):
        super().__init__(foo)
        object.__setattr__(self, "bar", bar)
def work(x): return x.foo, x.bar
with pool() as executor:
    print(type(executor.submit(work, Frozen("a", 1)).exception()).__name__, executor.submit(int, 3).result())
""",
            "FrozenInstanceError 3",
            kinds=[INTERPRETERS],
        )

    def test_a_class_that_a_metaclass_has_made(self):
        self.assert_prints(
            """
import abc
class Field(dict): pass
class Meta(abc.ABCMeta):
    def __new__(cls, name, bases, names):
        fields = {name: value for name, value in names.items() if isinstance(value, Field)}
        made = super().__new__(cls, name, bases, {name: names[name] for name in names if name not in fields})
        made.fields = fields
        return made
class Item(metaclass=Meta):
    def __init__(self, **values): self.values = values
Mine = Meta("Mine", (Item,), {"id": Field(a=1), "__module__": "__main__"})
@Item.register
class Other: pass
def work(item):
    return item, item.values, sorted(type(item).fields), isinstance(Other(), Item), isinstance({}.values(), Mine)
with pool() as executor:
    for _ in range(2):
        item, *rest = executor.submit(work, Mine(id=3)).result()
        print(rest, type(item) is Mine, isinstance(item, Item), isinstance(Other(), Item))
""",
            *["[{'id': 3}, ['id'], True, False] True True True"] * 2,
        )


class Functions(BothPools):
    def test_a_decorator_that_is_a_class(self):
        self.assert_prints(
            """
from types import MethodType
log = []
class Logged:
    def __init__(self, function): self.function, self.calls = function, 0
    def __call__(self, *args):
        self.calls += 1
        log.append(args[-1])
        return self.function(*args)
    def __get__(self, instance, owner): return self if instance is None else MethodType(self, instance)
class Job:
    def __init__(self, n): self.n = n
    @Logged
    def run(self, x): return self.n, x
@Logged
def task(x): return x + 1
def work(job, x): return job.run(x), task(x), len(log), task.calls
with pool() as executor:
    print([executor.submit(work, Job(i), 5).result() for i in range(3)], log, task.calls)
""",
            "[((0, 5), 6, 2, 1), ((1, 5), 6, 4, 2), ((2, 5), 6, 6, 3)] [] 0",
        )

    def test_partial_functions(self):
        self.assert_prints(
            """
from functools import partial, partialmethod
def process(data, fixed): return data, fixed
part = partial(process, fixed="fixed")
class C:
    def set(self, key, value): return key, value
    on = partialmethod(set, "on")
def work(x): return part(x), C().on(x), partial(part, x)()
with pool() as executor:
    print(list(executor.map(part, range(2))), executor.submit(work, 1).result())
""",
            "[(0, 'fixed'), (1, 'fixed')] ((1, 'fixed'), ('on', 1), (1, 'fixed'))",
        )

    def test_objects_that_refuse_to_be_pickled(self):
        self.assert_prints(
            """
class Unpicklable:
    def __getstate__(self): raise NotImplementedError("no state")
kept = None
def init():
    global kept
    kept = Unpicklable()
    kept.value = 3
def use(): return kept.value
def give(): return kept
with pool(initializer=init) as executor:
    print(executor.submit(use).result())
    for args in (give,), (str, Unpicklable()):
        print(repr(executor.submit(*args).exception()))
    print(executor.submit(use).result())
""",
            "3",
            *["NotImplementedError('no state')"] * 2,
            "3",
        )


@unittest.skipUnless(numpy, "SKIP: needs numpy")
class Arrays(BothPools):
    def test_subclasses_keep_what_they_pickle(self):
        self.assert_prints(
            """
import numpy
class Plain(numpy.ndarray): pass
class Info(numpy.ndarray):
    def __new__(cls, array, info=None):
        made = numpy.asarray(array).view(cls)
        made.info = info
        return made
    def __array_finalize__(self, other):
        if other is not None: self.info = getattr(other, "info", None)
    def __reduce__(self):
        function, arguments, state = super().__reduce__()
        return function, arguments, (state, self.info)
    def __setstate__(self, state):
        self.info = state[1]
        super().__setstate__(state[0])
def work(array): return type(array).__name__, getattr(array, "info", None), getattr(array, "note", None), array + 1
plain = numpy.arange(3).view(Plain)
plain.note = 2
with pool() as executor:
    for array in plain, Info(range(3), "x"), Info(numpy.zeros((300, 300)), {"k": 1}):
        *found, result = executor.submit(work, array).result()
        print(found, type(result) is type(array), getattr(result, "info", None), float(result.sum()))
        result[...] = 7
        print(float(result.ravel()[0]))
""",
            "['Plain', None, None] True None 6.0",
            "7.0",
            "['Info', 'x', None] True x 6.0",
            "7.0",
            "['Info', {'k': 1}, None] True {'k': 1} 90000.0",
            "7.0",
        )

    def test_masked_arrays(self):
        self.assert_prints(
            """
import numpy
def work(array):
    array[0] = numpy.ma.masked
    return array, array.mask.tolist()[:3], array.filled(9).tolist()[:3]
arrays = [
    numpy.ma.array([1.0, 2.0], dtype=object),
    numpy.ma.array([1.0, 2.0, 3.0], mask=[0, 1, 0], fill_value=7),
    numpy.ma.array(numpy.zeros(100000), mask=False),
]
with pool() as executor:
    for array in arrays:
        result, *found = executor.submit(work, array).result()
        print(type(result).__name__, result.tolist()[:3], *found)
        result[1] = numpy.ma.masked
        print(result.tolist()[:3], array.tolist()[:3])
""",
            "MaskedArray [None, 2.0] [True, False] [9, 2.0]",
            "[None, None] [1.0, 2.0]",
            "MaskedArray [None, None, 3.0] [True, True, False] [9.0, 9.0, 3.0]",
            "[None, None, 3.0] [1.0, None, 3.0]",
            "MaskedArray [None, 0.0, 0.0] [True, False, False] [9.0, 0.0, 0.0]",
            "[None, None, 0.0] [0.0, 0.0, 0.0]",
        )


if __name__ == "__main__":
    unittest.main()
