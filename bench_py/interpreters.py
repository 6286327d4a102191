"""Isolated interpreters: what one costs, a request's round trip, memory in and out, and two against one.

    python3 bench_py/interpreters.py [--rounds N] [--json FILE]

The peers are the standard library's: a thread pool and a pool of processes, asked for the same in the same run, in
turns. Answers are compared; times are medians.
"""

import argparse
import array
import ctypes
import json
import os
import platform
import statistics
import sys
import threading
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from time import perf_counter

from kernels import LIBRARY, processor, timed

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.append(os.path.join(HERE, "..", "python", "ungil"))

import _signatures as signatures  # noqa: E402

library = signatures.declare(ctypes.CDLL(LIBRARY))

LOOP = """
def loop(count):
    total = 0
    for i in range(count):
        total += i * i % 7
    return total
"""
exec(LOOP)

SERVER = (
    LOOP
    + """
import _ungil
def answer(request, *buffers):
    return b"%d" % sum(sum(buffer[::1 << 20]) for buffer in buffers) if buffers else request
_ungil.serve(answer)
"""
)

COUNT = 5000000
PAYLOAD = 200 << 20


def check(status):
    if status != 0:
        sys.exit("%d: %s" % (status, library.ungil_last_error().decode()))


def same(found, expected):
    if found != expected:
        sys.exit("WRONG: %r, not %r" % (found, expected))


def new(options=None):
    handle = ctypes.c_int32()
    check(library.ungil_interp_new(options, ctypes.byref(handle)))
    return handle.value


def value(interpreter, expression):
    text = ctypes.c_char_p()
    check(library.ungil_interp_eval(interpreter, expression, ctypes.byref(text)))
    return text.value


def memory():
    """This process's memory in kilobytes, its part of what is shared."""
    with open("/proc/self/smaps_rollup") as lines:
        return next(int(line.split()[1]) for line in lines if line.startswith("Pss:"))


def peak():
    with open("/proc/self/status") as lines:
        return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM:"))


def request(interpreter, text, *buffers):
    reply, array_of_them = signatures.UngilReply(), (signatures.UngilBuffer * len(buffers))(*buffers)
    check(library.ungil_interp_call(interpreter, text, len(text), array_of_them, len(buffers), ctypes.byref(reply)))
    answer = ctypes.string_at(reply.response, reply.length)
    check(library.ungil_reply_free(reply.handle))
    return answer


def echo(text):
    return text


def loop_in_process(count):
    return loop(count)  # noqa: F821


def sum_of_some(data):
    return sum(memoryview(data)[:: 1 << 20])


class Suite:
    def __init__(self, rounds):
        self.rounds, self.rows = rounds, []

    def row(self, name, value, unit, **more):
        self.rows.append(dict(name=name, value=value, unit=unit, **more))
        text = "".join(
            "   %s %s" % (key.replace("_", " "), "%.4g" % x if isinstance(x, float) else x) for key, x in more.items()
        )
        print("%-52s%10.4g %s%s" % (name, value, unit, text), flush=True)

    def starts(self):
        new(b"fresh=1")
        times, sizes = [], []
        for _ in range(max(8, self.rounds)):
            before = memory()
            times.append(timed(lambda: new(b"fresh=1"))[0] * 1e3)
            sizes.append((memory() - before) / 1024)
        self.row("start of one", statistics.median(times), "ms", most=max(times))
        self.row("memory of one", statistics.median(sizes), "MiB", most=max(sizes))

    def round_trips(self, interpreter, processes):
        calls = 20000
        text, reply = b"hello", signatures.UngilReply()
        place, call, free = ctypes.byref(reply), library.ungil_interp_call, library.ungil_reply_free

        def ours():
            for _ in range(calls):
                call(interpreter, text, 5, None, 0, place)
                free(reply.handle)

        def peers(pool, count):
            for _ in range(count):
                pool.submit(echo, text).result()

        same(request(interpreter, text), text)
        trips = {"": [], "threads": [], "processes": []}
        with ThreadPoolExecutor(1) as threads:
            for _ in range(self.rounds):
                trips[""].append(timed(ours)[0] / calls)
                trips["threads"].append(timed(lambda: peers(threads, 1000))[0] / 1000)
                trips["processes"].append(timed(lambda: peers(processes, 200))[0] / 200)
        middle = {name: statistics.median(times) * 1e6 for name, times in trips.items()}
        self.row(
            "no-op request, bytes to bytes",
            middle[""],
            "us",
            a_thread_pools=middle["threads"],
            a_process_pools=middle["processes"],
        )

    def payloads(self, interpreter, processes):
        data = array.array("B", bytes(PAYLOAD))
        data[1 << 20] = 7
        memory_of_it = (ctypes.c_ubyte * PAYLOAD).from_buffer(data)
        loan = signatures.UngilBuffer(ctypes.addressof(memory_of_it), PAYLOAD, 1, signatures.UngilRelease(), None)
        before, times, peers = peak(), [], []
        for _ in range(self.rounds):
            seconds, answer = timed(lambda: request(interpreter, b"", loan))
            same(answer, b"7")
            times.append(seconds * 1e3)
        growth = (peak() - before) / 1024
        own = statistics.median(timed(lambda: sum_of_some(data))[0] * 1e3 for _ in range(self.rounds))
        for _ in range(min(3, self.rounds)):
            seconds, answer = timed(lambda: processes.submit(sum_of_some, data).result())
            same(answer, 7)
            peers.append(seconds * 1e3)
        self.row(
            "200 MiB in, and the sum of 200 of its bytes back",
            statistics.median(times),
            "ms",
            the_sum_alone=own,
            more_memory_MiB=growth,
            a_process_pools=statistics.median(peers),
        )

    def pure_python(self, interpreters, processes):
        expected = loop(COUNT)  # noqa: F821
        expression = b"loop(%d)" % COUNT

        def ours(interpreter):
            same(int(value(interpreter, expression)), expected)

        def together():
            threads = [threading.Thread(target=ours, args=(it,)) for it in interpreters]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()

        def peer():
            same(list(processes.map(loop_in_process, [COUNT] * 2)), [expected] * 2)

        times = {"sequence": [], "together": [], "processes": [], "plain": []}
        for _ in range(self.rounds):
            times["sequence"].append(timed(lambda: [ours(it) for it in interpreters])[0])
            times["together"].append(timed(together)[0])
            times["processes"].append(timed(peer)[0])
            times["plain"].append(timed(lambda: [loop(COUNT) for _ in interpreters])[0])  # noqa: F821
        middle = {name: statistics.median(samples) for name, samples in times.items()}
        self.row(
            "pure Python in two at once, of the time in sequence",
            middle["together"] / middle["sequence"],
            "",
            of_two_processes=middle["together"] / middle["processes"],
            of_two_calls_in_plain_Python=middle["together"] / middle["plain"],
        )

    def run(self):
        with ProcessPoolExecutor(2) as processes:  # forked while there is one thread
            list(processes.map(echo, [b""] * 8))
            self.starts()
            interpreters = [new(), new()]
            for interpreter in interpreters:
                check(library.ungil_interp_exec(interpreter, SERVER.encode()))
            self.round_trips(interpreters[0], processes)
            self.payloads(interpreters[0], processes)
            self.pure_python(interpreters, processes)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", metavar="FILE", help="write the results there")
    arguments = parser.parse_args()
    print("Python %s, %s\n" % (platform.python_version(), processor()))
    start = perf_counter()
    suite = Suite(max(1, arguments.rounds))
    suite.run()
    print("\n%.0f s" % (perf_counter() - start))
    if arguments.json:
        machine = dict(processor=processor(), processors=os.cpu_count(), python=platform.python_version())
        with open(arguments.json, "w") as file:
            json.dump(dict(machine=machine, rounds=suite.rounds, rows=suite.rows), file, indent=1)


if __name__ == "__main__":
    main()
