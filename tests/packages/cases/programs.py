"""Processes, machine code, and tools for programs."""

from . import case


@case("psutil", quick=True)
def psutil():
    import os

    import psutil

    process = psutil.Process()
    assert process.pid == os.getpid() and process.memory_info().rss > 0 and process.num_threads() >= 1


@case("setproctitle")
def setproctitle():
    """In an interpreter the title is not known, and stays as it is."""
    import setproctitle

    setproctitle.setthreadtitle("case")
    assert setproctitle.getthreadtitle() == "case" and isinstance(setproctitle.getproctitle(), str)


@case("watchfiles")
def watchfiles():
    import tempfile
    import threading

    import watchfiles

    stop = threading.Event()
    stop.set()
    with tempfile.TemporaryDirectory() as folder:
        assert list(watchfiles.watch(folder, stop_event=stop, yield_on_timeout=False)) == []


@case("wrapt")
def wrapt():
    import wrapt

    @wrapt.decorator
    def twice(wrapped, instance, args, kwargs):
        return 2 * wrapped(*args, **kwargs)

    assert twice(len)("abc") == 6 and isinstance(wrapt.ObjectProxy(5), int)


@case("coverage")
def coverage():
    import coverage

    measured = coverage.Coverage(data_file=None, config_file=False, include=["*"])
    measured.start()
    exec(compile("x = 1\ny = 2\n", __file__, "exec"), {})
    measured.stop()
    assert measured.get_data().lines(__file__)


@case("debugpy")
def debugpy():
    import debugpy

    assert not debugpy.is_client_connected()


@case("cffi", quick=True)
def cffi():
    """A library that is looked up in the whole process: there, Python's functions are the interpreter's."""
    import ctypes

    import cffi

    ffi = cffi.FFI()
    ffi.cdef("int Py_IsInitialized(void); int abs(int);")
    library = ffi.dlopen(None)
    assert library.Py_IsInitialized() == 1 and library.abs(-4) == 4
    address = int(ffi.cast("intptr_t", ffi.addressof(library, "Py_IsInitialized")))
    assert address == ctypes.cast(ctypes.pythonapi.Py_IsInitialized, ctypes.c_void_p).value


@case("JPype1")
def jpype():
    import jpype

    assert not jpype.isJVMStarted()


@case("lief")
def lief():
    import sys

    import lief

    with open(sys.executable, "rb") as file:
        assert lief.parse(list(file.read())).header.entrypoint


@case("capstone")
def capstone():
    import capstone

    (instruction,) = capstone.Cs(capstone.CS_ARCH_X86, capstone.CS_MODE_64).disasm(b"\xc3", 0)
    assert instruction.mnemonic == "ret"


@case("unicorn")
def unicorn():
    import unicorn
    from unicorn.x86_const import UC_X86_REG_ECX

    machine = unicorn.Uc(unicorn.UC_ARCH_X86, unicorn.UC_MODE_32)
    machine.mem_map(0x1000, 0x1000)
    machine.mem_write(0x1000, b"\x41")  # inc ecx
    machine.reg_write(UC_X86_REG_ECX, 6)
    machine.emu_start(0x1000, 0x1001)
    assert machine.reg_read(UC_X86_REG_ECX) == 7


@case("wasmtime")
def wasmtime():
    import wasmtime

    store = wasmtime.Store()
    text = '(module (func (export "add") (param i32 i32) (result i32) local.get 0 local.get 1 i32.add))'
    instance = wasmtime.Instance(store, wasmtime.Module(store.engine, text), [])
    assert instance.exports(store)["add"](store, 2, 3) == 5
