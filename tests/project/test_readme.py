"""The programs in the README run and print what it says."""
import math
import os
import re
import subprocess
import sys
import tempfile
import unittest

PROJECT = os.path.normpath(os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", ".."))
LIBRARIES = os.path.join(PROJECT, "build", "lib")


def listings(language):
    with open(os.path.join(PROJECT, "README.md"), encoding="utf-8") as readme:
        return re.findall("```%s\n(.*?)```" % language, readme.read(), re.DOTALL)


class Readme(unittest.TestCase):
    def output(self, script):
        library = os.path.join(LIBRARIES, "libungil.so")
        environment = dict(os.environ, PYTHONPATH=os.path.join(PROJECT, "python"), UNGIL_LIBRARY=library)
        return subprocess.check_output([sys.executable, "-c", script], cwd=PROJECT, text=True, env=environment)

    def test_the_programs_with_an_output(self):
        with open(os.path.join(PROJECT, "README.md"), encoding="utf-8") as readme:
            programs = re.findall("```python\n(.*?)```\n```text\n(.*?)```", readme.read(), re.DOTALL)
        self.assertEqual(len(programs), 4)
        for script, expected in programs:
            self.assertEqual(self.output(script), expected)

    def test_the_programs_by_plain_ctypes(self):
        scripts = [script for script in listings("python") if "ctypes.CDLL(\"build" in script]
        outputs = [self.output(script) for script in scripts]
        squares = sum(i * i for i in range(3000000))
        # How much longer one takes than the other is the machine's matter. That threads are in the library at the same
        # time is tested where nothing depends on that: in tests/python/test_native.py, Controls.
        times = re.match(r"in sequence ([\d.]+) s\nin threads  ([\d.]+) s\n$", outputs[0])
        self.assertTrue(times and min(map(float, times.groups())) > 0, outputs[0])
        self.assertEqual(outputs[1:], ["%r %r\n" % (math.erf(0.0), math.erf(1.0)), "%d\n" % squares])

    def test_the_c_program(self):
        with tempfile.TemporaryDirectory() as directory:
            program = os.path.join(directory, "program")
            flags = ["-I", os.path.join(PROJECT, "build", "include"), "-L", LIBRARIES, "-lungil"]
            command = [os.environ.get("CC", "cc"), "-x", "c", "-", "-o", program] + flags
            subprocess.run(command, input=listings("c")[0], text=True, check=True)
            environment = dict(os.environ, LD_LIBRARY_PATH=LIBRARIES)
            self.assertEqual(subprocess.check_output([program], env=environment, text=True), "1350552661\n")


if __name__ == "__main__":
    unittest.main()
