"""Notebooks: cells that a real Jupyter kernel runs."""

import os
import re
import sys
import tempfile
import unittest

from jupyter_client.manager import KernelManager

from references import PATIENCE

PAGE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "docs", "notebooks.md")


class Cell:
    """What has come of a cell: its output, its value as text, the name of its error, the states of widgets."""

    def __init__(self):
        self.text, self.value, self.error, self.widgets = "", None, None, []

    def add(self, kind, content):
        if kind == "stream":
            self.text += content["text"]
        elif kind == "execute_result":
            self.value = content["data"]["text/plain"]
        elif kind == "error":
            self.error = content["ename"]
        elif kind in ("comm_open", "comm_msg"):
            self.widgets.append(content["data"].get("state", {}))


class Notebook:
    def __init__(self):
        self.manager = KernelManager(kernel_name="python3")
        # The kernel of this Python, whatever other kernels are installed.
        self.manager.kernel_spec.argv[0] = sys.executable
        self.manager.start_kernel()
        self.client = self.manager.client()
        self.client.start_channels()
        self.client.wait_for_ready(timeout=PATIENCE)

    def close(self):
        self.client.stop_channels()
        self.manager.shutdown_kernel(now=True)

    def messages(self):
        while True:
            message = self.client.get_iopub_msg(timeout=PATIENCE)
            yield message["parent_header"].get("msg_id"), message["msg_type"], message["content"]

    def run(self, code, interrupt_at=None):
        """Run a cell. interrupt_at: a text after which the kernel is interrupted, as by the notebook's button."""
        cell, number = Cell(), self.client.execute(code, stop_on_error=False)
        for parent, kind, content in self.messages():
            if parent != number:
                continue
            if kind == "status" and content["execution_state"] == "idle":
                return cell
            cell.add(kind, content)
            if interrupt_at is not None and interrupt_at in cell.text:
                self.manager.interrupt_kernel()
                interrupt_at = None

    def run_until(self, code, text):
        """Run a cell, and wait until something has printed the text, for whichever cell."""
        self.client.execute(code)
        found = ""
        for _, kind, content in self.messages():
            found += content["text"] if kind == "stream" else ""
            if text in found:
                return


class Page(unittest.TestCase):
    def test_cells(self):
        """Each has the text after it as its output and value."""
        with open(PAGE, encoding="utf-8") as file:
            cells = re.findall(r"```python\n(.*?)```(?:\n+```text\n(.*?)```)?", file.read(), flags=re.DOTALL)
        self.assertGreater(len(cells), 5)
        notebook = Notebook()
        self.addCleanup(notebook.close)
        for code, expected in cells:
            with self.subTest(code):
                cell = notebook.run(code)
                value = "" if cell.value is None else cell.value + "\n"
                self.assertEqual((cell.error, cell.text + value), (None, expected))


class Cells(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.notebook = Notebook()
        cls.addClassCleanup(cls.notebook.close)
        cls.run_cells("import sys, time, ungil\npool = ungil.InterpreterPoolExecutor(2)")

    @classmethod
    def run_cells(cls, *cells):
        """The value of the last one, as text."""
        for code in cells:
            cell = cls.notebook.run(code)
            if cell.error is not None:
                raise AssertionError("%s in %s\n%s" % (cell.error, code, cell.text))
        return cell.value

    def test_functions_that_are_defined_again(self):
        cells = "def f(x): return x + %d\nlist(pool.map(f, range(3)))"
        self.assertEqual([self.run_cells(cells % i) for i in (1, 10)], ["[1, 2, 3]", "[10, 11, 12]"])
        self.assertEqual(self.run_cells("def g(x): return f(x) * 2", "pool.submit(g, 0).result()"), "20")
        self.assertEqual(self.run_cells("def f(x): return x", "pool.submit(g, 1).result()"), "2")

    def test_classes_that_are_defined_again(self):
        cells = (
            "from dataclasses import dataclass\n@dataclass\nclass Point:\n    x: int\n    y: int = %d",
            "points = list(pool.map(Point, [1, 2]))",
            "points, {type(point) for point in points} == {Point}, pool.submit(lambda: points[0] == Point(1)).result()",
        )
        for y in (0, 5):
            found = self.run_cells(cells[0] % y, *cells[1:])
            self.assertEqual(found, "([Point(x=1, y=%d), Point(x=2, y=%d)], True, True)" % (y, y))

    def test_errors_show_the_cell(self):
        cell = self.notebook.run("def divide(x): return 1 / x\npool.submit(divide, 0).result()")
        self.assertEqual(cell.error, "ZeroDivisionError")
        text = self.run_cells(
            "try: pool.submit(divide, 0).result()\nexcept ZeroDivisionError as error: text = str(error.__cause__)",
            "'def divide(x): return 1 / x' in text",
        )
        self.assertEqual(text, "True")

    def test_a_progress_bar(self):
        cell = self.notebook.run(
            "from tqdm.notebook import tqdm\nsum(tqdm(pool.map(abs, range(-30, 0)), mininterval=0))"
        )
        self.assertEqual((cell.error, cell.value), (None, "465"))
        numbers = [state["value"] for state in cell.widgets if isinstance(state.get("value"), float)]
        self.assertEqual((numbers[-1], numbers == sorted(numbers)), (30.0, True))
        self.assertIn(30.0, [state.get("max") for state in cell.widgets])
        self.assertIn("success", [state.get("bar_style") for state in cell.widgets])

    def test_output_comes_to_the_cell_on_request(self):
        cell = self.notebook.run(
            "with ungil.InterpreterPoolExecutor(2, redirect_output=True) as printing:\n"
            "    printing.submit(print, 'of a task').result()"
        )
        self.assertEqual((cell.error, cell.text), (None, "of a task\n"))

    def test_output_of_the_descriptors_comes_to_the_notebook(self):
        self.notebook.run_until("pool.submit(print, 'by descriptor').result()", "by descriptor\n")

    def test_interrupts(self):
        self.run_cells(
            "def slow(x):\n    print('begun')\n    time.sleep(1000)",
            "printing = ungil.InterpreterPoolExecutor(2, redirect_output=True)",
        )
        for code in (
            "printing.submit(slow, 1).result()",
            "list(printing.map(slow, range(10)))",
            "with ungil.Interpreter() as one:\n    print('begun', flush=True)\n    one.call(slow, 1)",
        ):
            with self.subTest(code):
                self.assertEqual(self.notebook.run(code, interrupt_at="begun").error, "KeyboardInterrupt")
                self.assertEqual(
                    self.run_cells("list(printing.map(abs, range(3))), pool.submit(abs, -1).result()"), "([0, 1, 2], 1)"
                )

    def test_autoreload(self):
        """A pool's workers import a module once. Those of a new pool import what the file has then."""
        with tempfile.TemporaryDirectory() as directory:
            times = iter(range(2_000_000_000, 3_000_000_000, 10))  # autoreload and .pyc files go by these

            def write(number):
                path = os.path.join(directory, "reloaded.py")
                with open(path, "w") as file:
                    file.write("def f(x): return x + %d\n" % number)
                os.utime(path, (next(times),) * 2)

            write(1)
            begin = "%%load_ext autoreload\n%%autoreload 2\nsys.path.insert(0, %r)\nimport reloaded" % directory
            self.run_cells(begin, "first = ungil.InterpreterPoolExecutor(1)")
            values = "reloaded.f(0), first.submit(reloaded.f, 0).result(), first.submit(lambda: reloaded.f(0)).result()"
            self.assertEqual(self.run_cells(values), "(1, 1, 1)")
            write(20)
            self.assertEqual(self.run_cells(values), "(20, 1, 1)")
            self.run_cells("first.shutdown()", "first = ungil.InterpreterPoolExecutor(1)")
            self.assertEqual(self.run_cells(values), "(20, 20, 20)")
            self.run_cells("%autoreload 0")


if __name__ == "__main__":
    unittest.main()
