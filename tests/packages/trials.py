"""Tries cases in processes of their own, and notes what they did, for the table in docs/packages.md.

The notes are in build/tested-packages: a file for each Python, case and number of interpreters.
"""

import glob
import json
import os
import resource
import shutil
import signal
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.dirname(HERE))

import tested  # noqa: E402
import venvs  # noqa: E402

# The package is the one of the source tree.
ENVIRONMENT = dict(
    venvs.environment(),
    PYTHONPATH=os.path.join(venvs.PROJECT, "python"),
    UNGIL_LIBRARY=os.path.join(venvs.PROJECT, "build", "lib", "libungil.so"),
)

NOTES = os.path.join(venvs.PROJECT, "build", "tested-packages")

NOT_INSTALLED = "not installed: "
OK, FAILS, ABSENT = "ok", "fails", "absent"  # absent: plain Python has not got it, or it fails there, too

PATIENCE = 900  # seconds; on a busy machine tensorflow takes a minute to be imported eight times
DISTRIBUTIONS = """
import importlib.metadata, json, re
names = {re.sub("[-_.]+", "-", d.metadata["Name"]).lower(): d.version for d in importlib.metadata.distributions()}
print(json.dumps(names))
"""


class Venv:
    """A Python with packages, and the name and version of the Python."""

    def __init__(self, python, description):
        self.python, self.description = python, description
        self._versions = json.loads(subprocess.check_output([python, "-c", DISTRIBUTIONS], text=True))

    def version(self, distribution):
        return self._versions.get(distribution.replace("_", "-").replace(".", "-").lower())

    def try_case(self, case, count):
        """Tries a case in this many interpreters. Returns how that ended, with a reason, and all output."""
        missing = [name for name in (case.distribution, *case.needs) if name and not self.version(name)]
        if missing:
            return self._note(case, count, ABSENT, NOT_INSTALLED + ", ".join(missing)), ""
        reason, output = self._use(case, count)
        if not reason:
            return self._note(case, count, OK, ""), output
        plain, _ = self._use(case, 0)
        outcome = (ABSENT, "in plain Python: " + plain) if plain else (FAILS, reason)
        return self._note(case, count, *outcome), output

    def _use(self, case, count):
        """Why it failed, or an empty string; and all output."""
        command = [self.python, os.path.join(HERE, "use.py"), case.name, str(count)]
        with tempfile.TemporaryFile() as output, tempfile.TemporaryDirectory() as folder:
            environment = dict(ENVIRONMENT, TMPDIR=folder)
            process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, env=environment, cwd=folder,
                start_new_session=True, preexec_fn=without_core,
            )
            try:
                reason = describe(process.wait(PATIENCE))
            except subprocess.TimeoutExpired:
                reason = hang(process, output)
            finally:
                end_session(process)
            output.seek(0)
            text = output.read().decode(errors="replace")
        last = text.strip().split("\n")[-1]
        return (last if reason == "exit status 1" and last else reason), text

    def _note(self, case, count, outcome, reason):
        note = {
            "python": self.description, "libc": tested.c_library(), "case": case.name, "interpreters": count,
            "distribution": case.distribution, "version": case.distribution and self.version(case.distribution),
            "outcome": outcome, "reason": reason.replace(venvs.PROJECT + os.sep, "")[:300],
        }
        folder = os.path.join(NOTES, self.description.replace(" ", "-"))
        os.makedirs(folder, exist_ok=True)
        with open(os.path.join(folder, "%s-%d.json" % (case.name, count)), "w") as file:
            json.dump(note, file, indent=1, sort_keys=True)
        return note


def notes():
    for path in sorted(glob.glob(os.path.join(NOTES, "*", "*.json"))):
        with open(path) as file:
            yield json.load(file)


def without_core():
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def describe(status):
    if status >= 0:
        return "exit status %d" % status if status else ""
    return "ended by " + signal.Signals(-status).name


def hang(process, output):
    """Says how much processor time a process took that does not end; its backtraces are added to the output."""
    with open("/proc/%d/stat" % process.pid) as file:
        user, system = file.read().rpartition(")")[2].split()[11:13]
    seconds = (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")
    if shutil.which("gdb"):
        command = ["gdb", "--batch", "--pid", str(process.pid), "-ex", "thread apply all backtrace 30"]
        subprocess.run(command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, timeout=300)
    return "no end in %d s, after %.0f s of processor time" % (PATIENCE, seconds)


def end_session(process):
    """Ends what is left of the process and of those that it started."""
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
    process.wait()
