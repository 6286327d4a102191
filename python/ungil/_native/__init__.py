"""How the package reaches the native library.

- `library`: finds and loads it, and turns status values into the exceptions of `ungil.errors`.
- `signatures`: the header's declarations for ctypes (generated).
- `scalars`: arguments as C numbers, and numbers in error messages.
- `handle`: the base class of objects that own a handle.
- `call_options`: the arguments `threads` and `control` of long calls, and how such a call is made.
- `interruptible`, `locks`, `recursion`: waiting, locks and stack depth, with Ctrl-C, forks and free threading in mind.
- `forks`: what happens at forks, which Windows lacks.
- `lending`: memory that is lent, and memory of the library's.
- `threadpoolctl`: registers the library with threadpoolctl.

All parts of the package use these modules. They use `errors`, `control` and `_arrays.addresses`, and nothing else
outside this directory.
"""
