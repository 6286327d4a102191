"""What users of process pools have reported: each program prints the same with processes and with interpreters."""

import importlib.util
import os
import sys
import tempfile
import textwrap
import unittest
import zipfile
from unittest import mock

import ungil
from as_processes import AsProcesses
from references import import_or_skip
from support import HAS_INTERPRETERS, NEEDS_INTERPRETERS, run_script


class Reports(AsProcesses):
    def test_exceptions_keep_what_they_have(self):  # Long: it is a program.
        self.check(
            """
            import asyncio, json
            class WithState(Exception):
                def __init__(self, state):
                    self.state = state
                def __str__(self):
                    return "state %s" % self.state
            class Reduced(Exception):
                def __init__(self, *, code):
                    super().__init__("text")
                    self.code = code
                def __reduce__(self):
                    return make_reduced, (self.code,)
            def make_reduced(code):
                return Reduced(code=code)
            class Own(OSError):
                pass
            def with_notes():
                error = ValueError("text")
                error.extra, error.__notes__ = [1], ["a note"]
                raise error
            def fail(kind):
                if kind == 0:
                    with_notes()
                if kind == 1:
                    json.loads("{")
                if kind == 2:
                    exec("x = = 1")
                raise (
                    WithState(4), Reduced(code=5), Own(2, "no", "file"), StopIteration(3), GeneratorExit(),
                    SystemExit(7), UnicodeDecodeError("utf8", b"x", 0, 1, "bad"), asyncio.CancelledError("text"),
                    BaseException("base"), KeyError("key"), ImportError("text", name="module"),
                )[kind - 3]
            def described(error):
                parts = error.__dict__, getattr(error, "name", None), getattr(error, "filename", None)
                return type(error).__name__, str(error), error.args, parts, "fail" in str(error.__cause__)
            def trial(pool):
                return [described(pool.submit(fail, kind).exception()) for kind in range(14)]
            """
        )

    def test_map_after_an_exception(self):
        self.check(
            """
            def fail(number):
                if number == 2:
                    raise TimeoutError("of the task")
                return number
            def trial(pool):
                found = []
                for chunksize in (1, 2):
                    results = pool.map(fail, [0, 1, 2, 3, 4], chunksize=chunksize)
                    found.append([outcome(lambda: next(results)) for _ in range(6)])
                return found
            """
        )

    def test_asyncio(self):
        self.check(
            """
            import asyncio, time
            def task(number):
                if number == 3:
                    raise LookupError(number)
                time.sleep(0.01)
                return number
            async def main(pool):
                loop = asyncio.get_running_loop()
                futures = [loop.run_in_executor(pool, task, number) for number in range(8)]
                futures[7].cancel()
                results = await asyncio.gather(*futures, return_exceptions=True)
                wrapped = await asyncio.wait_for(asyncio.wrap_future(pool.submit(task, 5)), 60)
                return [it if isinstance(it, int) else type(it).__name__ for it in results], wrapped
            def trial(pool):
                return asyncio.run(main(pool)), asyncio.run(main(pool))
            """
        )

    def test_values(self):
        self.check(
            """
            import collections, datetime, decimal, fractions, functools, operator, pathlib, re, types, uuid
            zone = datetime.timezone(datetime.timedelta(hours=2), "zone")
            VALUES = [
                re.compile("a(b)?", re.IGNORECASE), pathlib.Path("/x/y"), uuid.UUID(int=5), decimal.Decimal("1.10"),
                fractions.Fraction(1, 3), datetime.datetime(2020, 1, 1, tzinfo=zone), range(5), slice(1, 2), ...,
                NotImplemented, types.SimpleNamespace(a=1), collections.Counter("aab"), collections.deque([1], 3),
                collections.defaultdict(list, a=[1]), collections.ChainMap({1: 2}), operator.itemgetter(1),
                functools.partial(int, base=2), list[int], float("nan"), -0.0, 10**4000, "\\ud800", iter([1, 2]),
                "x".upper, int.from_bytes, len, KeyError, KeyError("k"), bytearray(5),
                collections.OrderedDict(b=1, a=2),
            ]
            def same(value):
                return value
            def trial(pool):
                results = pool.map(same, VALUES)
                return [(repr(value).split(" at 0x")[0], type(value)) for value in results]
            """
        )

    def test_imports(self):
        """Modules in archives and in namespace packages; names that only type checkers import."""
        with tempfile.TemporaryDirectory() as directory:
            archive, first, second = (os.path.join(directory, name) for name in ("archive.zip", "first", "second"))
            with zipfile.ZipFile(archive, "w") as file:
                file.writestr("zipped/__init__.py", "")
                file.writestr("zipped/module.py", "def f(): return __name__, __package__")
            for path, name in ((first, "one"), (second, "two")):
                os.makedirs(os.path.join(path, "shared_namespace", name))
                with open(os.path.join(path, "shared_namespace", name, "__init__.py"), "w") as file:
                    file.write("def f(): return __name__")
            self.check(
                """
                from typing import TYPE_CHECKING
                import shared_namespace.one, shared_namespace.two, zipped.module
                if TYPE_CHECKING:
                    from nowhere import Nothing
                def annotated(x: "Nothing") -> "Nothing":
                    return x, annotated.__annotations__
                def trial(pool):
                    calls = (zipped.module.f,), (shared_namespace.one.f,), (shared_namespace.two.f,), (annotated, 5)
                    return [pool.submit(*call).result() for call in calls]
                """,
                [archive, first, second],
            )

    def test_tools(self):  # Long: it is a program.
        """Profiles, traces, a breakpoint without a terminal, recorded warnings, methods of test cases, files."""
        self.check(
            """
            import cProfile, io, os, pdb, pstats, sys, tempfile, tracemalloc, unittest, warnings
            class Case(unittest.TestCase):
                def helper(self, x):
                    self.assertEqual(x, 1)
                    return x
            def work():
                return sum(range(1000))
            def profiled():
                profile, stream = cProfile.Profile(), io.StringIO()
                profile.runcall(work)
                pstats.Stats(profile, stream=stream).print_stats()
                return "(work)" in stream.getvalue()
            def traced():
                events = []
                sys.settrace(lambda frame, event, argument: events.append((frame.f_code.co_name, event)))
                work()
                sys.settrace(None)
                return events[0]
            def allocated():
                tracemalloc.start()
                kept = [bytes(1000) for _ in range(100)]
                size = tracemalloc.get_traced_memory()[0]
                tracemalloc.stop()
                return size > 100000 and len(kept)
            def stopped():
                sys.stdin, sys.stdout = open(os.devnull), io.StringIO()
                try:
                    pdb.set_trace()
                    return "went on"
                finally:
                    sys.stdin, sys.stdout = sys.__stdin__, sys.__stdout__
            def warned():
                with warnings.catch_warnings(record=True) as found:
                    warnings.simplefilter("always")
                    warnings.warn("text", RuntimeWarning)
                return [(it.category, str(it.message), os.path.basename(it.filename)) for it in found]
            def names():
                return [tempfile.mktemp() for _ in range(100)]
            def trial(pool):
                tasks = profiled, traced, allocated, warned
                results = [[pool.submit(task).result() for _ in range(4)] for task in tasks]
                paths = [path for task in [pool.submit(names) for _ in range(4)] for path in task.result()]
                of_case, of_pdb = pool.submit(Case().helper, 1).result(), outcome(pool.submit(stopped).result)
                return results, len(set(paths)), of_case, of_pdb
            """
        )

    def test_groups_and_rows_of_pandas(self):
        import_or_skip("pandas")
        self.check(
            """
            import pandas
            frame = pandas.DataFrame({
                "key": pandas.Categorical(list("abca") * 5), "value": [float(i) for i in range(20)],
                "time": pandas.date_range("2020", periods=20, tz="UTC"), "text": ["x"] * 20,
            }).set_index("time")
            def with_sums(group):
                group = group.copy()
                group["sums"] = group["value"][::-1].cumsum()[::-1]
                return group
            def in_place(group):
                group["sums"] = group["value"][::-1].cumsum()[::-1]
                return group
            def total(pair):
                return str(pair[0]), float(pair[1].value.sum())
            def twice(row):
                return float(row["value"] * 2)
            def trial(pool):
                groups = frame.groupby("key", observed=True)
                first = pandas.concat(pool.map(with_sums, [group for _, group in groups]))
                second = pandas.concat(pool.map(in_place, [group.copy() for _, group in groups]))
                equal = first.equals(second)
                first.loc[first.index[0], "value"] = 5
                first["new"] = 1
                rows = list(pool.map(twice, (row for _, row in frame.iterrows())))
                return equal, first.shape, [str(it) for it in first.dtypes], list(pool.map(total, groups)), rows
            """
        )


@unittest.skipUnless(HAS_INTERPRETERS, NEEDS_INTERPRETERS)
class BetterThanProcesses(unittest.TestCase):
    """Programs that processes refuse, or that hang with them."""

    def assert_prints(self, program, expected):
        status, output, errors = run_script("import ungil\n" + textwrap.dedent(program))
        self.assertEqual((status, output, errors), (0, expected + "\n", ""))

    def test_doctest(self):
        self.assert_prints(
            '''
            """
            >>> def f(x): return x + number
            >>> number = 4
            >>> ungil.run(f, 1)
            5
            >>> number = 5
            >>> ungil.run(f, 1), ungil.run(square, 3)
            (6, 9)
            """
            def square(x):
                """
                >>> ungil.run(square, 5)
                25
                """
                return x * x
            import doctest
            __doc__ = """
            >>> def f(x): return x + number
            >>> number = 4
            >>> ungil.run(f, 1)
            5
            >>> number = 5
            >>> ungil.run(f, 1), ungil.run(square, 3)
            (6, 9)
            """
            print(doctest.testmod())
            ''',
            "TestResults(failed=0, attempted=6)",
        )

    def test_futures_that_a_shutdown_has_cancelled_are_completed(self):
        self.assert_prints(
            """
            import concurrent.futures, time
            pool, count = ungil.InterpreterPoolExecutor(2), 0
            futures = [pool.submit(time.sleep, 0.01) for _ in range(50)]
            for future in concurrent.futures.as_completed(futures, timeout=60):
                count += 1
                if count == 1:
                    pool.shutdown(wait=False, cancel_futures=True)
            print(count)
            """,
            "50",
        )


@unittest.skipUnless(HAS_INTERPRETERS, NEEDS_INTERPRETERS)
class Differences(unittest.TestCase):
    def test_changes_of_an_imported_module_are_not_seen_by_tasks(self):
        """As with processes by spawn, which import it too."""
        with tempfile.TemporaryDirectory() as directory:
            with open(os.path.join(directory, "patched_module.py"), "w") as file:
                file.write("number = 1\ndef f(): return number\n")
            with mock.patch.object(sys, "path", [directory, *sys.path]):
                import patched_module

                with mock.patch.object(patched_module, "number", 2), ungil.InterpreterPoolExecutor(1) as pool:
                    self.assertEqual((patched_module.f(), pool.submit(patched_module.f).result()), (2, 1))
                    self.assertEqual(pool.submit(lambda: patched_module.f()).result(), 1)

    @unittest.skipUnless(importlib.util.find_spec("resource"), "SKIP: no resource limits here")
    def test_the_umask_and_resource_limits_are_the_processs(self):
        status, output, errors = run_script(
            """
            import os, resource, ungil
            soft, hard = resource.getrlimit(resource.RLIMIT_CORE)
            def task():
                os.umask(0o077)
                resource.setrlimit(resource.RLIMIT_CORE, (0, hard))
            os.umask(0o022)
            ungil.run(task)
            print(oct(os.umask(0o022)), resource.getrlimit(resource.RLIMIT_CORE)[0])
            """
        )
        self.assertEqual((status, output, errors), (0, "0o77 0\n", ""))


if __name__ == "__main__":
    unittest.main()
