"""Calls in threads that an event loop waits for, until they have ended, also when its task is cancelled."""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import threading
from typing import Callable

from ._native.interruptible import INTERRUPT_TIMEOUT, is_interrupt
from ._typing import Result


async def in_thread(function: Callable[[], Result], cancel: Callable[[], None]) -> Result:
    loop = asyncio.get_running_loop()
    ended: asyncio.Future[None] = loop.create_future()
    results: list[Result] = []
    errors: list[BaseException] = []

    def run() -> None:
        try:
            results.append(context.run(function))
        except BaseException as error:
            errors.append(error)
        with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits
            loop.call_soon_threadsafe(_set, ended)

    context = contextvars.copy_context()
    threading.Thread(target=run, name="ungil.aio", daemon=True).start()
    await wait(ended, cancel)
    try:
        if errors:
            raise errors[0]
        return results[0]
    finally:
        errors.clear()  # the traceback holds this frame


async def wait(ended: asyncio.Future[None], cancel: Callable[[], None]) -> None:
    """Wait, even if the task is cancelled: then cancel the call, and raise the cancellation after waiting.

    After Ctrl-C it does not wait for longer than INTERRUPT_TIMEOUT.
    """
    cancelled: asyncio.CancelledError | None = None
    timeout = None
    while not ended.done():
        try:
            await asyncio.wait([ended], timeout=timeout)
            if timeout is not None:
                break
        except asyncio.CancelledError as error:
            cancelled = error
            cancel()
            if is_interrupt(error):
                timeout = INTERRUPT_TIMEOUT
        except BaseException:  # the loop is closed
            cancel()
            raise
    if cancelled is not None:
        raise cancelled


def _set(ended: asyncio.Future[None]) -> None:
    if not ended.done():
        ended.set_result(None)
