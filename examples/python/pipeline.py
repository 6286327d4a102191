"""A pipeline of three stages that run at the same time, each in interpreters of its own: lines are made, parsed, and
added up. Needs the package ungil.

    python3 examples/python/pipeline.py [LINES]
"""

import sys
import time

import ungil

PARSERS = 2


def make(count, lines):
    """The first stage. If the others are slower, it waits, as the queue has room for 100 chunks."""
    for start in range(0, count, 1000):
        lines.put(["%d;%d" % (number, number * number % 7) for number in range(start, min(start + 1000, count))])
    for _ in range(PARSERS):
        lines.put(None)


def parse(lines, numbers, parsed):
    """The second stage, of which there are several."""
    for chunk in iter(lines.get, None):
        numbers.put([int(line.split(";")[1]) for line in chunk])
        parsed.add(len(chunk))
    numbers.put(None)


def add(numbers):
    """The last stage."""
    total = 0
    for _ in range(PARSERS):
        for chunk in iter(numbers.get, None):
            total += sum(chunk)
    return total


def main(count):
    lines, numbers, parsed = ungil.Queue(maxsize=100), ungil.Queue(maxsize=100), ungil.Counter()
    with ungil.InterpreterPoolExecutor(2 + PARSERS) as pool:
        start = time.perf_counter()
        total = pool.submit(add, numbers)
        for _ in range(PARSERS):
            pool.submit(parse, lines, numbers, parsed)
        pool.submit(make, count, lines)
        parsed.wait(at_least=count)
        print("%d lines are parsed: %.3f s" % (count, time.perf_counter() - start))
        print("the sum is %d" % total.result())


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 1000000)
