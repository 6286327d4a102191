"""Runs first in each private copy of Python.

It disables what would affect the whole process, and defines the functions that requests call.
"""
import sys

import _signal
import _thread
import builtins
import faulthandler
import gc
import itertools
import os
import posix
import types

import __main__

FILE = "<ungil bootstrap>"
MAX_SOURCES = 64


# Functions that would affect the whole process.


# Whether this is the child of a fork, which runs the preexec_fn of a subprocess: that process is its own.
is_child = False


def became_child():
    global is_child
    is_child = True


# Registered first, so that it runs before the functions of other modules.
os.register_at_fork(after_in_child=became_child)


def refused(original, name, error=RuntimeError, instead=""):
    def function(*args, **kwargs):
        if is_child:
            return original(*args, **kwargs)
        raise error(
            "%s is not supported in an isolated interpreter: it would affect the whole process%s" % (name, instead)
        )

    function.__name__ = function.__qualname__ = name.rpartition(".")[2]
    return function


def refuse(package, modules, name, *args):
    if hasattr(modules[0], name):
        replace(modules, name, refused(getattr(modules[0], name), package + "." + name, *args))


def replace(modules, name, function):
    original = getattr(modules[0], name)
    for module in modules:
        setattr(module, name, function)
    for group in (os.supports_fd, os.supports_follow_symlinks, os.supports_dir_fd, os.supports_effective_ids):
        if original in group:
            group.add(function)


refuse("os", [posix, os], "fork", RuntimeError, "; subprocess and multiprocessing's \"spawn\" work")
refuse("os", [posix, os], "forkpty")
refuse("os", [posix, os], "_exit", RuntimeError, "; sys.exit ends the request")
refuse("os", [posix, os], "abort")
for name in ("execv", "execve"):
    refuse("os", [posix, os], name, RuntimeError, "; subprocess works")
# ValueError: signal raises it outside the main thread, and callers are prepared for that.
signal_modules = [module for module in (_signal, sys.modules.get("signal")) if module]
for name in ("signal", "set_wakeup_fd", "siginterrupt", "setitimer", "alarm"):
    refuse("signal", signal_modules, name, ValueError)
for name in ("enable", "register", "dump_traceback_later"):
    refuse("faulthandler", [faulthandler], name)


# The process's working directory before this interpreter changed it.
original_directory = None


def restorable(change):
    def chdir(path):
        global original_directory
        before = posix.getcwd() if original_directory is None else original_directory
        change(path)
        original_directory = before

    chdir.__name__ = chdir.__qualname__ = change.__name__
    chdir.__doc__ = change.__doc__
    return chdir


for name in ("chdir", "fchdir"):
    replace([posix, os], name, restorable(getattr(posix, name)))


# Settings.

ENCODING = sys.getfilesystemencoding()


def configure(settings):
    """Applies the options that are set after the start: lines of name=value."""
    lists = {}
    for line in settings.split(b"\n"):
        name, _, value = line.decode(ENCODING, "surrogateescape").partition("=")
        lists.setdefault(name, []).append(value)
    module.libpython = lists.get("libpython", [module.libpython])[-1]
    if "path" in lists:
        sys.path[:] = lists["path"]
    sys.argv = lists.get("argv", [""])
    if lists.get("executable", [""])[-1]:
        sys.executable = lists["executable"][-1]
    sys.pycache_prefix = lists.get("pycache_prefix", [sys.pycache_prefix])[-1]
    if hasattr(sys, "set_int_max_str_digits") and "int_max_str_digits" in lists:
        sys.set_int_max_str_digits(int(lists["int_max_str_digits"][-1]))
    for option in lists.get("xoption", ()):
        name, equals, value = option.partition("=")
        sys._xoptions[name] = value if equals else True
    if lists.get("warnoption", sys.warnoptions) != sys.warnoptions:
        import warnings

        sys.warnoptions[:] = lists["warnoption"]
        warnings._processoptions(sys.warnoptions)
    # The interpreter is never finalised, which would flush it.
    if hasattr(sys.stdout, "reconfigure"):
        sys.stdout.reconfigure(line_buffering=True)
    note_initial()
    return b""


initial = {}


def note_initial():
    """Notes what a reset restores. (Modules stay imported, with what they changed.)"""
    initial["path"] = list(sys.path)
    initial["argv"] = list(sys.argv)


builtin_names = dict(builtins.__dict__)
main_names = dict(__main__.__dict__, __builtins__=builtins)
own_modules = {module.__name__: module for module in (sys, builtins, os, posix, __main__)}
hooks = {name: getattr(sys, name) for name in ("excepthook", "displayhook", "breakpointhook", "unraisablehook")}
finders = list(sys.meta_path), list(sys.path_hooks)
recursion_limit = sys.getrecursionlimit()


def reset(_):
    """Removes what a user left behind, except modules. Fails if threads are left: the next user would have them, too."""
    global handler, original_directory
    builtins.__dict__.update(builtin_names)
    sys.modules.update(own_modules)
    sys.setrecursionlimit(recursion_limit)
    _thread.stack_size(0)
    if _thread._count():
        raise RuntimeError("threads are left")
    handler = no_handler
    sources.clear()
    __main__.__dict__.clear()
    __main__.__dict__.update(main_names)
    sys.path[:] = initial["path"]
    sys.argv = list(initial["argv"])
    sys.stdin, sys.stdout, sys.stderr = sys.__stdin__, sys.__stdout__, sys.__stderr__
    # The package stays imported, and so does its finder (ungil/_native/threadpoolctl.py).
    own = [finder for finder in sys.meta_path if type(finder).__module__ == "ungil._native.threadpoolctl"]
    sys.meta_path[:], sys.path_hooks[:] = own + finders[0], finders[1]
    for name, hook in hooks.items():
        setattr(sys, name, hook)
    gc.enable()
    gc.collect()
    if original_directory is not None:
        os.chdir(original_directory)
        original_directory = None
    return b""


def reinitialize(variables):
    """Prepares for another user: sets the environment, as it is now."""
    os.environ._data.clear()
    for variable in variables.split(b"\0"):
        name, equals, value = variable.partition(b"=")
        if equals:
            os.environ._data[name] = value
    return b""


# Requests.

# The latest sources, by the file names of their code, for tracebacks.
sources = {}
numbers = itertools.count(1)
lock = _thread.RLock()  # for sources and numbers
BYTE_ORDER_MARK = b"\xef\xbb\xbf"


def compiled(source, mode):
    """Compiles source in UTF-8."""
    linecache = None
    if sys.modules.get("linecache"):
        import linecache  # waits if another thread is importing it
    text = source[3 * source.startswith(BYTE_ORDER_MARK) :].decode()
    with lock:
        name = "<%s %d>" % (mode, next(numbers))
        sources[name] = text
        while len(sources) > MAX_SOURCES:
            old = next(iter(sources))
            sources.pop(old, None)
            linecache and linecache.cache.pop(old, None)
        if linecache:
            show(linecache, name, text)
    return compile(text, name, mode, dont_inherit=True)


def show(linecache, name, text):
    linecache.cache[name] = (len(text), None, text.splitlines(True), name)


def show_sources():
    """Shows the sources to linecache. It is imported only here, as that takes a tenth of the time of a start."""
    import linecache

    with lock:
        for name in list(linecache.cache):
            if name.startswith(("<exec ", "<eval ")) and name not in sources:
                linecache.cache.pop(name, None)
        for name, text in sources.items():
            show(linecache, name, text)


def execute(source):
    try:
        exec(compiled(source, "exec"), __main__.__dict__)
    finally:
        flush()
    return b""


def evaluate(expression):
    try:
        value = str(eval(compiled(expression.strip(), "eval"), __main__.__dict__))
    finally:
        flush()
    return value.encode("utf-8", "surrogatepass")


def call(request, *buffers):
    """The handler's answer, as a tuple of objects with a buffer."""
    try:
        answer = handler(request, *buffers)
    finally:
        flush()
    return answer if type(answer) is tuple else (answer,)


def flush():
    for name in "stdout", "stderr":
        try:
            getattr(sys, name).flush()
        except Exception:  # it is closed, or replaced by something else
            pass


def no_handler(request, *buffers):
    raise RuntimeError("no function handles requests: import _ungil, and call _ungil.serve(function) first")


handler = no_handler


def serve(function):
    """Makes requests go to function(request, *buffers).

    request is a bytes object, buffers are memoryviews. The function returns an object with a buffer, bytes for
    example, or a tuple of several: the response and its buffers, which are not copied.
    """
    global handler
    if not callable(function):
        raise TypeError("serve() takes a function, not %s" % type(function).__name__)
    handler = function
    return function


def importing_threads(_):
    """The threads that are in the import system itself: an interrupt there would leave its locks held."""
    frames = sys._current_frames()
    inside = [thread for thread, frame in frames.items() if frame.f_code.co_filename == IMPORT_SYSTEM]
    return b" ".join(b"%d" % thread for thread in inside)


def drain_async_exc(_):
    """Runs code for long enough that an asynchronous exception which was set is raised."""
    for _ in range(1000):
        pass
    return b""


IMPORT_SYSTEM = "<frozen importlib._bootstrap>"


traceback_of = BaseException.__traceback__.__get__


def describe(error=None):
    """The text of an exception: type and message on the first line, then the traceback."""
    kind, trace = type(error), None if error is None else traceback_of(error)
    while trace is not None and trace.tb_frame.f_code.co_filename == FILE:
        trace = trace.tb_next
    try:
        import traceback

        show_sources()
        brief = traceback.format_exception_only(kind, error)
        whole = traceback.format_exception(kind, error, trace)
        first = next((line for line in brief if not line.startswith(" ")), brief[-1])
        text = "".join([first] + whole * (whole != brief))
    except BaseException as failure:  # raised by the exception's own __str__, or as the stack is full
        text = "%s: <exception str() failed: %s>" % (kind.__name__, type(failure).__name__)
    return text.rstrip("\n").encode("utf-8", "backslashreplace")


module = types.ModuleType("_ungil", "The isolated interpreter that this code runs in.")
module.serve = serve
# For the package's own code.
module.FILE, module.compiled, module.show_sources = FILE, compiled, show_sources
module.libpython = None  # the file that this interpreter is a copy of
sys.modules["_ungil"] = own_modules["_ungil"] = module
