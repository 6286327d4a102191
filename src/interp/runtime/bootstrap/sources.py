"""The source code of requests, for tracebacks."""
import sys

import _thread
import itertools

import _ungil

MAX_SOURCES = 64
BYTE_ORDER_MARK = b"\xef\xbb\xbf"

# The latest sources, by the file names of their code.
sources = {}
numbers = itertools.count(1)
lock = _thread.RLock()  # for sources and numbers


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


# For the package's own code.
_ungil.compiled, _ungil.show_sources = compiled, show_sources
