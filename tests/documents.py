"""Runs the scripts of well-known ctypes articles, unchanged, against this library.

    python3 tests/documents.py DIRECTORY [--installed]

DIRECTORY holds the articles' texts; a file is recognised by what its script calls. Scripts find the library in build/
through LIBRARY_PATH and LD_LIBRARY_PATH, or with --installed without any variable. Only two things are repaired:
non-breaking spaces become spaces, and a listing that forgot `import threading` gets it.
"""
import argparse
import glob
import os
import re
import shutil
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
PROJECT = os.path.dirname(HERE)
LIBRARIES = os.path.join(PROJECT, "build", "lib")

sys.path.insert(0, os.path.join(HERE, "python"))
import pythons  # noqa: E402

FENCED = re.compile(r"^```python\n(.*?)^```", re.DOTALL | re.MULTILINE | re.IGNORECASE)
TAGGED = re.compile(r'<pre name="code" class="python">(.*?)</pre>', re.DOTALL)


def read(folder, mark):
    """The only text that contains `mark`."""
    texts = [open(path, encoding="utf-8").read() for path in sorted(glob.glob(os.path.join(folder, "*.txt")))]
    matching = [text for text in texts if mark in text]
    if len(matching) != 1:
        sys.exit("%s: %d texts contain %r, want one" % (folder, len(matching), mark))
    return matching[0]


def python(series):
    """The machine's newest Python of a series such as "3.7"."""
    found = [path for path, name in pythons.find().items() if name.startswith("CPython %s." % series)]
    if not found:
        sys.exit("no CPython %s on this machine: install it, for example with pyenv" % series)
    return found[-1]


def with_numba(series):
    """A Python of that series in a venv with numba."""
    venv = os.path.join(PROJECT, "build", "documents", series)
    executable = os.path.join(venv, "bin", "python")
    has_numba = os.path.exists(executable) and subprocess.call([executable, "-c", "import numba"]) == 0
    if not has_numba:
        subprocess.check_call([python(series), "-m", "venv", venv])
        subprocess.check_call([executable, "-m", "pip", "install", "--quiet", "numba"])
    return executable


class Runner:
    def __init__(self, installed):
        ours = ("LIBRARY_PATH", "LD_LIBRARY_PATH", "UNGIL_NUM_THREADS")
        self.environment = {name: value for name, value in os.environ.items() if name not in ours}
        self.libraries = "/usr/local/lib" if installed else LIBRARIES
        if not installed:
            self.environment.update(LIBRARY_PATH=LIBRARIES, LD_LIBRARY_PATH=LIBRARIES)

    def run(self, title, executable, script, expected, links=()):
        """Runs a script in a directory of its own; its output must match `expected`."""
        folder = tempfile.mkdtemp()
        try:
            for name in links:
                os.symlink(os.path.join(self.libraries, name), os.path.join(folder, name))
            with open(os.path.join(folder, "script.py"), "w", encoding="utf-8") as file:
                file.write(script)
            command = [executable, "script.py"]
            done = subprocess.run(command, cwd=folder, env=self.environment, stdout=subprocess.PIPE, text=True)
        finally:
            shutil.rmtree(folder)
        print("\n== %s\n%s" % (title, done.stdout), end="", flush=True)
        if done.returncode != 0 or not re.search(expected, done.stdout, re.DOTALL):
            sys.exit("FAILED: exit status %d, expected output like %r" % (done.returncode, expected))


def sum_article(folder, runner):
    script = TAGGED.search(read(folder, "find_library('test')")).group(1).replace("\u00a0", " ")
    runner.run("the sum, Python 2.7", python("2.7"), script, r"Sequential run time: [\d.]+ .*Parallel run time: [\d.]+ ")


def primes_article(folder, runner):
    listings = FENCED.findall(read(folder, 'CDLL("./libprime.so")'))
    loads = [place for place, listing in enumerate(listings) if "CDLL(" in listing]
    plain, threads = ["".join(listings[place : place + 2]) for place in loads]
    for series in ("3.7", "3.11", "3.13"):
        for name, script in [("one call", plain), ("Python threads", "import threading\n" + threads)]:
            title = "the primes by %s, Python %s" % (name, series)
            runner.run(title, python(series), script, r"Primes: 921295\n", links=["libprime.so"])


def pi_article(folder, runner):
    script = next(s for s in FENCED.findall(read(folder, "CDLL('pi_c.so')")) if "pi_c.so" in s)
    lines = r"(numba function takes: \S+\ntime for c version: \S+\nPure Python function takes: \S+\n){5}"
    runner.run("pi, Python 3.7 with numba", with_numba("3.7"), script, lines)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder")
    parser.add_argument("--installed", action="store_true")
    arguments = parser.parse_args()
    articles = [sum_article, primes_article, pi_article]
    for article in articles:
        article(arguments.folder, Runner(arguments.installed))
    print("\n%d passed, 0 failed" % len(articles))


if __name__ == "__main__":
    main()
