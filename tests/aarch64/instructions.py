"""Counts the instructions that kernels execute on aarch64, beside those of the documents' loops by gcc -O3, under qemu.

    python3 tests/aarch64/instructions.py        (after make aarch64)

A count is per element: the difference of two sizes, less what filling the array takes. It fails if a kernel does not
execute GOAL times fewer than the loop; and if the two do not agree.
"""
import os
import shutil
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
PROJECT = os.path.dirname(os.path.dirname(HERE))
LIBRARIES = os.path.join(PROJECT, "build", "aarch64-unknown-linux-gnu", "lib")
EMULATOR = "qemu-aarch64"  # the one of the package qemu-user: plugins need a dynamic loader, which the static one lacks
COMPILER = "aarch64-linux-gnu-gcc"
SYSTEM = os.environ.get("QEMU_LD_PREFIX", "/usr/aarch64-linux-gnu")

GOAL = 4.0

# The function, the numbers, and the two sizes: of the kernel, for which short arrays are mostly the start, and of the
# loop, for which long ones take long.
KERNELS = (
    ("test", "1", (1000000, 3000000), (100000, 300000)),
    ("compPi_ctypes", "1", (1000000, 3000000), (100000, 300000)),
    ("num_primes", "31", (20000, 60000), (100, 300)),
    ("num_primes", "24", (20000, 60000), (200, 600)),
    ("num_primes", "ordered", (500000, 1000000), (500000, 1000000)),
    ("count_primes", "31", (20000, 60000), (100, 300)),
)


def build(folder):
    """The program and the plugin of qemu."""
    program, plugin = os.path.join(folder, "kernel"), os.path.join(folder, "instructions.so")
    include = "-I" + os.path.join(PROJECT, "include")
    link = ["-L" + LIBRARIES, "-lungil", "-Wl,-rpath," + LIBRARIES, "-lm"]
    source = os.path.join(HERE, "kernel.c")
    subprocess.check_call([COMPILER, "-O3", "-fopenmp", include, source, "-o", program] + link)
    subprocess.check_call(["cc", "-O2", "-shared", "-fPIC", os.path.join(HERE, "instructions.c"), "-o", plugin])
    return program, plugin


def run(tools, level, *arguments):
    """How many instructions a run executed, and what it printed."""
    program, plugin = tools
    command = [EMULATOR, "-plugin", plugin, "-L", SYSTEM, program] + [str(argument) for argument in arguments]
    settings = dict(os.environ, UNGIL_NUM_THREADS="1", UNGIL_CPU=level)
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=settings, check=True)
    return int(done.stderr), done.stdout


def per_element(tools, level, function, numbers, sizes):
    small, large = ([run(tools, level, name, numbers, size)[0] for name in (function, "nothing")] for size in sizes)
    return ((large[0] - large[1]) - (small[0] - small[1])) / (sizes[1] - sizes[0])


def main():
    if not shutil.which(EMULATOR):
        print("SKIP instructions of the kernels on aarch64: apt install qemu-user")
        return 1 if os.environ.get("UNGIL_REQUIRE_ALL") and shutil.which("apt-get") else 0
    failures = 0
    with tempfile.TemporaryDirectory() as folder:
        tools = build(folder)
        print("%-26s %10s %10s %10s %8s" % ("instructions per element", "neon", "scalar", "gcc -O3", "ratio"))
        for function, numbers, sizes, loop_sizes in KERNELS:
            kernel, scalar = (per_element(tools, level, function, numbers, sizes) for level in ("neon", "scalar"))
            loop = per_element(tools, "neon", function + "_loop", numbers, loop_sizes)
            answers = {run(tools, "neon", name, numbers, loop_sizes[0])[1] for name in (function, function + "_loop")}
            name = function if numbers == "1" else "%s %s" % (function, numbers)
            print("%-26s %10.2f %10.2f %10.2f %8.1f" % (name, kernel, scalar, loop, loop / kernel))
            if len(answers) != 1:
                print("FAILED: the answers are %s" % answers)
                failures += 1
            if loop < GOAL * kernel:
                print("FAILED: less than %g times fewer" % GOAL)
                failures += 1
    return min(failures, 1)


if __name__ == "__main__":
    sys.exit(main())
