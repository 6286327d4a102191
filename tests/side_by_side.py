"""Runs jobs in parallel, and prints each job's output when it ends."""

import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
import traceback
from concurrent.futures import ThreadPoolExecutor

PATIENCE = 1800  # seconds, after which a job counts as hung
SHOW_STACKS = signal.SIGRTMIN + 5  # to a process that hangs; ../package/support.py has the handler


class Job:
    """A name and a function. The function is called with the job, and runs processes with job.run()."""

    def __init__(self, name, function):
        self.name = name
        self._function = function
        self.seconds = 0.0
        self.passed = False

    def run(self, command, **settings):
        """Like subprocess.check_call(), but keeps the output until the job ends."""
        left = PATIENCE - (time.monotonic() - self._start)
        settings.update(stdin=subprocess.DEVNULL, stdout=self._output, stderr=subprocess.STDOUT)
        with subprocess.Popen(command, **settings) as process:
            try:
                status = process.wait(max(left, 1))
            except BaseException as error:
                if isinstance(error, subprocess.TimeoutExpired):
                    process.send_signal(SHOW_STACKS)
                    time.sleep(1)
                process.kill()
                raise
        if status:
            raise subprocess.CalledProcessError(status, command)

    def say(self, text):
        self._output.write((text + "\n").encode())
        self._output.flush()

    def work(self, telling):
        self._start = time.monotonic()
        with tempfile.TemporaryFile() as self._output:
            try:
                self._function(self)
                self.passed = True
            except (subprocess.SubprocessError, OSError) as error:
                self.say(str(error))
            except Exception:  # a bug in the job itself: the others continue
                self.say(traceback.format_exc())
            self.seconds = time.monotonic() - self._start
            self._output.seek(0)
            with telling:
                print("\n== %s" % self.name, flush=True)
                sys.stdout.buffer.write(self._output.read())
                sys.stdout.flush()


def run(jobs):
    """Runs the jobs, starting them in order, and reports how they ended. Returns the exit status.

    Twice as many as there are processors run at once: they wait about half of their time, for threads that sleep.
    """
    telling = threading.Lock()
    with ThreadPoolExecutor(2 * (os.cpu_count() or 1)) as pool:
        for done in [pool.submit(job.work, telling) for job in jobs]:
            done.result()
    print()
    for job in jobs:
        print("%-56s %-6s %6.1f s" % (job.name, "ok" if job.passed else "FAILED", job.seconds))
    failed = sum(not job.passed for job in jobs)
    print("%d passed, %d failed" % (len(jobs) - failed, failed), flush=True)
    return 1 if failed else 0
