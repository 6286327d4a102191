"""A progress bar and Ctrl-C for a long call, which counts primes among large random numbers.

Python handles no signals while its main thread is in a C function. So the call runs in another thread, and the main
thread polls its control. Ctrl-C cancels the call, waits for it to end, and ends the script with status 130.

    python3 examples/python/progress.py [COUNT]        (with tqdm, if it is installed)
"""
import ctypes
import random
import sys
import threading
from array import array

from side_by_side import find

library = ctypes.CDLL(find("libungil.so"))
library.ungil_last_error.restype = ctypes.c_char_p
library.ungil_count_primes_u64.argtypes = [
    ctypes.POINTER(ctypes.c_uint64), ctypes.c_size_t, ctypes.c_int32, ctypes.c_int32, ctypes.POINTER(ctypes.c_uint64),
]


class Control(object):
    """A control: reports the progress of the call that uses it, and cancels it."""

    def __init__(self):
        self.handle = ctypes.c_int32()
        if library.ungil_control_new(ctypes.byref(self.handle)) != 0:
            raise RuntimeError(library.ungil_last_error().decode())

    def cancel(self):
        library.ungil_control_cancel(self.handle)

    def progress(self):
        done, total = ctypes.c_uint64(), ctypes.c_uint64()
        library.ungil_control_progress(self.handle, ctypes.byref(done), ctypes.byref(total))
        return done.value, total.value

    def free(self):
        library.ungil_control_free(self.handle)


class Bar(object):
    """A replacement for tqdm where that is not installed."""

    def __init__(self, total):
        self.total, self.n = total, 0

    def update(self, more):
        self.n += more
        sys.stderr.write("\r%3d %%" % (100 * self.n // max(1, self.total)))
        sys.stderr.flush()

    def close(self):
        sys.stderr.write("\n")


def progress_bar(total):
    try:
        from tqdm import tqdm
    except ImportError:
        return Bar(total)
    return tqdm(total=total, unit=" numbers", unit_scale=True)


def watched(call, control, total):
    """Runs call() in a thread, shows its control's progress in a bar, and returns its result."""
    outcome, bar = [], None
    thread = threading.Thread(target=lambda: outcome.append(call()))
    try:
        thread.start()
        bar = progress_bar(total)
        while thread.is_alive():
            thread.join(0.05)
            bar.update(control.progress()[0] - bar.n)
    except KeyboardInterrupt:
        control.cancel()
        raise
    finally:
        if thread.is_alive():  # not alive if Ctrl-C came before the start: the call then finds its control freed
            thread.join()
        if bar is not None:
            bar.close()
    return outcome[0]


def main(count=50000000):
    repeated = array("L", (random.getrandbits(64) | 1 for _ in range(min(count, 100000))))
    numbers = repeated * -(-count // len(repeated))
    shared = (ctypes.c_uint64 * len(numbers)).from_buffer(numbers)
    control, primes = Control(), ctypes.c_uint64()
    print("How many of %d odd numbers below 2^64 are prime?" % count)
    sys.stdout.flush()
    try:
        status = watched(
            lambda: library.ungil_count_primes_u64(shared, count, 0, control.handle, ctypes.byref(primes)),
            control, count,
        )
    except KeyboardInterrupt:
        print("stopped: %d of %d numbers were done" % control.progress())
        raise
    finally:
        control.free()
    if status != 0:
        sys.exit("error %d" % status)
    print("%d of them" % primes.value)


if __name__ == "__main__":
    try:
        main(*map(int, sys.argv[1:]))
    except KeyboardInterrupt:
        sys.exit(130)  # 128 + SIGINT
