"""Data frames in parts: pure Python over pandas, polars, DuckDB and pyarrow, as in the page on data frames.

`python -m bench_py.frames [CASE ...]` prints the best times: in sequence, in threads, in processes and in interpreters.
The workers have imported what they need. The answers are compared.
"""

from __future__ import annotations

import multiprocessing
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import Executor, ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, Callable

import ungil

WORKERS, PARTS, ROUNDS, ROWS = 2, 8, 9, 400_000
SPAWN = multiprocessing.get_context("spawn")  # polars and DuckDB have threads, and do not support fork

Case = tuple[Callable[[Any], Any], list[Any]]


def digits(number: int) -> int:
    return sum(map(int, str(number)))


def steps(values: Any) -> int:
    """How often the values of a group rise: a loop that is hard to write without Python."""
    rises, last = 0, None
    for value in values.tolist():
        rises += last is not None and value > last
        last = value
    return rises


def rises_of_groups(frame: Any) -> list[int]:
    found: list[int] = frame.groupby("group").n.apply(steps).tolist()
    return found


@contextmanager
def pandas_case() -> Iterator[Case]:
    import numpy
    import pandas

    n = numpy.arange(4 * ROWS)
    frame = pandas.DataFrame({"group": n // 100, "n": n * 7919 % 1000, **{f"x{i}": n + i for i in range(6)}})
    part_of_row = frame.group % PARTS
    yield rises_of_groups, [frame[part_of_row == part] for part in range(PARTS)]


def polars_digits(frame: Any) -> list[int]:
    import polars

    found: list[int] = frame["n"].map_elements(digits, return_dtype=polars.Int64).to_list()
    return [sum(found), len(found)]


@contextmanager
def polars_case() -> Iterator[Case]:
    import polars

    frame = polars.DataFrame({"n": range(ROWS)})
    yield polars_digits, list(frame.iter_slices(ROWS // PARTS))


def query(path: str, part: int) -> int:
    """A query of one part, with a function in Python."""
    import duckdb

    with duckdb.connect(path, read_only=True, config={"threads": 1}) as connection:
        name = f"digits_{part}"  # threads share a database, and its functions
        connection.create_function(name, digits, ["BIGINT"], "BIGINT")
        row = connection.execute(f"SELECT sum({name}(n)) FROM numbers WHERE n % ? = ?", [PARTS, part]).fetchone()
    return int(row[0]) if row else 0


@contextmanager
def duckdb_case() -> Iterator[Case]:
    import duckdb

    with tempfile.TemporaryDirectory() as folder:
        path = str(Path(folder, "numbers.duckdb"))
        with duckdb.connect(path) as connection:
            connection.execute(f"CREATE TABLE numbers AS SELECT range AS n FROM range({ROWS})")
        yield partial(query, path), list(range(PARTS))


def arrow_words(batch: Any) -> int:
    return sum(word.istitle() for text in batch.column("text").to_pylist() for word in text.split())


@contextmanager
def pyarrow_case() -> Iterator[Case]:
    import pyarrow

    texts = [f"Row {i} of the Table has a Text, and a Number such as {i % 97}" for i in range(ROWS // 2)]
    table = pyarrow.table({"text": texts})
    yield arrow_words, table.to_batches(max_chunksize=len(texts) // PARTS)


CASES = {"pandas": pandas_case, "polars": polars_case, "duckdb": duckdb_case, "pyarrow": pyarrow_case}
POOLS: dict[str, Callable[[], Executor]] = {
    "threads": lambda: ThreadPoolExecutor(WORKERS),
    "processes": lambda: ProcessPoolExecutor(WORKERS, SPAWN),
    "interpreters": lambda: ungil.InterpreterPoolExecutor(WORKERS),
}


def seconds(work: Callable[[], list[Any]], expected: list[Any]) -> float:
    start = time.perf_counter()
    answer = work()
    passed = time.perf_counter() - start
    assert answer == expected
    return passed


def measure(case: Callable[[], Any]) -> dict[str, float]:
    """The best time of each way. They take turns, as other programs may slow the machine down for a while."""
    with case() as (function, parts):
        expected = list(map(function, parts))
        pools = {name: pool() for name, pool in POOLS.items()}
        ways: dict[str, Callable[[], list[Any]]] = {"in sequence": lambda: list(map(function, parts))}
        ways |= {name: partial(_mapped, pool, function, parts) for name, pool in pools.items()}
        for work in ways.values():  # the workers import what they need
            seconds(work, expected)
        times = [{name: seconds(work, expected) for name, work in ways.items()} for _ in range(ROUNDS)]
        for pool in pools.values():
            pool.shutdown()
    return {name: min(of[name] for of in times) for name in ways}


def _mapped(pool: Executor, function: Callable[[Any], Any], parts: list[Any]) -> list[Any]:
    return list(pool.map(function, parts))


def main(names: list[str]) -> None:
    print(f"{'':10}" + "".join(f"{name:>14}" for name in ("in sequence", *POOLS)))
    for name in names or CASES:
        print(f"{name:10}" + "".join(f"{of:12.3f} s" for of in measure(CASES[name]).values()), flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
