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
import selectors
import signal
import socket
import sys
import time
from collections.abc import Sequence
from contextlib import suppress

from entrepot.cli.main import main

LARGEST_MESSAGE = 1 << 20


def _load(names: Sequence[str]) -> None:
    """Imports these modules, and all of a package whose name ends with `.*`."""
    for name in names:
        module = importlib.import_module(name.removesuffix(".*"))
        if name.endswith(".*"):
            for found in pkgutil.iter_modules(module.__path__, f"{module.__name__}."):
                importlib.import_module(found.name)


def _serve(orders: socket.socket) -> None:
    """Returns in the process of a run, once for each order; ends this one when nobody orders any more.

    Whoever has ordered is told the process id, and how it ended, by a descriptor that comes with the order.
    """
    awake, wakes = os.pipe()
    for end in (awake, wakes):
        os.set_blocking(end, False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(wakes, warn_on_full_buffer=False)
    runs: dict[int, int] = {}
    with selectors.DefaultSelector() as selector:
        for source in (orders.fileno(), awake):
            selector.register(source, selectors.EVENT_READ)
        while True:
            ready = {key.fd for key, _ in selector.select()}
            if awake in ready:
                os.read(awake, LARGEST_MESSAGE)
                _reap(runs)
            if orders.fileno() not in ready:
                continue
            message, descriptors, _, _ = socket.recv_fds(orders, LARGEST_MESSAGE, 4)
            if not message:
                _end(runs)
            if (child := os.fork()) == 0:
                signal.set_wakeup_fd(-1)
                for kept in (orders.fileno(), awake, wakes, *runs.values(), descriptors.pop()):
                    os.close(kept)
                break
            *streams, tell = descriptors
            for descriptor in streams:
                os.close(descriptor)
            runs[child] = tell
            _tell(tell, child)
    orders.detach()
    _begin(json.loads(message), descriptors)


def _tell(whom: int, number: int) -> None:
    with suppress(BrokenPipeError):  # nobody waits for this run any more
        os.write(whom, b"%d\n" % number)


def _reap(runs: dict[int, int]) -> None:
    while runs:
        child, status = os.waitpid(-1, os.WNOHANG)
        if child == 0:
            return
        tell = runs.pop(child)
        _tell(tell, os.waitstatus_to_exitcode(status))
        os.close(tell)


def _end(runs: dict[int, int]) -> None:
    for child in runs:
        with suppress(ProcessLookupError):
            os.killpg(child, signal.SIGKILL)
    sys.exit()


def _begin(order: dict[str, object], descriptors: list[int]) -> None:
    """Makes of this process what a new one of the program would be, started from a shell."""
    os.setsid()
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
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
    _load(sys.argv[2:])
    gc.collect()
    gc.freeze()
    _serve(socket.socket(fileno=int(sys.argv[1])))
    end = _End()
    atexit.register(end)
    end.status = main()
    sys.exit(end.status)
