"""docs/pythons.md says what the library and the report say, and names packages that exist."""
import os
import re
import shutil
import subprocess
import sys
import unittest

PROJECT = os.path.normpath(os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", ".."))
sys.path.insert(0, os.path.join(PROJECT, "python"))

from ungil import _python_speed  # noqa: E402


def content(path):
    with open(os.path.join(PROJECT, path), encoding="utf-8") as file:
        return file.read()


def on_one_line(text):
    return re.sub(r"\s+", " ", text)


class PythonsPage(unittest.TestCase):
    page = content("docs/pythons.md")

    def test_the_error_without_a_libpython(self):
        source = on_one_line(re.sub(r"\\\n\s*", "", content("src/interp/cpython/discovery.rs")))
        quoted, _ = self.quoted_errors()
        self.assertIn("{} " + on_one_line(quoted).replace("3.11", "{version}"), source)

    def test_the_error_of_a_newer_python(self):
        _, quoted = self.quoted_errors()
        version, step, why = quoted.split(": ")
        self.assertEqual(version, "(Python 3.16)")
        self.assertIn('LookUp => "%s"' % step, content("src/interp/runtime/step.rs"))
        self.assertIn('"%s"' % why.replace("PyDict_New", "{}"), content("src/interp/cpython/ffi.rs"))

    def quoted_errors(self):
        """The two that the page has, without the names of the files at their beginning."""
        return re.findall(r"```text\nungil_interp_new: \S+ (.*?)\n```", self.page, re.DOTALL)

    def test_the_advice_of_the_report(self):
        (command,) = re.findall(r"^ +(PYTHON_CONFIGURE_OPTS=.* pyenv install) VERSION$", _python_speed.ADVICE, re.MULTILINE)
        self.assertIn(command + " 3.", self.page)
        self.assertIn("docs/pythons.md", _python_speed.ADVICE)
        self.assertIn("more than %s times as long" % _python_speed.THRESHOLD, on_one_line(self.page))

    def test_the_package_on_debian(self):
        """The one that the page names for this machine's python3, under the file name that the library looks for."""
        if not (shutil.which("dpkg") and os.path.exists("/usr/bin/python3")):
            print("SKIP the package with libpython: this is no Debian")
            return
        version = subprocess.check_output(["/usr/bin/python3", "-c", "import sys; print('%d.%d' % sys.version_info[:2])"],
                                          text=True).strip()
        self.assertIn("`apt install libpython3.", self.page)
        name = "libpython" + version
        found = subprocess.run(["dpkg", "-L", name], capture_output=True, text=True, env=dict(os.environ, LC_ALL="C"))
        if found.returncode:
            print("SKIP the package with libpython: apt install " + name)
            return
        self.assertRegex(found.stdout, r"(?m)^/usr/lib/[^/]+/libpython%s\.so\.1\.0$" % re.escape(version))


if __name__ == "__main__":
    unittest.main()
