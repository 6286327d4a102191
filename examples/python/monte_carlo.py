"""The price of an option by Monte Carlo, with numpy, beside the price by formula. Needs numpy and the package ungil.

    python3 examples/python/monte_carlo.py [PATHS]

The option pays by how much the geometric mean of a share's daily prices exceeds a limit. A path is simulated day by
day, by numpy on small arrays, most of whose time is Python's own: so threads wait for the GIL. The random numbers
depend on a part's number and not on its worker, so each way gets the same price.
"""

import math
import statistics
import sys

import numpy

from pools import compare

START, LIMIT, RATE, VOLATILITY, YEARS, DAYS = 100.0, 105.0, 0.03, 0.2, 1.0, 250
PATHS_OF_A_PART = 500


def part(number):
    """The sum of what the paths of one part pay, and the sum of the squares."""
    random = numpy.random.default_rng([2026, number])
    day = YEARS / DAYS
    logarithm = numpy.full(PATHS_OF_A_PART, math.log(START))
    total = numpy.zeros(PATHS_OF_A_PART)
    for _ in range(DAYS):
        logarithm += (RATE - VOLATILITY**2 / 2) * day
        logarithm += VOLATILITY * math.sqrt(day) * random.standard_normal(PATHS_OF_A_PART)
        total += logarithm
    paid = math.exp(-RATE * YEARS) * numpy.maximum(numpy.exp(total / DAYS) - LIMIT, 0)
    return float(paid.sum()), float((paid**2).sum())


def by_formula():
    """The logarithm of the geometric mean has a normal distribution."""
    normal = statistics.NormalDist()
    mean = math.log(START) + (RATE - VOLATILITY**2 / 2) * YEARS * (DAYS + 1) / (2 * DAYS)
    deviation = VOLATILITY * math.sqrt(YEARS * (DAYS + 1) * (2 * DAYS + 1) / (6 * DAYS**2))
    distance = (mean - math.log(LIMIT)) / deviation
    expected = math.exp(mean + deviation**2 / 2) * normal.cdf(distance + deviation)
    return math.exp(-RATE * YEARS) * (expected - LIMIT * normal.cdf(distance))


def main(paths=200000):
    parts = max(2, paths // PATHS_OF_A_PART)
    print("The price of an option by %d random paths of %d days" % (parts * PATHS_OF_A_PART, DAYS))
    sums, squares = map(sum, zip(*compare(part, range(parts))))
    count = parts * PATHS_OF_A_PART
    price = sums / count
    error = math.sqrt((squares / count - price**2) / count)
    print("by Monte Carlo %.4f, with a standard error of %.4f; by formula %.4f" % (price, error, by_formula()))


if __name__ == "__main__":
    main(*map(int, sys.argv[1:2]))
