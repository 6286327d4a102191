"""The three kernels against the same loops in C, both through ctypes, in one run.

    python3 bench_py/kernels.py [--rounds N] [--json FILE]

The loops (baseline/loops.c) are compiled here and now by `gcc -O3 -march=native`, the one for pi also with
-ffast-math. Each line alternates between the two sides; times are medians; answers are compared. Every CPU level
of this machine is measured, each in a process of its own.
"""
import argparse
import ctypes
import json
import os
import platform
import random
import statistics
import subprocess
import sys
import tempfile
import threading
from array import array
from time import perf_counter

HERE = os.path.dirname(os.path.abspath(__file__))
LIBRARY = os.path.join(HERE, "..", "build", "lib", "libungil.so")

Int32, Double, Numbers = ctypes.c_int32, ctypes.c_double, ctypes.POINTER(ctypes.c_int32)


def compile_loops(folder):
    """The C loops, and those for -ffast-math."""
    libraries = []
    for flags in ([], ["-ffast-math"]):
        path = os.path.join(folder, "loops%s.so" % "".join(flags))
        command = ["gcc", "-O3", "-march=native", "-shared", "-fPIC", "-o", path]
        subprocess.check_call(command + flags + [os.path.join(HERE, "baseline", "loops.c"), "-lm"])
        libraries.append(ctypes.CDLL(path))
    return libraries


def declare(function, result, *arguments):
    function.restype, function.argtypes = result, arguments
    return function


def shared(numbers):
    """(size, pointer) of an array of C's ints, without a copy."""
    return len(numbers), (Int32 * len(numbers)).from_buffer(numbers)


def timed(call):
    start = perf_counter()
    result = call()
    return perf_counter() - start, result


def in_two_threads(calls):
    threads = [threading.Thread(target=call) for call in calls]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


class Suite:
    def __init__(self, rounds, folder):
        plain, fast = compile_loops(folder)
        library = ctypes.CDLL(LIBRARY)
        self.rounds, self.rows = rounds, []
        self.sum, self.sum_loop = (declare(f, Int32, Int32, Int32) for f in (library.test, plain.sum_loop))
        counts = (library.num_primes, plain.divisors_loop)
        self.count, self.count_loop = (declare(f, Int32, Int32, Numbers) for f in counts)
        self.pi, self.pi_loop, self.pi_fast = (
            declare(f, Double, Double, Int32) for f in (library.compPi_ctypes, plain.pi_loop, fast.pi_loop)
        )
        self.nanoseconds_per_call = declare(
            plain.nanoseconds_per_call, Double, ctypes.c_void_p, Int32, Numbers, ctypes.c_int64
        )
        self.level = declare(library.ungil_cpu_active, ctypes.c_char_p)().decode()

    def row(self, name, loop, ours, same, scale=1.0):
        """`scale`: how much more work ours has than the loop."""
        loops, times = [], []
        # Each for 50 ms a round: a processor takes its first millisecond of AVX-512 at a lower speed.
        samples = [max(1, min(50, round(0.05 / timed(side)[0]))) for side in (loop, ours)]
        for _ in range(self.rounds):
            for _ in range(samples[0]):
                seconds, expected = timed(loop)
                loops.append(seconds * scale)
            for _ in range(samples[1]):
                seconds, found = timed(ours)
                times.append(seconds)
            if not same(expected, found):
                sys.exit("WRONG: %s: %r, and by the loop %r" % (name, found, expected))
        self.add(name, statistics.median(loops), statistics.median(times))

    def add(self, name, loop, ours):
        self.rows.append({"call": name, "level": self.level, "loop_s": loop, "ungil_s": ours, "ratio": loop / ours})
        print("  %-44s %12.4f ms %11.5f ms %9.1f x" % (name, loop * 1e3, ours * 1e3, loop / ours), flush=True)

    def run(self):
        print("\n%s\n  %-44s %14s %14s %11s" % (self.level, "", "C loop", "ungil", "ratio"))
        equal = lambda expected, found: expected == found
        close = lambda expected, found: abs(expected - found) < 1e-9

        first = first_call(self.level)
        self.row("test(0, 10^9)", lambda: self.sum_loop(0, 10**9), lambda: self.sum(0, 10**9), equal)

        million = shared(array("i", range(10**6)))
        self.count(*million)
        self.row("num_primes, 0..999999", lambda: self.count_loop(*million), lambda: self.count(*million), equal)
        self.add("num_primes, 0..999999, first call", self.rows[-1]["loop_s"], first)

        generator = random.Random(1)
        for bits in (31, 24):
            numbers = array("i", (generator.randrange(2**bits) for _ in range(10**6)))
            everything, tenth = shared(numbers), shared(numbers[: 10**5])
            if self.count(*everything) != self.count_loop(*everything):
                sys.exit("WRONG: num_primes, random below 2^%d" % bits)
            name = "num_primes, 10^6 random below 2^%d" % bits
            always = lambda expected, found: True  # all were compared above
            self.row(name, lambda: self.count_loop(*tenth), lambda: self.count(*everything), always, scale=10)

        for name, loop in [("", self.pi_loop), (", -ffast-math", self.pi_fast)]:
            self.row("compPi_ctypes(0, 10^7)" + name, lambda: loop(0.0, 10**7), lambda: self.pi(0.0, 10**7), close)

        self.sixteen("16 numbers from 0", array("i", range(16)))
        self.sixteen("16 random below 2^24", array("i", (generator.randrange(2**24) for _ in range(16))))
        self.sixteen("16 random below 2^31", array("i", (generator.randrange(2**31) for _ in range(16))))
        self.threads()

    def sixteen(self, name, numbers):
        """Inside the library: a C loop makes the calls."""
        def seconds(function, calls):
            address = ctypes.cast(function, ctypes.c_void_p)
            samples = [self.nanoseconds_per_call(address, *shared(numbers), calls) for _ in range(self.rounds)]
            return statistics.median(samples) * 1e-9

        self.add("num_primes, " + name, seconds(self.count_loop, 20), seconds(self.count, 10**6))

    def threads(self):
        """Two Python threads that share the work, against one that does it all."""
        generator = random.Random(2)
        numbers = array("i", (generator.randrange(2**31) for _ in range(2 * 10**6)))
        first_half, numbers = shared(numbers[: 10**6]), shared(numbers)
        work = {
            "test": (lambda: self.sum(0, 2 * 10**9), lambda: self.sum(0, 10**9)),
            "num_primes": (lambda: self.count(*numbers), lambda: self.count(*first_half)),
            "compPi_ctypes": (lambda: self.pi(0.0, 2 * 10**8), lambda: self.pi(0.0, 10**8)),
            # What this machine gives two threads of anything.
            "the C loop for test": (lambda: self.sum_loop(0, 6 * 10**8), lambda: self.sum_loop(0, 3 * 10**8)),
            "the C loop for pi": (lambda: self.pi_fast(0.0, 2 * 10**8), lambda: self.pi_fast(0.0, 10**8)),
        }
        print("\n  %-44s %14s %14s %11s" % ("two Python threads that share the work", "one", "two", "time"))
        for name, (whole, half) in work.items():
            one, two = [], []
            repeat = max(1, round(0.3 / timed(whole)[0]))  # long enough for starting a thread not to count
            all_of_it, half_of_it = (lambda call=call: [call() for _ in range(repeat)] for call in (whole, half))
            for _ in range(2 * self.rounds):
                one.append(timed(all_of_it)[0])
                two.append(timed(lambda: in_two_threads((half_of_it, half_of_it)))[0])
            one, two = statistics.median(one), statistics.median(two)
            self.rows.append({"call": name, "level": self.level, "one_thread_s": one, "two_threads_s": two})
            print("  %-44s %11.3f ms %11.3f ms %10.2f x" % (name, one * 1e3, two * 1e3, two / one), flush=True)


FIRST_CALL = """
import ctypes, time, array
library = ctypes.CDLL(%r)
numbers = array.array("i", range(10**6))
shared = (ctypes.c_int32 * len(numbers)).from_buffer(numbers)
start = time.perf_counter()
count = library.num_primes(len(numbers), shared)
print(time.perf_counter() - start)
assert count == 921295
"""


def first_call(level):
    """The median of the first calls of nine processes, in seconds."""
    environment = dict(os.environ, UNGIL_CPU=level)
    command = [sys.executable, "-c", FIRST_CALL % LIBRARY]
    return statistics.median(float(subprocess.check_output(command, env=environment)) for _ in range(9))


def run_level(rounds):
    with tempfile.TemporaryDirectory() as folder:
        suite = Suite(rounds, folder)
        suite.run()
    return suite.rows


def run_all_levels(rounds):
    """A process per level, highest first, as the library reads UNGIL_CPU once."""
    levels = ["scalar", "avx2", "avx512"]
    detected = declare(ctypes.CDLL(LIBRARY).ungil_cpu_detected, ctypes.c_char_p)().decode()
    rows = []
    for level in reversed(levels):
        if levels.index(level) > levels.index(detected):
            print("\nSKIP %s: this machine's CPU has only %s" % (level, detected))
            continue
        with tempfile.NamedTemporaryFile() as results:
            command = [sys.executable, __file__, "--rounds", str(rounds), "--one-level", "--json", results.name]
            subprocess.check_call(command, env=dict(os.environ, UNGIL_CPU=level))
            rows += json.load(results)["rows"]
    return rows


def processor():
    with open("/proc/cpuinfo") as cpuinfo:
        return next((line.split(":")[1].strip() for line in cpuinfo if line.startswith("model name")), "unknown")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", help="write the results to this file")
    parser.add_argument("--one-level", action="store_true", help="only the level that UNGIL_CPU sets")
    arguments = parser.parse_args()
    rows = (run_level if arguments.one_level else run_all_levels)(arguments.rounds)
    if arguments.json:
        compiler = subprocess.check_output(["gcc", "--version"], text=True).splitlines()[0]
        about = {"processor": processor(), "python": platform.python_version(), "compiler": compiler}
        with open(arguments.json, "w") as file:
            json.dump(dict(about, rows=rows), file, indent=1)
            file.write("\n")


if __name__ == "__main__":
    main()
