"""Signals and faulthandler work as in a process, as far as the interpreter alone is concerned (interpose/signal.rs)."""
import _signal
import faulthandler

initial = {number: _signal.getsignal(number) for number in _signal.valid_signals()}
# Those of faulthandler.enable() are not faulthandler.register()'s.
registrable = set(initial) - {_signal.SIGSEGV, _signal.SIGFPE, _signal.SIGABRT, _signal.SIGBUS, _signal.SIGILL}
initially_enabled = faulthandler.is_enabled()


def reset():
    """Restores what a user has changed."""
    faulthandler.cancel_dump_traceback_later()
    if faulthandler.is_enabled() and not initially_enabled:
        faulthandler.disable()
    for number in registrable:
        faulthandler.unregister(number)
    for number, handler in initial.items():
        if _signal.getsignal(number) is not handler:
            _signal.signal(number, handler)
    if _signal.getitimer(_signal.ITIMER_REAL)[0]:
        _signal.setitimer(_signal.ITIMER_REAL, 0)
    _signal.set_wakeup_fd(-1)
