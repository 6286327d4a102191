"""What interpreters ask this program for: what a process of multiprocessing takes over from the one that starts it, and
to write to its streams.

They call functions of this Python, by their addresses. That takes this Python's GIL.
"""

from __future__ import annotations

import atexit
import ctypes
import os
import signal
import sys

from .._native.lending import keep_for_ever

_tracker_type = ctypes.CFUNCTYPE(ctypes.c_int)
_key_type = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_char), ctypes.c_int)
_write_type = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_int, ctypes.c_void_p, ctypes.c_int)

_is_running = ctypes.c_int(1)
_handed_out: list[int] = []  # descriptors


def _tracker() -> int:
    """A new descriptor of the pipe to multiprocessing's resource tracker, which is started if need be; -1 if not.

    Otherwise each interpreter would start one of its own. Such a tracker destroys, at the end, shared memory that an
    interpreter has only used, and complains of it.
    """
    try:
        from multiprocessing import resource_tracker

        mask = signal.pthread_sigmask(signal.SIG_BLOCK, ())
        try:
            descriptor = os.dup(resource_tracker.getfd() or -1)
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, mask)  # starting it unblocks signals
    except BaseException:  # there is nobody to tell
        return -1
    _handed_out.append(descriptor)
    return descriptor


def _key(buffer: ctypes.Array[ctypes.c_char], size: int) -> int:
    """Write the program's authentication key; how many bytes it has, -1 if there is none or it is too long."""
    try:
        from multiprocessing import process

        key = bytes(process.current_process().authkey)
        if len(key) > size:
            return -1
        ctypes.memmove(buffer, key, len(key))
        return len(key)
    except BaseException:
        return -1


def _write(descriptor: int, address: int, size: int) -> int:
    """Write a text in UTF-8 to `sys.stdout` or `sys.stderr`, as that is now; -1 if it fails."""
    try:
        stream = sys.stdout if descriptor == 1 else sys.stderr
        if stream is not None:
            stream.write(ctypes.string_at(address, size).decode())
        return 0
    except BaseException:  # it is closed, for example
        return -1


def _end() -> None:
    """No interpreter may call this Python any more, nor keep the tracker from ending, for which Python may wait."""
    _is_running.value = 0
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for descriptor in _handed_out:
        os.dup2(nowhere, descriptor, inheritable=False)
    os.close(nowhere)


_FUNCTIONS = _tracker_type(_tracker), _key_type(_key), _write_type(_write)
keep_for_ever(_is_running, *_FUNCTIONS)
atexit.register(_end)

_ADDRESSES_OF_FUNCTIONS = (ctypes.cast(function, ctypes.c_void_p).value or 0 for function in _FUNCTIONS)
ADDRESSES = ctypes.addressof(_is_running), *_ADDRESSES_OF_FUNCTIONS
"""Of the flag that this program is running, and of its functions."""
