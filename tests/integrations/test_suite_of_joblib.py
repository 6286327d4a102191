"""joblib's own tests of backends, with ungil's among the backends: the file that its package has, which is changed."""

import importlib.util
import os
import re
import subprocess
import sys
import tempfile
import unittest

import joblib
import stress

from references import PATIENCE

VERSION = tuple(int(part) for part in joblib.__version__.split(".")[:2])

# Lists of backends in the file, and what they become.
CHANGES = (
    (r'^(PARALLEL_BACKENDS = PROCESS_BACKENDS \+ \["threading")\]', r'\1, "ungil"]'),
    (r'\["loky", "multiprocessing", "threading"\]', '["loky", "ungil"]'),
    (
        r'^(@parametrize\("backend", PROCESS_BACKENDS)\)(?=\n(?:.*\n)?def test_(?:error|batching|initializer|no_blas))',
        r'\1 + ["ungil"])',
    ),
)

# A task cannot fork, and without `n_jobs` all processors are used.
DIFFERENT = ("test_nested_loop[ungil-multiprocessing]",) + tuple(
    "test_nested_backend_in_sequential[%s-ungil-None]" % context for context in ("parallel_config", "parallel_backend")
)


@unittest.skipIf(stress.is_short(), "SKIP: the whole runs with %s=full" % stress.NAME)
@unittest.skipIf(VERSION < (1, 5), "SKIP: the file of older joblibs has other lists")
class Suite(unittest.TestCase):
    def test_it(self):
        origin = importlib.util.find_spec("joblib.test.test_parallel").origin
        with open(origin, encoding="utf-8") as file:
            text = "import ungil\n" + file.read()
        for pattern, replacement in CHANGES:
            text, count = re.subn(pattern, replacement, text, flags=re.MULTILINE)
            self.assertTrue(count, pattern)
        with tempfile.TemporaryDirectory() as directory:
            with open(os.path.join(directory, "test_parallel.py"), "w", encoding="utf-8") as file:
                file.write(text)
            command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-W", "ignore", "-k", "ungil"]
            for name in DIFFERENT:
                command += ["--deselect", "test_parallel.py::" + name]
            done = subprocess.run(command, cwd=directory, timeout=2 * PATIENCE, stdout=subprocess.PIPE, text=True)
        self.assertEqual(done.returncode, 0, done.stdout[-5000:])
        self.assertGreater(int(re.search(r"(\d+) passed", done.stdout).group(1)), 60, done.stdout)


if __name__ == "__main__":
    unittest.main()
