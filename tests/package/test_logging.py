"""What the program has set up in `logging` is there for tasks, as with forked processes, except for some handlers."""

from __future__ import annotations

import os
import tempfile
import unittest

from both_pools import INTERPRETERS, BothPools

TALK = """
import logging, sys
def talk(name="", text="text"):
    logger = logging.getLogger(name)
    for level in ("debug", "info", "warning"):
        getattr(logger, level)(text)
def run(*args, **options):
    with pool(**options) as executor: executor.submit(talk, *args).result()
"""


class TakenOver(BothPools):
    def assert_logs(self, script, *lines, kinds=()):
        self.assert_prints(TALK + script, *lines, **({"kinds": kinds} if kinds else {}))

    def test_the_usual_configuration(self):
        self.assert_logs(
            """
logging.basicConfig(stream=sys.stdout, level=logging.INFO, format="%(levelname)s %(name)s %(message)s")
run("app")
""",
            *("INFO app text", "WARNING app text"),
        )

    def test_levels_propagation_and_disabled_loggers(self):
        self.assert_logs(
            """
logging.basicConfig(stream=sys.stdout, level=logging.DEBUG, format="%(name)s %(levelname)s")
logging.getLogger("quiet").setLevel(logging.ERROR)
logging.getLogger("apart").propagate = False
logging.getLogger("apart").addHandler(logging.NullHandler())
logging.getLogger("off").disabled = True
logging.disable(logging.DEBUG)
for name in ("quiet.child", "apart", "off", "app"): run(name)
""",
            *("app INFO", "app WARNING"),
        )

    def test_a_configuration_by_a_dict(self):
        self.assert_logs(
            """
import logging.config
logging.config.dictConfig({
    "version": 1,
    "formatters": {"short": {"format": "{levelname}|{message}", "style": "{"}},
    "filters": {"app": {"name": "app"}},
    "handlers": {"out": {"class": "logging.StreamHandler", "stream": "ext://sys.stdout", "level": "INFO",
                         "formatter": "short", "filters": ["app"]}},
    "root": {"level": "DEBUG", "handlers": ["out"]},
})
for name in ("other", "app.part"): run(name)
""",
            *("INFO|text", "WARNING|text"),
        )

    def test_times_of_another_zone(self):
        self.assert_logs(
            """
import time
logging.basicConfig(stream=sys.stdout, format="%(asctime)s", datefmt="%H")
logging.root.handlers[0].formatter.converter = time.gmtime
def is_in_utc(): return logging.root.handlers[0].formatter.converter is time.gmtime
with pool() as executor: print(executor.submit(is_in_utc).result())
""",
            "True",
        )

    def test_ends_of_records(self):
        self.assert_logs(
            """
logging.basicConfig(stream=sys.stdout, level=logging.INFO, format="%(message)s")
logging.root.handlers[0].terminator = ";\\n"
run()
""",
            *("text;", "text;"),
        )

    def test_captured_warnings(self):
        self.assert_logs(
            """
import warnings
def warn(): warnings.warn("careful")
logging.basicConfig(stream=sys.stdout, format="%(name)s %(levelname)s")
logging.captureWarnings(True)
with pool() as executor: executor.submit(warn).result()
""",
            "py.warnings WARNING",
        )

    def test_a_worker_has_what_is_set_when_it_starts(self):
        self.assert_logs(
            """
logging.basicConfig(stream=sys.stdout, format="%(levelname)s")
with pool() as executor:
    executor.submit(talk).result()
    logging.root.setLevel(logging.DEBUG)
    executor.submit(talk).result()
run()
""",
            *("WARNING", "WARNING", "DEBUG", "INFO", "WARNING"),
        )

    def test_a_task_that_configures_it_again(self):
        """`basicConfig` does nothing where there are handlers."""
        self.assert_logs(
            """
logging.basicConfig(stream=sys.stdout, format="%(levelname)s")
run(initializer=logging.basicConfig)
""",
            "WARNING",
        )

    def test_a_module_that_adds_a_handler_when_it_is_imported(self):
        """Interpreters import it, too: each record is written once."""
        with tempfile.TemporaryDirectory() as directory:
            with open(os.path.join(directory, "own_log.py"), "w") as file:
                file.write("import logging, sys\nlog = logging.getLogger('own')\nlog.setLevel(20)\n")
                file.write("log.addHandler(logging.StreamHandler(sys.stdout))\n")
                file.write("def talk(text): log.info(text)\n")
            self.assert_logs(
                """
sys.path.append(%r)
import own_log
with pool() as executor:
    executor.submit(own_log.talk, "once").result()
    executor.submit(own_log.talk, "again").result()
"""
                % directory,
                *("once", "again"),
            )

    def test_nothing_stays_for_the_next_pool(self):
        self.assert_logs(
            """
logging.basicConfig(stream=sys.stdout, level=logging.DEBUG, format="%(levelname)s")
logging.getLogger("app").setLevel(logging.WARNING)
run("app")
logging.getLogger("app").setLevel(logging.NOTSET)
logging.root.setLevel(logging.INFO)
logging.root.handlers[0].setFormatter(None)
run("app")
logging.root.handlers.clear()
logging.raiseExceptions = False
sys.stderr = None
run("app")
""",
            *("WARNING", "text", "text"),
        )


class NotTakenOver(BothPools):
    def test_handlers_of_files_and_of_other_classes(self):
        with tempfile.TemporaryDirectory() as directory:
            self.assert_differ(
                TALK
                + """
class Own(logging.StreamHandler): pass
class OwnFormatter(logging.Formatter): pass
logging.basicConfig(filename=%r)
with_own_formatter, with_own_filter = logging.StreamHandler(sys.stdout), logging.StreamHandler(sys.stdout)
with_own_formatter.setFormatter(OwnFormatter())
with_own_filter.addFilter(lambda record: True)
for handler in (Own(sys.stdout), with_own_formatter, with_own_filter): logging.root.addHandler(handler)
def kinds(): return [type(handler).__name__ for handler in logging.root.handlers]
with pool() as executor: print(executor.submit(kinds).result())
"""
                % os.path.join(directory, "log"),
                processes=["['FileHandler', 'Own', 'StreamHandler', 'StreamHandler']"],
                interpreters=["[]"],
            )

    def test_it_is_not_imported_for_that(self):
        self.assert_prints(
            """
import logging
logging.basicConfig(stream=sys.stdout)
with pool(fresh=True) as executor: print(executor.submit(eval, "'logging' in __import__('sys').modules").result())
""",
            "False",
            kinds=[INTERPRETERS],
        )


if __name__ == "__main__":
    unittest.main()
