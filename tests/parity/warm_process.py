"""The program with its modules loaded: forks itself for every run, which saves the start of an interpreter.

What only the start of an interpreter decides, such as the encoding of its streams, needs a real start.
"""

from __future__ import annotations

import atexit
import gc
import importlib
import json
import os
import pkgutil
import socket
import sys
import time
from contextlib import suppress

from entrepot.cli.main import main

LARGEST_MESSAGE = 1 << 20
_LOADED_FIRST = (
    "entrepot.cli.aws.operation",
    "entrepot.cli.aws.output",
    "entrepot.cli.aws.help",
    "entrepot.client",
)
_OF_OTHERS = ("jmespath", "ruamel.yaml", "dateutil.parser", "dateutil.tz", "ssl", "gzip", "unicodedata")


def _load() -> None:
    for room in _LOADED_FIRST:
        for module in pkgutil.iter_modules(importlib.import_module(room).__path__, f"{room}."):
            importlib.import_module(module.name)
    for name in _OF_OTHERS:
        importlib.import_module(name)


def _serve(orders: socket.socket) -> None:
    """Returns in the process of a run, once for each order; ends this one when nobody orders any more."""
    while True:
        message, descriptors, _, _ = socket.recv_fds(orders, LARGEST_MESSAGE, 3)
        if not message:
            sys.exit()
        if (child := os.fork()) == 0:
            orders.close()
            _begin(json.loads(message), descriptors)
            return
        for descriptor in descriptors:
            os.close(descriptor)
        orders.send(b"%d" % child)
        orders.send(b"%d" % os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))


def _begin(order: dict[str, object], descriptors: list[int]) -> None:
    """Makes of this process what a new one of the program would be."""
    os.setsid()
    for number, descriptor in enumerate(descriptors):
        os.dup2(descriptor, number)
        os.close(descriptor)
    os.chdir(order["folder"])
    os.environ.clear()
    os.environ.update(order["environment"])
    time.tzset()
    sys.argv = order["command"]
    sys.stdout.reconfigure(line_buffering=os.isatty(1))


class _End:
    """Runs as the last thing before the interpreter tears itself down, and leaves at once.

    Tearing down would copy the memory that is shared. After an exception, or where the output cannot be
    brought out, the interpreter goes its own way.
    """

    status: int | None = None

    def __call__(self) -> None:
        if self.status is not None:
            with suppress(OSError):
                sys.stdout.flush()
                sys.stderr.flush()
                os._exit(self.status)


if __name__ == "__main__":
    _load()
    gc.collect()
    gc.freeze()
    _serve(socket.socket(fileno=int(sys.argv[1])))
    end = _End()
    atexit.register(end)
    end.status = main()
    sys.exit(end.status)
