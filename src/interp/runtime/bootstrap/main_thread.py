"""The main thread, for the module `threading`: that of the request that is the main one."""
import sys

import _thread

never_released = _thread.allocate_lock()
never_released.acquire()


def become_main_thread():
    """Makes the calling thread the main one of `threading`. Returns b"" if that is not imported yet."""
    threading = sys.modules.get("threading")
    main = getattr(threading, "_main_thread", None)
    if main is None:
        return b""
    try:
        move(main, threading._active)
        keep_alive(main, threading)
        trace(threading)
    except Exception:  # it was replaced by something else
        pass
    return b"ready"


def move(main, active):
    here = _thread.get_ident()
    if main._ident != here or active.get(here) is not main:
        if active.get(main._ident) is main:
            del active[main._ident]
        main._ident = here
        if hasattr(main, "_native_id"):
            main._native_id = _thread.get_native_id()
        active[here] = main


def keep_alive(main, threading):
    """Before Python 3.13, a thread is taken to have ended when its thread state, which is that of one request, is freed."""
    if getattr(main, "_tstate_lock", never_released) is not never_released:
        threading._shutdown_locks.discard(main._tstate_lock)
        main._tstate_lock, main._is_stopped = never_released, False


def trace(threading):
    """As in a thread that `threading` starts: for coverage.py, for example, which a .pth file starts in an interpreter."""
    for name, get, set in (("_trace_hook", sys.gettrace, sys.settrace), ("_profile_hook", sys.getprofile, sys.setprofile)):
        hook = getattr(threading, name, None)
        if hook is not None and get() is None:
            set(hook)
