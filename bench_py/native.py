"""The native API: two threads against one, each function against its peer, and how soon calls stop; in one run.

    python3 bench_py/native.py [--rounds N] [--json FILE]

Peers are compiled here and now by `gcc -O3 -march=native -fopenmp`: OpenMP's loops, and FLINT's n_is_prime in a loop,
if FLINT is installed (apt install libflint-dev). Each line alternates between its two sides; times are medians, and
the ratio is that of the medians; answers are compared.
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
from ctypes.util import find_library
from time import perf_counter, sleep

from kernels import LIBRARY, processor, timed

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.append(os.path.join(HERE, "..", "python", "ungil"))

import _signatures as signatures  # noqa: E402

library = signatures.declare(ctypes.CDLL(LIBRARY))
libm = ctypes.CDLL(find_library("m"))


def compile_peers(folder):
    """The peers' library, and whether FLINT is in it."""
    source = os.path.join(HERE, "baseline", "peers.c")
    flags = ["gcc", "-O3", "-march=native", "-fopenmp", "-shared", "-fPIC", "-Wno-attributes"]
    path = os.path.join(folder, "peers.so")
    with_flint = flags + ["-DWITH_FLINT", source, "-o", path, "-lflint", "-lm"]
    if subprocess.call(with_flint, stderr=subprocess.DEVNULL) == 0:
        return ctypes.CDLL(path), True
    subprocess.check_call(flags + [source, "-o", path, "-lm"])
    return ctypes.CDLL(path), False


def check(status):
    if status != 0:
        sys.exit("%d: %s" % (status, library.ungil_last_error().decode()))


def shared(numbers, kind):
    return (kind * len(numbers)).from_buffer(numbers)


def latency(call, cancel):
    """Seconds from the event to the call's return."""
    control, done, total = ctypes.c_int32(), ctypes.c_uint64(), ctypes.c_uint64()
    check(library.ungil_control_new(ctypes.byref(control)))
    outcome = []
    thread = threading.Thread(target=lambda: outcome.extend((call(control.value), perf_counter())))
    thread.start()
    while done.value == 0:
        check(library.ungil_control_progress(control, ctypes.byref(done), ctypes.byref(total)))
    sleep(0.005)
    event = perf_counter()
    if cancel:
        check(library.ungil_control_cancel(control))
    else:
        check(library.ungil_control_set_deadline_ms(control, 1))
        event += 0.001
    thread.join()
    expected = signatures.UNGIL_E_CANCELLED if cancel else signatures.UNGIL_E_TIMED_OUT
    if outcome[0] != expected:
        sys.exit("WRONG: %d, not %d" % (outcome[0], expected))
    check(library.ungil_control_free(control))
    return outcome[1] - event


class Suite:
    def __init__(self, rounds, peers):
        self.rounds, self.peers, self.rows = rounds, peers, []

    def alternate(self, name, peer, ours, peer_name, scale=1.0):
        """The medians of both sides. `scale`: how much more work ours does in a call."""
        samples = ([], [])
        counts = [max(1, min(200, round(0.05 / timed(side)[0]))) for side in (peer, ours)]
        for _ in range(self.rounds):
            for side, count, times in zip((peer, ours), counts, samples):
                sleep(0.02)  # OpenMP's threads spin for a while behind a call
                times.extend(timed(side)[0] for _ in range(count))
        peer_s, ungil_s = (statistics.median(times) for times in samples)
        ratio = peer_s * scale / ungil_s
        self.rows.append({"call": name, "peer": peer_name, "peer_s": peer_s * scale, "ungil_s": ungil_s, "ratio": ratio})
        print("  %-44s %12.4f ms %12.4f ms %9.2f x" % (name, peer_s * scale * 1e3, ungil_s * 1e3, ratio), flush=True)

    def header(self, title, peer):
        print("\n  %-44s %15s %15s %11s" % (title, peer, "ungil", "ratio"))

    def threads(self):
        """Each call on one thread, then on two."""
        generator = random.Random(1)
        odd = array("Q", (generator.getrandbits(64) | 1 for _ in range(10**6)))
        wide, flags = shared(odd, ctypes.c_uint64), (ctypes.c_uint8 * len(odd))()
        signed = array("q", (n >> 1 for n in odd))
        signed = shared(signed, ctypes.c_int64)
        small = shared(array("i", (generator.getrandbits(31) for _ in range(10**7))), ctypes.c_int32)
        reals = array("d", (generator.random() for _ in range(10**7)))
        reals, out = shared(reals, ctypes.c_double), (ctypes.c_double * 10**7)()
        integers = (ctypes.c_int64 * 10**7)()
        count, value = ctypes.byref(ctypes.c_uint64()), ctypes.byref(ctypes.c_double())
        quarter_circle = ctypes.cast(self.peers.quarter_circle, ctypes.c_void_p)
        labs = ctypes.cast(ctypes.CDLL(None).labs, ctypes.c_void_p)
        calls = {
            "num_primes_i32, 10^7 random": lambda t: library.ungil_num_primes_i32(small, 10**7, t, 0, count),
            "pi, 10^9 terms": lambda t: library.ungil_pi(10**9, t, 0, value),
            "is_prime_u64, 10^6 random odd": lambda t: library.ungil_is_prime_u64(wide, 10**6, flags, t, 0),
            "is_prime_i64, 10^6 random odd": lambda t: library.ungil_is_prime_i64(signed, 10**6, flags, t, 0),
            "count_primes_u64, 10^6 random odd": lambda t: library.ungil_count_primes_u64(wide, 10**6, t, 0, count),
            "count_primes_i64, 10^6 random odd": lambda t: library.ungil_count_primes_i64(signed, 10**6, t, 0, count),
            "count_primes_i32, 10^7 random": lambda t: library.ungil_count_primes_i32(small, 10**7, t, 0, count),
            "map_f64, erf of 10^7": lambda t: library.ungil_map_f64(libm.erf, reals, out, 10**7, t, 0),
            "map_i64, labs of 10^7": lambda t: library.ungil_map_i64(labs, integers, integers, 10**7, t, 0),
            "sum_f64, 10^7": lambda t: library.ungil_sum_f64(reals, 10**7, t, 0, value),
            "integrate, 10^7 points": lambda t: library.ungil_integrate(quarter_circle, None, 0, 1, 10**7, t, 0, value),
        }
        self.header("one thread against two", "one")
        for name, call in calls.items():
            self.alternate(name, lambda: check(call(1)), lambda: check(call(2)), "ungil, one thread")

    def erf(self, threads):
        n = 10**7
        source = shared(array("d", (i * 4e-7 - 2 for i in range(n))), ctypes.c_double)
        out = (ctypes.c_double * n)()  # of both: the pages of two arrays may differ
        self.peers.map_openmp.argtypes = [ctypes.c_void_p] * 3 + [ctypes.c_size_t, ctypes.c_int]
        erf = ctypes.cast(libm.erf, ctypes.c_void_p)
        answers = []
        for call in (
            lambda: self.peers.map_openmp(erf, source, out, n, threads),
            lambda: check(library.ungil_map_f64(erf, source, out, n, threads, 0)),
        ):
            ctypes.memset(out, 0, ctypes.sizeof(out))
            call()
            answers.append(bytes(out))
        if answers[0] != answers[1]:
            sys.exit("WRONG: erf")
        self.alternate(
            "map_f64, erf of 10^7, %d threads" % threads,
            lambda: self.peers.map_openmp(erf, source, out, n, threads),
            lambda: check(library.ungil_map_f64(erf, source, out, n, threads, 0)),
            "gcc -O3 -fopenmp",
        )

    def launches(self):
        empty = ctypes.cast(self.peers.empty_body, ctypes.c_void_p)
        for name, threads in [("2 threads", 2), ("the default", 0)]:
            self.alternate(
                "parallel_for, 2 empty ranges, %s" % name,
                lambda: self.peers.launch_openmp(2),
                lambda: library.ungil_parallel_for(0, 2, 1, threads, empty, None, 0),
                "gcc -O3 -fopenmp",
            )

    def latencies(self):
        """From cancelling a call, or its deadline, to its return, for every function that takes a control."""
        n = 2**22
        wide = shared(array("q", (2**63 - 1 - i for i in range(n))), ctypes.c_int64)
        unsigned, small = ctypes.cast(wide, ctypes.POINTER(ctypes.c_uint64)), ctypes.cast(wide, ctypes.POINTER(ctypes.c_int32))
        flags, reals = (ctypes.c_uint8 * n)(), (ctypes.c_double * n)()
        count, value = ctypes.byref(ctypes.c_uint64()), ctypes.byref(ctypes.c_double())
        slow_map, slow_map_i64, slow_integrand, slow_body = (
            ctypes.cast(getattr(self.peers, "slow_" + name), ctypes.c_void_p)
            for name in ("map", "map_i64", "integrand", "body")
        )
        again = lambda call: lambda c: next(status for status in iter(lambda: call(c), None) if status != 0)
        calls = {
            "pi": lambda c: library.ungil_pi(2**62, 2, c, value),
            "num_primes_i32": again(lambda c: library.ungil_num_primes_i32(small, n, 2, c, count)),
            "is_prime_u64": again(lambda c: library.ungil_is_prime_u64(unsigned, n, flags, 2, c)),
            "is_prime_i64": again(lambda c: library.ungil_is_prime_i64(wide, n, flags, 2, c)),
            "count_primes_u64": again(lambda c: library.ungil_count_primes_u64(unsigned, n, 2, c, count)),
            "count_primes_i64": again(lambda c: library.ungil_count_primes_i64(wide, n, 2, c, count)),
            "count_primes_i32": again(lambda c: library.ungil_count_primes_i32(small, n, 2, c, count)),
            "sum_f64": again(lambda c: library.ungil_sum_f64(reals, n, 2, c, value)),
            "parallel_for, 0.1 ms a range": lambda c: library.ungil_parallel_for(0, 2**62, 1, 2, slow_body, None, c),
            "map_f64, 0.1 ms a number": lambda c: library.ungil_map_f64(slow_map, reals, reals, n, 2, c),
            "map_i64, 0.1 ms a number": lambda c: library.ungil_map_i64(slow_map_i64, wide, wide, n, 2, c),
            "integrate, 0.1 ms a point": lambda c: library.ungil_integrate(slow_integrand, None, 0, 1, 2**62, 2, c, value),
        }
        print("\n  %-44s %15s %15s" % ("from the event to the return", "median", "worst"))
        for name, call in calls.items():
            for event in ("cancelled", "at its deadline"):
                times = [latency(call, event == "cancelled") for _ in range(4 * self.rounds)]
                row = {"call": "%s, %s" % (name, event), "median_s": statistics.median(times), "worst_s": max(times)}
                self.rows.append(row)
                print("  %-44s %12.3f ms %12.3f ms" % (row["call"], row["median_s"] * 1e3, row["worst_s"] * 1e3), flush=True)

    def primes(self):
        generator = random.Random(2)
        n = 10**6
        odd = shared(array("Q", (generator.getrandbits(64) | 1 for _ in range(n))), ctypes.c_uint64)
        ours, theirs = (ctypes.c_uint8 * n)(), (ctypes.c_uint8 * n)()
        self.peers.is_prime_flint.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_void_p]
        self.alternate(
            "is_prime_u64, 10^6 random odd, one thread",
            lambda: self.peers.is_prime_flint(odd, n, theirs),
            lambda: check(library.ungil_is_prime_u64(odd, n, ours, 1, 0)),
            "FLINT, n_is_prime in a C loop",
        )
        if bytes(ours) != bytes(theirs):
            sys.exit("WRONG: is_prime_u64")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", help="write the results to this file")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        peers, has_flint = compile_peers(folder)
        suite = Suite(arguments.rounds, peers)
        suite.header("against gcc -O3 -fopenmp", "OpenMP")
        for threads in (1, 2):
            suite.erf(threads)
        suite.launches()
        if has_flint:
            suite.header("against FLINT", "FLINT")
            suite.primes()
        else:
            print("\nSKIP is_prime_u64 against FLINT: apt install libflint-dev")
        suite.threads()
        suite.latencies()
    if arguments.json:
        compiler = subprocess.check_output(["gcc", "--version"], text=True).splitlines()[0]
        level = library.ungil_cpu_active().decode()
        about = {"processor": processor(), "level": level, "python": platform.python_version(), "compiler": compiler}
        with open(arguments.json, "w") as file:
            json.dump(dict(about, rows=suite.rows), file, indent=1)
            file.write("\n")


if __name__ == "__main__":
    main()
