"""What does not pickle is made anew in each interpreter, and classes and functions of each kind work there."""

import textwrap
import unittest

from support import Programs


class MadeAnew(Programs):
    def test_lock_global_main(self):
        self.assert_prints(
            """
            import threading
            lock, other, event, gate = threading.Lock(), threading.RLock(), threading.Event(), threading.Semaphore(2)
            condition, barrier = threading.Condition(lock), threading.Barrier(1)
            def f(used=lock):
                with lock, other, gate:
                    return lock is used, event.is_set(), lock.locked(), barrier.wait()
            def g():
                with condition:
                    return lock.locked(), condition.wait(0.001), condition.notify_all()
            with ungil.InterpreterPoolExecutor(1) as pool:
                lock.acquire()
                print([pool.submit(f).result() for _ in range(2)], pool.submit(g).result())
                print(type(pool.submit(lambda x: x, threading.Lock()).exception()).__name__)
            """,
            "[(True, False, True, 0), (True, False, True, 0)] (True, False, None)",
            "TypeError",
        )

    def test_lru_cache_main(self):
        self.assert_prints(
            """
            import functools
            @functools.lru_cache(maxsize=None)
            def fib(n): return n if n < 2 else fib(n - 1) + fib(n - 2)
            @functools.lru_cache(maxsize=3, typed=True)
            def g(x): return [x]
            def same(x): return g(x) is g(x), g.cache_info().hits
            class Box:
                @functools.lru_cache
                def method(self): return []
                @functools.cached_property
                def content(self): return []
            def in_class(box=Box()): return box.method() is box.method(), box.content is box.content
            fib(10)
            with ungil.InterpreterPoolExecutor(1) as pool:
                print(pool.submit(lambda: fib.cache_info().currsize).result(), fib.cache_info().currsize)
                print(pool.submit(fib, 30).result(), list(pool.map(g, [1, 2])))
                print(pool.submit(same, 5).result(), pool.submit(same, 5).result(), pool.submit(in_class).result())
            """,
            "0 11",
            "832040 [[1], [2]]",
            "(True, 1) (True, 3) (True, True)",
        )

    def test_cdll_global_main(self):
        self.assert_prints(
            """
            import ctypes
            from ungil._native.library import library as native
            libc = ctypes.CDLL(None, use_errno=True)
            libc.labs.argtypes, libc.labs.restype = [ctypes.c_long], ctypes.c_long
            labs, fresh = libc.labs, libc["abs"]
            library = ctypes.CDLL(native._name)
            Callback, Triple, Pointer = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_int), ctypes.c_int * 3, ctypes.c_void_p
            class Point(ctypes.Structure):
                _fields_ = [("x", ctypes.c_int), ("all", Triple)]
                def double(self): return 2 * self.x
            def f(n): return library.test(0, n), libc.labs(-2**40), labs(-2**40), fresh(-3), labs is libc.labs
            def g(): return Callback(lambda x: x + 1)(2), Triple(1, 2, 3)[1], Point(4, (5, 6, 7)).double()
            with ungil.InterpreterPoolExecutor(1) as pool:
                print(pool.submit(f, 10).result(), pool.submit(g).result())
            """,
            "(18, 1099511627776, 1099511627776, 3, True) (3, 2, 8)",
        )

    def test_globals_misc_main(self):
        self.assert_prints(
            """
            import contextvars, itertools, logging, queue, random, re, sqlite3, struct, sys, threading, weakref
            variable = contextvars.ContextVar("variable", default=1)
            local = threading.local()
            local.y = 5
            database = sqlite3.connect(":memory:")
            database.execute("create table t (a)"), database.execute("insert into t values (3)"), database.commit()
            weak, weak_keys, references = weakref.WeakValueDictionary(), weakref.WeakKeyDictionary(), weakref.WeakSet()
            log, pattern, numbers = logging.getLogger("x"), re.compile("a+"), random.Random(1)
            secret = random.SystemRandom()
            count, out, header, names = itertools.count(3), sys.stdout, struct.Struct("<I"), queue.Queue()
            names.put("first")
            simple = queue.SimpleQueue()
            def context(): return variable.get(), local.y
            def rows():
                return database.execute("select a from t").fetchall(), len(weak), len(weak_keys), len(references)
            def others():
                simple.put(1)
                return log.name, pattern.match("aa").group(), numbers.random(), next(count), simple.get(), names.get()
            def more(): return out.write(""), header.unpack(header.pack(7)), 0 <= secret.random() < 1
            with ungil.InterpreterPoolExecutor(1) as pool:
                print(*(pool.submit(f).result() for f in (context, rows, more)))
                print(pool.submit(others).result(), names.qsize())
            """,
            "(1, 5) ([(3,)], 0, 0, 0) (0, (7,), True)",
            "('x', 'aa', 0.13436424411240122, 3, 1, 'first') 1",
        )

    def test_files_that_are_globals(self):
        self.assert_prints(
            """
            import tempfile
            file = tempfile.TemporaryFile("w+")
            file.write("first ")
            def write(): return file.write("second"), file.flush()
            with ungil.InterpreterPoolExecutor(1) as pool:
                print(pool.submit(write).result())
            file.seek(0)
            print(file.read())
            """,
            "(6, None)",
            "first second",
        )

    def test_files_that_are_read(self):
        self.assert_prints(
            """
            import json, tempfile
            with tempfile.NamedTemporaryFile("w+", delete=False) as temporary: temporary.write("a\\nb\\nc\\nd\\n")
            file, decoder = open(temporary.name), json.JSONDecoder(parse_int=str)
            head = file.readline()
            def read(): return decoder.decode("[1]"), file.readline()
            with ungil.InterpreterPoolExecutor(1) as pool:
                print([pool.submit(read).result() for _ in range(2)], file.readline() == "b\\n")
                print(str(pool.submit(lambda: temporary.name).exception())[:54])
            """,
            r"[(['1'], 'b\n'), (['1'], 'c\n')] True",
            "the global 'temporary' of function '<lambda>' cannot b",
        )

    def test_an_error_names_the_variable_and_the_function(self):
        self.assert_prints(
            """
            numbers = (n for n in range(3))
            def work(): return next(numbers)
            def outer():
                other = numbers
                def inner(): return next(other)
                return inner
            class Holder: held = numbers
            def holds(): return Holder
            def default(x=numbers): return x
            def attribute(): return 1
            attribute.it = numbers
            with ungil.InterpreterPoolExecutor(1) as pool:
                for function in work, outer(), holds, default, attribute:
                    print(str(pool.submit(function).exception()).partition(" cannot be sent: ")[0])
                print(type(pool.submit(work).exception()).__name__)
            """,
            "the global 'numbers' of function 'work'",
            "the variable 'other' of function 'outer.<locals>.inner'",
            "the attribute 'held' of class 'Holder'",
            "a default argument of function 'default'",
            "the attribute 'it' of function 'attribute'",
            "TypeError",
        )


class Kinds(Programs):
    """Each kind of class and function works there as it does here, at the first call and at the second."""

    def assert_same(self, definitions, *expressions):
        program = textwrap.dedent(definitions) + textwrap.dedent("""
            with ungil.InterpreterPoolExecutor(1) as pool:
                for function in functions:
                    found = [pool.submit(function).result() for _ in range(2)]
                    print(repr(found) == repr([function(), function()]) or (found, function()))
        """)
        functions = "functions = [%s]" % ", ".join("lambda: (%s,)" % expression for expression in expressions)
        program = program.replace("with ungil", functions + "\nwith ungil", 1)
        self.assert_prints(program, *["True"] * len(expressions))

    def test_enumerations(self):
        self.assert_same(
            """
            import enum
            class Colour(enum.Enum):
                RED = 1
                CRIMSON = 1
                def lower(self): return self.name.lower()
            class Many(enum.IntFlag): A = 11; B = 37
            class Rights(enum.Flag): NONE = 0; R = 1; W = 2; RW = 3; ALIAS = 2
            """,
            "Colour.CRIMSON is Colour.RED, Colour.CRIMSON.lower(), Colour(1), list(Colour)",
            "Rights.RW, Rights.ALIAS is Rights.W, Rights.R | Rights.W is Rights.RW, Rights.NONE",
            "Many.A | Many.B, Many(11) is Many.A",
        )

    def test_enumerations_whose_members_have_attributes(self):
        self.assert_same(
            """
            import enum
            class Colour(enum.Enum):
                RED, BLUE = (1, "r"), (2, "b")
                def __init__(self, number, letter): self.number, self.letter = number, letter
                @property
                def upper(self): return self.letter.upper()
            class Label(str, enum.Enum):
                def __new__(cls, value, label):
                    made = str.__new__(cls, value)
                    made._value_, made.label = value, label
                    return made
                A, B = ("a", "first"), ("b", "second")
                @classmethod
                def _missing_(cls, value): return cls.A
            class Auto(enum.Enum):
                def _generate_next_value_(name, *others): return name.lower()
                X = enum.auto()
            """,
            "[colour.upper for colour in Colour], Colour((1, 'r')), Colour.BLUE.number",
            "Label.A.label, Label('b'), Label('other'), Label.A == 'a', Auto.X.value, Auto('x')",
        )

    def test_dataclasses_and_slots(self):
        self.assert_same(
            """
            import dataclasses, pickle
            @dataclasses.dataclass
            class Box:
                side: int
                parts: list = dataclasses.field(default_factory=list)
            class Slots:
                __slots__ = "value", "other"
                def __init__(self, value): self.value = value
            """,
            "Box(1), dataclasses.fields(Box)[0].default is dataclasses.MISSING, dataclasses.replace(Box(1), side=2)",
            "pickle.loads(pickle.dumps(Box(2))), pickle.loads(pickle.dumps(Slots(4))).value",
            "hasattr(Slots(1), '__dict__')",
        )

    def test_typing(self):
        self.assert_same(
            """
            import typing
            T = typing.TypeVar("T")
            class Pair(typing.Generic[T]):
                def parameters(self): return type(self).__parameters__[0] is T
            class Row(typing.TypedDict): a: int
            class Point(typing.NamedTuple):
                x: int = 3
            point = Point(6)
            @typing.runtime_checkable
            class Closes(typing.Protocol):
                def close(self): ...
            class File:
                def close(self): pass
            UserId = typing.NewType("UserId", int)
            alias, plain = typing.Dict[str, Pair], list[int]
            @typing.overload
            def over(x: int) -> int: ...
            def over(x): return x
            """,
            "Pair().parameters(), alias.__args__[1] is Pair, plain, Pair[int].__origin__ is Pair",
            "Row(a=1), Row.__annotations__, Point(), Point(4)._replace(x=5)",
            "point, point._replace(x=7), __import__('copy').deepcopy(point)",
            "isinstance(File(), Closes), isinstance(3, Closes), UserId(3), UserId.__name__, over(2)",
        )

    def test_single_dispatch(self):
        self.assert_same(
            """
            import functools
            class Own: pass
            @functools.singledispatch
            def describe(x): return "object"
            @describe.register(int)
            def _(x): return "int"
            @describe.register(Own)
            def _(x): return "own"
            class Described:
                @functools.singledispatchmethod
                def of(self, x): return "object"
                @of.register(int)
                def _(self, x): return "int"
            """,
            "describe(1), describe('s'), describe(Own()), Described().of(1), Described().of('s')",
        )

    def test_hooks_of_classes_do_not_run_again(self):
        self.assert_same(
            """
            class Meta(type):
                made = []
                def __new__(meta, name, bases, namespace):
                    meta.made.append(name)
                    return super().__new__(meta, name, bases, namespace)
            class WithMeta(metaclass=Meta): pass
            class Base:
                made = []
                def __init_subclass__(cls, **keywords): Base.made.append(cls.__name__)
                def method(self): return 1
            class Sub(Base):
                def method(self): return "over", super().method()
            class Single:
                single = None
                def __new__(cls, value):
                    if cls.single is None: cls.single = super().__new__(cls)
                    return cls.single
                def __init__(self, value): self.value = value
            single = Single(1)
            class Named:
                single = None
                def __new__(cls):
                    if cls.single is None: cls.single = super().__new__(cls)
                    return cls.single
                def __reduce__(self): return Named, ()
            named = Named()
            """,
            "WithMeta.__name__, Meta.made, type(WithMeta) is Meta",
            "Sub().method(), Base.made, len(Base.__subclasses__())",
            "Single(2) is single, Single.single is single",
            "Named() is Named.single, named is Named()",
        )

    def test_methods_properties_and_objects_that_pickle_as_names(self):
        self.assert_same(
            """
            class Named:
                def __reduce__(self): return "NAMED"
                def __repr__(self): return "NAMED"
            NAMED = Named()
            class Box:
                side = 2
                @property
                def area(self): return self.side ** 2
                @area.setter
                def area(self, value): self.side = value
                @staticmethod
                def plain(x): return x
                @classmethod
                def make(cls): return type(cls())
                def method(self, default=NAMED): return default is NAMED
            box = Box()
            method = box.method
            """,
            "box.area, Box.plain(1), Box.make() is Box, method(), NAMED",
        )


if __name__ == "__main__":
    unittest.main()
