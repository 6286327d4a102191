"""A model that is loaded once, in an interpreter of its own, and asked by tasks in others. Needs the package ungil.

python3 examples/python/actors.py [QUESTIONS]
"""

import sys

import ungil


class Model:
    """Knows the primes up to a limit, which takes a while to find out."""

    def __init__(self, limit):
        is_prime = bytearray([1]) * (limit + 1)
        is_prime[0] = is_prime[1] = 0
        for n in range(2, int(limit**0.5) + 1):
            if is_prime[n]:
                is_prime[n * n :: n] = bytes(len(range(n * n, limit + 1, n)))
        self.is_prime, self.asked = is_prime, 0

    def count_primes(self, start, end):
        self.asked += 1
        return sum(self.is_prime[start:end])

    def times_asked(self):
        return self.asked


def ask(model, start, end):
    """A task: it has a handle of the model, wherever that lives."""
    return model.count_primes(start, end).result()


def main(questions=50, limit=1_000_000):
    size = -(-limit // questions)
    with ungil.InterpreterPoolExecutor() as pool, pool.actor(Model, limit) as model:
        futures = [pool.submit(ask, model, start, start + size) for start in range(0, limit, size)]
        total = sum(future.result() for future in futures)
        print("%d primes below %d, in %d answers of one model" % (total, limit, model.times_asked().result()))


if __name__ == "__main__":
    main(*map(int, sys.argv[1:2]))
