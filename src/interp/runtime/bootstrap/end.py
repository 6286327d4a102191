"""The end of Python when the process exits. An interpreter is not finalised: what that would do for data is done here."""
import sys

import _io
import gc


def end(_):
    end_threads()
    if "atexit" in sys.modules:
        sys.modules["atexit"]._run_exitfuncs()
    flush_files()
    return b""


def end_threads():
    """As threading._shutdown(), which only the thread may call that has imported the module."""
    threading = sys.modules.get("threading")
    if threading is not None:
        for function in reversed(getattr(threading, "_threading_atexits", ())):
            attempt(function)
        for thread in threading.enumerate():
            if not thread.daemon and thread is not threading.main_thread():
                attempt(thread.join)


def flush_files():
    """Flushes the files that were left open. Those that compress write their last block when they are closed."""
    files = [it for it in gc.get_objects() if issubclass(type(it), _io._IOBase)]
    for file in files:
        if issubclass(type(file), _io.TextIOWrapper):
            attempt(file.flush)
    for file in files:
        if issubclass(type(file), _io._BufferedIOBase) and type(file).__module__ != "_io":
            attempt(file.close)
    for file in files:
        if issubclass(type(file), (_io.BufferedWriter, _io.BufferedRandom)):
            attempt(file.flush)


def attempt(function):
    try:
        function()
    except BaseException:  # a file is closed, for example
        pass
