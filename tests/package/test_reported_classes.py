"""What users of process pools have reported on classes and functions of their programs."""

import os
import sys
import tempfile
import unittest
from unittest import mock

from as_processes import AsProcesses
from references import import_or_skip
from support import HAS_INTERPRETERS, NEEDS_INTERPRETERS, run_script


class Classes(AsProcesses):
    def test_enumerations_and_data_classes(self):  # Long: it is a program.
        self.check(
            """
            import dataclasses, enum, typing
            class Flags(enum.Flag):
                NONE, READ, WRITE, BOTH, ALIAS = 0, 1, 2, 3, 2
            class Sparse(enum.IntFlag):
                A, B, C = 11, 37, 389
            class Colour(enum.Enum):
                RED, BLUE = (1, "r"), (2, "b")
                def __init__(self, number, letter):
                    self.number, self.letter = number, letter
                @property
                def upper(self):
                    return self.letter.upper()
            MEMBERS = [*Flags.__members__.values(), *Sparse.__members__.values(), *Colour, Sparse.A | Sparse.B]
            @dataclasses.dataclass
            class Record:
                x: int
                y: list = dataclasses.field(default_factory=list)
                z: dataclasses.InitVar[int] = 5
                constant: typing.ClassVar[int] = 3
                def __post_init__(self, z):
                    self.of_init = z
            @dataclasses.dataclass(frozen=True, order=True)
            class Frozen:
                a: int
                b: str = dataclasses.field(default="q", compare=False, metadata={"m": 1})
            def same(member):
                return member, any(member is it for it in MEMBERS), type(member).__name__
            def of_colours():
                return [it.upper for it in Colour], Colour((1, "r")) is Colour.RED, Flags.READ in Flags.BOTH
            def described(record):
                fields = [(it.name, it.default is dataclasses.MISSING) for it in dataclasses.fields(record)]
                return fields, dataclasses.asdict(record), type(record)(4), record
            def trial(pool):
                results = list(pool.map(same, MEMBERS))
                members = [(repr(it), it is MEMBERS[i], *rest) for i, (it, *rest) in enumerate(results)]
                records = [pool.submit(described, it).result() for it in (Record(1), Record(2, [3], 4), Frozen(1))]
                equal = records[2][3] == Frozen(1), hash(records[2][2]) == hash(Frozen(4))
                return members, pool.submit(of_colours).result(), records, equal, type(records[0][3]) is Record
            """
        )

    def test_callables_and_classes(self):  # Long: it is a program.
        self.check(
            """
            import abc, functools
            class Descriptor:
                def __set_name__(self, owner, name):
                    self.name = name
                def __get__(self, obj, kind):
                    return self if obj is None else obj.__dict__.get(self.name, 5)
                def __set__(self, obj, value):
                    obj.__dict__[self.name] = value * 2
            class Meta(abc.ABCMeta):
                def __new__(cls, name, bases, namespace, **keywords):
                    kind = super().__new__(cls, name, bases, namespace)
                    kind.keywords = keywords
                    return kind
                def __init__(cls, *arguments, **keywords):
                    super().__init__(*arguments)
            class Base(metaclass=Meta, option=3):
                value = Descriptor()
                def __init__(self, value=4):
                    self.value = value
                def __init_subclass__(cls, **keywords):
                    cls.name = cls.__name__.lower()
                def __call__(self, x):
                    return self.value * x
                def method(self, x):
                    return self.value + x
                @classmethod
                def of_class(cls, x):
                    return cls.__name__, x
                @staticmethod
                def static(x):
                    return x
                @property
                def listed(self):
                    return [self.value]
            class Slots(Base, option=4):
                __slots__ = ("other",)
            def described(obj):
                kind = type(obj)
                parts = kind.keywords, obj.value, obj.listed, getattr(kind, "name", None)
                return kind.__name__, parts, isinstance(obj, Base)
            def trial(pool):
                obj = Base(3)
                calls = [
                    (obj, 2), (obj.method, 2), (obj.of_class, 2), (Base.of_class, 2), (obj.static, 2),
                    (functools.partial(obj, 4),), (functools.partial(obj.method, x=4),), (getattr, obj, "listed"),
                    (described, obj), (described, Slots()),
                ]
                results = [pool.submit(*call).result() for call in calls]
                return results, type(pool.submit(Slots).result()) is Slots
            """
        )

    def test_annotations_that_are_text(self):
        self.check(
            """
            import collections.abc as abc, dataclasses, threading, typing
            Vector = typing.List[float]
            Unused = threading.Lock()
            @dataclasses.dataclass
            class Inner:
                a: int
            @dataclasses.dataclass
            class Outer:
                inner: "Inner"
                vector: "Vector"
                other: "typing.Optional[Outer]" = None
                def method(self, f: "abc.Callable[[Inner], NotThere]") -> "Unused":
                    return 1
            def annotated(x: "Inner", y: "Vector") -> "Outer":
                return 0
            def hints():
                return [list(typing.get_type_hints(it).items()) for it in (Inner, Outer, annotated)]
            def trial(pool):
                return repr(pool.submit(hints).result()), pool.submit(Outer(Inner(1), []).method, 1).result()
            """
        )

    def test_functions_of_numba_and_structures_of_ctypes(self):
        import_or_skip("numba")
        self.check(
            """
            import ctypes, numba
            @numba.njit(nogil=True)
            def compiled(x, y=1):
                return x + y
            @numba.vectorize(["float64(float64)"])
            def vectorized(x):
                return x * 2
            class Pair(ctypes.Structure):
                _fields_ = [("first", ctypes.c_int), ("second", ctypes.c_double)]
            def task(pair):
                return compiled(2), float(vectorized(2.0)), pair.first, type(pair) is Pair, ctypes.sizeof(Pair)
            def trial(pool):
                results = pool.submit(task, Pair(1, 2.5)).result(), pool.submit(compiled, 1).result()
                return results, type(pool.submit(Pair, 1, 2).result()) is Pair
            """
        )


@unittest.skipUnless(HAS_INTERPRETERS, NEEDS_INTERPRETERS)
class Differences(unittest.TestCase):
    def test_named_tuples_with_other_names(self):
        result = run_script(
            """
            import collections, ungil
            Pair = collections.namedtuple("Other", "x y")
            class Outer:
                Inner = collections.namedtuple("Inner", "z")
            def replaced(item):
                return item._replace(**{item._fields[0]: 7})
            with ungil.InterpreterPoolExecutor(1) as pool:
                results = list(pool.map(replaced, [Pair(1, 2), Outer.Inner(3)]))
            print(results, type(results[0]) is Pair, type(results[1]) is Outer.Inner)
            """
        )
        self.assertEqual(result, (0, "[Other(x=7, y=2), Inner(z=7)] True True\n", ""))

    def test_a_metaclass_of_a_package_that_needs_the_whole_class(self):
        with tempfile.TemporaryDirectory() as directory:
            with open(os.path.join(directory, "strict.py"), "w") as file:
                file.write("class Meta(type):\n    def __new__(cls, name, bases, namespace, size):\n")
                file.write("        return super().__new__(cls, name, bases, namespace)\n")
            with mock.patch.object(sys, "path", [directory, *sys.path]):
                status, output, errors = run_script(
                    """
                    import strict, ungil
                    class Record(metaclass=strict.Meta, size=3):
                        pass
                    try:
                        ungil.run(lambda: Record())
                    except TypeError as error:
                        print(error)
                    """
                )
        self.assertEqual((status, errors), (0, ""))
        self.assertRegex(
            output, "class 'Record' cannot be made without its attributes: .*size.*; define it in a module"
        )


if __name__ == "__main__":
    unittest.main()
