"""Libraries that tests write in C."""

from __future__ import unicode_literals

import os
import shutil
import subprocess
import tempfile
import unittest

from interpreters import Case

COMPILER = os.environ.get("CC", "cc")


def has_compiler():
    try:
        with open(os.devnull, "w") as null:
            return subprocess.call([COMPILER, "--version"], stdout=null, stderr=null) == 0
    except OSError:
        return False


@unittest.skipUnless(has_compiler(), "SKIP libraries in C: there is no C compiler (%s)" % COMPILER)
class CompiledCase(Case):
    def setUp(self):
        self.directory = os.path.realpath(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, self.directory)

    def path(self, name):
        return os.path.join(self.directory, name)

    def compiled(self, name, source, *options, **texts):
        """A shared library of this source, in which `texts` are string constants."""
        with open(self.path(name + ".c"), "w") as file:
            file.write(source)
        texts = ['-D%s="%s"' % item for item in texts.items()]
        command = [COMPILER, "-shared", "-fPIC", "-O1", "-o", self.path(name), self.path(name + ".c")]
        subprocess.check_call(command + texts + list(options) + ["-ldl", "-lpthread"])
        return self.path(name)
