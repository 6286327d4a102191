"""The module `logging` keeps what modules that stay have set while they were imported, and nothing that the user has set."""
import sys

from _ungil import program_modules

# By the objects of loggers: handlers, and the level.
handlers_of_modules = {}
levels_of_modules = {}


def track(logging):
    """To be called when the module is imported, with its namespace: notes what is set during imports."""
    logger = logging["Logger"]
    add_handler, set_level = logger.addHandler, logger.setLevel

    def addHandler(self, hdlr):
        add_handler(self, hdlr)
        if program_modules.is_importing_kept(sys._getframe(1)):
            handlers_of_modules.setdefault(self, []).append(hdlr)

    def setLevel(self, level):
        set_level(self, level)
        if program_modules.is_importing_kept(sys._getframe(1)):
            levels_of_modules[self] = self.level

    for own, original in ((addHandler, add_handler), (setLevel, set_level)):
        own.__doc__, own.__module__, own.__qualname__ = original.__doc__, original.__module__, original.__qualname__
        setattr(logger, own.__name__, own)


def reset():
    logging = sys.modules.get("logging")
    if logging is None:
        return
    root = logging.root
    loggers = [it for it in list(root.manager.loggerDict.values()) if isinstance(it, logging.Logger)]
    for logger in [root, *loggers]:
        for handler in logger.handlers[:]:
            if handler not in handlers_of_modules.get(logger, ()):
                logger.removeHandler(handler)
                close(handler)
        logger.filters[:] = []
        if logger not in handlers_of_modules:
            logger.propagate, logger.disabled = True, False
        logger.setLevel(levels_of_modules.get(logger, logging.WARNING if logger is root else logging.NOTSET))
    root.manager.disable = logging.NOTSET
    for owner, name, new in (
        (root.manager, "loggerClass", None),
        (root.manager, "logRecordFactory", None),
        (logging, "_loggerClass", logging.Logger),
        (logging, "_logRecordFactory", logging.LogRecord),
    ):
        if program_modules.is_by_user(getattr(owner, name, None)):
            setattr(owner, name, new)
    logging.raiseExceptions = True
    logging._warnings_showwarning = None


def close(handler):
    """As at the end of a process. A handler of the user's own may fail."""
    try:
        handler.flush()
        handler.close()
    except Exception:
        pass
