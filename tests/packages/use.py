"""Uses a case in several interpreters at once, twice in each; or, for 0 interpreters, in this process alone.

    python use.py CASE INTERPRETERS
"""

import os
import select
import sys

import cases


def use(function, arrived, gate):
    """A task that starts together with those of the other interpreters."""
    os.write(arrived, b".")
    os.read(gate, 1)
    function()


def wait_for_all(arrivals, futures):
    """Waits for a byte from each task. One that cannot start raises its error here."""
    missing = len(futures)
    while missing:
        if select.select([arrivals], [], [], 1)[0]:
            missing -= len(os.read(arrivals, missing))
        for future in futures:
            if future.done():
                future.result()


def once_in_each(pool, function, count):
    """Calls the function in as many interpreters. While the tasks wait for one another, none can take two of them."""
    (arrivals, arrived), (gate, opened) = os.pipe(), os.pipe()
    futures = [pool.submit(use, function, arrived, gate) for _ in range(count)]
    wait_for_all(arrivals, futures)
    os.write(opened, b"." * count)
    for future in futures:
        future.result()
    for descriptor in (arrivals, arrived, gate, opened):
        os.close(descriptor)


def main():
    name, count = sys.argv[1], int(sys.argv[2])
    function = cases.find()[name].function
    if not count:
        function()
        function()
        return
    import ungil

    with ungil.InterpreterPoolExecutor(count) as pool:
        for _ in range(2):
            once_in_each(pool, function, count)


if __name__ == "__main__":
    main()
