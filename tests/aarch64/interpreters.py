"""Two interpreters on aarch64, with a numpy of their own each: what an executor is for, in one short program."""
import platform
import sys

import ungil


def task(n):
    import threading

    import numpy

    return float(numpy.arange(n).sum()), platform.machine(), threading.get_native_id()


def main():
    with ungil.InterpreterPoolExecutor(2) as pool:
        results = list(pool.map(task, [10, 100, 1000, 10000]))
        sums = list(pool.map(sum, [[1, 2], [3, 4]]))
    if [result[:2] for result in results] != [(n * (n - 1) / 2, "aarch64") for n in (10, 100, 1000, 10000)]:
        sys.exit("the results are %r" % results)
    if sums != [3, 7]:
        sys.exit("the sums are %r" % sums)
    if "numpy" in sys.modules:
        sys.exit("the program itself has imported numpy")
    print("4 tasks on %d threads" % len({result[2] for result in results}))


if __name__ == "__main__":
    main()
