"""The functions of ungil.kernels and ungil.functions for asyncio: `await ungil.aio.pi(10**11)`.

Each call has a thread of its own, and takes none of the loop's executor. A task that is cancelled, by asyncio.wait_for
for example, cancels its call, under the caller's control if there is one, and ends when the call is over: arrays are
not in use any more then.
"""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import functools
import inspect
import threading
from typing import TYPE_CHECKING, Any, Callable, Coroutine, TypeVar, overload

from . import functions, kernels
from .control import Control

if TYPE_CHECKING:
    from typing_extensions import ParamSpec

    from ._arrays.buffers import Integers

    Parameters = ParamSpec("Parameters")

Result = TypeVar("Result")
Out = TypeVar("Out")


async def call(function: Callable[Parameters, Result], *args: Parameters.args, **kwargs: Parameters.kwargs) -> Result:
    """function(*args, **kwargs), in a thread of its own.

    If it takes a parameter `control`, as this package's long functions do, cancellation of the task cancels that; any
    other function is waited for.
    Cost: about 100 us.
    """
    control: Any = kwargs.get("control")
    if control is not None or not _takes_control(function):
        return await _in_thread(functools.partial(function, *args, **kwargs), control)
    control = Control()
    try:
        with_control: Any = functools.partial(function, *args, **{**kwargs, "control": control})
        result: Result = await _in_thread(with_control, control)
        return result
    finally:
        control.close()


async def _in_thread(function: Callable[[], Result], control: Control | None) -> Result:
    loop = asyncio.get_running_loop()
    over: asyncio.Future[None] = loop.create_future()
    results: list[Result] = []
    errors: list[BaseException] = []

    def run() -> None:
        try:
            results.append(contextvars_then.run(function))
        except BaseException as error:
            errors.append(error)
        with contextlib.suppress(RuntimeError):  # nobody waits any more: the loop is closed
            loop.call_soon_threadsafe(_set, over)

    contextvars_then = contextvars.copy_context()
    threading.Thread(target=run, name="ungil.aio", daemon=True).start()
    await _until(over, control)
    try:
        if errors:
            raise errors[0]
        return results[0]
    finally:
        errors.clear()  # the traceback holds this frame


async def _until(over: asyncio.Future[None], control: Control | None) -> None:
    """Waits, also where the task is cancelled: then it cancels the control, and is cancelled when it has waited."""
    cancelled: asyncio.CancelledError | None = None
    while not over.done():
        try:
            await asyncio.wait([over])
        except asyncio.CancelledError as error:
            cancelled = error
            _cancel(control)
        except BaseException:  # the loop is gone
            _cancel(control)
            raise
    if cancelled is not None:
        raise cancelled


def _cancel(control: Control | None) -> None:
    if isinstance(control, Control):
        with contextlib.suppress(ValueError):  # it is closed
            control.cancel()


def _set(over: asyncio.Future[None]) -> None:
    if not over.done():
        over.set_result(None)


def _takes_control(function: Callable[..., Any]) -> bool:
    try:
        return "control" in inspect.signature(function).parameters
    except (TypeError, ValueError):  # it does not tell
        return False


def _awaitable(function: Callable[Parameters, Result]) -> Callable[Parameters, Coroutine[Any, Any, Result]]:
    @functools.wraps(function)
    async def twin(*args: Parameters.args, **kwargs: Parameters.kwargs) -> Result:
        return await call(function, *args, **kwargs)

    twin.__module__ = __name__
    return twin


num_primes = _awaitable(kernels.num_primes)
count_primes = _awaitable(kernels.count_primes)
pi = _awaitable(kernels.pi)
test = _awaitable(kernels.test)
sum = _awaitable(kernels.sum)
parallel_for = _awaitable(functions.parallel_for)
integrate = _awaitable(functions.integrate)


@overload
async def is_prime(numbers: int, *, threads: int | None = None, control: Control | None = None) -> bool: ...
@overload
async def is_prime(
    numbers: Integers, *, out: Out, threads: int | None = None, control: Control | None = None
) -> Out: ...
@overload
async def is_prime(
    numbers: Integers, *, out: None = None, threads: int | None = None, control: Control | None = None
) -> Any: ...
async def is_prime(numbers: Any, *, out: Any = None, threads: int | None = None, control: Control | None = None) -> Any:
    """ungil.is_prime(), awaited."""
    return await call(kernels.is_prime, numbers, out=out, threads=threads, control=control)


@overload
async def map(
    function: Any, numbers: Any, *, out: Out, threads: int | None = None, control: Control | None = None
) -> Out: ...
@overload
async def map(
    function: Any, numbers: Any, *, out: None = None, threads: int | None = None, control: Control | None = None
) -> Any: ...
async def map(
    function: Any, numbers: Any, *, out: Any = None, threads: int | None = None, control: Control | None = None
) -> Any:
    """ungil.map(), awaited."""
    return await call(functions.map, function, numbers, out=out, threads=threads, control=control)
