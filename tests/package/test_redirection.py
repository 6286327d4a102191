"""With `redirect_output`, tasks print to the streams that the program has at the time."""

import io
import sys
import unittest
from contextlib import redirect_stderr, redirect_stdout
from unittest import mock

import ungil
from support import HAS_INTERPRETERS, NEEDS_INTERPRETERS, run_script


@unittest.skipUnless(HAS_INTERPRETERS, NEEDS_INTERPRETERS)
class Redirection(unittest.TestCase):
    def redirected(self, function, *args):
        """What a task prints to both."""
        pool = ungil.InterpreterPoolExecutor(2, redirect_output=True)
        with redirect_stdout(io.StringIO()) as output, redirect_stderr(io.StringIO()) as errors, pool:
            pool.submit(function, *args).result()
        return output.getvalue(), errors.getvalue()

    def test_each_stream(self):
        def talk():
            print("to", "stdout")
            print("é\u20ac\U0001f600", end="", file=sys.stderr)

        self.assertEqual(self.redirected(talk), ("to stdout\n", "é\u20ac\U0001f600"))

    def test_it_is_there_when_the_task_is_done(self):
        with ungil.InterpreterPoolExecutor(1, redirect_output=True) as pool:
            for text in "one", "two":
                with redirect_stdout(io.StringIO()) as output:
                    pool.submit(print, text, end="").result()
                    self.assertEqual(output.getvalue(), text)

    def test_each_print_is_one_write(self):
        class Writes(list):
            write = list.append

        writes = Writes()
        with mock.patch.object(sys, "stdout", writes), ungil.InterpreterPoolExecutor(4, redirect_output=True) as pool:
            list(pool.map(print, range(100), ["x" * 5000] * 100))
        self.assertEqual(sorted(writes), sorted("%d %s\n" % (i, "x" * 5000) for i in range(100)))

    def test_bytes_and_long_texts(self):
        def talk():
            sys.stdout.buffer.write("\u20ac".encode()[:2])
            sys.stdout.buffer.flush()
            sys.stdout.buffer.write("\u20ac".encode()[2:] + b"\xff\n")
            print("\u20ac" * (1 << 20), "\udc80")

        self.assertEqual(self.redirected(talk)[0], "\u20ac\ufffd\n" + "\u20ac" * (1 << 20) + " \\udc80\n")

    def test_threads_logging_and_tracebacks_of_tasks(self):
        def talk():
            import logging
            import threading

            thread = threading.Thread(target=print, args=("of a thread",))
            thread.start()
            thread.join()
            logging.warning("of logging")

        output, errors = self.redirected(talk)
        self.assertEqual((output, errors.endswith("of logging\n")), ("of a thread\n", True))

    def test_of_initializers_streams_and_actors(self):
        class Talker:
            def talk(self):
                print("of an actor")

        def items():
            print("of a stream")
            yield 1

        with redirect_stdout(io.StringIO()) as output:
            options = {"initializer": print, "initargs": ("begin",), "redirect_output": True}
            with ungil.InterpreterPoolExecutor(1, **options) as pool, pool.actor(Talker) as actor:
                actor.talk().result()
                list(pool.stream(items))
                pool.submit(print, "of a task").result()
        expected = ["begin", "begin", "begin", "of a stream", "of a task", "of an actor"]
        self.assertEqual(sorted(output.getvalue().splitlines()), expected)

    def test_the_next_pool_prints_to_the_descriptor(self):
        script = """
            import contextlib, io, ungil
            for redirects in (True, False):
                with contextlib.redirect_stdout(io.StringIO()) as captured:
                    with ungil.InterpreterPoolExecutor(1, redirect_output=redirects) as pool:
                        pool.submit(print, redirects).result()
                print([captured.getvalue()])
            """
        self.assertEqual(run_script(script), (0, "['True\\n']\nFalse\n['']\n", ""))

    def test_where_the_programs_stream_fails_or_is_missing(self):
        script = """
            import io, sys, ungil
            closed = io.StringIO()
            closed.close()
            with ungil.InterpreterPoolExecutor(1, redirect_output=True) as pool:
                for stream in (closed, None):
                    sys.stdout = stream
                    pool.submit(print, "to", stream is closed).result()
            """
        self.assertEqual(run_script(script), (0, "to True\n", ""))

    def test_a_thread_that_goes_on_while_the_program_ends(self):
        """Its text is lost, or is written; the program ends."""
        script = """
            import threading, ungil
            def talk():
                def go_on():
                    while True: print("x")
                threading.Thread(target=go_on, daemon=True).start()
            pool = ungil.InterpreterPoolExecutor(1, redirect_output=True)
            pool.submit(talk).result()
            """
        status, output, errors = run_script(script)
        self.assertEqual((status, set(output), errors), (0, {"x", "\n"}, ""))

    def test_wrong_values(self):
        with self.assertRaisesRegex(TypeError, "redirect_output: expected a bool"):
            ungil.InterpreterPoolExecutor(1, redirect_output=1)


if __name__ == "__main__":
    unittest.main()
