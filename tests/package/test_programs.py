"""Random programs do the same with processes and with interpreters."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import unittest
from typing import Any

from references import PATIENCE, import_or_skip, rounds
from support import HAS_INTERPRETERS, NEEDS_INTERPRETERS

HERE = os.path.dirname(os.path.abspath(__file__))

PROGRAMS = int(os.environ.get("UNGIL_TEST_PROGRAMS", 0)) or rounds(200, 50)
SEED = int(os.environ.get("UNGIL_TEST_SEED", 0))


class Server:
    """A process that runs programs, with processes or with interpreters."""

    def __init__(self, kind: str) -> None:
        self.kind = kind
        environment = dict(os.environ, PYTHONHASHSEED="0", PYTHONFAULTHANDLER="1")
        environment["PYTHONPATH"] = os.pathsep.join(directory for directory in sys.path if directory)
        command = [sys.executable, os.path.join(HERE, "program_main.py"), kind]
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment, text=True
        )

    def send(self, message: dict[str, Any]) -> None:
        assert self._process.stdin
        self._process.stdin.write(json.dumps(message) + "\n")
        self._process.stdin.flush()

    def receive(self) -> list[Any]:
        watch = threading.Timer(PATIENCE, self._process.kill)
        watch.start()
        try:
            assert self._process.stdout
            line = self._process.stdout.readline()
        finally:
            watch.cancel()
        if not line:
            raise AssertionError("the program ended its process: status %s" % self._process.wait())
        return json.loads(line)  # type: ignore[no-any-return]

    def close(self) -> None:
        self._process.kill()
        self._process.communicate()


class Servers:
    """One of each kind. Both are started again after a program has failed, so that it leaves nothing for the next."""

    def __init__(self) -> None:
        self._servers: list[Server] = []

    def run(self, message: dict[str, Any]) -> list[list[Any]]:
        if not self._servers:
            self._servers = [Server("processes"), Server("interpreters")]
        try:
            for server in self._servers:
                server.send(message)
            return [server.receive() for server in self._servers]
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        while self._servers:
            self._servers.pop().close()


@unittest.skipUnless(HAS_INTERPRETERS, NEEDS_INTERPRETERS)
class Programs(unittest.TestCase):
    def assert_same(self, live: bool) -> None:
        hypothesis = import_or_skip("hypothesis")
        import random_programs
        from program_server import UNPICKLABLE

        servers = Servers()
        self.addCleanup(servers.close)

        def test(program: random_programs.Program) -> None:
            processes, interpreters = servers.run(program.message)
            for expected, got in zip(processes, interpreters):
                if expected != got and expected != UNPICKLABLE:
                    servers.close()
                    self.fail("processes: %s\ninterpreters: %s" % (expected, got))

        settings = hypothesis.settings(
            max_examples=PROGRAMS,
            database=None,
            deadline=None,
            suppress_health_check=list(hypothesis.HealthCheck),
            print_blob=True,
            report_multiple_bugs=False,
        )
        hypothesis.seed(SEED)(settings(hypothesis.given(random_programs.programs(live))(test)))()

    def test_state_of_workers(self) -> None:
        """Tasks change globals, classes and functions; the program does so before it makes a pool."""
        self.assert_same(live=False)

    def test_changes_by_the_program(self) -> None:
        """Tasks see what the program has at the call, as processes would that are forked for each call."""
        self.assert_same(live=True)


if __name__ == "__main__":
    unittest.main()
