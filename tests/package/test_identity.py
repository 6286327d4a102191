"""Module-level objects of the program are one object in each interpreter, made anew where they do not pickle."""

import unittest

from support import Programs


class Identity(Programs):
    def test_sentinel_default(self):
        self.assert_prints(
            """
            class Missing: pass
            MISSING, ABSENT = object(), Missing()
            def get(d, default=MISSING, other=ABSENT, *, key="k"):
                return d.get(key, MISSING) is default, other is ABSENT
            with ungil.InterpreterPoolExecutor(1) as pool:
                print([pool.submit(get, {}).result() for _ in range(3)], set(pool.map(get, [{}] * 4)))
                print(pool.submit(lambda: MISSING).result() is MISSING, pool.submit(get, {}, MISSING).result())
            """,
            "[(True, True), (True, True), (True, True)] {(True, True)}",
            "True (True, True)",
        )

    def test_names_of_one_object(self):
        self.assert_prints(
            """
            one, alone = [], []
            two = one
            empty, other_empty = (), ()
            def first(): one.append(1); return one
            def second(): two.append(2); return one is two
            def third(): return one is two is three, three
            def rebind():
                global empty
                empty = (1,)
                return alone
            def of_empty(): return empty, other_empty
            with ungil.InterpreterPoolExecutor(1) as pool:
                print(pool.submit(first).result(), pool.submit(second).result())
                three = one
                print(pool.submit(third).result())
                print(pool.submit(rebind).result(), pool.submit(of_empty).result())
            """,
            "[1] True",
            "(True, [1, 2])",
            "[] ((1,), ())",
        )

    def test_class_state_reset_host(self):
        self.assert_prints(
            """
            class Job:
                made = 0
                def __init__(self): Job.made += 1
            def make(): return Job()
            with ungil.InterpreterPoolExecutor(1) as pool:
                first = pool.submit(make).result()
                for _ in range(10): Job()
                second = pool.submit(make).result()
            print(Job.made, type(first) is Job, type(second) is Job)
            """,
            "10 True True",
        )

    def test_a_result_leaves_closures_of_the_program_alone(self):
        self.assert_prints(
            """
            def make():
                log = []
                class Foo:
                    def __init__(self): log.append("made")
                return Foo, log
            Foo, log = make()
            def same(foo): return foo
            with ungil.InterpreterPoolExecutor(1) as pool:
                result = pool.submit(same, Foo()).result()
            Foo()
            print(len(log), type(result) is Foo)
            """,
            "2 True",
        )

    def test_class_state_reset_worker(self):
        self.assert_prints(
            """
            class Model:
                instance, loads, factor = None, 0, 1
                @classmethod
                def get(cls):
                    if cls.instance is None:
                        cls.loads += 1
                        cls.instance = "loaded"
                    return cls.instance
            def init(): Model.instance = "from initializer"
            def task(i): return Model.get(), Model.loads, Model.factor
            with ungil.InterpreterPoolExecutor(1, initializer=init) as pool:
                print(list(pool.map(task, range(2))))
            with ungil.InterpreterPoolExecutor(1) as pool:
                print([pool.submit(task, i).result() for i in range(2)])
                Model.factor = 2
                print(pool.submit(task, 0).result())
                del Model.factor
                print(type(pool.submit(task, 0).exception()).__name__, Model.instance)
            """,
            "[('from initializer', 0, 1), ('from initializer', 0, 1)]",
            "[('loaded', 1, 1), ('loaded', 1, 1)]",
            "('loaded', 1, 2)",
            "AttributeError None",
        )

    def test_function_attributes(self):
        self.assert_prints(
            """
            def f(x):
                f.calls = getattr(f, "calls", 0) + 1
                return f.calls
            def g(x, seen=[]):
                seen.append(x)
                return len(seen)
            def h(x):
                h.calls += 1
                return h.calls
            h.calls = 0
            with ungil.InterpreterPoolExecutor(1) as pool:
                print([[pool.submit(function, 1).result() for _ in range(3)] for function in (f, g, h)])
                h.calls = 10
                print(pool.submit(h, 1).result(), h.calls)
            """,
            "[[1, 2, 3], [1, 2, 3], [1, 2, 3]]",
            "11 10",
        )

    def test_closures_and_decorators_keep_their_state(self):
        self.assert_prints(
            """
            import functools
            def counter():
                n = 0
                def up():
                    nonlocal n
                    n += 1
                    return n
                def value(): return n
                return up, value
            up, value = counter()
            def counted(function):
                @functools.wraps(function)
                def wrapper(*args):
                    wrapper.calls += 1
                    return function(*args)
                wrapper.calls = 0
                return wrapper
            @counted
            def f(): return f.calls
            def g(): return f() + f.calls
            with ungil.InterpreterPoolExecutor(1) as pool:
                print([pool.submit(up).result() for _ in range(3)], pool.submit(value).result(), value())
                print(pool.submit(f).result(), pool.submit(g).result(), f.calls)
            """,
            "[1, 2, 3] 3 0",
            "1 4 0",
        )

    def test_globals_dynamic(self):
        self.assert_prints(
            """
            import sys, threading
            TABLE = {"a": 1}
            unsendable = (n for n in range(3))
            def handler_x(v): return v * 2
            def by_name(name, v): return globals()["handler_" + name](v)
            def by_eval(s): return eval(s)
            def by_main():
                import __main__
                return __main__.TABLE["a"]
            def by_modules(): return sys.modules["__main__"].TABLE, sys.modules[__name__].TABLE
            with ungil.InterpreterPoolExecutor(1) as pool:
                print(pool.submit(by_name, "x", 2).result(), pool.submit(by_eval, "TABLE['a']").result())
                print(pool.submit(by_main).result(), pool.submit(by_modules).result())
            """,
            "4 1",
            "1 ({'a': 1}, {'a': 1})",
        )

    def test_pickle_in_task(self):
        self.assert_prints(
            """
            import copy, pickle
            class Item:
                class Part: pass
                def __init__(self, v): self.v, self.part = v, Item.Part()
            def helper(): pass
            def roundtrip(item): return pickle.loads(pickle.dumps(item)).v, copy.deepcopy(item).v
            def of_function(): return pickle.loads(pickle.dumps(helper)) is helper
            with ungil.InterpreterPoolExecutor(1) as pool:
                print(pool.submit(roundtrip, Item(3)).result(), pool.submit(of_function).result())
            """,
            "(3, 3) True",
        )

    def test_a_class_that_is_defined_again_is_another_class(self):
        self.assert_prints(
            """
            class Item:
                def name(self): return "first"
            old = Item()
            def names(*items): return [item.name() for item in items], [type(item) is Item for item in items]
            with ungil.InterpreterPoolExecutor(1) as pool:
                print(pool.submit(names, old).result())
                class Item:
                    def name(self): return "second"
                print(pool.submit(names, old, Item()).result())
                def names(*items): return len(items)
                print(pool.submit(names, old).result(), type(pool.submit(lambda x: x, old).result()) is type(old))
            """,
            "(['first'], [True])",
            "(['first', 'second'], [False, True])",
            "1 True",
        )

    def test_a_function_whose_code_is_replaced(self):
        self.assert_prints(
            """
            def f(): return 1
            def caller(): return f()
            with ungil.InterpreterPoolExecutor(1) as pool:
                found = [pool.submit(caller).result()]
                f.__code__ = (lambda: 2).__code__
                found.append(pool.submit(caller).result())
                f.__defaults__ = (3,)
                f.__code__ = (lambda x: x).__code__
                print(found, pool.submit(caller).result())
            """,
            "[1, 2] 3",
        )

    def test_what_tasks_define_comes_back_as_one_class(self):
        self.assert_prints(
            """
            def make():
                global Made
                class Made:
                    count = 0
                return Made()
            def count(made):
                Made.count += 1
                return type(made) is Made, Made.count
            with ungil.InterpreterPoolExecutor(1) as pool:
                first, second = pool.submit(make).result(), None
                print(pool.submit(count, first).result(), pool.submit(count, first).result())
                print(type(pool.submit(lambda made: made, first).result()) is type(first))
            """,
            "(True, 1) (True, 2)",
            "True",
        )

    def test_functions_and_closures_are_not_kept_forever(self):
        self.assert_prints(
            """
            import gc, weakref
            class Kept: pass
            with ungil.Interpreter() as interpreter:
                references = []
                for _ in range(500):
                    kept = Kept()
                    references.append(weakref.ref(kept))
                    interpreter.call(lambda: kept)
                    del kept
                gc.collect()
                print(sum(reference() is not None for reference in references) < 300)
                count = "sum(type(o).__name__ == 'Kept' for o in __import__('gc').get_objects())"
                interpreter.exec("import gc; gc.collect()")
                print(interpreter.eval(count) < 300)
            """,
            "True",
            "True",
        )

    def test_methods_that_are_globals_are_bound_to_the_globals_object(self):
        self.assert_prints(
            """
            class Counter:
                count = 0
                def step(self): self.count += 1
            counter, found = Counter(), []
            step, add, new = counter.step, found.append, len
            def work(plus=step):
                step(); plus(); add(4)
                return counter.count, found, step.__self__ is counter, add.__self__ is found, new([])
            with ungil.InterpreterPoolExecutor(1) as pool:
                for _ in range(2): print(*pool.submit(work).result())
            """,
            "2 [4] True True 0",
            "4 [4, 4] True True 0",
        )

    def test_instances_that_their_class_keeps(self):
        self.assert_prints(
            """
            class Unit:
                known = {}
                def __new__(cls, name):
                    if name not in cls.known:
                        cls.known[name] = super().__new__(cls)
                        cls.known[name].name = name
                    return cls.known[name]
                def __getnewargs__(self): return self.name,
            Unit("m"), Unit("s")
            def work():
                import pickle
                return Unit("m") is Unit.known["m"], sorted(Unit.known), pickle.loads(pickle.dumps(Unit("s"))).name
            with ungil.InterpreterPoolExecutor(1) as pool:
                print(*pool.submit(work).result())
                print(pool.submit(lambda unit: unit is Unit("m"), Unit("m")).result())
            """,
            "True ['m', 's'] s",
            "True",
        )

    def test_cells_dicts_and_sentinels_are_not_kept_forever(self):
        self.assert_prints(
            """
            def closure(i): return lambda: i
            def in_a_dict(i):
                namespace = {"i": i}
                exec("def get(): return i", namespace)
                return namespace["get"]
            def entries():
                from ungil.interpreters._identity import registry
                return len(registry._by_token), len(registry._by_id)
            with ungil.Interpreter() as interpreter:
                for make in closure, in_a_dict:
                    print(all(interpreter.call(make(i)) == i for i in range(1500)))
                print([max(counts) < 1500 for counts in (entries(), interpreter.call(entries))])
                results = [interpreter.call(eval, "lambda: 1")() for _ in range(1500)]
                print([max(counts) < 1500 for counts in (entries(), interpreter.call(entries))])
                for _ in range(1500):
                    sentinel = object()
                    interpreter.call(lambda: sentinel)
                print([max(counts) < 1500 for counts in (entries(), interpreter.call(entries))])
            """,
            "True",
            "True",
            "[True, True]",
            "[True, True]",
            "[True, True]",
        )


if __name__ == "__main__":
    unittest.main()
