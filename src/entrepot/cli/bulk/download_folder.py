"""The folder that is fetched into: files appear in it whole, and what is there already is known.

<folder>/.entrepot-fetch/record.jsonl   which file is which asset, with its size and checksum
<folder>/.entrepot-fetch/incoming/      files under way; emptied whenever a run begins
"""

from __future__ import annotations

import errno
import os
import secrets
import shutil
import stat
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from entrepot.cli.bulk.asset_paths import STATE_FOLDER, RemoteAsset
from entrepot.cli.bulk.failures import CannotBegin, FolderFull, ItemFailed
from entrepot.cli.bulk.journal_file import Record, read_lines
from entrepot.stores.checksum import RunningChecksum, running_checksum

_FULL = frozenset({errno.ENOSPC, errno.EDQUOT})
_CHUNK_BYTES = 1024 * 1024
_RECORD_GROWTH = 2
"""A record with so many lines for each file is written anew."""
_SMALL_RECORD = 1000


@dataclass(frozen=True, slots=True)
class Had:
    asset_id: str
    size_bytes: int
    checksum: str


class ReceivingFolder:
    """One folder, locked against other runs until it is closed. Several threads may use one."""

    def __init__(self, folder: Path, record: Record | None) -> None:
        self._folder = folder
        self._record = record
        self._incoming = folder / STATE_FOLDER / "incoming"
        self._lock = threading.Lock()
        self._had: dict[str, Had] = {}
        self._made: set[str] = set()
        self._inside: set[Path] = set()
        self.is_full = False
        """Whether the disk has had no room for a file."""
        lines = read_lines(folder / STATE_FOLDER / "record.jsonl")
        for line in lines:
            match line.get("file"):
                case [str(path), str(asset_id), int(size_bytes), *_, str(checksum)]:
                    self._had[path] = Had(asset_id, size_bytes, checksum)
        if record is not None and len(lines) > max(_SMALL_RECORD, _RECORD_GROWTH * len(self._had)):
            record.replace(_line(path, had) for path, had in self._had.items())

    @classmethod
    def open(cls, folder: Path) -> Self:
        """Makes the folder where there is none. Raises `AlreadyRunning` and `CannotBegin`."""
        state = folder / STATE_FOLDER
        try:
            state.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise CannotBegin(f"{folder} cannot be fetched into: {error.strerror}.") from error
        opened = cls(folder, Record(state / "record.jsonl", f"`entrepot fetch` into {folder}"))
        try:
            shutil.rmtree(opened._incoming, ignore_errors=True)
            opened._incoming.mkdir()
        except OSError as error:
            opened.close()
            raise CannotBegin(f"{folder} cannot be fetched into: {error.strerror}.") from error
        return opened

    @classmethod
    def look_at(cls, folder: Path) -> Self:
        """The folder as it is, or would be, for a dry run; nothing is written."""
        return cls(folder, None)

    def close(self) -> None:
        if self._record is not None:
            self._record.close()
            shutil.rmtree(self._incoming, ignore_errors=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def has(self, path: str, asset: RemoteAsset) -> bool:
        """Whether a former run has fetched this asset to the path, and the file is still the same.

        It is read and compared by its checksum: other bytes can have the size and the time that it had.
        """
        had = self._had.get(path)
        if had is None or (had.asset_id, had.size_bytes) != (asset.id, asset.size_bytes):
            return False
        whole = self._folder / path
        try:
            status = whole.lstat()
            if not stat.S_ISREG(status.st_mode) or status.st_size != had.size_bytes:
                return False
            return _checksum_of_file(whole) == had.checksum
        except OSError:
            return False

    def receive(
        self, path: str, asset: RemoteAsset, fetch: Callable[[Callable[[memoryview], None]], None]
    ) -> None:
        """Fetches the asset to the path; `fetch` is given what takes its bytes, in their order.

        Crash: the path has what it had before, or the whole file, which is on the disk by then.
        Raises `ItemFailed`, `FolderFull`, and what `fetch` raises.
        """
        self.require_room()
        temporary = self._incoming / secrets.token_hex(8)  # nothing of what a server says
        try:
            checksum = self._write(temporary, asset, fetch)
            target = self._target(path)
            temporary.replace(target)
        except OSError as error:
            temporary.unlink(missing_ok=True)
            if error.errno in _FULL:
                self.is_full = True
                raise FolderFull("there is no space left on the disk") from error
            raise ItemFailed(f"the file cannot be written: {error.strerror}") from error
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise
        had = Had(asset.id, asset.size_bytes, checksum)
        with self._lock:
            self._had[path] = had
            if self._record is not None:
                self._record.add(_line(path, had))

    def require_room(self) -> None:
        if self.is_full:
            raise FolderFull("there is no space left on the disk")

    def make_folder(self, path: str) -> None:
        self._require_inside(self._folder / path)
        try:
            (self._folder / path).mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise ItemFailed(f"the folder cannot be made: {error.strerror}") from error

    def _require_inside(self, folder: Path) -> None:
        """Raises `ItemFailed` where a link on the way leads out of the folder that is fetched into."""
        if folder in self._inside:
            return
        try:
            is_inside = folder.resolve().is_relative_to(self._folder.resolve())
        except (OSError, RuntimeError):  # links in a circle
            is_inside = False
        if not is_inside:
            raise ItemFailed("a link there leads out of the folder; remove it, or fetch into another folder")
        self._inside.add(folder)

    def _write(
        self, temporary: Path, asset: RemoteAsset, fetch: Callable[[Callable[[memoryview], None]], None]
    ) -> str:
        running: RunningChecksum = running_checksum()
        written = 0
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o666)
        try:

            def take(data: memoryview) -> None:
                nonlocal written
                running.update(data)
                written += len(data)
                while data:
                    data = data[os.write(descriptor, data) :]

            fetch(take)
            if written != asset.size_bytes:
                raise ItemFailed(f"{written:,} bytes came, and the asset has {asset.size_bytes:,}")
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        return running.result().value

    def _target(self, path: str) -> Path:
        target = self._folder / path
        self._require_inside(target.parent)
        parent = path.rpartition("/")[0]
        if parent and parent not in self._made:
            try:
                target.parent.mkdir(parents=True, exist_ok=True)
            except (FileExistsError, NotADirectoryError) as error:
                raise ItemFailed("a file is there where its folder would have to be") from error
            self._made.add(parent)
        if target.is_dir() and not target.is_symlink():
            raise ItemFailed("a folder of this name is there already")
        return target


def _line(path: str, had: Had) -> dict[str, object]:
    return {"file": [path, had.asset_id, had.size_bytes, had.checksum]}


def _checksum_of_file(path: Path) -> str:
    running = running_checksum()
    buffer = memoryview(bytearray(_CHUNK_BYTES))
    with path.open("rb", buffering=0) as file:
        while count := file.readinto(buffer):
            running.update(buffer[:count])
    return running.result().value
