"""Whether this is the child of a fork, which runs the preexec_fn of a subprocess: that process is its own."""
import os

is_child = False


def became_child():
    global is_child
    is_child = True


# Registered first, so that it runs before the functions of other modules.
os.register_at_fork(after_in_child=became_child)
