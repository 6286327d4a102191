"""A program of tasks, maps, streams, queues and actors, with cancellations, deaths, Ctrl-C, forks and shutdowns.

What comes when is random, by the seed. Each result is compared with what it has to be. The program ends with 0, or with
1 and the failures; what hangs is ended by faulthandler, which shows all threads.

    python random_schedule.py SEED SECONDS
"""

import faulthandler
import itertools
import json
import os
import random
import signal
import sys
import threading
import time
import traceback
from concurrent.futures import CancelledError, as_completed

import ungil

HANG = 120  # seconds without an end of an operation, on a busy machine
WORKERS = 3


def square(number):
    return number * number


def die(number):
    os._exit(number % 256)


def sleep_and_square(number):
    time.sleep(number % 7 / 1000)
    return number * number


def submit_more(number):
    with ungil.InterpreterPoolExecutor(1) as inner:
        return inner.submit(square, number).result()


def count_down(number):
    while number:
        yield number
        number -= 1


def pass_on(source, sink):
    """Pass items on until None comes, which is passed on, too."""
    for item in iter(source.get, None):
        sink.put(item + 1)
    sink.put(None)


def send_interrupts(seed):
    pause = random.Random(seed)
    while True:
        time.sleep(pause.uniform(0, 0.3))
        os.kill(os.getpid(), signal.SIGINT)


class Sum:
    def __init__(self):
        self.total = 0

    def add(self, number):
        self.total += number
        return self.total

    def die(self):
        os._exit(1)


class Schedule:
    """The operations, what they have found wrong, and how often each has succeeded."""

    def __init__(self, seed):
        self.random = random.Random(seed)
        self.failures = []
        self.operations = {name: getattr(self, name) for name in dir(self) if name.startswith("do_")}
        self.counts = dict.fromkeys([*self.operations, "interrupts"], 0)
        self.may_interrupt = False
        self.pool = None

    def interrupt(self, signum, frame):
        """The handler of Ctrl-C, which may come at any place of an operation, once.

        But not in threading's functions in Python: the standard library's waits lose their locks by that.
        """
        if self.may_interrupt and frame.f_code.co_filename != threading.__file__:
            self.may_interrupt = False
            raise KeyboardInterrupt

    def run(self, seconds):
        signal.signal(signal.SIGINT, self.interrupt)
        threading.Thread(target=send_interrupts, args=(self.random.random(),), daemon=True).start()
        end = time.monotonic() + seconds
        while time.monotonic() < end and not self.failures:
            faulthandler.dump_traceback_later(HANG, exit=True)
            self.step()
        if self.pool is not None:
            self.pool.shutdown()

    def step(self):
        """One operation with random numbers."""
        name = self.random.choice(list(self.operations))
        number = self.random.randrange(1, 1000)
        if self.pool is None:
            self.pool = ungil.InterpreterPoolExecutor(WORKERS)
        try:
            self.may_interrupt = True
            self.operations[name](number)
            self.may_interrupt = False
            self.counts[name] += 1
        except KeyboardInterrupt:
            self.counts["interrupts"] += 1
        except Exception as error:
            self.may_interrupt = False
            trace = "".join(traceback.format_exception(type(error), error, error.__traceback__))
            self.failures.append("%s(%d): %s" % (name, number, trace))

    def expect(self, what, found, wanted):
        if found != wanted:
            self.failures.append("%s: %r, not %r" % (what, found, wanted))

    # Operations

    def do_tasks(self, number):
        futures = [self.pool.submit(square, i) for i in range(number % 50)]
        self.expect("tasks", [future.result() for future in futures], [i * i for i in range(number % 50)])

    def do_completed(self, number):
        futures = {self.pool.submit(sleep_and_square, i): i for i in range(number % 20)}
        self.may_interrupt = False  # the standard library leaves futures locked if it is interrupted at the beginning
        completed = as_completed(futures)
        first = list(itertools.islice(completed, 1))
        self.may_interrupt = True
        for future in itertools.chain(first, completed):
            self.expect("as_completed", future.result(), futures[future] ** 2)

    def do_callbacks(self, number):
        found, done = [], threading.Event()
        count = number % 10 + 1

        def note(future):
            found.append(future.result())
            if len(found) == count:
                done.set()

        for i in range(count):
            self.pool.submit(square, i).add_done_callback(note)
        done.wait(HANG / 2)
        self.expect("callbacks", sorted(found), [i * i for i in range(count)])

    def do_cancel(self, number):
        futures = [self.pool.submit(sleep_and_square, i) for i in range(number % 30)]
        self.random.shuffle(futures)
        cancelled = {future for future in futures[::2] if future.cancel()}
        for future in futures:
            if future in cancelled:
                self.expect("a cancelled task", future.cancelled(), True)
            else:
                future.result()

    def do_map(self, number):
        chunksize = self.random.choice([None, 1, 7])
        self.expect(
            "map", list(self.pool.map(square, range(number), chunksize=chunksize)), [i * i for i in range(number)]
        )

    def do_part_of_a_map(self, number):
        results = self.pool.map(square, range(number), buffersize=10)
        self.expect("map", [next(results) for _ in range(min(number, 3))], [0, 1, 4][:number])
        results.close()

    def do_stream(self, number):
        taken = number if number % 2 else number // 2
        with self.pool.stream(count_down, number) as items:
            found = [item for _, item in zip(range(taken), items)]
        self.expect("stream", found, list(range(number, number - taken, -1)))

    def do_queue(self, number):
        source, sink = ungil.Queue(), ungil.Queue(number % 20)
        try:
            task = self.pool.submit(pass_on, source, sink)
            for i in range(number):
                source.put(i)
            source.put(None)
            self.expect("queue", list(iter(sink.get, None)), list(range(1, number + 1)))
            task.result()
        finally:  # after Ctrl-C the task waits for one of them
            source.shutdown(immediate=True)
            sink.shutdown(immediate=True)

    def do_actor(self, number):
        actor = self.pool.actor(Sum)
        futures = [actor.add(i) for i in range(number % 30)]
        self.expect("actor", [future.result() for future in futures], [sum(range(i + 1)) for i in range(number % 30)])

    def do_actor_that_dies(self, number):
        actor = self.pool.actor(Sum)
        death, later = actor.die(), actor.add(1)
        for future in (death, later):
            try:
                self.expect("a dead actor", future.result(), "an error")
            except ungil.InterpreterDiedError:
                pass

    def do_death(self, number):
        futures = [self.pool.submit(die if i == number % 5 else square, i) for i in range(5)]
        for i, future in enumerate(futures):
            try:
                self.expect("beside a death", future.result(), i * i)
            except ungil.InterpreterDiedError:
                self.expect("the death of", i, number % 5)

    def do_pool_in_a_task(self, number):
        self.expect("a pool in a task", self.pool.submit(submit_more, number).result(), number * number)

    def do_fork(self, number):
        self.pool.submit(square, number).result()
        self.may_interrupt = False  # KeyboardInterrupt in logging's function after a fork leaves its lock locked
        child = os.fork()
        if child == 0:
            status = 1
            try:
                self.pool.submit(square, number)
            except ungil.BrokenInterpreterPool:
                status = 0
            finally:
                os._exit(status)
        self.expect("the child of a fork", os.waitpid(child, 0)[1], 0)

    def do_shutdown(self, number):
        pool, self.pool = self.pool, None
        futures = [pool.submit(square, i) for i in range(number % 20)]
        cancels = number % 3 == 0
        pool.shutdown(wait=number % 2 == 0, cancel_futures=cancels)
        for i, future in enumerate(futures):
            try:
                self.expect("a task before shutdown", future.result(), i * i)
            except CancelledError:
                self.expect("shutdown cancels", cancels, True)


if __name__ == "__main__":
    schedule = Schedule(int(sys.argv[1]))
    schedule.run(float(sys.argv[2]))
    json.dump({"failures": schedule.failures, "counts": schedule.counts}, sys.stdout)
    sys.exit(1 if schedule.failures else 0)
