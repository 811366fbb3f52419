"""One server for all processes of a test run: pytest-xdist makes session fixtures once per process."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path
from typing import IO, TypeVar

import msgspec
import pytest

Server = TypeVar("Server")
_STARTED_HERE = ExitStack()


def end_servers() -> None:
    """Ends the servers that this process started, the last one first, each once nobody uses it any more.

    At the very end of a session: in a fixture this wait would count as time of the last test.
    """
    _STARTED_HERE.close()


@contextmanager
def shared(
    factory: pytest.TempPathFactory,
    name: str,
    kind: type[Server],
    start: Callable[[Path], AbstractContextManager[Server]],
) -> Iterator[Server]:
    """The server of that name: the first process that asks starts it, and `end_servers` there ends it.

    `start` is given a folder of the server's own; what it yields is told to the others as JSON.
    """
    folder = _folder_of_the_run(factory) / name
    folder.mkdir(exist_ok=True)
    told = folder / "told.json"
    with ExitStack() as stack, (folder / "door.lock").open("w") as door:
        fcntl.flock(door, fcntl.LOCK_EX)  # one at a time: only the first finds nothing told
        users = (folder / "users.lock").open("w")
        fcntl.flock(users, fcntl.LOCK_SH)  # waits while a former server is being ended
        if told.exists():
            stack.enter_context(users)
            server = msgspec.json.decode(told.read_bytes(), type=kind)
        else:
            server = _STARTED_HERE.enter_context(_until_unused(start(folder), users, told))
        fcntl.flock(door, fcntl.LOCK_UN)
        yield server


@contextmanager
def _until_unused(running: AbstractContextManager[Server], users: IO[str], told: Path) -> Iterator[Server]:
    with users, running as server:
        told.write_bytes(msgspec.json.encode(server))
        yield server
        fcntl.flock(users, fcntl.LOCK_EX)  # until nobody else uses it
        told.unlink()


def _folder_of_the_run(factory: pytest.TempPathFactory) -> Path:
    """The temporary folder that all processes of this run have in common."""
    own = factory.getbasetemp()
    return own.parent if "PYTEST_XDIST_WORKER" in os.environ else own
