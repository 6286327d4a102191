"""Whole runs, as `make bench-quick` makes them: wrong answers, missing peers, Ctrl-C, and the page."""

import html.parser
import json
import os
import signal
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent.parent
LIBRARIES = PROJECT / "build" / "lib"
PATIENCE = 300  # seconds; only what hangs takes that long

WRONG = {
    "test": "int ungil_test(int a, int b, int t, int c, int *out)"
    " { int s = REAL(ungil_test)(a, b, t, c, out); *out += 3; return s; }",
    "num_primes: the numbers": "int ungil_num_primes_i32(const void *p, size_t n, int t, int c, uint64_t *out)"
    " { int s = REAL(ungil_num_primes_i32)(p, n, t, c, out); *out += 1; return s; }",
    "num_primes: what a script pays": "int ungil_num_primes_i32(const void *p, size_t n, int t, int c, uint64_t *out)"
    " { int s = REAL(ungil_num_primes_i32)(p, n, t, c, out); *out -= 1; return s; }",
    "pi": "int ungil_pi(int64_t n, int t, int c, double *out)"
    " { int s = REAL(ungil_pi)(n, t, c, out); *out += 1e-7; return s; }",
    "is_prime": "int ungil_is_prime_u64(const void *p, size_t n, uint8_t *out, int t, int c)"
    " { int s = REAL(ungil_is_prime_u64)(p, n, out, t, c); out[n - 1] ^= 1; return s; }",
    "count_primes": "int ungil_count_primes_i32(const void *p, size_t n, int t, int c, uint64_t *out)"
    " { int s = REAL(ungil_count_primes_i32)(p, n, t, c, out); *out += 1; return s; }",
}

# Every other function is the real library's, which this one needs.
PLANTED = """
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stddef.h>
#include <stdint.h>
#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))
%s
"""


class Attributes(html.parser.HTMLParser):
    """Of all elements of a page."""

    def __init__(self, text):
        super().__init__()
        self.found = []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.found += attributes


class Runs(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        temporary = tempfile.TemporaryDirectory()
        self.addCleanup(temporary.cleanup)
        self.temporary = Path(temporary.name)

    def start(self, *arguments, **environment):
        command = [sys.executable, "-m", "bench_py", "run", "--quick", "--host", "here"]
        command += ["--results", str(self.folder), "--report", str(self.folder / "page"), *arguments]
        settings = {**os.environ, "TMPDIR": str(self.temporary), **environment}
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
        return subprocess.Popen(command, cwd=PROJECT, env=settings, **pipes)

    def run_to_end(self, *arguments, **environment):
        """(status, what was said, the result)."""
        with self.start(*arguments, **environment) as process:
            said = process.communicate(timeout=PATIENCE)[0]
        return process.returncode, said, self.result()

    def result(self):
        (path,) = self.folder.glob("*.json")
        return json.loads(path.read_text())

    def planted(self, source):
        """The path of a library like ungil with this function in place of its own."""
        path = self.folder / "libplanted.so"
        command = ["cc", "-x", "c", "-", "-shared", "-fPIC", "-O1", "-o", str(path), "-Wl,--no-as-needed"]
        command += [f"-L{LIBRARIES}", "-lungil", f"-Wl,-rpath,{LIBRARIES}"]
        subprocess.run(command, input=PLANTED % source, text=True, check=True)
        return str(path)

    def assert_found_wrong(self, suite, table, source):
        status, said, result = self.run_to_end("--suites", suite, "--only", table, UNGIL_LIBRARY=self.planted(source))
        self.assertEqual(status, 1, said)
        self.assertRegex(said, "WRONG ANSWER: .*ungil")
        self.assertFalse(result["complete"])
        (failure,) = result["failures"]
        self.assertRegex(failure, f"WRONG ANSWER: {suite}, {table}")
        self.assertLess(len(failure), 300)
        self.assertIn("WRONG ANSWER", (self.folder / "page" / "report.html").read_text())

    def test_a_wrong_answer_on_threads(self):
        self.assert_found_wrong("gil", "pi", WRONG["pi"])

    def test_a_whole_suite(self):
        status, said, result = self.run_to_end("--suites", "overheads")
        self.assertEqual(status, 0, said)
        self.assertTrue(result["complete"])
        self.assertEqual((result["failures"], result["missing"]), ([], []))
        for key in ("processor", "cpu_level", "affinity", "load_average", "commit", "versions"):
            self.assertTrue(result["machine"][key], key)
        self.assertGreaterEqual(result["load"]["overheads"]["others"], 0)
        for row in result["rows"]:
            self.assertTrue(row["samples"], row["table"])
            for samples in row["samples"].values():
                self.assertTrue(samples and min(samples) > 0, row["table"])
        page = self.folder / "page"
        self.assertTrue(list(page.glob("overheads-*.png")))
        self.assert_needs_nothing_else((page / "report.html").read_text())

    def assert_needs_nothing_else(self, page):
        for name, value in Attributes(page).found:
            if name in ("src", "href", "srcset", "action"):
                self.assertRegex(value, "^(data:|#)")
        self.assertNotIn("@import", page)
        self.assertNotRegex(page, r"url\(")

    def test_settings_of_the_environment_do_not_count(self):
        level = ungil_level()
        settings = {"UNGIL_CPU": "scalar", "UNGIL_NUM_THREADS": "1"}
        status, said, result = self.run_to_end("--suites", "overheads", "--only", "empty call", **settings)
        self.assertEqual(status, 0, said)
        self.assertEqual(result["machine"]["cpu_level"], level)

    def test_missing_peers_are_told(self):
        (self.folder / "gmpy2.py").write_text("raise ImportError('not here')")
        settings = {"PYTHONPATH": os.pathsep.join((str(self.folder), os.environ["PYTHONPATH"])), "PATH": "/nowhere"}
        status, said, result = self.run_to_end("--suites", "kernels", "--only", "is_prime", **settings)
        self.assertEqual(status, 0, said)
        self.assertLessEqual({"gmpy2", "C baselines"}, {missing["peer"] for missing in result["missing"]})
        page = (self.folder / "page" / "report.html").read_text()
        self.assertRegex(page, r"Not measured</strong> in <em>kernels</em>: gmpy2 – not here \(pip install gmpy2\)")
        self.assertRegex(page, r"Not measured</strong> in <em>kernels</em>: C baselines – no gcc")

    def test_ctrl_c_ends_it_and_keeps_what_there_is(self):
        with self.start("--suites", "gil", "overheads") as process:
            said = next(line for line in process.stdout if line.startswith("gil:"))
            suite = worker_of(process.pid)
            process.send_signal(signal.SIGINT)
            said += process.communicate(timeout=PATIENCE)[0]
        self.assertEqual(process.returncode, 130, said)
        self.assertIn("make bench-report", said)
        result = self.result()
        self.assertTrue(result["rows"])
        self.assertFalse(result["complete"])
        self.assertEqual({row["suite"] for row in result["rows"]}, {"gil"})
        self.assertFalse(Path(f"/proc/{suite}").exists())
        self.assertEqual(list(self.temporary.iterdir()), [])

    def test_a_suite_that_breaks_off(self):
        """Its processes outlive it, and are ended."""
        with self.start("--suites", "interpreters", "overheads", "--only", " n ") as process:
            said = next(line for line in process.stdout if line.startswith("interpreters: map"))
            os.kill(worker_of(process.pid), signal.SIGSEGV)
            said += process.communicate(timeout=PATIENCE)[0]
        self.assertEqual(process.returncode, 1, said)
        self.assertEqual(self.result()["failures"], ["interpreters: broke off"])
        self.assertFalse(self.result()["complete"])
        self.assertEqual({row["suite"] for row in self.result()["rows"]}, {"interpreters", "overheads"})

    def test_nothing_is_overwritten(self):
        for _ in range(2):
            with self.start("--suites", "overheads", "--only", "empty call") as process:
                process.communicate(timeout=PATIENCE)
        self.assertEqual(len(list(self.folder.glob("*-here-quick*.json"))), 2)


for number, wrong in enumerate(WRONG):
    setattr(
        Runs,
        f"test_wrong_answer_{number}",
        lambda self, wrong=wrong: self.assert_found_wrong("kernels", wrong, WRONG[wrong]),
    )


def ungil_level():
    """The processor's, whatever the environment says."""
    environment = {name: value for name, value in os.environ.items() if name != "UNGIL_CPU"}
    code = "from ungil._native.library import library; print(library.ungil_cpu_active().decode())"
    return subprocess.check_output([sys.executable, "-c", code], env=environment, text=True).strip()


def worker_of(process):
    """The number of the process that measures a suite for this one."""
    children = map(int, Path(f"/proc/{process}/task/{process}/children").read_text().split())
    return next(child for child in children if b"bench_py.worker" in Path(f"/proc/{child}/cmdline").read_bytes())


if __name__ == "__main__":
    unittest.main()
