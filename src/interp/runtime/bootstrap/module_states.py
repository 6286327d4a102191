"""What modules of the standard library, and a few others, keep from one user to the next is set back to what it is in a new
process. Each function below is for the module of its name, if that is imported.
"""
import sys

import _tracemalloc
import gc

from _ungil import program_modules

initial = {"threshold": gc.get_threshold(), "debug": gc.get_debug(), "interval": sys.getswitchinterval()}
was_tracing = _tracemalloc.is_tracing()
functions = {}


def state_of(name):
    def add(function):
        functions[name] = function
        return function

    return add


def reset():
    gc.set_threshold(*initial["threshold"])
    gc.set_debug(initial["debug"])
    sys.setswitchinterval(initial["interval"])
    sys.__dict__.pop("tracebacklimit", None)
    for name, function in functions.items():
        module = sys.modules.get(name)
        if module is not None:
            try:
                function(module)
            except Exception:  # the user has replaced a part of the module, or it is an unusual version
                pass


# Random generators get new seeds from the system.


@state_of("random")
def random(module):
    module._inst.seed()


@state_of("numpy.random")
def numpy_random(module):
    module.seed()


@state_of("torch")
def torch(module):
    module.seed()


@state_of("cupy")
def cupy(module):
    module.random.seed()


@state_of("tensorflow")
def tensorflow(module):
    module.random.set_seed(None)


@state_of("faker.generator")
def faker(module):
    module.random.seed()


# Settings of the standard library.


@state_of("socket")
def socket(module):
    module.setdefaulttimeout(None)


@state_of("csv")
def csv(module):
    module.field_size_limit(1 << 17)


@state_of("decimal")
def decimal(module):
    traps = [module.InvalidOperation, module.DivisionByZero, module.Overflow]
    new = module.Context(28, module.ROUND_HALF_EVEN, -999999, 999999, 1, 0, [], traps)
    for name in ("prec", "rounding", "Emin", "Emax", "capitals", "clamp", "flags", "traps"):
        setattr(module.DefaultContext, name, getattr(new, name))


@state_of("numpy")
def numpy(module):
    module.set_printoptions(
        edgeitems=3,
        threshold=1000,
        floatmode="maxprec",
        precision=8,
        suppress=False,
        linewidth=75,
        nanstr="nan",
        infstr="inf",
        sign="-",
        formatter=None,
        legacy=False,
    )


@state_of("asyncio.events")
def asyncio_events(module):
    module._event_loop_policy = None


@state_of("gettext")
def gettext(module):
    module._current_domain = "messages"
    module._localedirs.clear()


@state_of("tempfile")
def tempfile(module):
    module.tempdir = None


@state_of("tracemalloc")
def tracemalloc(module):
    if not was_tracing:
        module.stop()


@state_of("copyreg")
def copyreg(module):
    for of in list(module.dispatch_table):
        if program_modules.is_by_user(of):
            del module.dispatch_table[of]
