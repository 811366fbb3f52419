"""A file of one JSON document a line that only grows, and that one process at a time may have.

A line is written whole or, where the process or the machine dies meanwhile, torn: then it counts as not
written. What is in such a file saves work; nothing depends on it being there.
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any, Self

from entrepot.cli.bulk.failures import AlreadyRunning, CannotBegin


class Record:
    """The file, locked until it is closed. Not thread-safe."""

    def __init__(self, path: Path, what: str) -> None:
        """Opens or makes the file; `what` is for messages. Raises `AlreadyRunning` and `CannotBegin`."""
        self._path = path
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            # A lock file of its own, which stays: the record itself is replaced at times.
            self._lock = os.open(path.with_suffix(".lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise CannotBegin(f"{path.parent} cannot be written to: {error.strerror}.") from error
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            os.ftruncate(self._lock, 0)
            os.pwrite(self._lock, f"{os.getpid()}\n".encode(), 0)
            self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        except BlockingIOError as error:
            holder = self._holder()
            os.close(self._lock)
            raise AlreadyRunning(f"{what} is running already{holder}; wait for it, or end it.") from error
        except OSError as error:
            os.close(self._lock)
            raise CannotBegin(f"{path} cannot be written: {error.strerror}.") from error

    def _holder(self) -> str:
        noted = os.pread(self._lock, 32, 0).strip().decode("ascii", "replace")
        return f" (process {noted})" if noted.isdecimal() else ""

    def lines(self) -> list[dict[str, Any]]:
        return read_lines(self._path)

    def add(self, document: dict[str, Any]) -> None:
        """Writes one line; a failure is ignored, since the record only saves work."""
        with suppress(OSError):
            os.write(self._descriptor, _line(document))

    def replace(self, documents: Iterable[dict[str, Any]]) -> None:
        """Makes these the only lines. Crash: the old lines stand, or the new ones."""
        temporary = self._path.with_suffix(".new")
        try:
            descriptor = os.open(temporary, os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
            try:
                os.write(descriptor, b"".join(map(_line, documents)))
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
            temporary.replace(self._path)
        except OSError as error:
            raise CannotBegin(f"{temporary} cannot be written: {error.strerror}.") from error
        os.close(self._descriptor)
        self._descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)

    def sync(self) -> None:
        """Returns when what was written would survive a power failure."""
        with suppress(OSError):
            os.fsync(self._descriptor)

    def close(self) -> None:
        os.close(self._descriptor)
        os.close(self._lock)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def read_lines(path: Path) -> list[dict[str, Any]]:
    """Everything that was written to a record, without torn lines; nothing where there is no record."""
    documents: list[dict[str, Any]] = []
    try:
        content = path.read_bytes()
    except OSError:
        return documents
    for line in content.splitlines():
        with suppress(ValueError):
            document = json.loads(line)
            if isinstance(document, dict):
                documents.append(document)
    return documents


def _line(document: dict[str, Any]) -> bytes:
    # Led by a line's end: what a torn line left behind must not swallow this one.
    return b"\n" + json.dumps(document, ensure_ascii=True, separators=(",", ":")).encode() + b"\n"
