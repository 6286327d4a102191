"""A model that is loaded once, in an interpreter of its own, and asked by tasks in others. Needs the package ungil.

With scikit-learn, it is a classifier of handwritten digits; without, a table of primes.

python3 examples/python/actors.py [QUESTIONS]
"""

import sys

import ungil


class Classifier:
    """Learns handwritten digits, which takes a while."""

    def __init__(self):
        from sklearn.datasets import load_digits
        from sklearn.linear_model import LogisticRegression

        images, self.digits = load_digits(return_X_y=True)
        self.images, self.asked = images, 0
        self.model = LogisticRegression(max_iter=200).fit(images[::2], self.digits[::2])

    def test_images(self):
        """Images that it has not learned from, and what they show."""
        return self.images[1::2], self.digits[1::2]

    def predict(self, images):
        self.asked += 1
        return self.model.predict(images)

    def times_asked(self):
        return self.asked


def classify(model, images, digits):
    """A task: it has a handle of the model, which lives elsewhere. How many of the images are recognized."""
    return sum(found == digit for found, digit in zip(model.predict(images).result(), digits))


def classify_all(questions):
    with ungil.InterpreterPoolExecutor() as pool, pool.actor(Classifier) as model:
        images, digits = model.test_images().result()
        parts = [slice(i, None, questions) for i in range(questions)]
        futures = [pool.submit(classify, model, images[part], digits[part]) for part in parts]
        right = sum(future.result() for future in futures)
        rate = 100 * right / len(digits)
        print("%d %% of the digits recognized, in %d answers of one model" % (rate, model.times_asked().result()))


class Primes:
    """Knows the primes up to a limit."""

    def __init__(self, limit):
        is_prime = bytearray([1]) * (limit + 1)
        is_prime[0] = is_prime[1] = 0
        for n in range(2, int(limit**0.5) + 1):
            if is_prime[n]:
                is_prime[n * n :: n] = bytes(len(range(n * n, limit + 1, n)))
        self.is_prime, self.asked = is_prime, 0

    def count(self, start, end):
        self.asked += 1
        return sum(self.is_prime[start:end])

    def times_asked(self):
        return self.asked


def count_primes(model, start, end):
    """A task, as above."""
    return model.count(start, end).result()


def count_all(questions, limit=1_000_000):
    size = -(-limit // questions)
    with ungil.InterpreterPoolExecutor() as pool, pool.actor(Primes, limit) as model:
        futures = [pool.submit(count_primes, model, start, start + size) for start in range(0, limit, size)]
        total = sum(future.result() for future in futures)
        print("%d primes below %d, in %d answers of one model" % (total, limit, model.times_asked().result()))


def main(questions=20):
    try:
        import sklearn  # noqa: F401
    except ImportError:
        count_all(questions)
    else:
        classify_all(questions)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:2]))
