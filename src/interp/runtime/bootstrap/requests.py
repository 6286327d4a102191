"""The functions that requests call."""
import sys

import __main__
import _ungil
from _ungil import sources


def execute(source):
    try:
        exec(sources.compiled(source, "exec"), __main__.__dict__)
    finally:
        flush()
    return b""


def evaluate(expression):
    try:
        value = str(eval(sources.compiled(expression.strip(), "eval"), __main__.__dict__))
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


is_spoiled = False


def spoil():
    """Keeps the interpreter from being used again: modules are left that were imported in part."""
    global is_spoiled
    is_spoiled = True


def reset():
    global handler
    handler = no_handler
    if is_spoiled:
        raise RuntimeError("an import was interrupted")


_ungil.serve, _ungil.spoil = serve, spoil
