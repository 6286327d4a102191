"""Isolated interpreters, and pools of them.

- `executor`: `InterpreterPoolExecutor`; `_standard`, the class that it derives from; `_pool`, its workers; `_tasks`,
  what these run.
- `interpreter`: `Interpreter` and `run`; `_options`, the options of an interpreter.
- `_calls`, `_requests`, `_protocol`: a call becomes a request, which is sent, and whose reply becomes a result.
- `_pickling`, `_sharing`, `_main_globals`, `_sources`: objects, memory, globals of `__main__` and source lines on their
  way between interpreters; `_deferred`, annotations and lazy imports; `_sentinels`, what their name says. `_worker`
  answers requests. Each interpreter imports these modules at its start, and `_protocol`: they must import little, and
  nothing of the library.
- `_pace`, `_streams`: how many tasks go in one request; the order of output.

The rest of the package does not use these modules; `ungil` exports the public names.
"""
