"""What tasks, threads and interpreters of the process share: queues, events, locks, barriers, counters.

- `queues`: `Queue`, `ShutDown`; `_messages`: items become messages, and messages items.
- `sync`: `Event`, `Lock`, `Counter`; `barriers`: `Barrier`.
- `_objects`: what these have in common: a handle, and the way into other interpreters; `_waiting`: how they wait.

They are used in the program and in interpreters alike. Of the rest of the package, only `_handles` in `interpreters`
knows them, and `aio`; `ungil` exports the public names.
"""
