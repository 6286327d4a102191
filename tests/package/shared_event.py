"""An event that tasks and their program share."""

import time

import ungil


class SharedEvent:
    """An event in a byte of memory, which interpreters have as well when it is sent to them."""

    def __init__(self, memory=None):
        self.memory = bytearray(1) if memory is None else memory

    def __reduce__(self):
        return SharedEvent, (ungil.share(self.memory, writable=True),)

    def set(self):
        self.memory[0] = 1

    def wait(self):
        while not self.memory[0]:
            time.sleep(0.001)
