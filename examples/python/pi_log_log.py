"""Pi as a sum of n terms, for growing n: by pure Python, interpreters, numba, C by way of ctypes, and ungil. A table,
the file results_nogil.dat, and a plot of it with logarithmic axes. Needs numba, matplotlib, cc and the package ungil.

    python3 examples/python/pi_log_log.py [LARGEST [FOLDER]]

Pure Python and C run on one core, interpreters and ungil on all. What is missing of the needed things is left out.
"""

import ctypes
import math
import os
import shutil
import subprocess
import sys
import tempfile
from timeit import default_timer

import ungil

LOOP = """
double pi_by_c(int terms) {
  double width = 1.0 / terms, sum = 0;
  for (int i = 0; i < terms; i++) {
    double x = width * (i - 0.5);
    sum += 4.0 / (1.0 + x * x);
  }
  return sum * width;
}
"""


def pi_part(terms, begin, end):
    width = 1.0 / terms
    total = 0.0
    for i in range(begin, end):
        x = width * (i - 0.5)
        total += 4.0 / (1.0 + x * x)
    return total * width


def by_python(terms):
    return pi_part(terms, 0, terms)


def by_interpreters(pool, parts):
    def pi(terms):
        bounds = [terms * i // parts for i in range(parts + 1)]
        return math.fsum(pool.map(pi_part, [terms] * parts, bounds[:-1], bounds[1:]))

    return pi


def by_numba():
    from numba import njit

    part = njit(nogil=True)(pi_part)
    return lambda terms: part(terms, 0, terms)


def by_c(folder):
    source, library = os.path.join(folder, "pi.c"), os.path.join(folder, "pi.so")
    with open(source, "w") as file:
        file.write(LOOP)
    subprocess.check_call(["cc", "-O2", "-shared", "-fPIC", "-o", library, source])
    function = ctypes.CDLL(library).pi_by_c
    function.restype, function.argtypes = ctypes.c_double, [ctypes.c_int]
    return function


def seconds(function, terms):
    """The best of three, as short times vary much."""
    times = []
    for _ in range(3):
        start = default_timer()
        pi = function(terms)
        times.append(default_timer() - start)
    assert abs(pi - math.pi - 2 / terms) < 1 / terms**2 + 1e-9, pi  # the sum's own error is 2 / n
    return min(times)


def measure(ways, largest):
    """Rows of the number of terms and the time of each way. Pure Python ends at 10^7, which takes seconds."""
    rows, terms = [], 1000
    print("\n%12s" % "terms" + "".join("%14s" % name for name in ways))
    while terms <= largest:
        row = [seconds(function, terms) for function in ways.values()]
        print("%12d" % terms + "".join("%12.6f s" % time for time in row), flush=True)
        rows.append((terms, *row))
        terms *= 10
    return rows


def write(path, rows):
    with open(path, "w") as file:
        file.writelines("\t".join(map(str, row)) + "\n" for row in rows)


def plot(path, names):
    """Draws what the file has, beside it."""
    import matplotlib

    matplotlib.use("Agg")  # without a window
    from matplotlib import pyplot

    with open(path) as file:
        terms, *columns = zip(*[map(float, line.split()) for line in file])
    figure, axes = pyplot.subplots(figsize=(8, 5), layout="constrained")
    for name, times in zip(names, columns):
        axes.loglog(terms, times, marker="o", label=name)
    axes.set(xlabel="terms", ylabel="seconds", title="Pi as a sum: %d processors" % (os.cpu_count() or 1))
    axes.grid(alpha=0.3)
    axes.legend()
    image = os.path.splitext(path)[0] + ".png"
    figure.savefig(image, dpi=120)
    return image


def is_installed(module):
    try:
        __import__(module)
    except ImportError:
        print("SKIP %s: it is not installed" % module)
        return False
    return True


def main(largest=10**7, folder="."):
    workers = os.cpu_count() or 1
    data = os.path.join(folder, "results_nogil.dat")
    with tempfile.TemporaryDirectory() as scratch, ungil.InterpreterPoolExecutor(workers, preload=[]) as pool:
        ways = {"pure Python": by_python, "interpreters": by_interpreters(pool, workers)}
        if is_installed("numba"):
            ways["numba"] = by_numba()
        if shutil.which("cc"):
            ways["C by ctypes"] = by_c(scratch)
        ways["ungil"] = ungil.compat.pi
        for function in ways.values():
            function(1000)  # numba compiles, interpreters start
        rows = measure(ways, largest)
    write(data, rows)
    last = dict(zip(ways, rows[-1][1:]))
    print("\nWith %d terms, times as fast as pure Python:" % rows[-1][0])
    for name in list(ways)[1:]:
        print("  %-14s%8.1f" % (name, last["pure Python"] / last[name]))
    print("\nwritten: %s" % data)
    if is_installed("matplotlib"):
        print("written: %s" % plot(data, list(ways)))


if __name__ == "__main__":
    main(*map(int, sys.argv[1:2]), *sys.argv[2:3])
