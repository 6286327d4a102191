"""The environment in which programs find the library that was built, and nothing else of the project."""
import os

PROJECT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
LIBRARIES = os.path.join(PROJECT, "build", "lib")


def environment():
    """find_library asks the linker (LIBRARY_PATH), and dlopen the loader (LD_LIBRARY_PATH)."""
    settings = dict(os.environ, LIBRARY_PATH=LIBRARIES, LD_LIBRARY_PATH=LIBRARIES)
    settings.pop("UNGIL_NUM_THREADS", None)  # UNGIL_CPU stays: the tests pass at every level
    settings.pop("PYTHONPATH", None)
    return settings
