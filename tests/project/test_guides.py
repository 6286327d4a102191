"""The programs in the guides for C and Rust are built, and print what the guides say."""
import os
import re
import shutil
import subprocess
import tempfile
import unittest

PROJECT = os.path.normpath(os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", ".."))
LIBRARIES = os.path.join(PROJECT, "build", "lib")


def blocks(page, language):
    with open(os.path.join(PROJECT, "docs", "guides", page), encoding="utf-8") as file:
        return re.findall(r"^```%s\n(.*?)^```" % language, file.read(), re.MULTILINE | re.DOTALL)


class Guides(unittest.TestCase):
    def check(self, page, language, command):
        source = next(text for text in blocks(page, language) if " main(" in text and "build.rs" not in text)
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "program." + {"c": "c", "rust": "rs"}[language])
            with open(path, "w", encoding="utf-8") as file:
                file.write(source)
            program = os.path.join(folder, "program")
            subprocess.check_call(command + [path, "-o", program, "-L" + LIBRARIES, "-lungil"])
            environment = dict(os.environ, LD_LIBRARY_PATH=LIBRARIES)
            printed = subprocess.run([program], env=environment, stdout=subprocess.PIPE, timeout=120, check=True).stdout
        self.assertEqual([printed.decode()], blocks(page, "text"))

    def test_c(self):
        self.check("c.md", "c", ["cc", "-Wall", "-Wextra", "-Werror", "-I" + os.path.join(PROJECT, "include")])

    @unittest.skipUnless(shutil.which("rustc"), "SKIP: no rustc")
    def test_rust(self):
        self.check("rust.md", "rust", ["rustc", "--edition", "2024", "-Dwarnings"])


if __name__ == "__main__":
    unittest.main()
