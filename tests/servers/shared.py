"""One server for all processes of a test run: pytest-xdist makes session fixtures once per process."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path
from typing import TypeVar

import msgspec
import pytest

Server = TypeVar("Server")


@contextmanager
def shared(
    factory: pytest.TempPathFactory,
    name: str,
    kind: type[Server],
    start: Callable[[Path], AbstractContextManager[Server]],
) -> Iterator[Server]:
    """The server of that name: the first process that asks starts it, and ends it once all others have left.

    `start` is given a folder of the server's own; what it yields is told to the others as JSON.
    """
    folder = _folder_of_the_run(factory) / name
    folder.mkdir(exist_ok=True)
    told = folder / "told.json"
    with ExitStack() as stack:
        users = stack.enter_context((folder / "users.lock").open("w"))
        with (folder / "door.lock").open("w") as door:
            fcntl.flock(door, fcntl.LOCK_EX)  # one at a time: only the first finds nothing told
            fcntl.flock(users, fcntl.LOCK_SH)  # waits while a former server is being ended
            mine = not told.exists()
            if mine:
                server = stack.enter_context(start(folder))
                told.write_bytes(msgspec.json.encode(server))
            else:
                server = msgspec.json.decode(told.read_bytes(), type=kind)
        try:
            yield server
        finally:
            if mine:
                fcntl.flock(users, fcntl.LOCK_EX)  # until nobody else uses it
                told.unlink()


def _folder_of_the_run(factory: pytest.TempPathFactory) -> Path:
    """The temporary folder that all processes of this run have in common."""
    own = factory.getbasetemp()
    return own.parent if "PYTEST_XDIST_WORKER" in os.environ else own
