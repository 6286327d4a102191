"""Ctrl-C in the example of a progress bar."""
import os
import signal
import subprocess
import sys
import unittest

from support import PROJECT


class Progress(unittest.TestCase):
    def test_ctrl_c_stops_a_script_with_status_130(self):
        script = os.path.join(PROJECT, "examples", "python", "progress.py")
        process = subprocess.Popen(
            [sys.executable, script, "50000000"],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=dict(os.environ, UNGIL_NUM_THREADS="1"),  # or a large machine is done at once
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # a background job ignores it
        )
        shown = b""
        while b"%" not in shown:  # the bar: the call has begun
            more = process.stderr.read(1)
            self.assertTrue(more, "it ended before its bar came: %r" % shown)
            shown += more
        process.send_signal(signal.SIGINT)
        output, errors = process.communicate()
        self.assertEqual(process.returncode, 130, errors)
        self.assertIn(b"stopped: ", output)
        self.assertNotIn(b"Traceback", errors)

    def test_ctrl_c_before_the_thread_has_begun(self):
        code = """if True:
            import sys, threading
            sys.path.insert(0, sys.argv[1])
            import progress
            class Interrupted(threading.Thread):
                def start(self):
                    raise KeyboardInterrupt
            progress.threading.Thread = Interrupted
            try:
                progress.main(1000)
            except KeyboardInterrupt:
                print("interrupted")
        """
        folder = os.path.join(PROJECT, "examples", "python")
        output = subprocess.check_output([sys.executable, "-c", code, folder])
        self.assertEqual(output.splitlines()[1:], [b"stopped: 0 of 0 numbers were done", b"interrupted"])


if __name__ == "__main__":
    unittest.main()
