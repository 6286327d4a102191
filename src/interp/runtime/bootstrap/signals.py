"""Signals and faulthandler work as in a process, as far as the interpreter alone is concerned (interpose/signal.rs)."""
import _signal
import faulthandler

initial = {number: _signal.getsignal(number) for number in _signal.valid_signals()}
initially_enabled = faulthandler.is_enabled()


def reset():
    """Restores what a user has changed."""
    faulthandler.cancel_dump_traceback_later()
    if faulthandler.is_enabled() and not initially_enabled:
        faulthandler.disable()
    for number, handler in initial.items():
        faulthandler.unregister(number)
        if _signal.getsignal(number) is not handler:
            _signal.signal(number, handler)
    if _signal.getitimer(_signal.ITIMER_REAL)[0]:
        _signal.setitimer(_signal.ITIMER_REAL, 0)
    _signal.set_wakeup_fd(-1)
