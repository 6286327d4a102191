"""Interpreters and processes by way of joblib: its backend "ungil" beside loky, its own one."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any, Callable

import numpy

import ungil

from .. import tasks
from ..contest import Contest
from . import Step, Tools
from .exchange import REFERENCE

EMPTY = "joblib: n calls that do nothing"
ARRAYS = "joblib: n calls with a numpy array of 32 MB each"
SEARCH = "scikit-learn: GridSearchCV of n support vector machines"

BACKENDS = {REFERENCE: "ungil", "loky": "loky"}
JOBS = 2


def contest(tools: Tools, table: str, size: int, work: Callable[[], Any], expected: Any) -> Contest:
    """work() with each backend."""
    joblib = tools.package("joblib")
    assert ungil.__version__  # joblib has the backend

    def with_backend(backend: str) -> Any:
        with joblib.parallel_config(backend=backend, n_jobs=JOBS):
            return work()

    contenders = {name: partial(with_backend, backend) for name, backend in BACKENDS.items()}
    return Contest("interpreters", table, size, contenders, expected, reference=REFERENCE, budget=30)


def empty(tools: Tools, n: int) -> Contest:
    joblib = tools.package("joblib")
    calls = [joblib.delayed(abs)(-i) for i in range(n)]
    return contest(tools, EMPTY, n, lambda: joblib.Parallel()(calls), list(range(n)))


def arrays(tools: Tools, n: int) -> Contest:
    joblib = tools.package("joblib")
    calls = [joblib.delayed(tasks.total)(numpy.full(4_000_000, i)) for i in range(n)]
    return contest(tools, ARRAYS, n, lambda: joblib.Parallel()(calls), [4_000_000 * i for i in range(n)])


def search(tools: Tools, n: int) -> Contest:
    from sklearn.datasets import load_digits
    from sklearn.model_selection import GridSearchCV
    from sklearn.svm import SVC

    data, grid = load_digits(return_X_y=True), {"C": [10.0**i for i in range(n)]}

    def work() -> list[float]:
        scores: list[float] = GridSearchCV(SVC(), grid, cv=3).fit(*data).cv_results_["mean_test_score"].tolist()
        return scores

    return contest(tools, SEARCH, n, work, work())


def steps(tools: Tools) -> Iterator[Step]:
    quick = tools.effort.is_quick
    if tools.package("joblib"):
        for n in (200,) if quick else (200, 2000):
            yield Step(f"{EMPTY}, {n:,}", 5, partial(empty, tools, n))
        yield Step(ARRAYS, 10, partial(arrays, tools, 2 if quick else 10))
        if not quick and tools.package("sklearn", "scikit-learn"):
            yield Step(SEARCH, 30, partial(search, tools, 6))
