"""Awaitable forms of the package's long functions, for asyncio: ``await ungil.aio.count_primes(numbers)``.

Each call has a thread of its own and uses none of the event loop's executor; `run` has threads with interpreters. If
its task is cancelled, by asyncio.wait_for for example, the call is cancelled through its control, and the task ends
when the call has ended: its arrays are no longer in use then.
"""

from __future__ import annotations

import contextlib
import functools
import inspect
import queue
from collections.abc import AsyncIterator, Coroutine
from typing import Any, Callable, TypeVar, overload

from . import functions, kernels
from ._awaiting import in_thread
from ._typing import Integers, Parameters, Result
from .control import Control
from .exchange.barriers import Barrier
from .exchange.queues import Queue
from .exchange.sync import Counter, Event, Lock
from .interpreters._awaited import run_in_interpreter

__all__ = [
    "acquire",
    "call",
    "count_primes",
    "get",
    "integrate",
    "is_prime",
    "map",
    "parallel_for",
    "put",
    "run",
    "stream",
    "sum",
    "wait",
]

Function = TypeVar("Function", bound=Callable[..., Any])
Out = TypeVar("Out")


async def call(
    function: Callable[Parameters, Result], /, *args: Parameters.args, **kwargs: Parameters.kwargs
) -> Result:
    """Await ``function(*args, **kwargs)``, called in a thread of its own.

    Parameters
    ----------
    function : callable
        Any function. One with a parameter `control`, like this package's long functions, is cancelled with the task.
        Any other one is waited for, even if the task is cancelled; for a second at most if that is by Ctrl-C.
    *args, **kwargs
        Its arguments.

    Returns
    -------
    object
        What the function returns.

    Raises
    ------
    asyncio.CancelledError
        If the task was cancelled. The function has ended then.
    BaseException
        Whatever the function raises.

    Notes
    -----
    The function sees the caller's context variables.

    Cost: about 100 us.

    Examples
    --------
    >>> import asyncio
    >>> import ungil
    >>> from ungil import aio
    >>> asyncio.run(aio.call(ungil.compat.test, 0, 10))
    18
    """
    control: Any = kwargs.get("control")
    if control is not None or not _takes_control(function):
        return await in_thread(functools.partial(function, *args, **kwargs), functools.partial(_cancel, control))
    control = Control()
    try:
        with_control: Any = functools.partial(function, *args, **{**kwargs, "control": control})
        result: Result = await in_thread(with_control, control.cancel)
        return result
    finally:
        control.close()


async def run(function: Callable[Parameters, Result], /, *args: Parameters.args, **kwargs: Parameters.kwargs) -> Result:
    """Await ``function(*args, **kwargs)``, called in an interpreter: `asyncio.to_thread`, without the program's GIL.

    Parameters
    ----------
    function : callable
        Any function that pickle or cloudpickle can pickle.
    *args, **kwargs
        Its arguments.

    Returns
    -------
    object
        The function's result.

    Raises
    ------
    asyncio.CancelledError
        If the task was cancelled. A function that ran was interrupted, and has ended, unless it goes on for a second:
        then it is left behind, and its interpreter runs no other function before it has ended.
    Exception
        As for `Interpreter` and `Interpreter.call`.

    Notes
    -----
    The process has `ungil.num_threads()` interpreters for this, which start when they are needed and then stay. Other
    calls wait until one is free, as those of `asyncio.to_thread` do. Context variables are not seen there.

    Cost: that of an `Interpreter` for the first calls; then 100 to 200 us.

    Examples
    --------
    >>> import asyncio
    >>> import ungil
    >>> asyncio.run(ungil.aio.run(sum, range(10)))
    45
    """
    result: Result = await run_in_interpreter(function, args, kwargs)
    return result


async def stream(executor: Any, source: Any, /, *args: Any, buffersize: int = 16, **kwargs: Any) -> AsyncIterator[Any]:
    """Iterate over the items of a generator that runs in an interpreter, as `InterpreterPoolExecutor.stream` does.

    Parameters
    ----------
    executor : InterpreterPoolExecutor
        The pool.
    source, *args, buffersize, **kwargs
        As for its `stream`.

    Yields
    ------
    object
        The items.

    Raises
    ------
    Exception
        As for its `stream`.

    Notes
    -----
    If the task is cancelled while it waits for an item, it ends at once, and the generator is closed when it comes to
    its next one. As with any asynchronous generator, a loop that is left early does not close it: `contextlib.aclosing`
    (Python 3.10) does.

    Examples
    --------
    >>> import asyncio
    >>> import ungil
    >>> def countdown(n):
    ...     while n:
    ...         yield n
    ...         n -= 1
    >>> async def main():
    ...     with ungil.InterpreterPoolExecutor() as pool:
    ...         return [n async for n in ungil.aio.stream(pool, countdown, 3)]
    >>> asyncio.run(main())
    [3, 2, 1]
    """
    items = executor.stream(source, *args, buffersize=buffersize, **kwargs)
    try:
        while True:
            if not items.is_ready:
                await in_thread(items.wait, items.cancel)
            try:
                item = next(items)
            except StopIteration:
                return
            yield item
            del item
    finally:
        items.cancel()


def _cancel(control: Control | None) -> None:
    if isinstance(control, Control):
        with contextlib.suppress(ValueError):  # the control is closed
            control.cancel()


def _takes_control(function: Callable[..., Any]) -> bool:
    try:
        return "control" in inspect.signature(function).parameters
    except (TypeError, ValueError):  # it has no signature that Python knows
        return False


def _documented_as(original: Callable[..., Any]) -> Callable[[Function], Function]:
    """Give a function the docstring of its synchronous form, without the examples, which are for that."""

    def decorate(function: Function) -> Function:
        if original.__doc__ is not None:  # it is None under python -OO
            title = "Awaitable form of `ungil.%s`, with the same parameters, result and exceptions." % original.__name__
            sections = inspect.cleandoc(original.__doc__).partition("\n\n")[2].partition("Examples\n--------")[0]
            function.__doc__ = title + "\n\n" + sections.rstrip()
        return function

    return decorate


def _awaitable(function: Callable[Parameters, Result]) -> Callable[Parameters, Coroutine[Any, Any, Result]]:
    @functools.wraps(function)
    async def awaitable(*args: Parameters.args, **kwargs: Parameters.kwargs) -> Result:
        return await call(function, *args, **kwargs)

    awaitable.__module__ = __name__
    return _documented_as(function)(awaitable)


count_primes = _awaitable(kernels.count_primes)
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
@_documented_as(kernels.is_prime)
async def is_prime(numbers: Any, *, out: Any = None, threads: int | None = None, control: Control | None = None) -> Any:
    return await call(kernels.is_prime, numbers, out=out, threads=threads, control=control)


@overload
async def map(
    function: Any, numbers: Any, *, out: Out, threads: int | None = None, control: Control | None = None
) -> Out: ...
@overload
async def map(
    function: Any, numbers: Any, *, out: None = None, threads: int | None = None, control: Control | None = None
) -> Any: ...
@_documented_as(functions.map)
async def map(
    function: Any, numbers: Any, *, out: Any = None, threads: int | None = None, control: Control | None = None
) -> Any:
    return await call(functions.map, function, numbers, out=out, threads=threads, control=control)


async def get(source: Queue, /, timeout: float | None = None) -> Any:
    """Awaitable form of `ungil.Queue.get`.

    Parameters
    ----------
    source : Queue
        The queue.
    timeout : float, optional
        How many seconds to wait at most. By default there is no limit.

    Returns
    -------
    object
        The item. If the task is cancelled, no item is lost.

    Raises
    ------
    queue.Empty, ShutDown, ValueError, Exception
        As for `ungil.Queue.get`.

    Examples
    --------
    >>> import asyncio
    >>> import ungil
    >>> queue = ungil.Queue()
    >>> queue.put("item")
    >>> asyncio.run(ungil.aio.get(queue))
    'item'
    """
    taken: list[Any] = []

    def take(*, control: Control) -> None:
        taken.append(source._take(True, timeout, control))

    with contextlib.suppress(queue.Empty):
        return source.get_nowait()
    try:
        await call(take)  # type: ignore[call-arg]
    except BaseException:
        if taken:
            taken[0].put_back(source._handle)
        raise
    return taken[0].item()


async def put(target: Queue, item: Any, /, timeout: float | None = None) -> None:
    """Awaitable form of `ungil.Queue.put`.

    Parameters
    ----------
    target : Queue
        The queue.
    item : object
        Anything that can be sent to an interpreter.
    timeout : float, optional
        How many seconds to wait at most. By default there is no limit.

    Raises
    ------
    queue.Full, ShutDown, ValueError, Exception
        As for `ungil.Queue.put`.
    """
    try:
        target.put_nowait(item)
    except queue.Full:
        await call(target.put, item, timeout=timeout)


async def wait(waited: Event | Barrier | Counter, /, *args: Any, **kwargs: Any) -> Any:
    """Awaitable form of `ungil.Event.wait`, `ungil.Barrier.wait` and `ungil.Counter.wait`.

    Parameters
    ----------
    waited : Event, Barrier or Counter
        What to wait for.
    *args, **kwargs
        The parameters of its method.

    Returns
    -------
    object
        What the method returns.

    Raises
    ------
    Exception
        The method's.
    """
    return await call(waited.wait, *args, **kwargs)


async def acquire(lock: Lock, /, timeout: float = -1) -> bool:
    """Awaitable form of `ungil.Lock.acquire`. If the task is cancelled, it does not have the lock.

    Parameters
    ----------
    lock : Lock
        The lock.
    timeout : float, optional
        How many seconds to wait at most; -1 for any number.

    Returns
    -------
    bool
        Whether the lock was taken.
    """
    taken: list[bool] = []

    def take(*, control: Control) -> None:
        taken.append(lock.acquire(timeout=timeout, control=control))

    try:
        await call(take)  # type: ignore[call-arg]
    except BaseException:
        if taken and taken[0]:
            lock.release()
        raise
    return taken[0]
