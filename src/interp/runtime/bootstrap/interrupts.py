"""What the delivery of interrupts needs to know of an interpreter."""
import sys

IMPORT_SYSTEM = "<frozen importlib._bootstrap>"


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
