"""The README's programs do what it says, as they stand there."""
import os
import re
import subprocess
import sys
import tempfile
import unittest

PROJECT = os.path.normpath(os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", ".."))
LIBRARIES = os.path.join(PROJECT, "build", "lib")


def listing(language):
    with open(os.path.join(PROJECT, "README.md"), encoding="utf-8") as readme:
        return re.search("```%s\n(.*?)```" % language, readme.read(), re.DOTALL).group(1)


class Readme(unittest.TestCase):
    def test_the_python_script(self):
        output = subprocess.check_output([sys.executable, "-c", listing("python")], cwd=PROJECT, text=True)
        self.assertRegex(output, r"^in sequence [\d.]+ s\nin threads  [\d.]+ s\n$")

    def test_the_c_program(self):
        with tempfile.TemporaryDirectory() as folder:
            program = os.path.join(folder, "program")
            flags = ["-I", os.path.join(PROJECT, "build", "include"), "-L", LIBRARIES, "-lungil"]
            command = [os.environ.get("CC", "cc"), "-x", "c", "-", "-o", program] + flags
            subprocess.run(command, input=listing("c"), text=True, check=True)
            environment = dict(os.environ, LD_LIBRARY_PATH=LIBRARIES)
            self.assertEqual(subprocess.check_output([program], env=environment, text=True), "1350552661\n")


if __name__ == "__main__":
    unittest.main()
