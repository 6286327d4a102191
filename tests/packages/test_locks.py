"""Databases that bring their own library: several interpreters and the program write to one, and no row is lost."""

import importlib.util
import os
import shutil
import sys
import tempfile
import textwrap
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), "python"))

from interpreters import Interpreter, together  # noqa: E402

AT_ONCE = 3
TIMES = 20

# In each round a second connection is opened and closed while the first one has a lock.
SQLITE = """
    import apsw
    connection = apsw.Connection({path!r})
    connection.set_busy_timeout(200000)
    for _ in range({times}):
        connection.execute("begin immediate")
        number = connection.execute("select n from t").fetchone()[0]
        other = apsw.Connection({path!r})
        other.execute("pragma user_version").fetchall()
        other.close()
        connection.execute("update t set n = ?", (number + 1,))
        connection.execute("commit")
    connection.close()
"""

LMDB = """
    import lmdb
    for _ in range({times}):
        environment = lmdb.open({path!r})
        with environment.begin() as reader:
            with environment.begin(write=True) as writer:
                writer.put(b"n", b"%d" % (int(writer.get(b"n")) + 1))
            reader.get(b"n")
        environment.close()
"""


def needs(package):
    return unittest.skipIf(importlib.util.find_spec(package) is None, "SKIP: there is no %s" % package)


class Databases(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, self.folder)

    def run_everywhere(self, source, path):
        """In several interpreters and in this one."""
        source = textwrap.dedent(source).format(path=path, times=TIMES)
        interpreters = [Interpreter() for _ in range(AT_ONCE)]
        together([lambda it=it: it.run(source) for it in interpreters] + [lambda: exec(source, {})])
        for interpreter in interpreters:
            interpreter.free()

    @needs("apsw")
    def test_sqlite(self):
        import apsw

        for mode in "delete", "wal":
            path = os.path.join(self.folder, mode)
            connection = apsw.Connection(path)
            connection.execute("pragma journal_mode=%s" % mode).fetchall()
            connection.execute("pragma synchronous=off; create table t(n); insert into t values (0)")
            connection.close()
            self.run_everywhere(SQLITE, path)
            connection = apsw.Connection(path)
            self.assertEqual(connection.execute("select n from t").fetchall(), [((AT_ONCE + 1) * TIMES,)], mode)
            self.assertEqual(connection.execute("pragma integrity_check").fetchall(), [("ok",)])
            connection.close()

    @needs("lmdb")
    def test_lmdb(self):
        import lmdb

        with lmdb.open(self.folder) as environment, environment.begin(write=True) as writer:
            writer.put(b"n", b"0")
        self.run_everywhere(LMDB, self.folder)
        with lmdb.open(self.folder) as environment, environment.begin() as reader:
            self.assertEqual(int(reader.get(b"n")), (AT_ONCE + 1) * TIMES)


if __name__ == "__main__":
    unittest.main()
