"""The method of the executor that makes actors."""

from __future__ import annotations

from typing import Any, Callable

from . import actors
from ._iterating import Iterating


class Acting(Iterating):
    """`actor`, beside the methods that return iterators."""

    def actor(self, cls: Callable[..., Any], /, *args: Any, **kwargs: Any) -> actors.Actor:
        """Make an object in an interpreter of its own, whose methods can be called from any interpreter.

        The interpreter is none of the pool's `max_workers`. It has the pool's `initializer`, `preload`, `share` and
        options.

        Parameters
        ----------
        cls : callable
            The object's class, or a function that returns the object.
        *args, **kwargs
            Its arguments, which are pickled now.

        Returns
        -------
        ungil.Actor
            A handle. ``handle.method(...)`` calls a method of the object, and returns a future.

        Raises
        ------
        TypeError
            If `cls` cannot be called.
        RuntimeError
            After `shutdown`.
        Exception
            What pickle raises.

        Notes
        -----
        This does not wait until the object is made. If that fails, the calls of its methods raise the exception.

        Examples
        --------
        >>> import ungil
        >>> class Counter:
        ...     number = 0
        ...     def add(self, n=1):
        ...         self.number += n
        ...         return self.number
        >>> with ungil.InterpreterPoolExecutor() as pool, pool.actor(Counter) as counter:
        ...     futures = [counter.add(n) for n in range(5)]
        ...     [future.result() for future in futures]
        [0, 1, 3, 6, 10]
        """
        return actors.actor_of(self._pool, self._seeded_setup(), cls, args, kwargs)
