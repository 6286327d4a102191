"""The end of an interpreter's use, when it is checked in, and of Python, when the process exits.

An interpreter is not finalised: what that would do for data, threads and child processes is done here.
"""
import sys

import _io
import _thread
import gc
import time

from _ungil import exit_functions, main_thread, requests

sleep = time.sleep  # the package replaces it
GRACE = 0.5  # seconds in which daemon threads can notice that they are to end


def end_use(_):
    """As the end of a process, except for what modules need when they are used again."""
    if _thread._count() or has_children():
        end_pools()
    exit_functions.run_user()
    requests.flush()
    if _thread._count():
        end_daemon_threads()
    return b""


def end(_):
    """Returns b"" if no threads are left."""
    main_thread.become_main_thread()
    end_pools()
    join_threads()
    exit_functions._run_exitfuncs()
    flush_files()
    return b"threads" if _thread._count() else b""


def has_children():
    process = sys.modules.get("multiprocessing.process")
    return bool(getattr(process, "_children", None))


def end_pools():
    """Ends the threads and processes of pools: of concurrent.futures, multiprocessing and others that end theirs so."""
    for function in reversed(getattr(sys.modules.get("threading"), "_threading_atexits", ())):
        call_as_at_exit(function)
    # Also for the threads by which multiprocessing's queues send what was put into them.
    function = getattr(sys.modules.get("multiprocessing.util"), "_exit_function", None)
    if function is not None:
        call_as_at_exit(function)


def call_as_at_exit(function):
    """Calls an exit function whose module goes on: flags there by which it says that the process is ending are reset."""
    names = getattr(registered(function), "__globals__", {})
    flags = [name for name, value in names.items() if value is False]
    attempt(function)
    for name in flags:
        if names.get(name) is True:
            names[name] = False


def registered(function):
    """The function that was given to threading._register_atexit(), which keeps a partial object or a lambda."""
    code = getattr(function, "__code__", None)
    if code is not None and "func" in code.co_freevars:
        return function.__closure__[code.co_freevars.index("func")].cell_contents
    return getattr(function, "func", function)


def join_threads():
    """As threading._shutdown(), which only the thread may call that has imported the module."""
    threading = sys.modules.get("threading")
    if threading is not None:
        for thread in threading.enumerate():
            if not thread.daemon and thread is not threading.main_thread():
                attempt(thread.join)


def end_daemon_threads():
    """Raises SystemExit in the user's threads that are daemons. One that waits in C does not notice that."""
    try:
        import ctypes
        import threading
    except ImportError:
        return
    for thread in threading.enumerate():
        if thread.daemon and is_of_user(thread, threading):
            ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread.ident), ctypes.py_object(SystemExit))
    end = time.monotonic() + GRACE
    while _thread._count() and time.monotonic() < end:
        sleep(0.005)


def is_of_user(thread, threading):
    """Whether it runs code of __main__, and not of a module, which may count on its thread later."""
    owner = thread if type(thread) is not threading.Thread else getattr(thread, "_target", None)
    return getattr(owner, "__module__", None) == "__main__" or owner is time.sleep


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
