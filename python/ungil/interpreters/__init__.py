"""Isolated interpreters, and pools of them.

- `executor`: `InterpreterPoolExecutor`; `_standard`, the class that it derives from; `_pool`, its workers, which serve
  an inbox. `_exit_order`: what ends before the program does.
- `interpreter`: `Interpreter` and `run`; `_options`, the options of an interpreter.
- `_calls`, `_requests`, `_protocol`: a call becomes a request, which is sent, and whose reply becomes a result.
- `_pickling`, `_plain`, `_sharing`, `_sources`: objects, memory and source lines on their way between interpreters;
  `_sentinels`, what their name says. `_worker` answers requests.
- `_identity`, `_arrivals`, `_kinds`: objects that are one in each interpreter, and globals, as they arrive. Each
  interpreter imports these modules and those before at its start, and `_protocol`: they must import little, and nothing
  of the library.
- `_definitions`, `_functions`, `_anew`, `_deferred`, `_fingerprints`: what is sent of such objects; `_importable`:
  which are not sent.
- `_iterating`: `map` and `stream` of the executor. `_map`, `_chunks`: results in order, and how many calls go in one
  request; `_stream`, `_generators`: generators that run in an interpreter. `_streams`: the order of output.
- `actors`: `Actor`; `_acting`, the method of the executor that makes them. `_actor_calls`, `_actor_threads`: their
  calls and threads; `_actor_objects`, `_actor_loops`: their objects and event loops, in the interpreters.
- `_settings`, `_logging`, `_inheritance`, `_program`, `_redirection`: what an interpreter takes over from the program,
  and asks of it. `_seeds`, `_seeding`: random numbers that do not depend on which interpreter runs a task.
- `_inbox`: calls that go through an inbox of the library; `_futures`: futures of these, which end when somebody looks.

`exchange` uses those that pickle; the rest of the package does not use these modules, and `ungil` exports the public
names.
"""
