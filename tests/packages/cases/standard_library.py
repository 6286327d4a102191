"""Modules of Python's own that use libraries, or what a process has once."""

from . import case


@case(quick=True)
def sqlite3():
    import sqlite3

    connection = sqlite3.connect(":memory:")
    connection.create_function("twice", 1, lambda x: 2 * x)
    connection.execute("create table t(x)")
    connection.executemany("insert into t values (?)", [(i,) for i in range(1000)])
    assert connection.execute("select sum(twice(x)) from t").fetchone() == (999000,)
    connection.close()


@case(quick=True)
def ssl():
    import hashlib
    import ssl

    assert ssl.create_default_context().verify_mode == ssl.CERT_REQUIRED
    assert hashlib.md5(b"").hexdigest() == "d41d8cd98f00b204e9800998ecf8427e"


@case()
def decimal():
    import decimal

    with decimal.localcontext() as context:
        context.prec = 60
        assert len(str(decimal.Decimal(2).sqrt())) == 61


@case()
def zoneinfo():
    import datetime
    import zoneinfo

    noon = datetime.datetime(2021, 12, 1, 12, tzinfo=zoneinfo.ZoneInfo("America/New_York"))
    assert noon.utcoffset() == datetime.timedelta(hours=-5)


@case()
def ctypes():
    import ctypes

    compare = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_int), ctypes.POINTER(ctypes.c_int))
    values = (ctypes.c_int * 6)(4, 1, 6, 3, 2, 5)
    ctypes.CDLL("libc.so.6").qsort(values, 6, 4, compare(lambda a, b: b[0] - a[0]))
    assert list(values) == [6, 5, 4, 3, 2, 1]


@case()
def threading():
    import queue
    import threading

    numbers = queue.Queue()
    threads = [threading.Thread(target=numbers.put, args=(n,)) for n in range(30)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(numbers.queue) == list(range(30))


@case()
def concurrent_futures():
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(str, range(100))) == [str(n) for n in range(100)]


@case(quick=True)
def subprocess():
    import subprocess

    assert subprocess.run(["cat"], input=b"text", capture_output=True).stdout == b"text"


@case()
def asyncio_subprocess():
    import asyncio

    async def main():
        child = await asyncio.create_subprocess_exec("cat", stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE)
        return (await child.communicate(b"text"))[0]

    assert asyncio.run(main()) == b"text"


@case()
def multiprocessing():
    import math
    import multiprocessing

    with multiprocessing.get_context("spawn").Pool(1) as pool:
        assert pool.map(math.factorial, [3, 4]) == [6, 24]


@case(quick=True)
def signal():
    import signal

    before = signal.getsignal(signal.SIGTERM)
    try:
        signal.signal(signal.SIGTERM, lambda number, frame: None)
        assert callable(signal.getsignal(signal.SIGTERM))
    finally:
        signal.signal(signal.SIGTERM, before)


@case()
def faulthandler():
    import faulthandler

    was_enabled = faulthandler.is_enabled()
    faulthandler.enable()
    assert faulthandler.is_enabled()
    if not was_enabled:
        faulthandler.disable()


@case()
def tkinter():
    import tkinter

    assert tkinter.Tcl().eval("expr {6 * 7}") == "42"


@case()
def readline():
    import readline

    readline.parse_and_bind("tab: complete")


@case()
def curses():
    import curses

    curses.setupterm("xterm", 1)
    assert curses.tigetnum("colors") > 0


@case()
def warnings():
    import logging
    import warnings

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        warnings.warn("text", stacklevel=1)
    assert len(caught) == 1
    with_level = logging.getLogger("case")
    with_level.setLevel(logging.INFO)
    assert with_level.isEnabledFor(logging.INFO) and not with_level.isEnabledFor(logging.DEBUG)


@case()
def unittest():
    import io
    import unittest

    class Test(unittest.TestCase):
        def test(self):
            with self.assertRaises(ZeroDivisionError):
                1 // 0

    suite = unittest.defaultTestLoader.loadTestsFromTestCase(Test)
    assert unittest.TextTestRunner(io.StringIO()).run(suite).wasSuccessful()


@case()
def importlib():
    import importlib.metadata
    import importlib.resources

    assert importlib.metadata.version("cloudpickle")
    assert importlib.resources.files("email").joinpath("__init__.py").is_file()


@case()
def gc():
    import gc
    import weakref

    class Node:
        pass

    node = Node()
    node.self, reference = node, weakref.ref(node)
    del node
    gc.collect()
    assert reference() is None
