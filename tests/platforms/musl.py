"""C programs under musl, with Debian's loader and compiler for it."""
import os
import platform
import shutil

import programs

# Not here: `unwinding`, as musl ends threads without unwinding them; `forks`, where now and then a child hangs
# (docs/platforms.md); what needs interpreters; and what needs a new kernel.
NAMES = ("functions", "bad_input", "control", "inboxes", "exchange", "exits", "lifecycle", "settings")


def missing_package():
    return None if shutil.which("musl-gcc") else "musl-tools"


def run(job):
    tag = "musllinux_1_2_" + platform.machine()
    library = os.path.join(programs.BUILD, tag, "libungil.so.0")
    programs.unpack(tag, "ungil/libungil.so", library)
    # musl gives threads 128 KiB of stack unless the program says more.
    link = ["-Wl,-rpath,$ORIGIN", "-Wl,-z,stack-size=8388608", "-lm"]
    for path in programs.compiled(job, ["musl-gcc"], library, NAMES, *link):
        job.run([path], cwd=programs.BUILD)


JOBS = {"musl: C programs": run}
